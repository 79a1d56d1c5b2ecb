"""What may happen to a request, and when it must be answered: pure functions over its dates.

::

    a copy (access, portability)
    received ──> sealed ──> proven ──> released
       │  ^         (the export seals; a person proves, reviews where need be, and releases; proof may come first)
       v  │
    undecided       every state but released ──> refused

    anything else (erasure, rectification, restriction, ...)
    received ──> proven ──> partly done ──> acted ──> answered
       │  ^         (partly done: the rest waits for a condition; answered: the person was told that all is done)
       v  │
    undecided       every state but partly done, acted and answered ──> refused

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
    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    MARKETING_STOP = "marketing_stop"
    """An objection to direct marketing (art. 21(2) GDPR), which nobody weighs."""
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    CLIENT_END = "client_end"
    """The client says that they stop; that notice is an erasure request too (promise CLIENT-LIFE)."""
    COMPLAINT = "complaint"

    @property
    def copies(self) -> bool:
        """Whether what is asked for is a copy of the data."""
        return self in (Right.ACCESS, Right.PORTABILITY)

    @property
    def pipeline(self) -> str | None:
        """The DAG that does what is asked for; None: a person does."""
        return PIPELINES.get(self)


PIPELINES = {
    Right.ACCESS: "export_subject",
    Right.PORTABILITY: "export_subject",
    Right.ERASURE: "erase_subject",
    Right.RECTIFICATION: "rectify_subject",
    Right.RESTRICTION: "restrict_subject",
    Right.OBJECTION: "object_subject",
    Right.MARKETING_STOP: "object_subject",
    Right.CONSENT_WITHDRAWAL: "object_subject",
}

LASTING = (Right.RESTRICTION, Right.OBJECTION, Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL)
"""What lasts beyond the answer, until the person says otherwise."""

_ON_PROOF = (Right.ERASURE, Right.RECTIFICATION)
"""What changes records for good is done to whoever has proven to be their subject."""


class State(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    UNDECIDED = "undecided"
    """It leads to more than one person: an operator decides."""
    SEALED = "sealed"
    """Exported, encrypted; nobody may open it yet."""
    PROVEN = "proven"
    """The identity is proven; of a copy: and it is exported."""
    RELEASED = "released"
    PARTLY_DONE = "partly_done"
    """Done as far as it may be now; the rest waits for a condition, and the person was told for which."""
    ACTED = "acted"
    """All is done; the person is to be told."""
    ANSWERED = "answered"
    REFUSED = "refused"


class Step(StrEnum):
    """What can be done to a request."""

    BEGIN = "begin"
    RESOLVE = "resolve"
    ASK = "ask"
    INQUIRE = "inquire"
    """Processors are asked what they hold."""
    DECIDE = "decide"
    CORRECT = "correct"
    """What is to be corrected, and what is planned and done for it, is written down."""
    SEAL = "seal"
    PROVE = "prove"
    REVIEW = "review"
    """A person looks at what a copy leaves out or withholds, before it is released."""
    RELEASE = "release"
    ACT_PARTLY = "act_partly"
    ACT = "act"
    ANSWER = "answer"
    """The person was told that it is done."""
    WRITE = "write"
    """A letter goes out, or is to: in every state."""
    DELIVER = "deliver"
    """A released copy is handed over."""
    REFUSE = "refuse"
    LIFT = "lift"
    """The person lets go on what they had stopped; nobody else can (promise R-RESTR)."""
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
    :param reviewed_at: when somebody had looked at what a copy withholds.
    :param partly_at: since when it is done but for what waits for a condition; :param acted_at: since when all is done;
        :param answered_at: when the person was told so, which closes it.
    :param lifted_at: when the person let go on what they had stopped.
    :param right: what is asked for.
    """

    received_at: datetime
    begun_at: datetime | None = None
    undecided_at: datetime | None = None
    sealed_at: datetime | None = None
    proven_at: datetime | None = None
    released_at: datetime | None = None
    refused_at: datetime | None = None
    extended_at: datetime | None = None
    reviewed_at: datetime | None = None
    partly_at: datetime | None = None
    acted_at: datetime | None = None
    answered_at: datetime | None = None
    lifted_at: datetime | None = None
    right: Right = Right.ACCESS

    @property
    def state(self) -> State:
        """The state that the dates say."""
        if self.refused_at:
            return State.REFUSED
        if self.released_at:
            return State.RELEASED
        if self.answered_at:
            return State.ANSWERED
        if self.acted_at:
            return State.ACTED
        if self.partly_at:
            return State.PARTLY_DONE
        if self.sealed_at:
            return State.PROVEN if self.proven_at else State.SEALED
        if self.proven_at and not self.right.copies and not self.undecided_at:
            return State.PROVEN
        return State.UNDECIDED if self.undecided_at else State.RECEIVED

    @property
    def kept(self) -> bool:
        """Its records are kept from every purge: a copy of them is asked for, and it is neither exported nor closed."""
        return self.right.copies and not (self.sealed_at or self.released_at or self.refused_at)

    @property
    def closed_at(self) -> datetime | None:
        """When it was released, answered or refused: what the terms of all that was kept for it count from."""
        return self.released_at or self.answered_at or self.refused_at

    @property
    def awaited(self) -> bool:
        """Whether the person waits for an answer: one that is partly done was answered so far."""
        return self.closed_at is None and self.partly_at is None

    @property
    def latest(self) -> datetime:
        """The last thing that happened."""
        return max(self._moments())

    @property
    def next_step(self) -> str:
        """What has to be done now, for whoever keeps the register."""
        if self.state is State.RECEIVED and self.right.copies:
            return "await the export, or start it again" if self.begun_at else "start the export"
        if self.state is State.RECEIVED and self.right is Right.COMPLAINT:
            return "answer it, and record that: privacy request answer"
        if self.state is State.RECEIVED and self.right is Right.CLIENT_END:
            return "none: start_requests tells the client that the erasure is open"
        if self.state is State.RECEIVED:
            return "prove the identity" if self.right in _ON_PROOF else f"start {self.right.pipeline}"
        if self.state is State.PROVEN and not self.right.copies:
            return f"approve the plan of {self.right.pipeline}" if self.begun_at else f"start {self.right.pipeline}"
        return {
            State.UNDECIDED: "decide whose it is",
            State.SEALED: "prove the identity",
            State.PROVEN: "release",
            State.PARTLY_DONE: "none: the rest is done when its condition is met",
            State.ACTED: "tell the person",
            State.ANSWERED: "none",
            State.RELEASED: "deliver it: privacy request deliver",
            State.REFUSED: "none",
        }[self.state]

    def contradiction(self) -> str:
        """What cannot be true about these dates; empty when they fit together."""
        if any(m < self.received_at for m in self._moments()):
            return "something happened before the request arrived"
        if self.refused_at and (self.released_at or self.answered_at or self.acted_at or self.partly_at):
            return "both granted and refused"
        if self.right.copies and (self.partly_at or self.acted_at or self.answered_at):
            return "a copy that was acted upon"
        if not self.right.copies and (self.sealed_at or self.released_at or self.reviewed_at):
            return "a copy of what asks for none"
        if self.right in _ON_PROOF and (self.partly_at or self.acted_at) and not self.proven_at:
            return "done without proof"
        if self.lifted_at and (self.right not in LASTING or not self.acted_at or self.lifted_at < self.acted_at):
            return "lifted what was not stopped"
        if self.answered_at and not self.acted_at:
            return "answered before it was done"
        proven = self.proven_at if self.right in _ON_PROOF else None
        if self.acted_at and any(m and self.acted_at < m for m in (self.partly_at, proven)):
            return "done before it was proven or partly done"
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
        found: list[datetime | None] = [getattr(self, name) for name in MOMENTS]
        return [m for m in found if m is not None]


