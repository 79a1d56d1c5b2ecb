"""Lists and records: JSON text (or what a driver already made of it) in the shape of a nested Arrow type, exactly."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from privacy.datamap.models import Form
from privacy.sources.instants import instant


class Lost(ValueError):
    """A value is not exactly one of the declared type. Says nothing, so that it cannot quote the value."""


def nested(value: object, kind: pa.DataType) -> Any:
    """What ``pa.array`` takes for one value of ``kind``, a list or a record.

    Numbers keep all their digits (JSON's ``1.20`` is a decimal, not a float); a member that the type does not name,
    or that stands there twice, is an error, because it would be lost without a word.

    :raises Lost, ValueError: it is not of that shape.
    """
    if value is None:
        return None
    if isinstance(value, (str, bytes)):
        value = json.loads(value, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_members)
    if value is None:
        # JSON's null in the place of a whole list is not the database's NULL.
        raise Lost
    return _shape(value, kind)


def _refuse(*_: object) -> Any:
    raise Lost


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Lost
    return members


def _shape(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_shape(v, kind.value_type) for v in value] if isinstance(value, list) else _refuse()
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        if not isinstance(value, dict) or set(value) - {f.name for f in fields}:
            raise Lost
        return {f.name: _shape(value.get(f.name), f.type) for f in fields}
    return _scalar(value, kind)


def _scalar(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return value if isinstance(value, bool) else _refuse()
    if isinstance(value, (bool, list, dict)):
        raise Lost
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else _refuse()
    if pa.types.is_decimal(kind):
        return Decimal(str(value).strip())
    if pa.types.is_timestamp(kind):
        moment = instant(value, Form.ISO, str(kind.tz), exact=True)
        return _refuse() if moment is None else moment
    if pa.types.is_date(kind):
        return date.fromisoformat(value) if isinstance(value, str) else _refuse()
    if pa.types.is_integer(kind):
        whole = int(value) if isinstance(value, (int, Decimal, float)) else _refuse()
        return whole if whole == value else _refuse()
    if pa.types.is_floating(kind):
        # Written in decimal digits, a JSON number is the float nearest to it: that is what JSON means by it.
        return float(value) if isinstance(value, (int, Decimal, float)) else _refuse()
    # JSON has no bytes.
    raise Lost
