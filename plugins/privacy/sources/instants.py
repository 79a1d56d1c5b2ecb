"""When a stored value is: one reading of it, for what is due and for what is delivered.

Instants are whole microseconds since 1970 in UTC. A local time that occurs twice is the later one; one that
never occurs is moved on by the length of the gap (it is read with the offset that held before).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from privacy.datamap.models import Form

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST, MOST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last microsecond that a datetime can be: the years 1 to 9999."""

FACTOR = {Form.EPOCH: 1_000_000, Form.EPOCH_MS: 1_000, Form.EPOCH_US: 1}
"""Microseconds in one unit of a number that says when."""

_MICROSECOND = timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?", re.ASCII)
_BEYOND = re.compile(r"[.,]\d{6}\d*[1-9]", re.ASCII)


def micros(at: datetime) -> int:
    """An aware datetime as an instant, exactly."""
    return (at - EPOCH) // _MICROSECOND


def instant(value: object, form: Form, zone: str, *, exact: bool = False) -> int | None:
    """The instant that a store's value says; None for what says none (edge case 11). Never raises.

    :param value: as the driver gave it: text, a number, a date or a datetime.
    :param form: how the column writes instants; ISO 8601 text may have any layout and offset.
    :param zone: the IANA zone of a text or datetime without offset, and of a date's midnight.
    :param exact: None too for what is finer than a microsecond; otherwise such a value is cut down to it.
    """
    try:
        found = _number(value, FACTOR[form], exact) if form in FACTOR else _moment(value, zone, exact)
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return found if found is not None and LEAST <= found <= MOST else None


def _moment(value: object, zone: str, exact: bool) -> int | None:
    if isinstance(value, str):
        return _read(value, zone, exact)
    if isinstance(value, datetime):
        return _at(value, zone)
    if isinstance(value, date):
        return _at(datetime.combine(value, time()), zone)
    # A bare number in a column of ISO texts: guessing its unit could make a record of today due.
    return None


@lru_cache(maxsize=16_384)
def _read(value: str, zone: str, exact: bool) -> int | None:
    """Of a text; dates come again and again, and so do moments that are asked for once more when they are deleted."""
    text = value.strip()
    return None if exact and _BEYOND.search(text) else _at(datetime.fromisoformat(text), zone)


def _at(at: datetime, zone: str) -> int:
    if at.tzinfo is not None:
        return micros(at)
    # A local time that occurs twice, or never, is the later of its two readings: nothing goes before its term.
    return max(micros(at.replace(tzinfo=_zone(zone), fold=fold)) for fold in (0, 1))


def _number(value: object, factor: int, exact: bool) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value * factor
    if isinstance(value, float):
        # Seconds in a float carry microseconds, and digits beyond them that are the float's own noise.
        scaled = Decimal(repr(value)) * factor
        if exact and factor != FACTOR[Form.EPOCH] and scaled != scaled.to_integral_value():
            return None
        return int(scaled.to_integral_value(ROUND_HALF_EVEN))
    if isinstance(value, Decimal):
        return _scaled(value, factor, exact)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return _scaled(Decimal(value.strip()), factor, exact)
    return None


def _scaled(value: Decimal, factor: int, exact: bool) -> int | None:
    if not value.is_finite() or abs(value) > MOST:
        return None
    numerator, denominator = value.as_integer_ratio()
    whole, rest = divmod(numerator * factor, denominator)
    return None if exact and rest else whole


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