MOMENTS = tuple(f.name for f in fields(Dates) if f.name != "right")
"""What of :class:`Dates` is a moment, in the order of the table's columns."""


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
    if step is Step.LIFT:
        return _lifted(dates, at, number)
    if step is Step.WRITE:
        return dates
    if step is Step.DELIVER:
        _may_deliver(dates, number)
        return dates
    if dates.state is State.RELEASED:
        raise Refused("request.released", "The request is answered: its bundle was released.", where=number)
    if dates.state is State.REFUSED:
        raise Refused(
            "request.refused", "The request was refused.", where=number, advice="If it is renewed, register it anew."
        )
    if dates.state is State.ANSWERED:
        raise Refused("request.answered", "The request is answered: what was asked for is done.", where=number)
    if step in (Step.SEAL, Step.REVIEW, Step.RELEASE) and not dates.right.copies:
        raise Refused("request.no_copy", "The request does not ask for a copy of the data.", where=number)
    if step in (Step.ACT_PARTLY, Step.ACT, Step.ANSWER):
        return _acted(dates, step, at, number)
    match step:
        case Step.BEGIN:
            return dates if dates.begun_at else replace(dates, begun_at=at)
        case Step.INQUIRE:
            return dates
        case Step.CORRECT:
            return _corrected(dates, number)
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
        case Step.REVIEW:
            if not dates.sealed_at:
                raise _not_sealed(number)
            return dates if dates.reviewed_at else replace(dates, reviewed_at=at)
        case Step.RELEASE:
            _may_release(dates, number)
            return replace(dates, released_at=at)
        case Step.REFUSE:
            _not_acted(dates, number)
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
    _not_acted(dates, number)
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
        raise _not_sealed(number)


