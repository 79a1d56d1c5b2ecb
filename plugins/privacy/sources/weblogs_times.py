"""Times as logs write them, to microseconds since 1970 in UTC: exact, and fast enough for every line of every file.

The layout is recognised line by line, so that one file may mix them, and mix offsets (edge case 3): nginx's and
Apache's ``25/Nov/2025:10:00:00 +0100``, ISO 8601, and the epoch forms of :class:`privacy.datamap.models.Form`.

A local time without an offset stands in the column's zone. One that occurs twice, or never, in the night that the
clock changes is taken for the later of its two readings: a record is never deleted before its term for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from privacy.datamap.models import Column, Form

Reader = Callable[[bytes], int | None]
"""The raw text of a time -> microseconds since 1970 in UTC; None when it is no time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_SCALE = {Form.EPOCH: 1_000_000, Form.EPOCH_MS: 1_000, Form.EPOCH_US: 1}
_LEAST, _MOST = -62_135_596_800 * _SECOND, 253_402_300_799 * _SECOND
_MONTHS = {name: n for n, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)}


def micros(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970 in UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The opposite of :func:`micros`."""
    return _EPOCH + timedelta(microseconds=value)


def reader(column: Column) -> Reader:
    """How to read the times (or dates, taken at their local midnight) of a column."""
    zone = ZoneInfo(column.zone or "UTC")
    if column.type == "date":
        return lambda raw: _midnight(raw, zone)
    scale = _SCALE.get(column.form)
    if scale is not None:
        return lambda raw: _number(raw, scale)

    def read(raw: bytes) -> int | None:
        found = _nginx(raw, zone) if raw[2:3] == b"/" else _iso(raw, zone)
        return found if found is not None and _LEAST <= found <= _MOST else None

    return read


def written(column: Column) -> bool:
    """Whether a column's times are written out: nginx's form, or ISO 8601."""
    return column.type == "datetime" and column.form not in _SCALE


def day(raw: bytes) -> date | None:
    """A date: ISO, or the first part of nginx's form."""
    try:
        if raw[2:3] == b"/":
            return date(int(raw[7:11]), _MONTHS[raw[3:6]], int(raw[:2]))
        return date.fromisoformat(raw.decode("ascii"))
    except (ValueError, KeyError):
        return None


def _midnight(raw: bytes, zone: ZoneInfo) -> int | None:
    found = day(raw)
    return None if found is None else _local(datetime.combine(found, time()), zone)


def _number(raw: bytes, scale: int) -> int | None:
    try:
        value = int(Decimal(raw.decode("ascii")) * scale)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return value if _LEAST <= value <= _MOST else None


@lru_cache(maxsize=4096)
def _nginx_day(raw: bytes) -> int | None:
    """The midnight of ``25/Nov/2025``, read as UTC."""
    found = day(raw) if raw[:2].isdigit() and raw[7:].isdigit() and raw[6:7] == b"/" else None
    return None if found is None else (found.toordinal() - 719_163) * 86_400


@lru_cache(maxsize=1024)
def _nginx_offset(raw: bytes) -> int | None:
    """The seconds of `` +0100``."""
    if len(raw) != 6 or raw[:1] != b" " or raw[1:2] not in (b"+", b"-") or not raw[2:].isdigit():
        return None
    seconds = int(raw[2:4]) * 3600 + int(raw[4:6]) * 60
    return -seconds if raw[1:2] == b"-" else seconds


def _nginx(raw: bytes, zone: ZoneInfo) -> int | None:
    midnight, clock = _nginx_day(raw[:11]), raw[12:14] + raw[15:17] + raw[18:20]
    if midnight is None or len(clock) != 6 or not clock.isdigit() or raw[11:18:3] != b":::":
        return None
    hour, minute, second = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if hour > 23 or minute > 59 or second > 59:
        return None
    seconds = midnight + hour * 3600 + minute * 60 + second
    if len(raw) == 20:
        return _local(datetime(1970, 1, 1) + timedelta(seconds=seconds), zone)  # noqa: DTZ001 - its zone comes next
    offset = _nginx_offset(raw[20:])
    return None if offset is None else (seconds - offset) * _SECOND


def _iso(raw: bytes, zone: ZoneInfo) -> int | None:
    try:
        found = datetime.fromisoformat(raw.decode("ascii"))
        return _local(found, zone) if found.tzinfo is None else micros(found)
    except (ValueError, OverflowError):
        return None


def _local(naive: datetime, zone: ZoneInfo) -> int | None:
    try:
        return max(micros(naive.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    except OverflowError:
        return None
