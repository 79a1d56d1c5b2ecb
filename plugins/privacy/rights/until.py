"""When a record's term is over: whole local dates for days, months and years; real time for hours."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from privacy.datamap.policy import Period

Bound = Literal["keep_at_least", "keep_at_most"]


def due(start: date | datetime, term: Period, zone: str, *, bound: Bound, counts_from: str = "event") -> datetime:
    """When a record that started then falls due.

    ``keep_at_most`` at the local midnight that opens the date start + term, ``keep_at_least`` at that which closes it.

    :param start: a local date, or an aware datetime. :param zone: in which whole dates are counted.
    :returns: aware, UTC.
    :raises OverflowError: beyond the end of the calendar.
    """
    place = ZoneInfo(zone)
    day = start.astimezone(place).date() if isinstance(start, datetime) else start
    if counts_from == "end_of_financial_year":
        day = date(day.year, 12, 31)
    if term.seconds:
        begun = start if isinstance(start, datetime) and counts_from == "event" else _midnight(day, place)
        return begun.astimezone(UTC) + timedelta(seconds=term.seconds)
    try:
        year, month = divmod(day.year * 12 + day.month - 1 + term.months, 12)
        # A day that the month has not is its last: due dates of later starts are never earlier.
        ends = date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1])) + timedelta(days=term.days)
        return _midnight(ends + timedelta(days=bound == "keep_at_least"), place)
    except (ValueError, calendar.IllegalMonthError):
        raise OverflowError("a term beyond the end of the calendar") from None


def _midnight(day: date, place: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), place).astimezone(UTC)
