"""When a term is over, and the bound that says the same of all records at once.

Terms in days, months or years count **whole local dates**: with clock times, start + 12 months would not be monotone
around 29 February (28 February 23:00 and 29 February 01:00 would change places), and no cutoff would be exact. Terms in
hours are real hours, whatever the clocks do.

=============  =================================================================================================
bound          falls due
=============  =================================================================================================
keep_at_most   at the local midnight that *opens* the date start + term: gone by then
keep_at_least  at the local midnight that *closes* it: never gone before
=============  =================================================================================================

Where a term counts from the end of the financial year, its start is 31 December of the start's local year: financial
years are calendar years.

A month added to a day that the month has not is that month's last day: 29 February + 12 months is 28 February. Due
dates of later starts are then never earlier, so one bound separates due from not due, to the microsecond:
``start < before(horizon, ...)`` holds exactly where ``due(start, ...) <= horizon``.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from privacy.datamap.policy import Period

Bound = Literal["keep_at_least", "keep_at_most"]
Counts = Literal["event", "end_of_financial_year"]

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


def due(start: date | datetime, term: Period, zone: str, *, bound: Bound, counts_from: Counts = "event") -> datetime:
    """When a record that started then falls due.

    :param start: a local date, or an aware datetime. :param zone: in which whole dates are counted.
    :returns: aware, UTC.
    :raises OverflowError: beyond the year 9999.
    """
    place = ZoneInfo(zone)
    if term.seconds:
        return _started(start, place, counts_from) + timedelta(seconds=term.seconds)
    return _midnight(_ends(_origin(day_of(start, zone), counts_from), term), place, bound)


def before(
    horizon: datetime, term: Period, zone: str, *, bound: Bound, counts_from: Counts = "event"
) -> datetime:  # fmt: skip
    """The bound for which ``start < before`` holds exactly where ``due(start) <= horizon``.

    :param horizon: aware. :returns: aware, UTC.
    """
    place = ZoneInfo(zone)
    if term.seconds and counts_from == "event":
        return horizon.astimezone(UTC) - timedelta(seconds=term.seconds) + _INSTANT
    last = _last_due(horizon, term, zone, bound, counts_from)
    return opens(last + _DAY, place)


def _last_due(horizon: datetime, term: Period, zone: str, bound: Bound, counts_from: Counts) -> date:
    """The last local date on which a record that started is due by the horizon."""

    def is_due(day: date) -> bool:
        return due(day, term, zone, bound=bound, counts_from=counts_from) <= horizon

    here = horizon.astimezone(ZoneInfo(zone)).date()
    if counts_from == "end_of_financial_year":
        # Whole years fall due together.
        year = here.year + 1 - (term.months // 12)
        while not is_due(date(year, 12, 31)):
            year -= 1
        return date(year, 12, 31)
    day = _shifted(here, -term.months) - timedelta(days=term.days)
    while is_due(day + _DAY):
        day += _DAY
    while not is_due(day):
        day -= _DAY
    return day


def day_of(start: date | datetime, zone: str) -> date:
    """The local date of a moment.

    :raises ValueError: a naive datetime, which is no instant.
    """
    if not isinstance(start, datetime):
        return start
    if start.tzinfo is None:
        raise ValueError("a start is a date or an aware datetime")
    return start.astimezone(ZoneInfo(zone)).date()


def opens(day: date, place: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a local date begins; where midnight is skipped, the first one after it."""
    return datetime.combine(day, time(0), tzinfo=place).astimezone(UTC)


def _started(start: date | datetime, place: ZoneInfo, counts_from: Counts) -> datetime:
    """The instant that hours count from. A date has begun when it opens; a financial year has ended when it closes."""
    if counts_from == "end_of_financial_year":
        return opens(date(day_of(start, place.key).year, 12, 31) + _DAY, place)
    if isinstance(start, datetime):
        day_of(start, place.key)
        return start.astimezone(UTC)
    return opens(start, place)


def _origin(day: date, counts_from: Counts) -> date:
    return date(day.year, 12, 31) if counts_from == "end_of_financial_year" else day


def _ends(day: date, term: Period) -> date:
    return _shifted(day, term.months) + timedelta(days=term.days)


def _midnight(day: date, place: ZoneInfo, bound: Bound) -> datetime:
    return opens(day if bound == "keep_at_most" else day + _DAY, place)


def _shifted(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("a date beyond the calendar")
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
