"""What is near its deadline, or past it: answers to requests (R-30D) and of processors, approvals, runs that fail.

Of a request it is told 7 and 2 days before, on the day, and after: each time once in the ledger and in a letter to the
controller, which names the others too. A day is a local date of the policy's zone; no identity check pauses the term.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from privacy.errors import BadConfiguration, PrivacyError, Tampered
from privacy.letters import Letter, outbox, written
from privacy.plans import APPROVED, ASKED, REFUSED, UNANSWERED
from privacy.plans.approval import Answers
from privacy.rights.attempts import failing
from privacy.rights.deliveries import State as Answer
from privacy.rights.letter_kinds import Kind as Letters
from privacy.rights.notices import Notices, unconfirmed_settings
from privacy.rights.payload import Ground
from privacy.rights.states import State
from privacy.rights.undecided import undecided

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request

TOLD = "deadline.told"
"""Of the ledger: a request reached a level; ``reason`` is the level and the last day that it is about."""

TEMPLATE = "deadlines"

SOON, NEAR = 7, 2
"""Days before a deadline at which it is told of."""

PROCESSORS_ANSWER = timedelta(days=14)
"""A processor that was asked so long ago and has not delivered is silent: half of the term is gone."""


class Level(StrEnum):
    """How near a deadline is."""

    SOON = "soon"
    """At most 7 days are left."""
    NEAR = "near"
    """At most 2 days are left."""
    TODAY = "today"
    LATE = "late"
    """It has passed."""


class Kind(StrEnum):
    """Who is waited for."""

    REQUEST = "request"
    """Us: the person waits for an answer."""
    PROCESSOR = "processor"
    """A processor that was asked what it holds."""
    NOTICE = "notice"
    """A processor that was told of an erasure, rectification or restriction, and has not confirmed."""
    SETTING = "setting"
    """Somebody who looks each year that a processor's setting against further use still stands (GA-NOSHARE)."""
    APPROVAL = "approval"
    """An operator who was asked whether a purge may delete."""
    DECISION = "decision"
    """Staff: records whose term begins with their decision, and who have taken none (an application)."""
    RUN = "run"
    """Somebody who looks why the pipeline of a request fails: it is tried again by itself."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that somebody has to do by a day. Numbers and names of rules and processors only: nothing personal.

    :param about: a request's number; of a purge's approval the rule.
    :param due: the last local date; None: no date is set, it should not wait.
    :param days: that are left; negative: so many have passed.
    :param waits_for: the processor, or the next step. :param advice: the command, or where to look.
    """

    kind: Kind
    about: str
    level: Level
    due: date | None
    days: int
    waits_for: str
    advice: str

    @property
    def when(self) -> str:
        """In words."""
        if self.due is None:
            return f"waits for {-self.days} days"
        if self.days == 0:
            return f"due today, {self.due}"
        days = f"{abs(self.days)} day{'' if abs(self.days) == 1 else 's'}"
        return f"due {self.due}, {days} {'left' if self.days > 0 else 'late'}"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"kind": self.kind.value, "about": self.about, "level": self.level.value,
            "due": None if self.due is None else self.due.isoformat(), "days": self.days,
            "waits_for": self.waits_for, "advice": self.advice}  # fmt: skip


def level(days: int) -> Level | None:
    """How near a deadline is with so many days left; None: it need not be told of yet."""
    if days < 0:
        return Level.LATE
    if days == 0:
        return Level.TODAY
    if days <= NEAR:
        return Level.NEAR
    return Level.SOON if days <= SOON else None


