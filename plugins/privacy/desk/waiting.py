"""The requests that are open, by the index of open ones, and the restrictions that stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import Tampered
from privacy.ledger.tables import DATES
from privacy.ledger.tables import request_register as table
from privacy.rights.rows import Request, dates_of, is_forgotten
from privacy.rights.states import Right, State, answer_by

if TYPE_CHECKING:
    from privacy.rights.house import House

MOST = 5_000
"""So many open requests are looked at, the oldest first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """:param requests: open ones, the oldest first. :param broken: numbers of rows that cannot be read.

    :param standing: restrictions that were granted and not lifted. :param cut: there are more open ones.
    :param by_state: the open ones.
    """

    requests: tuple[Request, ...]
    broken: tuple[str, ...]
    standing: tuple[Request, ...]
    cut: bool

    by_state: dict[State, list[Request]]

    def of(self, state: State) -> list[Request]:
        """Those in one state."""
        return self.by_state.get(state, [])


def waiting(house: House) -> Waiting:
    """What is open now."""
    with translated("register"), reading(house.engine).connect() as connection:
        rows = connection.execute(open_query()).all()
        standing = connection.execute(standing_query()).all()
    found, broken = _read(rows[:MOST], house.policy.zone)
    stand, more = _read(standing, house.policy.zone)
    states: dict[State, list[Request]] = {}
    for one in found:
        states.setdefault(one.state, []).append(one)
    return Waiting(tuple(found), (*broken, *more), tuple(stand), len(rows) > MOST, states)


def open_query() -> sa.Select[Any]:
    """Open requests, as the partial index has them."""
    c = table.c
    closed = (c.released_at, c.answered_at, c.refused_at)
    query = _columns().where(*(column.is_(None) for column in closed))
    return query.order_by(c.received_at, c.number).limit(MOST + 1)


def standing_query() -> sa.Select[Any]:
    """Restrictions that are answered and not lifted: those that are open still are among the others."""
    c = table.c
    return _columns().where(
        c.right_ == Right.RESTRICTION.value, c.acted_at.is_not(None), c.lifted_at.is_(None), c.answered_at.is_not(None)
    ).order_by(c.received_at, c.number).limit(MOST)  # fmt: skip


def _columns() -> sa.Select[Any]:
    # Whether they are there suffices: what is sealed is not even read.
    sealed = [sa.case((table.c[name].is_not(None), sa.literal("x"))).label(name) for name in ("key", "payload")]
    return sa.select(*(table.c[name] for name in ("number", "right_", *DATES, "run")), *sealed)


def _read(rows: Any, zone: str) -> tuple[list[Request], list[str]]:
    found, broken = list[Request](), list[str]()
    for row in rows:
        try:
            dates = dates_of(row)
            found.append(Request(row.number, dates.right, dates, answer_by(dates, zone), row.run, is_forgotten(row)))
        except (Tampered, OverflowError):
            broken.append(str(row.number))
    return found, broken
