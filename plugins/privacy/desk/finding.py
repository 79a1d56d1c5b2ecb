"""Finding requests: filters and pages by keyset, each by an index of migration 0011."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy import numbers
from privacy.database import reading, translated
from privacy.errors import BadInput, Tampered
from privacy.ledger.tables import DATES, ledger
from privacy.ledger.tables import request_register as table
from privacy.rights.answering import DELIVERED
from privacy.rights.deadlines import SOON
from privacy.rights.house import House
from privacy.rights.rows import Request, dates_of, is_forgotten, written
from privacy.rights.states import Right, State, answer_by, due, extended

PAGE = 50
"""Requests on one page."""

_COPIES = [right.value for right in Right if right.copies]
_OPEN = (table.c.released_at.is_(None), table.c.answered_at.is_(None), table.c.refused_at.is_(None))
"""As the index of open requests has it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of requests, the latest first. :param broken: numbers of rows that cannot be read.

    :param after: where the next page begins; empty: there is none.
    """

    requests: tuple[Request, ...]
    broken: tuple[str, ...]
    after: str


def find(
    house: House, *, state: State | None = None, right: Right | None = None, overdue: bool = False, soon: bool = False,
    after: str = "",
) -> Found:  # fmt: skip
    """Requests by filters.

    :param overdue: those whose answer should have been given before today. :param soon: also those that are due within
        seven days. :param after: of the page before.
    :raises BadInput: ``desk.cursor``, ``request.number``.
    """
    late_by = None
    if overdue or soon:
        # By the local calendar: on the day when clocks change, so many times 24 hours may end a day early.
        late_by = house.clock.now().astimezone(ZoneInfo(house.policy.zone))
        late_by += timedelta(days=0 if overdue else SOON + 1)
    chosen = query(state, right, late_by, house.policy.zone, after)
    with translated("register"), reading(house.engine).connect() as connection:
        rows = connection.execute(chosen).all()
    requests, broken = [], []
    for row in rows[:PAGE]:
        try:
            requests.append(_request(row, house.policy.zone))
        except Tampered:
            broken.append(str(row.number))
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Found(tuple(requests), tuple(broken), "" if last is None else f"{last.received_at}|{last.number}")


def handed_over(house: House, requests: Sequence[Request]) -> frozenset[str]:
    """The numbers of those whose copy was released and handed over, as the ledger says."""
    numbers = [one.number for one in requests if one.state is State.RELEASED]
    if not numbers:
        return frozenset()
    # By the request's index alone: of a kind there are many more.
    chosen = sa.select(ledger.c.request, ledger.c.kind).where(ledger.c.request.in_(numbers))
    with translated("ledger"), reading(house.engine).connect() as connection:
        return frozenset(str(row.request) for row in connection.execute(chosen) if row.kind == DELIVERED)


def query(state: State | None, right: Right | None, now: datetime | None, zone: str, after: str = "") -> sa.Select[Any]:
    """The question to the register. :param now: only what is overdue then (aware); None: all."""
    # Whether they are there suffices: what is sealed is not even read.
    sealed = [sa.case((table.c[name].is_not(None), sa.literal("x"))).label(name) for name in ("key", "payload")]
    columns = [table.c[name] for name in ("number", "right_", *DATES, "run")]
    chosen = sa.select(*columns, *sealed).order_by(table.c.received_at.desc(), table.c.number.desc()).limit(PAGE + 1)
    if state is not None:
        chosen = chosen.where(*in_state(state))
    if right is not None:
        chosen = chosen.where(table.c.right_ == right.value)
    if now is not None:
        chosen = chosen.where(*_OPEN, table.c.partly_at.is_(None), _late(now, zone))
    if after:
        at, _, number = after.partition("|")
        chosen = chosen.where(sa.tuple_(table.c.received_at, table.c.number) < (_instant(at), numbers.check(number)))
    return chosen


def in_state(state: State) -> list[sa.ColumnElement[bool]]:
    """What :attr:`privacy.rights.states.Dates.state` says, for the database; a test holds the two together."""
    c = table.c
    copies = c.right_.in_(_COPIES)
    if state is State.REFUSED:
        return [c.refused_at.is_not(None)]
    if state is State.RELEASED:
        return [c.released_at.is_not(None), c.refused_at.is_(None)]
    if state is State.ANSWERED:
        return [c.answered_at.is_not(None), c.released_at.is_(None), c.refused_at.is_(None)]
    acted, partly, sealed = c.acted_at.is_not(None), c.partly_at.is_not(None), c.sealed_at.is_not(None)
    if state is State.ACTED:
        return [*_OPEN, acted]
    if state is State.PARTLY_DONE:
        return [*_OPEN, ~acted, partly]
    undone = [*_OPEN, ~acted, ~partly]
    proven, undecided = c.proven_at.is_not(None), c.undecided_at.is_not(None)
    if state is State.SEALED:
        return [*undone, sealed, ~proven]
    if state is State.PROVEN:
        return [*undone, proven, sa.or_(sealed, sa.and_(~copies, ~undecided))]
    if state is State.UNDECIDED:
        return [*undone, ~sealed, undecided]
    return [*undone, ~sealed, ~undecided, sa.or_(copies, ~proven)]


def _late(now: datetime, zone: str) -> sa.ColumnElement[bool]:
    """Arrived so early that the last day for the answer is over: both terms grow with the day of arrival."""
    today, here = now.astimezone(ZoneInfo(zone)).date(), ZoneInfo(zone)

    def before(months: int) -> str:
        day = today - timedelta(days=31 * months + 3)
        while _last_day(day, zone, longer=months > 1) < today:
            day += timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=here)
        return str(written(midnight.astimezone(UTC)))

    first, longer = before(1), before(3)
    return sa.or_(
        sa.and_(table.c.extended_at.is_(None), table.c.received_at < first),
        sa.and_(table.c.extended_at.is_not(None), table.c.received_at < longer),
    )


def _last_day(arrived: date, zone: str, *, longer: bool) -> date:
    noon = datetime(arrived.year, arrived.month, arrived.day, 12, tzinfo=ZoneInfo(zone))
    first = due(noon, zone)
    return extended(first) if longer else first


def _instant(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
        return str(written(at if at.tzinfo else at.replace(tzinfo=UTC)))
    except (ValueError, OverflowError):
        raise BadInput("desk.cursor", "There is no such page.", advice="Begin with the first one.") from None


def _request(row: sa.Row[Any], zone: str) -> Request:
    dates = dates_of(row)
    try:
        return Request(row.number, dates.right, dates, answer_by(dates, zone), row.run, is_forgotten(row))
    except OverflowError:
        raise Tampered("request.altered", "A row of the register is not what was recorded.", where=row.number) from None
