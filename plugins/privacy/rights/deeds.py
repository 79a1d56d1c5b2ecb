"""What a person can do to a request now, and what of it comes next: for whoever works with the register.

What the state does not allow is not offered: each deed is a :class:`privacy.rights.states.Step`, and
:func:`privacy.rights.states.after` is asked. What is offered and then refused was changed by somebody else meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from privacy.errors import PrivacyError, Refused
from privacy.rights.letter_kinds import BY_HAND, Kind
from privacy.rights.lifting import may_refuse
from privacy.rights.payload import Ground, Payload
from privacy.rights.proof import check_delivery, check_reviewed
from privacy.rights.states import LASTING, Dates, Right, State, Step, after, due

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request


class Deed(StrEnum):
    """What an operator does."""

    START = "start"
    """Start the DAG that does what is asked for."""
    DECIDE = "decide"
    CORRECT = "correct"
    PROVE = "prove"
    REVIEW = "review"
    RELEASE = "release"
    DELIVER = "deliver"
    UPHOLD = "uphold"
    REJECT = "reject"
    CONFIRM = "confirm"
    """Tell the person what was stopped, where the run could not."""
    TELL = "tell"
    """Tell the person what an erasure did, where the run could not."""
    SETTLE = "settle"
    """A complaint was answered, by a person."""
    LIFT = "lift"
    UNLIFT = "unlift"
    REMIND = "remind"
    LETTER = "letter"
    ASK = "ask"
    """Record that processors were asked."""
    EXTEND = "extend"
    REFUSE = "refuse"


STEPS = {
    Deed.START: Step.BEGIN, Deed.DECIDE: Step.DECIDE, Deed.CORRECT: Step.CORRECT, Deed.PROVE: Step.PROVE,
    Deed.REVIEW: Step.REVIEW, Deed.RELEASE: Step.RELEASE, Deed.DELIVER: Step.DELIVER, Deed.UPHOLD: Step.ACT,
    Deed.SETTLE: Step.ACT, Deed.LIFT: Step.LIFT, Deed.ASK: Step.INQUIRE, Deed.EXTEND: Step.EXTEND,
    Deed.REFUSE: Step.REFUSE,
}  # fmt: skip
"""The step that a deed takes; the others write a letter, which every state allows, and are narrowed below."""


def allowed(house: House, request: Request, payload: Payload | None) -> tuple[Deed, ...]:
    """What can be done to a request now, in the order of :class:`Deed`.

    :param payload: its content; None: it was forgotten, and nothing can be done any more.
    """
    if payload is None:
        return ()
    return tuple(deed for deed in Deed if _possible(house, request, payload, deed))


def following(request: Request, payload: Payload | None, there: tuple[Deed, ...]) -> Deed | None:
    """Which of what can be done comes next; None: nobody has to do anything now.

    :param there: as :func:`allowed` found.
    """
    if payload is None:
        return None
    return next((deed for deed in _wanted(request, payload) if deed in there), None)


def letters_by_hand(request: Request, payload: Payload) -> tuple[Kind, ...]:
    """The letters that a person may send now; each goes out once."""
    went, dates = {stub.kind for stub in payload.letters}, request.dates
    open_ = dates.closed_at is None
    fits = {
        Kind.RECEIPT: open_,
        Kind.IDENTITY_NEEDED: open_ and not dates.proven_at,
        Kind.COMPLAINT: open_ and request.right is Right.COMPLAINT,
        Kind.REFUSAL: dates.refused_at is not None and not _reasoned(request, payload),
    }
    return tuple(kind for kind in Kind if kind in BY_HAND and fits[kind] and kind.value not in went)


def grounds(request: Request) -> tuple[Ground, ...]:
    """On which grounds a request may be refused."""
    found = []
    for ground in Ground:
        try:
            may_refuse(request, ground)
        except PrivacyError:
            continue
        found.append(ground)
    return tuple(found)


def _wanted(request: Request, payload: Payload) -> Iterator[Deed]:
    dates, state = request.dates, request.state
    if state is State.UNDECIDED:
        yield Deed.DECIDE
    elif state is State.REFUSED:
        yield from (Deed.REJECT, Deed.LETTER)
    elif state is State.RELEASED:
        yield Deed.DELIVER
    elif state in (State.ACTED, State.PARTLY_DONE):
        yield from (Deed.TELL, Deed.CONFIRM)
    elif request.right.copies:
        if state is State.RECEIVED:
            # It goes on by itself once it has begun; a person proves meanwhile.
            yield from (Deed.PROVE, Deed.START) if dates.begun_at and not dates.proven_at else (Deed.START,)
        elif state is State.SEALED:
            yield Deed.PROVE
        elif state is State.PROVEN:
            yield from (Deed.REVIEW, Deed.RELEASE)
    elif state in (State.RECEIVED, State.PROVEN):
        if request.right is Right.RECTIFICATION and payload.correction is None:
            yield Deed.CORRECT
        if request.right in (Right.ERASURE, Right.RECTIFICATION) and not dates.proven_at:
            yield Deed.PROVE
        if request.right is Right.OBJECTION and dates.begun_at:
            yield Deed.UPHOLD
        yield from (Deed.START, Deed.SETTLE)


def _possible(house: House, request: Request, payload: Payload, deed: Deed) -> bool:
    dates, right = request.dates, request.right
    now = house.clock.now()
    if deed in STEPS:
        try:
            after(dates, STEPS[deed], now, request.number)
        except Refused:
            return False
    went = {stub.kind for stub in payload.letters}
    match deed:
        case Deed.START:
            return right.pipeline is not None
        case Deed.DECIDE:
            return payload.question is not None
        case Deed.CORRECT:
            return payload.correction is None or not payload.correction.begun
        case Deed.REVIEW:
            return payload.review is None and bool(payload.bundle and payload.bundle.left_out)
        case Deed.RELEASE:
            return _may_release(payload)
        case Deed.UPHOLD:
            stopped = bool(house.stops.active(number=request.number))
            return right is Right.OBJECTION and not dates.undecided_at and stopped
        case Deed.REJECT:
            if request.state is State.REFUSED:
                return _reasoned(request, payload) and Kind.OBJECTION_REJECTED.value not in went
            return right is Right.OBJECTION and dates.closed_at is None
        case Deed.SETTLE:
            return right is Right.COMPLAINT
        case Deed.CONFIRM:
            if right not in LASTING or right.value in went or dates.refused_at:
                return False
            return right is Right.OBJECTION or bool(dates.acted_at or dates.partly_at)
        case Deed.TELL:
            return right is Right.ERASURE and _untold(request, went)
        case Deed.LIFT:
            return payload.lifting is None
        case Deed.UNLIFT:
            return payload.lifting is not None and dates.lifted_at is None
        case Deed.REMIND:
            return right is Right.RESTRICTION and not dates.lifted_at and _a_year_ago(dates, house)
        case Deed.LETTER:
            return bool(letters_by_hand(request, payload))
        case Deed.ASK:
            return right.copies and bool(house.deliveries.refs())
        case Deed.EXTEND:
            zone = house.policy.zone
            return now.astimezone(ZoneInfo(zone)).date() <= due(dates.received_at, zone)
        case Deed.REFUSE:
            return bool(grounds(request))
        case Deed.PROVE | Deed.DELIVER:
            return True


def _may_release(payload: Payload) -> bool:
    try:
        check_delivery(payload)
        check_reviewed(payload)
    except Refused:
        return False
    return True


def _untold(request: Request, went: set[str]) -> bool:
    if request.state is State.ACTED:
        return True
    return request.state is State.PARTLY_DONE and Kind.ERASURE.value not in went


def _reasoned(request: Request, payload: Payload) -> bool:
    """An objection that was rejected in words, which the person is told."""
    said = payload.refusal is not None and bool(payload.refusal.because.strip())
    return request.right is Right.OBJECTION and request.dates.refused_at is not None and said


def _a_year_ago(dates: Dates, house: House) -> bool:
    return dates.acted_at is not None and house.clock.now() - dates.acted_at >= timedelta(days=365)