def deadlines(house: House, now: datetime, broken: list[Tampered] | None = None) -> list[Deadline]:
    """What has to be done soon, the most urgent first. Changes nothing.

    :param now: aware. :param broken: gets the errors of rows of the register that cannot be read, whose deadline
        nobody knows; without it the first of them is raised.
    """
    today = now.astimezone(ZoneInfo(house.policy.zone)).date()
    found: list[Deadline] = []
    for request in house.register.list(broken=broken):
        if request.dates.awaited or _undelivered(house, request, broken):
            found += _of_request(request, today)
            found += _of_processors(house, request, now, today)
        elif _untold(house, request, broken):
            found += _of_request(request, today, "tell the person")
    found += _of_approvals(house, now)
    found += _of_runs(house)
    found += _of_notices(house, now, today)
    found += _of_decisions(house, now)
    order = list(Level)
    return sorted(found, key=lambda one: (-order.index(one.level), one.days, one.kind, one.about))


def watch(house: House, *, actor: str) -> list[Deadline]:
    """Tell what was not told yet: by letter to the controller, and in the ledger. Safe to repeat.

    :returns: all that there is, told before or not.
    :raises BadConfiguration: ``letters.*``: nothing stands in the ledger, so the next time tells it.
    :raises Tampered: ``request.*``: a row of the register cannot be read; what the others say was told.
    """
    now, broken = house.clock.now(), list[Tampered]()
    # What cannot be sent is among what is told: it needs somebody.
    Notices(house).send(actor=actor)
    found = deadlines(house, now, broken)
    new = [one for one in found if one.kind in _TOLD_OF and not _told(house, one)]
    if new:
        # First the letter: what the ledger says was told, was told. Dying in between tells it twice.
        _write(house, found, now)
        for one in new:
            number, reason = _telling(one)
            house.ledger.event(TOLD, actor=actor, request=number, reason=reason)
    if broken:
        raise broken[0]
    return found


def _opened(house: House, request: Request, broken: list[Tampered] | None) -> Payload | None:
    """What a request says; None: it was altered, which goes to ``broken``. :raises Tampered: there is no such list."""
    try:
        return house.register.open(request.number)
    except Tampered as problem:
        if broken is None:
            raise
        broken.append(problem)
        return None


def _undelivered(house: House, request: Request, broken: list[Tampered] | None) -> bool:
    """Whether a copy was released and nobody has handed it over: the person still waits."""
    if request.state is not State.RELEASED or request.forgotten:
        return False
    payload = _opened(house, request, broken)
    if payload is None:
        return False
    gone = payload.bundle is None or payload.bundle.purged_at is not None
    return not gone and (payload.delivery is None or payload.delivery.delivered_at is None)


def _untold(house: House, request: Request, broken: list[Tampered] | None) -> bool:
    """Whether it was refused, or done in part, and no letter has gone out: that is no answer yet.

    Whoever withdraws a request waits for none.
    """
    refused, partly = request.state is State.REFUSED, request.state is State.PARTLY_DONE
    if not (refused or partly) or request.forgotten:
        return False
    payload = _opened(house, request, broken)
    if payload is None:
        return False
    if payload.refusal is not None and payload.refusal.ground is Ground.WITHDRAWN:
        return False
    kinds = REFUSALS if refused else {request.right.value}
    return not any(stub.kind in kinds for stub in payload.letters)


def _of_request(request: Request, today: date, step: str = "") -> Iterator[Deadline]:
    days = (request.due - today).days
    if (near := level(days)) is not None:
        advice = f"privacy request show {request.number}"
        yield Deadline(Kind.REQUEST, request.number, near, request.due, days, step or request.dates.next_step, advice)


def _of_processors(house: House, request: Request, now: datetime, today: date) -> Iterator[Deadline]:
    try:
        answers = list(house.deliveries.of(request.number))
    except BadConfiguration:
        return  # A data map that does not load is told of by whatever else reads it, and hides no request.
    days = (request.due - today).days
    for answer in answers:
        if answer.state not in (Answer.AWAITED, Answer.INCOMPLETE) or answer.asked_at is None:
            continue
        near = level(days)
        if near is None and now - answer.asked_at < PROCESSORS_ANSWER:
            continue
        advice = f"Remind {answer.processor}: {answer.dataset} of {request.number} is {answer.state.value}."
        yield Deadline(
            Kind.PROCESSOR, request.number, near or Level.SOON, request.due, days, answer.processor, advice
        )  # fmt: skip


