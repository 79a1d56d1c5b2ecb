"""Record batches as JSON from which every value comes back exactly.

One record a line. Decimals, and integers beyond 2**53 - 1 (which many readers round), are strings; datetimes are ISO
8601 with their offset, ``Z`` for UTC; binary is base64; a number that JSON cannot write is Table Schema's word for it
(``NaN``, ``INF``, ``-INF``); NULL is ``null``, an empty text ``""``.

The text is put together a column at a time by Arrow, not a record at a time by Python: three times as quick.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa
import pyarrow.compute

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEAR = tuple(
    (at - _EPOCH) // timedelta(microseconds=1)
    for at in (datetime(1, 1, 3, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC))
)

SAFE = 2**53 - 1
"""The largest integer that every JSON reader keeps."""

_LARGEST = 2**28
"""Bytes of a batch beyond which it is written in two: Arrow's texts end at 2**31 bytes."""

# Arrow makes its functions at run time; its stubs do not know them all.
_pc: Any = pyarrow.compute

Texts = Any
"""A string array of JSON texts, NULL where the value is."""


def encode(batch: pa.RecordBatch) -> bytes:
    """One JSON object a line, for every record."""
    if batch.num_rows == 0:
        return b""
    if batch.nbytes > _LARGEST and batch.num_rows > 1:
        half = batch.num_rows // 2
        return encode(batch.slice(0, half)) + encode(batch.slice(half))
    pieces: list[Any] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        pieces.append(pa.scalar(("," if pieces else "{") + orjson.dumps(name).decode() + ":"))
        pieces.append(_pc.coalesce(_column(column), "null"))
    text = _pc.binary_join_element_wise(*pieces, "}\n", "")
    # The records lie one behind the other in the array's own buffer.
    ends = memoryview(text.buffers()[1]).cast("i")
    return bytes(memoryview(text.buffers()[2])[ends[text.offset] : ends[text.offset + len(text)]])


def _column(array: Any) -> Texts:
    kind = array.type
    if pa.types.is_string(kind):
        return _texts(array)
    if pa.types.is_boolean(kind):
        return array.cast(pa.string())
    if pa.types.is_integer(kind):
        return _integers(array)
    if pa.types.is_decimal(kind):
        return _quoted(_decimals(array))
    if pa.types.is_timestamp(kind):
        return _quoted(_datetimes(array))
    if pa.types.is_date(kind):
        return _quoted(array.cast(pa.string()))
    if pa.types.is_floating(kind):
        return _floats(array)
    return pa.array([None if v is None else orjson.dumps(_value(v)).decode() for v in array.to_pylist()], pa.string())


def _quoted(texts: Texts) -> Texts:
    return _pc.binary_join_element_wise('"', texts, '"', "")


def _replaced(texts: Texts, mask: Any, made: Callable[[Any], str], values: Any) -> Texts:
    """The texts, those under the mask made anew from their values."""
    if not _pc.any(mask).as_py():
        return texts
    new = pa.array([made(v) for v in values.filter(mask).to_pylist()], pa.string())
    return _pc.replace_with_mask(texts, _pc.fill_null(mask, False), new)


def _texts(array: Any) -> Texts:
    special = _pc.match_substring_regex(array, r'["\\\x00-\x1f]')
    return _replaced(_quoted(array), special, lambda v: orjson.dumps(v).decode(), array)


def _integers(array: Any) -> Texts:
    beyond = _pc.or_(_pc.greater(array, SAFE), _pc.less(array, -SAFE))
    return _replaced(array.cast(pa.string()), beyond, lambda v: f'"{v}"', array)


def _floats(array: Any) -> Texts:
    # Without a comma inside, one call writes them all.
    texts = pa.array(orjson.dumps(array.to_pylist()).decode()[1:-1].split(","), pa.string())
    texts = _pc.if_else(array.is_valid(), texts, pa.scalar(None, pa.string()))
    return _replaced(texts, _pc.invert(_pc.is_finite(array)), lambda v: f'"{_not_finite(v)}"', array)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"


def _decimals(array: Any) -> Texts:
    texts = array.cast(pa.string())
    return _replaced(texts, _pc.match_substring(texts, "E"), lambda v: format(v, "f"), array)


def _datetimes(array: Any) -> Texts:
    """``2026-07-01T10:00:00.000001+02:00``: cast without a zone (25 times quicker), the offset put behind."""
    utc = array.cast(pa.timestamp("us")) if array.type.tz is None else array.cast(pa.timestamp("us", array.type.tz))
    instants = utc.cast(pa.int64())
    naive = utc if array.type.tz is None else _pc.local_timestamp(utc)
    offsets = _pc.subtract(naive.cast(pa.int64()), instants)
    # Before standard time, zones had offsets with seconds (Amsterdam: +00:19:32), which ISO 8601 cannot write.
    odd = _pc.not_equal(_pc.subtract(offsets, _pc.multiply(_pc.divide(offsets, 60_000_000), 60_000_000)), 0)
    if _pc.any(odd).as_py():
        offsets = _pc.if_else(odd, 0, offsets)
        naive = _pc.add(instants, offsets).cast(pa.timestamp("us"))
    whole = _pc.cast(naive, pa.timestamp("s"), safe=False)
    fraction = _pc.not_equal(naive, whole.cast(pa.timestamp("us")))
    text = _pc.if_else(fraction, naive.cast(pa.string()), whole.cast(pa.string()))
    text = _pc.replace_substring(text, " ", "T", max_replacements=1)
    if array.type.tz is None:
        return text
    spelled = _pc.dictionary_encode(offsets)
    words = pa.array([_offset(o) for o in spelled.dictionary.to_pylist()], pa.string())
    text = _pc.binary_join_element_wise(text, words.take(spelled.indices), "")
    zone = ZoneInfo(str(array.type.tz))
    # Arrow's zones know no summer time from 2038 on, and local years before 1 and after 9999.
    far = _pc.or_(_pc.greater_equal(instants, _NEAR[1]), _pc.less(instants, _NEAR[0]))
    return _replaced(text, far, lambda v: _far(v, zone), instants)


def _far(microseconds: int, zone: ZoneInfo) -> str:
    at = _EPOCH + timedelta(microseconds=microseconds)
    try:
        return _datetime(at.astimezone(zone))
    except OverflowError:
        return _datetime(at)


def _offset(microseconds: int) -> str:
    if microseconds == 0:
        return "Z"
    minutes = abs(microseconds) // 60_000_000
    return f"{'-' if microseconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _datetime(value: datetime) -> str:
    offset = value.utcoffset()
    if offset is None:
        return value.isoformat()
    if offset.total_seconds() % 60:
        value, offset = (value - offset).replace(tzinfo=None), None
    return value.isoformat() if offset else value.replace(tzinfo=None).isoformat() + "Z"


_RULES: list[tuple[type, Callable[[Any], Any]]] = [
    (bool, lambda v: v),
    (int, lambda v: v if abs(v) <= SAFE else str(v)),
    (float, lambda v: v if math.isfinite(v) else _not_finite(v)),
    (Decimal, lambda v: format(v, "f")),
    (bytes, lambda v: base64.b64encode(v).decode()),
    (datetime, _datetime),
    (date, lambda v: v.isoformat()),
    (list, lambda v: [_value(x) for x in v]),
    (dict, lambda v: {k: _value(x) for k, x in v.items()}),
]


def _value(value: Any) -> Any:
    for kind, rule in _RULES:
        if isinstance(value, kind):
            return rule(value)
    return value