def _may_deliver(dates: Dates, number: str) -> None:
    if not dates.right.copies:
        raise Refused("request.no_copy", "The request does not ask for a copy of the data.", where=number)
    if not dates.released_at:
        raise Refused(
            "request.not_released", "The bundle is not released.", where=number,
            advice=f"Next: {dates.next_step}.",
        )  # fmt: skip


def _not_sealed(number: str) -> Refused:
    return Refused("request.not_sealed", "There is no sealed bundle yet.", where=number, advice="Run the export first.")


def _not_acted(dates: Dates, number: str) -> None:
    if dates.partly_at or dates.acted_at:
        raise Refused(
            "request.acted", "What was asked for is done, or partly done.", where=number,
            advice="Answer it: privacy request show.",
        )  # fmt: skip


def _lifted(dates: Dates, at: datetime, number: str) -> Dates:
    """Also of what is answered: a restriction lasts until then."""
    if dates.right not in LASTING:
        raise Refused("request.nothing_to_lift", "The request asks for nothing that could be lifted.", where=number)
    if dates.refused_at or not dates.acted_at:
        raise Refused(
            "request.nothing_to_lift", "Nothing is stopped for good on this request.", where=number,
            advice="If it is withdrawn before it is decided, refuse it on that ground.",
        )  # fmt: skip
    if dates.lifted_at:
        raise Refused("request.lifted", "It was lifted before.", where=number)
    return replace(dates, lifted_at=at)


def _corrected(dates: Dates, number: str) -> Dates:
    if dates.right is not Right.RECTIFICATION:
        raise Refused(
            "rectify.other_right", f"The request asks for {dates.right.value}, not for rectification.", where=number,
            advice="Register the wish to have something corrected: privacy request new --right rectification.",
        )  # fmt: skip
    _not_acted(dates, number)
    return dates


def _acted(dates: Dates, step: Step, at: datetime, number: str) -> Dates:
    """The steps of what asks for no copy."""
    if dates.right.copies:
        raise Refused("request.copy", "The request asks for a copy: release it, or refuse it.", where=number)
    if step is Step.ANSWER:
        if not dates.acted_at:
            raise Refused(
                "request.not_done", "What was asked for is not done yet.", where=number,
                advice=f"Start {dates.right.pipeline} with the request's number." if dates.right.pipeline else "",
            )  # fmt: skip
        return replace(dates, answered_at=at)
    _decided(dates, number)
    if dates.right in _ON_PROOF and not dates.proven_at:
        raise Refused(
            "request.not_proven", "The identity is not proven.", where=number,
            advice="Record what was seen first: privacy request prove.",
        )  # fmt: skip
    if step is Step.ACT:
        return dates if dates.acted_at else replace(dates, acted_at=at)
    if dates.acted_at:
        raise Refused("request.acted", "All of it is done.", where=number)
    return dates if dates.partly_at else replace(dates, partly_at=at)
