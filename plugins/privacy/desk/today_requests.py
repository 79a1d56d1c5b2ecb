"""Lines about requests: what waits for somebody, what fails, what goes on by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.desk.waiting import Waiting
from privacy.errors import PrivacyError
from privacy.ledger.runs import written
from privacy.ledger.tables import ledger
from privacy.rights.answering import DELIVERED
from privacy.rights.attempts import tried_of, wanted
from privacy.rights.deadlines import Level, level
from privacy.rights.letter_kinds import Kind
from privacy.rights.rows import Request
from privacy.rights.states import Right, State

if TYPE_CHECKING:
    from privacy.rights.house import House

SHOWN = 10
"""Lines of one kind on the page; of the others it says how many there are."""

BUNDLE_STAYS = timedelta(days=30)
"""So far back a copy that was released and not handed over is looked for: later its bundle is gone."""

REFUSED_LATELY, REFUSALS = timedelta(days=60), 50
"""So far back, and at most so many refusals, are looked at for their letter."""

TOLD_WHY = (Kind.REFUSAL.value, Kind.OBJECTION_REJECTED.value)

Urgency = Literal["red", "amber", "plain"]


@dataclass(frozen=True, slots=True)
class Line:
    """Something on the page.

    :param urgency: ``red``: late, or a promise is broken; ``amber``: somebody has to do something; ``plain``: to know.
    :param what: a sentence or two. :param since: when it began (aware). :param by: the last local day for it.
    :param href: where it is done, without what stands before every path of the desk; of Airflow with ``airflow:``.
    :param link: what that link says.
    """

    urgency: Urgency
    what: str
    since: datetime | None = None
    by: date | None = None
    href: str = ""
    link: str = ""


def line_of(one: Request, urgency: Urgency, what: str, since: datetime | None = None) -> Line:
    """A line about a request, with its page. :param since: by default when it arrived."""
    right = one.right.value.replace("_", " ")
    said = f"{one.number} ({right}): {what}"
    return Line(urgency, said, since or one.dates.received_at, one.due, f"requests/{one.number}", "Open it")


def due(found: Waiting, today: date) -> list[Line]:
    """Answers that are late or due within seven days (R-30D), the latest first. :param today: the local date."""
    lines = []
    for one in found.requests:
        days = (one.due - today).days
        if not one.dates.awaited or (near := level(days)) is None:
            continue
        count = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
        said = f"{count} late" if days < 0 else "due today" if days == 0 else f"{count} left"
        urgency: Urgency = "red" if near in (Level.LATE, Level.TODAY) else "amber"
        lines.append((days, line_of(one, urgency, f"{said}. Next: {one.dates.next_step}.")))
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])]


def in_state(found: Waiting, state: State) -> list[Line]:
    """What waits for a decision whose it is, or for the person to be told."""
    since = {State.UNDECIDED: "undecided_at", State.ACTED: "acted_at"}[state]
    said = {
        State.UNDECIDED: "it fits more than one person. Decide whose it is; nothing is exported or erased before.",
        State.ACTED: "it is done, and the person was not told yet.",
    }[state]
    return [line_of(one, "amber", said, getattr(one.dates, since)) for one in found.of(state)]


def to_decide(found: Waiting) -> list[Line]:
    """Objections that nobody has weighed yet, and complaints that nobody has answered: no run does that."""
    said = {
        Right.OBJECTION: "what it objects to is stopped; uphold the objection, or reject it.",
        Right.COMPLAINT: "answer it, and say there that you did.",
    }
    waits = [*found.of(State.RECEIVED), *found.of(State.PROVEN)]
    return [
        line_of(one, "amber", said[one.right]) for one in waits
        if one.right in said and (one.right is Right.COMPLAINT or one.dates.begun_at is not None)
    ]  # fmt: skip


def untold(house: House, now: datetime) -> Iterator[Line]:
    """Requests that were refused, and the person was not told why (art. 12(4) GDPR)."""
    since = written(now - REFUSED_LATELY)
    query = sa.select(ledger.c.request, ledger.c.at).where(ledger.c.kind == "request.refused", ledger.c.at >= since)
    with translated("ledger"), reading(house.engine).connect() as connection:
        refused = sorted(((row.at, row.request) for row in connection.execute(query)), reverse=True)[:REFUSALS]
        # By the request's index alone: of a kind there are many more.
        letters = sa.select(ledger.c.request, ledger.c.kind, ledger.c.entry).where(
            ledger.c.request.in_([number for _, number in refused])
        )  # fmt: skip
        rows = connection.execute(letters).all() if refused else []
    told = {
        row.request for row in rows if row.kind == "letter.sent" and json.loads(row.entry).get("ground") in TOLD_WHY
    }
    for at, number in reversed(refused):
        if number not in told:
            said = f"{number}: it was refused, and the person was not told why. Send the letter."
            yield Line("amber", said, datetime.fromisoformat(at), None, f"requests/{number}", "Open it")


def unproven(found: Waiting) -> list[Line]:
    """Copies that are sealed, and what changes records for good: both wait for the proof of who asks."""
    sealed = [line_of(one, "amber", "its copy is sealed; prove who asks.", one.dates.sealed_at)
        for one in found.of(State.SEALED)]  # fmt: skip
    return sealed + [
        line_of(one, "amber", "prove who asks; nothing is changed before.") for one in found.of(State.RECEIVED)
        if one.dates.next_step == "prove the identity"
    ]  # fmt: skip


def to_release(found: Waiting) -> list[Line]:
    """Copies that are sealed, of people who have proven who they are."""
    return [
        line_of(one, "amber", "look at what it withholds, then release it.", one.dates.proven_at)
        for one in found.of(State.PROVEN) if one.right.copies
    ]  # fmt: skip


def partly(house: House, found: Waiting) -> Iterator[Line]:
    """Erasures that are done but for what waits for a condition, and when the last of it is expected."""
    for at, one in enumerate(found.of(State.PARTLY_DONE)):
        said = "what may go is gone; the rest goes when its condition is met."
        if at < SHOWN:
            try:
                act = house.register.open(one.number).partly
            except PrivacyError:
                act = None  # What does not open is told of by the verification.
            said = said if act is None or act.until is None else f"{said} The last of it is expected by {act.until}."
        yield line_of(one, "plain", f"{said} Nothing to do: it goes on each night.", one.dates.partly_at)


def failing(house: House, found: Waiting, now: datetime) -> Iterator[Line]:
    """Requests that wait for their pipeline, and whose last run failed; looked for among what failed lately."""
    since = written(now - timedelta(days=45))
    other = ledger.alias("begun")
    both = sa.and_(other.c.run == ledger.c.run, other.c.kind == "run.begun")
    query = sa.select(other.c.request).select_from(ledger.join(other, both)).where(
        ledger.c.status.in_(("failed", "stopped")), ledger.c.kind == "run.ended", ledger.c.at >= since,
        other.c.request.is_not(None),
    )  # fmt: skip
    with translated("ledger"), reading(house.engine).connect() as connection:
        numbers = {str(number) for number in connection.execute(query).scalars()}
    for one in found.requests:
        if one.number in numbers and one.right.pipeline is not None and wanted(one):
            tried = tried_of(house, one.number)
            if tried.failed:
                said = f"{one.right.pipeline} has failed ({tried.failed}). Look why, and start it again."
                yield line_of(one, "amber", said, tried.last)


def undelivered(house: House, now: datetime) -> Iterator[Line]:
    """Copies that were released, and nobody has handed over: the person still waits."""
    since = written(now - BUNDLE_STAYS)
    query = sa.select(ledger.c.request, ledger.c.at, ledger.c.kind).where(
        ledger.c.kind.in_(("request.released", DELIVERED, "request.bundle_purged")), ledger.c.at >= since
    )  # fmt: skip
    with translated("ledger"), reading(house.engine).connect() as connection:
        rows = connection.execute(query).all()
    over = {row.request for row in rows if row.kind != "request.released"}
    for row in sorted(rows, key=lambda row: str(row.at)):
        if row.kind == "request.released" and row.request not in over:
            yield Line("amber", f"{row.request}: its copy is released, and was not handed over yet.",
                datetime.fromisoformat(row.at), None, f"requests/{row.request}", "Open it")  # fmt: skip
