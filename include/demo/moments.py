"""Moments as whole microseconds since 1970 (UTC), and how the shop's stores write them. No clock is read."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Amsterdam")
SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def micros(at: datetime) -> int:
    """An aware datetime in microseconds."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def utc(text: str) -> int:
    """``2023-01-15T12:00`` in UTC."""
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def local(day: date, clock: str = "00:00", fold: int = 0) -> int:
    """A time on the shop's clock; ``fold=1``: the second of the two when it occurs twice."""
    return micros(datetime.combine(day, time.fromisoformat(clock), ZONE).replace(fold=fold))


def iso(at: int | None) -> str | None:
    """``2026-01-02T10:00:00Z``: as most tables have it."""
    return None if at is None else (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_micros(at: int | None) -> str | None:
    """``2026-01-02T10:00:00.123456+00:00``: as orders and payments have it."""
    return None if at is None else (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds")


def iso_local(at: int) -> str:
    """``2026-01-02 11:00:00`` on the shop's clock, without a zone: as the contact form's server has it."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


def mail_date(at: int) -> str:
    """``Fri, 20 Nov 2026 09:00:00 +0000``: as the header of a message has it."""
    when = _EPOCH + timedelta(microseconds=at)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[when.weekday()]
    return f"{day}, {when.day} {_NAMES[when.month - 1]} {when.year} {when:%H:%M:%S} +0000"


def stamp(at: int) -> str:
    """``20261120T090000Z``: as names of files have it."""
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y%m%dT%H%M%SZ")


def day_of(at: int) -> date:
    """The local date."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZONE).date()


def months_before(day: date, months: int) -> date:
    """The same day that many months earlier, or the last of that month."""
    count = day.year * 12 + day.month - 1 - months
    year, month = divmod(count, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


class Calendar:
    """The days of the logs.

    :param today: the last one; its log is still being written, until :attr:`now` (09:00).
    """

    def __init__(self, today: date) -> None:
        self.today = today
        self.first = months_before(today, 13)
        self.days = [self.first + timedelta(days=n) for n in range((today - self.first).days + 1)]
        self.now = local(today, "09:00")
        self.start = local(self.first)
        self._changes: list[int] = []
        self._offsets: list[int] = []
        for hour in range(self.start - 2 * DAY, self.now + 2 * DAY, HOUR):
            offset = (_EPOCH + timedelta(microseconds=hour)).astimezone(ZONE).utcoffset()
            seconds = int((offset or timedelta()).total_seconds())
            if not self._offsets or self._offsets[-1] != seconds:
                self._changes.append(hour)
                self._offsets.append(seconds)
        self._stamps: dict[int, str] = {}

    def ago(self, days: int, clock: str) -> int:
        """A time on the day that many days before today."""
        return local(self.today - timedelta(days=days), clock)

    def clock_went_back(self) -> date:
        """The latest night before today whose hour from two to three occurred twice."""
        day = next(d for d in reversed(self.days[:-2]) if local(d + timedelta(days=1)) - local(d) > DAY)
        return day

    def offset(self, at: int) -> int:
        """Seconds east of Greenwich on the shop's clock."""
        return self._offsets[bisect_right(self._changes, at) - 1]

    def day(self, at: int) -> int:
        """The local date as a number of days since 1970."""
        return (at + self.offset(at) * SECOND) // DAY

    def stamp(self, at: int) -> str:
        """``25/Nov/2025:10:00:00 +0100``: as nginx has it."""
        offset = self.offset(at)
        day, rest = divmod(at // SECOND + offset, 86_400)
        if day not in self._stamps:
            on = date(1970, 1, 1) + timedelta(days=day)
            self._stamps = {day: f"{on.day:02}/{_NAMES[on.month - 1]}/{on.year}:"}
        return f"{self._stamps[day]}{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02} +{offset // 3600:02}00"
