"""What may happen to a request, and when it must be answered: pure functions over its dates.

::

    received ──> sealed ──> proven ──> released
       │  ^         (the export seals; a person proves and releases; proof may come before the seal)
       v  │
    undecided       every state but released ──> refused

A state is never stored: it follows from the dates of what happened, so the two cannot disagree.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from privacy.errors import Refused, Tampered


class Right(StrEnum):
    """What a data subject asks for."""

    ACCESS = "access"
    PORTABILITY = "portability"


class State(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    UNDECIDED = "undecided"
    """It leads to more than one person: an operator decides."""
    SEALED = "sealed"
    """Exported, encrypted; nobody may open it yet."""
    PROVEN = "proven"
    """Exported, and the identity is proven."""
    RELEASED = "released"
    REFUSED = "refused"


class Step(StrEnum):
    """What can be done to a request."""

    BEGIN = "begin"
    RESOLVE = "resolve"
    ASK = "ask"
    INQUIRE = "inquire"
    """Processors are asked what they hold."""
    DECIDE = "decide"
    SEAL = "seal"
    PROVE = "prove"
    RELEASE = "release"
    REFUSE = "refuse"
    EXTEND = "extend"
    """The person is told that the answer takes longer (art. 12(3) GDPR)."""
    PURGE = "purge"
    """What is past its term goes: the bundle, or all that is personal."""


@dataclass(frozen=True, slots=True)
class Dates:
    """When what happened to a request; aware, UTC; None: it did not.

    :param begun_at: when the first run of its export began, which is what the bundle is as of.
    :param undecided_at: since when a question waits for a decision; None again once decided.
    :param extended_at: when the notice went out that the answer takes longer, and why.
    """

    received_at: datetime
    begun_at: datetime | None = None
    undecided_at: datetime | None = None
    sealed_at: datetime | None = None
    proven_at: datetime | None = None
    released_at: datetime | None = None
    refused_at: datetime | None = None
    extended_at: datetime | None = None

    @property
    def state(self) -> State:
        """The state that the dates say."""
        if self.refused_at:
            return State.REFUSED
        if self.released_at:
            return State.RELEASED
        if self.sealed_at:
            return State.PROVEN if self.proven_at else State.SEALED
        return State.UNDECIDED if self.undecided_at else State.RECEIVED

    @property
    def kept(self) -> bool:
        """Its records are kept from every purge: it is neither exported nor closed."""
        return not (self.sealed_at or self.released_at or self.refused_at)

    @property
    def closed_at(self) -> datetime | None:
        """When it was released or refused: what the terms of all that was kept for it count from."""
        return self.released_at or self.refused_at

    @property
    def latest(self) -> datetime:
        """The last thing that happened."""
        return max(self._moments())

    @property
    def next_step(self) -> str:
        """What has to be done now, for whoever keeps the register."""
        if self.state is State.RECEIVED:
            return "await the export, or start it again" if self.begun_at else "start the export"
        return {
            State.UNDECIDED: "decide whose it is",
            State.SEALED: "prove the identity",
            State.PROVEN: "release",
            State.RELEASED: "hand over: privacy bundle open",
            State.REFUSED: "none",
        }[self.state]

    def contradiction(self) -> str:
        """What cannot be true about these dates; empty when they fit together."""
        if any(m < self.received_at for m in self._moments()):
            return "something happened before the request arrived"
        if self.refused_at and self.released_at:
            return "both released and refused"
        if self.released_at and not (self.sealed_at and self.proven_at):
            return "released without seal and proof"
        if self.released_at and any(m and self.released_at < m for m in (self.sealed_at, self.proven_at)):
            return "released before it was sealed and proven"
        if self.sealed_at and not (self.begun_at and self.begun_at <= self.sealed_at):
            return "sealed before its export began"
        if self.undecided_at and self.sealed_at:
            return "sealed while it is undecided"
        if self.extended_at and self.closed_at and self.closed_at < self.extended_at:
            return "extended after it was answered"
        return ""

    def _moments(self) -> list[datetime]:
        found: list[datetime | None] = [getattr(self, f.name) for f in fields(self)]
        return [m for m in found if m is not None]


def check(dates: Dates, number: str) -> Dates:
    """The dates, when they can be true.

    :raises Tampered: ``request.dates``: no sequence of steps leads there.
    """
    problem = dates.contradiction()
    if problem:
        raise Tampered(
            "request.dates",
            f"The register's dates contradict each other: {problem}.",
            where=number,
            advice="Compare the register with the ledger: privacy ledger show --request.",
        )
    return dates


def after(dates: Dates, step: Step, at: datetime, number: str) -> Dates:
    """The dates after a step.

    :param at: the present; never recorded as earlier than what happened before (edge case 13: a clock set back).
    :raises Refused: the step is not allowed now; the advice says which one is.
    """
    at = max(at, dates.latest)
    if step is Step.PURGE:
        if dates.closed_at is None:
            raise Refused("request.open", "The request is open; nothing that is kept for it may go.", where=number)
        return dates
    if dates.state is State.RELEASED:
        raise Refused("request.released", "The request is answered: its bundle was released.", where=number)
    if dates.state is State.REFUSED:
        raise Refused(
            "request.refused", "The request was refused.", where=number, advice="If it is renewed, register it anew."
        )
    match step:
        case Step.BEGIN:
            return dates if dates.begun_at else replace(dates, begun_at=at)
        case Step.INQUIRE:
            return dates
        case Step.RESOLVE:
            return replace(dates, undecided_at=None)
        case Step.ASK:
            _unsealed(dates, number, "Its identity was resolved before.")
            return dates if dates.undecided_at else replace(dates, undecided_at=at)
        case Step.DECIDE:
            _unsealed(dates, number, "It is decided and exported.")
            return replace(dates, undecided_at=None)
        case Step.SEAL:
            if not dates.begun_at or dates.undecided_at:
                raise Refused(
                    "request.not_ready",
                    "Nothing may be sealed before the export has begun and knows whose it is.",
                    where=number,
                    advice="Start the export, or decide: privacy request show.",
                )
            return dates if dates.sealed_at else replace(dates, sealed_at=at)
        case Step.PROVE:
            _decided(dates, number)
            return dates if dates.proven_at else replace(dates, proven_at=at)
        case Step.RELEASE:
            _may_release(dates, number)
            return replace(dates, released_at=at)
        case Step.REFUSE:
            return replace(dates, refused_at=at, undecided_at=None)
        case Step.EXTEND:
            if dates.extended_at:
                raise Refused(
                    "request.extended",
                    "The answer was put off before; the law knows one extension.",
                    where=number,
                    advice="Answer it, or refuse it with a ground.",
                )
            return replace(dates, extended_at=at)


def superseded(number: str) -> Refused:
    """What a run is told that a later one, or a decision, has overtaken."""
    return Refused(
        "request.superseded",
        "This run was overtaken by a later one, or by a decision.",
        where=number,
        advice="Nothing is lost; start the export again if no other run of it is going on.",
    )


def answer_by(dates: Dates, zone: str) -> date:
    """The last local date on which the answer is in time, with the extension that was told.

    :raises OverflowError: the register says that it arrived at the end of time.
    """
    first = due(dates.received_at, zone)
    return extended(first) if dates.extended_at else first


def extended(first: date) -> date:
    """The last date of an extended term: two further months (art. 12(3) GDPR), on the same day, or the month's last.

    :param first: the last date of the first term (:func:`due`).
    """
    return _months_after(first, 2)


def due(received_at: datetime, zone: str) -> date:
    """The last local date on which the answer is in time: the earlier of 30 days and one month after arrival.

    Promise R-30D, art. 12(3) GDPR. A month ends on the same day of the next one, or on its last where it has no such
    day (edge case 5).

    :param received_at: arrival at any address of the controller; aware.
    :param zone: the policy's IANA zone.
    """
    arrived = received_at.astimezone(ZoneInfo(zone)).date()
    return min(arrived + timedelta(days=30), _months_after(arrived, 1))


def _months_after(day: date, months: int) -> date:
    """The same day some months later, or the last of that month where it has no such day."""
    if day > date(9999, 9, 1):
        raise OverflowError("the end of time")
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _unsealed(dates: Dates, number: str, message: str) -> None:
    if dates.sealed_at:
        raise Refused(
            "request.sealed", message, where=number, advice="If it is another person's, refuse it and register it anew."
        )


def _decided(dates: Dates, number: str) -> None:
    if dates.undecided_at:
        raise Refused(
            "request.undecided",
            "It is not decided yet whose the request is.",
            where=number,
            advice=f"Decide first: privacy request decide {number}.",
        )


def _may_release(dates: Dates, number: str) -> None:
    _decided(dates, number)
    if not dates.proven_at:
        raise Refused(
            "request.not_proven",
            "The identity is not proven.",
            where=number,
            advice="Record what was seen first: privacy request prove.",
        )
    if not dates.sealed_at:
        raise Refused(
            "request.not_sealed", "There is no sealed bundle yet.", where=number, advice="Run the export first."
        )
