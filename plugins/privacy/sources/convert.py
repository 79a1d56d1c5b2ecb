"""From the forms in which a store writes values to exact Arrow arrays, a column at a time.

Nothing is guessed: a value that is not exactly one of the declared type is an error that names the column, never the
value. Decimals come from text, integers, or floats whose shortest text has no more digits than the scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from privacy.datamap.models import Column, Form
from privacy.errors import Unreadable

_FACTOR = {Form.EPOCH: 1_000_000, Form.EPOCH_MS: 1_000, Form.EPOCH_US: 1}


_PLAIN: dict[pa.DataType | None, type] = {pa.string(): str, pa.int64(): int, pa.float64(): float, pa.binary(): bytes}


class _Lost(ValueError):
    """A value is not exactly one of the declared type."""


def to_arrow(values: Sequence[Any], column: Column, where: str) -> pa.Array[Any]:
    """The values as an array of exactly ``column.arrow``; None is NULL.

    :param where: dataset and column, for the error.
    :raises Unreadable: ``sql.lost_type``.
    """
    kind = column.arrow
    types = set(map(type, values)) - {type(None)}
    try:
        if types <= {_PLAIN.get(kind)}:
            # The usual case, in one go: what the driver gave is already of the very type.
            return pa.array(values, kind)
        if pa.types.is_decimal(kind) and types == {str}:
            return pc.cast(pa.array(values, pa.string()), kind)
        if pa.types.is_timestamp(kind):
            return _datetimes(values, column, kind)
        if pa.types.is_string(kind):
            return pa.array([v if v is None or type(v) is str else _text(v) for v in values], kind)
        if pa.types.is_decimal(kind):
            return pc.cast(pa.array([_decimal(v) for v in values], pa.string()), kind)
        if pa.types.is_integer(kind):
            return pa.array([v if v is None or type(v) is int else _integer(v) for v in values], kind)
        if pa.types.is_floating(kind):
            return pa.array([None if v is None else _float(v) for v in values], kind)
        if pa.types.is_boolean(kind):
            return pa.array([None if v is None else _boolean(v) for v in values], kind)
        if pa.types.is_date(kind):
            return _dates(values, kind)
        if pa.types.is_binary(kind):
            return pa.array([v if v is None or isinstance(v, bytes) else _refuse() for v in values], kind)
        return pa.array([_nested(v, kind) for v in values], kind)
    except (_Lost, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, TypeError):
        raise Unreadable(
            "sql.lost_type",
            f"A value is not exactly a {column.type}.",
            where=where,
            advice="Correct the type or the form in the data map, or the value in the store.",
        ) from None


def _refuse() -> Any:
    raise _Lost


def _text(value: object) -> str:
    if isinstance(value, (bytes, float)):
        raise _Lost
    return str(value)


def _integer(value: object) -> int:
    if isinstance(value, (str, Decimal, float)) and not isinstance(value, bool):
        whole = int(value)
        if isinstance(value, float) and abs(value) >= 2**53:
            raise _Lost
        if str(whole) == str(value).strip() or (not isinstance(value, str) and whole == value):
            return whole
    if isinstance(value, int):
        return int(value)
    raise _Lost


def _float(value: object) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53:
        return float(value)
    raise _Lost


def _decimal(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise _Lost
    if isinstance(value, (str, int, float, Decimal)):
        text = str(value).strip()
        return format(Decimal(text), "f") if "e" in text.lower() else text
    raise _Lost


def _boolean(value: object) -> bool:
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("t", "true", "f", "false"):
        return value[0].lower() == "t"
    raise _Lost


def _dates(values: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    if all(v is None or type(v) is str for v in values):
        return pa.array([None if v is None else date.fromisoformat(v.strip()) for v in values], kind)
    return pa.array([v if v is None or type(v) is date else _refuse() for v in values], kind)


def _datetimes(values: Sequence[Any], column: Column, kind: pa.TimestampType[Any, Any]) -> pa.Array[Any]:
    if column.form in _FACTOR:
        factor = _FACTOR[column.form]
        return pa.array([None if v is None else _integer(v) * factor for v in values], pa.int64()).cast(kind)
    if all(v is None or isinstance(v, datetime) for v in values):
        aware = [v for v in values if v is not None and v.tzinfo is not None]
        if aware and len(aware) == sum(v is not None for v in values):
            given: pa.Array[Any] = pa.array(values, kind)
            return given
        return _localize(pa.array(values, pa.timestamp("us")), kind)
    return _from_text([None if v is None else _refuse() if not isinstance(v, str) else v for v in values], kind)


def _from_text(values: list[str | None], kind: pa.TimestampType[Any, Any]) -> pa.Array[Any]:
    text = pa.array([v if v is None else v.strip() for v in values], pa.string())
    # A uniform column is parsed by Arrow in one go; a mixed one a value at a time.
    zoned = pc.match_substring_regex(text, r"(Z|[+-]\d\d:?\d\d)$")
    try:
        if pc.all(zoned).as_py() is not False:
            return pc.cast(text, pa.timestamp("us", "UTC")).cast(kind)
        if pc.any(zoned).as_py() is False:
            return _localize(pc.cast(text, pa.timestamp("us")), kind)
    except pa.ArrowInvalid:
        pass
    from privacy.database import instant

    moments = [None if v is None else instant(v, str(kind.tz)) for v in values]
    if any(m is None and v is not None for m, v in zip(moments, values, strict=True)):
        raise _Lost
    return pa.array(moments, pa.int64()).cast(kind)


def _localize(naive: pa.Array[Any], kind: pa.TimestampType[Any, Any]) -> pa.Array[Any]:
    if kind.tz == "UTC":
        return naive.cast(kind)
    aware: pa.Array[Any] = pc.call_function(
        "assume_timezone",
        [naive],
        pc.AssumeTimezoneOptions(str(kind.tz), ambiguous="earliest", nonexistent="latest"),
    )
    localized: pa.Array[Any] = aware.cast(kind)
    return localized


def _nested(value: object, kind: pa.DataType) -> Any:
    """JSON text (or what a driver made of it) as Python values of a nested Arrow type."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)) and not pa.types.is_string(kind):
        value = orjson.loads(value)
    return _shape(value, kind)


def _shape(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_shape(v, kind.value_type) for v in value] if isinstance(value, list) else _refuse()
    if pa.types.is_struct(kind):
        names = {kind.field(i).name for i in range(kind.num_fields)}
        if not isinstance(value, dict) or set(value) - names:
            # A member that the data map does not name would be lost without a word.
            raise _Lost
        return {n: _shape(value.get(n), kind.field(n).type) for n in sorted(names)}
    if pa.types.is_decimal(kind):
        return Decimal(str(_decimal(value)))
    if pa.types.is_string(kind):
        return _text(value)
    if pa.types.is_timestamp(kind):
        from privacy.database import instant

        moment = instant(value, str(kind.tz))
        return _refuse() if moment is None else moment
    if pa.types.is_integer(kind):
        return _integer(value)
    if pa.types.is_boolean(kind):
        return _boolean(value)
    return value
