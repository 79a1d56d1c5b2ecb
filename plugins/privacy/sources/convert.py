"""From the forms in which a store writes values to exact Arrow arrays, a column at a time.

Nothing is guessed: a value that is not exactly one of the declared type is an error that names the column, never the
value. What a column's values are in the driver's words (the set of their Python types) chooses the way: a uniform
column is converted by Arrow in one go, any other a value at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from privacy.datamap.models import Column, Form
from privacy.errors import Unreadable
from privacy.sources.convert_nested import Lost, nested
from privacy.sources.instants import FACTOR, LEAST, MOST, instant

Values = Sequence[Any]
_WHOLE = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_ZONED = r"[0-9](Z|[+-]\d\d(:?\d\d)?)$"
_ARROW_ENDS = pa.scalar(datetime(2037, 1, 1), pa.timestamp("us"))  # noqa: DTZ001 - a local time
_CLOCK = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d"


def to_arrow(values: Values, column: Column, where: str) -> pa.Array[Any]:
    """The values as an array of exactly ``column.arrow``.

    :param values: as the driver gave them; None is NULL, which is not the same as empty.
    :param where: dataset and column, for the error.
    :raises Unreadable: ``sql.lost_type``: a value is not exactly one of that type; the value is never quoted.
    """
    kind = column.arrow
    types = set(map(type, values)) - {type(None)}
    try:
        if pa.types.is_timestamp(kind):
            return _datetimes(values, types, column, kind)
        for applies, convert in _CONVERT:
            if applies(kind):
                return convert(values, types, kind)
        return pa.array([nested(v, kind) for v in values], kind)
    except (pa.ArrowException, OverflowError, ArithmeticError, ValueError, TypeError, RecursionError):
        raise Unreadable(
            "sql.lost_type",
            f"A value is not exactly a {column.type}.",
            where=where,
            advice="Correct the type or the form in the data map, or the value in the store.",
        ) from None


def _each(values: Values, convert: Callable[[Any], Any]) -> list[Any]:
    return [None if v is None else convert(v) for v in values]


def _texts(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    return pa.array(values if types <= {str} else _each(values, text), kind)


def _integers(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    # Arrow itself would cut a float down to an integer without a word.
    return pa.array(values if types <= {int} else _each(values, integer), kind)


def _floats(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    return pa.array(values if types <= {float} else _each(values, number), kind)


def _decimals(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    if types <= {str}:
        try:
            return pc.cast(pa.array(values, pa.string()), kind)
        except pa.ArrowInvalid:
            pass  # Blanks around a number, or no number: told apart a value at a time.
    if types <= {Decimal}:
        return pa.array(values, kind)  # Exactly, or not at all.
    return pc.cast(pa.array(_each(values, decimal), pa.string()), kind)


def _booleans(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    return pa.array(values if types <= {bool} else _each(values, boolean), kind)


def _dates(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    if types <= {str}:
        try:
            return pc.cast(pa.array(values, pa.string()), kind)
        except pa.ArrowInvalid:
            pass
    return pa.array(values if types <= {date} else _each(values, day), kind)


def _binaries(values: Values, types: set[type], kind: pa.DataType) -> pa.Array[Any]:
    # Arrow would take a text for its bytes; whether that is what was meant, nobody knows.
    return pa.array(values if types <= {bytes} else _each(values, blob), kind)


_CONVERT: tuple[tuple[Callable[[Any], bool], Callable[..., pa.Array[Any]]], ...] = (
    (pa.types.is_string, _texts),
    (pa.types.is_integer, _integers),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (pa.types.is_date, _dates),
    (pa.types.is_binary, _binaries),
)


def text(value: object) -> str:
    """A text; a whole number in a text column is the text of its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview, float, bool)):
        raise Lost
    return str(value)


def integer(value: object) -> int:
    """A whole number of at most 64 bits (Arrow checks that), also as text or as a float that is exactly one."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, int):
        return int(value)
    raise Lost


def number(value: object) -> float:
    """A float; an integer or a decimal only where a float holds exactly that."""
    if isinstance(value, float):
        return value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and float(value) == value:
        return float(value)
    raise Lost


def decimal(value: object) -> str:
    """The digits of a decimal: of a float, those of its shortest text (0.1 is 0.1)."""
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise Lost
    if isinstance(value, (str, int, float, Decimal)):
        digits = str(value).strip()
        return format(Decimal(digits), "f") if "e" in digits.lower() and len(digits) < 60 else digits
    raise Lost


def boolean(value: object) -> bool:
    """True or false, as 1 and 0 or as SQL writes it in text."""
    if isinstance(value, (bool, int)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("t", "true", "f", "false"):
        return value[0].lower() == "t"
    raise Lost


def day(value: object) -> date:
    """A date; a datetime only where it is a midnight without a zone."""
    found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    if isinstance(found, datetime):
        if found.time() != time() or found.tzinfo is not None:
            raise Lost
        return found.date()
    if isinstance(found, date):
        return found
    raise Lost


def blob(value: object) -> bytes:
    """The bytes of a blob."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise Lost


def _datetimes(values: Values, types: set[type], column: Column, kind: pa.TimestampType[Any, Any]) -> pa.Array[Any]:
    if column.form in FACTOR and types <= {int}:
        given, factor = [v for v in values if v is not None], FACTOR[column.form]
        if given and not (min(given) * factor >= LEAST and max(given) * factor <= MOST):
            raise Lost
        scaled: pa.Array[Any] = pc.call_function("multiply_checked", [pa.array(values, pa.int64()), pa.scalar(factor)])
        aware: pa.Array[Any] = scaled.cast(kind)
        return aware
    if column.form not in FACTOR and types <= {str}:
        found = _uniform(pa.array(values, pa.string()), kind)
        if found is not None:
            return found
    if column.form not in FACTOR and types <= {datetime}:
        local = [v.tzinfo is None for v in values if v is not None]
        if not any(local):
            return _possible(pa.array(values, pa.timestamp("us", "UTC"))).cast(kind)
        if all(local):
            return _possible(localize(pa.array(values, pa.timestamp("us")), kind))

    def exactly(value: object) -> int:
        moment = instant(value, column.form, column.zone or "UTC", exact=True)
        if moment is None:
            raise Lost
        return moment

    return pa.array(_each(values, exactly), pa.int64()).cast(kind)


def _uniform(texts: pa.Array[Any], kind: pa.TimestampType[Any, Any]) -> pa.Array[Any] | None:
    """ISO texts of one layout, all with an offset or all without one; None: they have to be looked at one by one."""
    if pc.all(pc.match_substring_regex(texts, _CLOCK)).as_py() is False:
        return None
    zoned = pc.match_substring_regex(texts, _ZONED)
    try:
        # `all` and `any` pass over NULLs, and are None where there is nothing else.
        if pc.all(zoned).as_py() is not False:
            return _possible(pc.cast(texts, pa.timestamp("us", "UTC"))).cast(kind)
        if pc.any(zoned).as_py() is False:
            return _possible(localize(pc.cast(texts, pa.timestamp("us")), kind))
    except pa.ArrowInvalid:
        pass
    return None


def _possible(moments: pa.Array[Any]) -> pa.Array[Any]:
    """The same. :raises Lost: one lies before the year 1 or after 9999, once its offset is taken off."""
    ends: Any = pc.call_function("min_max", [moments.cast(pa.int64())])
    least, most = ends["min"].as_py(), ends["max"].as_py()
    if least is not None and (least < LEAST or most > MOST):
        raise Lost
    return moments


def localize(naive: pa.Array[Any], kind: pa.TimestampType[Any, Any]) -> pa.Array[Any]:
    """Local times as instants, by the rule of :mod:`privacy.sources.instants`."""
    if kind.tz == "UTC":
        return naive.cast(kind)
    options = pc.AssumeTimezoneOptions(str(kind.tz), ambiguous="latest", nonexistent="latest")
    aware: pa.Array[Any] = pc.call_function("assume_timezone", [naive], options).cast(kind)
    # Two things Arrow does not do: a time that never occurs it puts at the end of its gap, ours keeps its minutes; and
    # its zones end with 2037, without summer time from then on. Those few are redone.
    back: pa.Array[Any] = pc.call_function("local_timestamp", [aware])
    never: pa.Array[Any] = pc.call_function("not_equal", [back, naive])
    late: pa.Array[Any] = pc.call_function("greater_equal", [naive, _ARROW_ENDS])
    redo: pa.Array[Any] = pc.call_function("coalesce", [pc.call_function("or", [never, late]), pa.scalar(False)])
    if pc.any(redo).as_py():
        moved = [instant(v, Form.ISO, str(kind.tz)) for v in naive.filter(redo).to_pylist()]
        redone = pa.array(moved, pa.int64()).cast(kind)
        aware = pc.call_function("replace_with_mask", [aware, redo, redone])
    return aware
