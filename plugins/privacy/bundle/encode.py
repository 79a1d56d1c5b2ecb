"""Record batches as JSON from which every value comes back exactly.

One record a line. Decimals, and integers beyond 2**53 - 1 (which many readers round), are strings; datetimes are ISO
8601 with their offset, ``Z`` for UTC; binary is base64; a number that JSON cannot write (NaN, infinity) is a string.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

SAFE = 2**53 - 1
"""The largest integer that every JSON reader keeps."""


def encode(batch: pa.RecordBatch) -> bytes:
    """One JSON object a line, for every record; columns must have different names."""
    names = batch.schema.names
    columns = [_column(array) for array in batch.columns]
    # One call a batch is six times quicker than one a record. The records are told apart by a mark in the first key,
    # which no value can imitate: inside a JSON string the quote before it would be escaped.
    marked = ["\x00" + names[0], *names[1:]]
    text = orjson.dumps([dict(zip(marked, row, strict=True)) for row in zip(*columns, strict=True)])
    mark, plain = orjson.dumps(marked[0]), orjson.dumps(names[0])
    body = text[1:-1].replace(b"},{" + mark + b":", b"}\n{" + plain + b":")
    return body.replace(b"{" + mark + b":", b"{" + plain + b":", 1) + b"\n" if body else b""


def _column(array: pa.Array[Any]) -> list[Any]:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_boolean(kind):
        return _plain(array)
    if pa.types.is_decimal(kind) or pa.types.is_date(kind):
        return _plain(pc.cast(array, pa.string()))
    if pa.types.is_integer(kind):
        return _integers(array)
    if pa.types.is_timestamp(kind):
        return _datetimes(array)
    return [_value(v) for v in array.to_pylist()]


def _plain(array: pa.Array[Any]) -> list[Any]:
    found: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    return found


def _integers(array: pa.Array[Any]) -> list[Any]:
    if array.null_count:
        return [_value(v) for v in array.to_pylist()]
    numbers = array.to_numpy()
    plain: list[Any] = numbers.tolist()
    if len(numbers) and (int(numbers.max()) > SAFE or int(numbers.min()) < -SAFE):
        return [_value(v) for v in plain]
    return plain


def _datetimes(array: pa.Array[Any]) -> list[Any]:
    """``2026-07-01T10:00:00.000001+02:00``: cast without a zone (25 times quicker), the offset put behind."""
    zone = array.type.tz
    utc = array.cast(pa.timestamp("us", zone)).cast(pa.int64())
    local = array.cast(pa.timestamp("us", zone))
    naive = pc.call_function("local_timestamp", [local]) if zone else local
    text = pc.call_function("replace_substring", [pc.cast(naive, pa.string())], pc.ReplaceSubstringOptions(" ", "T"))
    text = pc.call_function("replace_substring_regex", [text], pc.ReplaceSubstringOptions(r"\.000000$", ""))
    if zone in (None, "UTC"):
        suffix = "Z" if zone else ""
        return [None if t is None else t + suffix for t in _plain(text)]
    offsets = pc.call_function("subtract", [naive.cast(pa.int64()), utc]).to_numpy(zero_copy_only=False)
    spelled = {o: _offset(int(o)) for o in np.unique(offsets[~np.isnan(offsets.astype(float))])}
    return [None if t is None else t + spelled[o] for t, o in zip(_plain(text), offsets.tolist(), strict=True)]


def _offset(microseconds: int) -> str:
    seconds = microseconds // 1_000_000
    sign, seconds = "-" if seconds < 0 else "+", abs(seconds)
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    # Before standard time, zones had offsets with seconds (Amsterdam: +00:19:32).
    return text + (f":{seconds % 60:02d}" if seconds % 60 else "")


_RULES: list[tuple[type, Callable[[Any], Any]]] = [
    (bool, lambda v: v),
    (int, lambda v: v if abs(v) <= SAFE else str(v)),
    (float, lambda v: v if math.isfinite(v) else str(v)),
    (Decimal, lambda v: format(v, "f")),
    (bytes, lambda v: base64.b64encode(v).decode()),
    (datetime, lambda v: v.isoformat().replace("+00:00", "Z")),
    (date, lambda v: v.isoformat()),
    (list, lambda v: [_value(x) for x in v]),
    (dict, lambda v: {k: _value(x) for k, x in v.items()}),
]


def _value(value: Any) -> Any:
    for kind, rule in _RULES:
        if isinstance(value, kind):
            return rule(value)
    return value
