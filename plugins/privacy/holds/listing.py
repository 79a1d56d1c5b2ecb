"""The holds in force that somebody placed, page by page, for people to look at; those of open requests are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import BadInput, Tampered
from privacy.holds.models import Hold, HoldKind
from privacy.holds.rows import hold_of
from privacy.keys import MasterKey
from privacy.ledger.tables import holds as table

PAGE = 50
"""Holds on one page."""

MANY = 10_000
"""Beyond so many holds of requests are not counted one by one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of holds, the latest first.

    :param broken: ids of rows that are not what was placed; nothing is deleted while there are any.
    :param after: where the next page begins; empty: there is none.
    """

    holds: tuple[Hold, ...]
    broken: tuple[str, ...]
    after: str


def listed(engine: sa.Engine, master: MasterKey, after: str = "") -> Listed:
    """The holds in force but those of open requests. :raises BadInput: ``hold.page``."""
    with translated("holds"), reading(engine).connect() as connection:
        rows = connection.execute(query(after)).all()
    key, found, broken = master.derive("holds"), list[Hold](), list[str]()
    for row in rows[:PAGE]:
        try:
            found.append(hold_of(row, key))
        except Tampered:
            broken.append(str(row.id))
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Listed(tuple(found), tuple(broken), "" if last is None else f"{last.placed_at}|{last.id}")


def query(after: str = "") -> sa.Select[Any]:
    """The question to the table, as its index ``holds_placed`` answers it."""
    chosen = sa.select(table).where(table.c.released_at.is_(None), table.c.kind != sa.literal_column("'request'"))
    if after:
        at, _, id = after.partition("|")
        try:
            datetime.fromisoformat(at)
        except ValueError:
            raise BadInput("hold.page", "There is no such page.", advice="Begin with the first one.") from None
        chosen = chosen.where(sa.tuple_(table.c.placed_at, table.c.id) < (at, id))
    return chosen.order_by(table.c.placed_at.desc(), table.c.id.desc()).limit(PAGE + 1)


def of_requests(engine: sa.Engine) -> int:
    """How many holds open requests have; at most :data:`MANY`, which then means so many or more."""
    some = (
        sa.select(sa.literal(1))
        .where(table.c.released_at.is_(None), table.c.kind == HoldKind.REQUEST.value)
        .limit(MANY)
        .subquery()
    )
    with translated("holds"), reading(engine).connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())
