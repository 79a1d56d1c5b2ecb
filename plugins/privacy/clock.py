"""The time, asked for in one place so that tests can set it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from privacy.errors import BadInput


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC, microseconds kept."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """See :meth:`Clock.now`."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until :meth:`set`; for tests, simulations and replays.

    :param at: an aware datetime in any zone.
    :raises ValueError: for a naive datetime.
    """

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def now(self) -> datetime:
        """See :meth:`Clock.now`."""
        return self._at

    def set(self, at: datetime) -> None:
        """Move the clock to ``at`` (aware)."""
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._at = at.astimezone(UTC)


def moments(text: str, zone: str) -> tuple[datetime, datetime]:
    """A date or time as it is typed, ISO 8601; without an offset it is the zone's.

    :returns: the moment in UTC, twice; of an hour that the zone repeats the first one and the second, of one that it
        skips the moment by the offset before and by the one after.
    :raises BadInput: ``named.moment``; nothing is repeated.
    """
    try:
        at = datetime.fromisoformat(text.strip())
        # In UTC at once: near the ends of the calendar a moment of one zone is none of another's.
        both = [at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
        first, second = (one.astimezone(UTC) for one in both)
    except (ValueError, OverflowError):
        raise BadInput("named.moment", "That is no date or time.", advice="Write it like 2026-11-02T09:30.") from None
    return first, second
