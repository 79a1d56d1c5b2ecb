"""Values on their way into the store: in the form in which its column writes them."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from privacy.datamap.models import Column
from privacy.errors import BadConfiguration, Unreadable
from privacy.sources.base import Redaction
from privacy.sources.convert import to_arrow
from privacy.sources.instants import FACTOR, micros

TOKEN = "removed-"  # noqa: S105 - no secret
"""How the random tokens of :attr:`privacy.sources.base.Redaction.UNIQUE` begin; 24 hexadecimal digits follow."""


def stored(value: object, column: Column, where: str) -> object:
    """What to write for ``value``; what is read back from it is exactly ``value``.

    :param where: dataset and column, for the error.
    :raises BadConfiguration: ``sql.constant``: it is not a value of the column's type.
    """
    if value is None or value is Redaction.NULL:
        return None
    if value is Redaction.UNIQUE:
        if column.type != "text":
            raise _wrong(where, f"A unique token is a text, and the column a {column.type}.")
        return None
    written = _written(value, column, where)
    try:
        to_arrow([written], column, where)
    except Unreadable:
        raise _wrong(where, f"The value to set is not a {column.type}.") from None
    return written


def _written(value: object, column: Column, where: str) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise _wrong(where, "The datetime to set has no zone.")
        factor = FACTOR.get(column.form)
        if factor is None:
            return value.astimezone(ZoneInfo(column.zone or "UTC")).isoformat()
        whole, rest = divmod(micros(value), factor)
        if rest:
            raise _wrong(where, f"The datetime to set is finer than the column's form ({column.form}).")
        return whole
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _wrong(where: str, message: str) -> BadConfiguration:
    return BadConfiguration("sql.constant", message, where=where, advice="Correct what the erasure or request sets.")
