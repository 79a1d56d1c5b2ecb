"""Picks of what is due, for sources without an index: which they refuse, and counting for a survey in one pass."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from privacy.errors import BadInput
from privacy.sources.base import ByKey, Due, Every, Of, Step, Survey
from privacy.sources.instants import EPOCH, micros

FOREVER = Due(datetime(9999, 12, 31, tzinfo=UTC))
"""All that has a start."""


def plain(pick: Of | Due, where: str, *, every: bool = False) -> None:
    """Hold that a pick is one that a source of files or messages can serve.

    :param where: the dataset's full name, for the error. :param every: it can give all records, dated or not.
    :raises BadInput: ``sources.no_kinds``: records of some kinds; ``sources.no_every``: dated or not.
    """
    if isinstance(pick, Due) and pick.among is not None:
        raise BadInput(
            "sources.no_kinds", "This kind of source cannot tell records by their kinds.", where=where,
            advice="Give the dataset one term (`term_kind`), or keep what has several in a database.",
        )  # fmt: skip
    if isinstance(pick, Every) and not every:
        raise BadInput(
            "sources.no_every", "This kind of source does not give all records, dated or not.", where=where,
            advice="A dataset that others follow lies in a database.",
        )  # fmt: skip


def changing(unit: Sequence[Step], system: str) -> None:
    """Hold, before anything is changed, that no step's pick is for reading alone.

    :param system: its name, for the error.
    :raises BadInput: ``sources.for_reading``: single records by their keys, or all of them.
    """
    for step in unit:
        if isinstance(step.selection.pick, ByKey | Every):
            raise BadInput(
                "sources.for_reading", "What is picked by key, or dated or not, is read and never changed.",
                where=f"{system}.{step.selection.dataset}", advice="Pick what is due, or whose it is.",
            )  # fmt: skip


def plain_steps(unit: Sequence[Step], system: str) -> None:
    """Both, for each step of a unit: :func:`plain` and :func:`changing`."""
    for step in unit:
        plain(step.selection.pick, f"{system}.{step.selection.dataset}")
    changing(unit, system)


def countable(picks: Sequence[Due], where: str) -> None:
    """Hold that a survey can be asked for these picks.

    :raises BadInput: as :func:`plain`; ``sources.not_counted``: single records by their keys.
    """
    for pick in picks:
        plain(pick, where)
        if isinstance(pick, ByKey):
            raise not_counted(where)


def not_counted(where: str) -> BadInput:
    """A survey is asked for records by their keys."""
    return BadInput(
        "sources.not_counted", "A survey counts what is due, not single records.", where=where,
        advice="Read the records by their keys.",
    )  # fmt: skip


class Count:
    """What a survey counts, record by record; instants are microseconds since 1970 in UTC.

    :param now: aware; what begins later is ``future``.
    """

    def __init__(self, now: datetime, picks: Sequence[Due]) -> None:
        self._now = micros(now)
        self.bounds = [micros(pick.before) for pick in picks]
        self._sorted = sorted(set(self.bounds))
        # How many records begin before the first bound, between it and the second, ...
        self._between = [0] * (len(self._sorted) + 1)
        self._oldest: int | None = None
        self._records = self._undated = self._future = 0
        self.bytes = 0

    def add(self, start: int | None, items: int = 1) -> None:
        """One more record.

        :param start: None: it has none, or one that cannot be read. :param items: how many records a plan counts it as.
        """
        self._records += 1
        if start is None:
            self._undated += 1
            return
        if self._oldest is None or start < self._oldest:
            self._oldest = start
        self._future += start > self._now
        self._between[bisect_right(self._sorted, start)] += items

    def survey(self) -> Survey:
        """The result."""
        picked = tuple(sum(self._between[: self._sorted.index(bound) + 1]) for bound in self.bounds)
        oldest = None if self._oldest is None else EPOCH + timedelta(microseconds=self._oldest)
        return Survey(self._records, self.bytes, oldest, self._undated, self._future, picked)
