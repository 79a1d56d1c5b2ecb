"""The time, asked for in one place so that tests can set it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


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