def _of_approvals(house: House, now: datetime) -> Iterator[Deadline]:
    kinds = [(ASKED, (APPROVED, REFUSED, UNANSWERED))]
    kinds += [(one.asked, (one.approved, one.refused, one.unanswered)) for one in map(Answers, ("erasure", "rectify"))]
    for asked in (asked for kind, answers in kinds for asked in house.ledger.archive.open_questions(kind, answers)):
        waited = (now - datetime.fromisoformat(asked["at"])).days
        rule = str(asked.get("rule") or asked.get("request") or "")
        yield Deadline(
            Kind.APPROVAL, rule, Level.SOON if waited < 1 else Level.NEAR, None, -waited, "an operator's answer",
            "Answer it in Airflow, among the required actions.",
        )  # fmt: skip


def _of_runs(house: House) -> Iterator[Deadline]:
    for request, tried in failing(house):
        yield Deadline(
            Kind.RUN, request.number, Level.NEAR, None, -tried.days(house.clock.now()),
            f"{request.right.pipeline}: {tried.failed}", f"privacy ledger show --request {request.number}",
        )  # fmt: skip


def _of_notices(house: House, now: datetime, today: date) -> Iterator[Deadline]:
    for notice in Notices(house).silent(now):
        waited = (now - (notice.sent_at or notice.made_at)).days
        how = "not sent yet; watch_deadlines sends it each day" if notice.sent_at is None else notice.state.value
        advice = f"{notice.processor}: {how}. When it confirms: privacy notices confirm {notice.id}"
        yield Deadline(Kind.NOTICE, notice.request, Level.NEAR, None, -waited, notice.processor, advice)
    try:
        settings = unconfirmed_settings(house, today)
    except BadConfiguration:
        return
    for processor, since in settings.items():
        days = (today - since).days - 365
        advice = "Look that the setting still stands, and write the day into policy/processors.yaml (`confirmed`)."
        yield Deadline(Kind.SETTING, processor, Level.NEAR, None, -days, "the privacy officer", advice)


def _of_decisions(house: House, now: datetime) -> Iterator[Deadline]:
    try:
        found = list(undecided(house, now))
    except PrivacyError:
        return  # A store or data map that cannot be read is told of by its own runs, and hides no request.
    for one in found:
        late = (now - one.since).days
        owner = house.datamap[one.dataset].dataset.owner
        yield Deadline(
            Kind.DECISION, one.dataset, Level.LATE, None, -late, owner,
            f"{one.records} records wait for a decision; the first should have had it {late} days ago.",
        )  # fmt: skip


REFUSALS = frozenset({Letters.REFUSAL.value, Letters.OBJECTION_REJECTED.value})
"""The letters by which a person is told that a request is refused."""

_TOLD_OF = (Kind.REQUEST, Kind.NOTICE, Kind.SETTING, Kind.DECISION)
"""What is a reason for a letter of its own: a request each time that it gets nearer, the others once a week."""


def _telling(one: Deadline) -> tuple[str | None, str]:
    """How the ledger says that it was told: of which request, and the reason."""
    if one.kind is Kind.REQUEST:
        return one.about, f"{one.level.value} {one.due}"
    if one.kind is Kind.NOTICE:
        return one.about, f"notice {one.waits_for} week {-one.days // 7}"
    return None, f"{one.kind.value} {one.about} week {-one.days // 7}"


def _told(house: House, one: Deadline) -> bool:
    number, reason = _telling(one)
    return any(e.entry.get("reason") == reason for e in house.ledger.entries(request=number, kind=TOLD))


def _write(house: House, found: list[Deadline], now: datetime) -> None:
    policy = house.policy
    values = {"deadlines": found, "policy": policy}
    subject, text = written(house.settings.home, TEMPLATE, policy.language, values)
    letter = Letter(f"{TEMPLATE}-{now:%Y%m%dT%H%M%SZ}", policy.contact.email, subject, text, now)
    outbox(house.connections, house.settings.state, policy.contact).send(letter)
