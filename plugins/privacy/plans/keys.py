"""The keys of items as text and back: what a plan names is found again by a key of the very same type."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from privacy.errors import Unreadable
from privacy.sources.instants import EPOCH

_WRITE: dict[type, tuple[str, Callable[[Any], str]]] = {
    bytes: ("b", lambda value: base64.b64encode(value).decode()),
    date: ("d", date.isoformat),
    datetime: ("t", lambda value: value.isoformat()),
    Decimal: ("n", str),
}
_READ: dict[str, Callable[[str], object]] = {
    "b": base64.b64decode,
    "d": date.fromisoformat,
    "t": datetime.fromisoformat,
    "n": Decimal,
}


def written(key: tuple[object, ...]) -> bytes:
    """A key as JSON: texts, whole numbers and floats as they are, anything else with its type.

    :raises Unreadable: ``plans.key``: a part is of a type that a plan cannot name.
    """
    if _AS_THEY_ARE.issuperset(map(type, key)):
        return _json(key)
    parts = list(key)
    for place, part in enumerate(parts):
        if type(part) in _WRITE:
            kind, write = _WRITE[type(part)]
            parts[place] = {kind: write(part)}
        elif not isinstance(part, str | int | float) or isinstance(part, bool):
            raise Unreadable("plans.key", "A record's key is of a type that a plan cannot name.")
    return _json(parts)


_AS_THEY_ARE = frozenset({str, int, float})


def _json(parts: Sequence[object]) -> bytes:
    try:
        return orjson.dumps(parts)
    except TypeError:  # half a character, a number beyond 64 bits; its text may quote it
        raise Unreadable("plans.key", "A record's key cannot be written down.") from None


def read(texts: Sequence[bytes]) -> list[tuple[object, ...]]:
    """The other way round, many at a time."""
    found = orjson.loads(b"[" + b",".join(texts) + b"]")
    return [tuple(parts if dict not in map(type, parts) else map(_part, parts)) for parts in found]


def _part(part: Any) -> object:
    if not isinstance(part, dict):
        return part
    ((kind, value),) = part.items()
    return _READ[kind](value)


@lru_cache(maxsize=65_536)
def instant(microseconds: int | None) -> datetime | None:
    """Microseconds since 1970 as an aware datetime in UTC; dates come again and again."""
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)
