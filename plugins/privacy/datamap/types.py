"""The types of columns: a short notation in the data map, an exact Arrow type in every batch.

``integer`` ``number`` ``decimal(12,2)`` ``text`` ``boolean`` ``date`` ``datetime`` ``binary``,
``list<T>`` and ``record<name: T, ...>``, nested as deep as needed.
"""

from __future__ import annotations

import re

import pyarrow as pa

_SIMPLE: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "binary": pa.binary(),
}
NAMES = (*_SIMPLE, "decimal(P,S)", "datetime", "list<T>", "record<name: T, ...>")
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")


def arrow_type(text: str, zone: str | None = None) -> pa.DataType:
    """The Arrow type that ``text`` writes.

    :param zone: the IANA zone of datetimes in it; their unit is microseconds.
    :raises ValueError: with what to write instead.
    """
    text = text.strip()
    if text in _SIMPLE:
        return _SIMPLE[text]
    if text == "datetime":
        if zone is None:
            raise ValueError("a datetime needs its zone (zone: UTC, or zone: Europe/Amsterdam)")
        return pa.timestamp("us", tz=zone)
    if found := _DECIMAL.fullmatch(text):
        precision, scale = int(found[1]), int(found[2])
        if not 1 <= precision <= 76 or scale > precision:
            raise ValueError(f"{text}: precision 1 to 76, scale at most the precision")
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    if text.startswith("list<") and text.endswith(">"):
        return pa.list_(arrow_type(text[5:-1], zone))
    if text.startswith("record<") and text.endswith(">"):
        return pa.struct([_field(part, zone) for part in _split(text[7:-1])])
    raise ValueError(f"{text!r} is not a type; write one of: {', '.join(NAMES)}")


def _field(part: str, zone: str | None) -> pa.Field[pa.DataType]:
    name, colon, kind = part.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"{part.strip()!r} in a record needs the form name: type")
    return pa.field(name.strip(), arrow_type(kind, zone))


def _split(text: str) -> list[str]:
    """The parts between commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts
