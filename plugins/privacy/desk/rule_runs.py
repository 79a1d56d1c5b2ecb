"""Runs of a rule from the ledger for pages: the last ones, a page of them, one, and what they deleted a day.

Each question is answered by an index (``ledger_rule``, ``ledger_run``, ``ledger_kind_at``), however long the ledger is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import BadInput
from privacy.ledger import RuleRun
from privacy.ledger.runs import written
from privacy.ledger.tables import ledger

PAGE = 50
"""Runs on one page."""

DAYS = 30
"""So many days, today among them, are in the chart of what was deleted."""

LOOKS = 5
"""So many dry runs of a rule are shown, the latest first."""

DRY_RUN = "purge.dry_run"
"""The event of a plan that was only looked at (see :mod:`privacy.orchestration.purges`)."""


@dataclass(frozen=True, slots=True)
class Page:
    """Runs of a rule, the latest first. :param after: where the next page begins; empty: there is none."""

    runs: tuple[RuleRun, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Look:
    """A dry run. :param run: the ledger's id of it. :param at: aware, UTC. :param records: how many would have gone."""

    run: str
    rule: str
    at: datetime
    actor: str
    records: int
    digest: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """Records that were deleted a day, in the shop's own days, the earliest first; a day without any is among them."""

    days: tuple[tuple[date, int], ...]

    @property
    def total(self) -> int:
        """Of all days."""
        return sum(count for _, count in self.days)

    @property
    def most(self) -> tuple[date, int]:
        """The day with the most, and how many."""
        return max(self.days, key=lambda day: day[1])


def page(engine: sa.Engine, rule: str, after: str = "") -> Page:
    """A page of the runs of a rule, also of those that have not ended. :raises BadInput: ``desk.cursor``."""
    with translated("ledger"), reading(engine).connect() as connection:
        rows = connection.execute(page_query(rule, after)).all()
    more = str(rows[PAGE - 1][0]) if len(rows) > PAGE else ""
    return Page(tuple(RuleRun.of(*row) for row in rows[:PAGE]), more)


def page_query(rule: str, after: str = "") -> sa.Select[Any]:
    """The question of :func:`page`. :param after: the number of the last run's first entry."""
    query = _joined().where(ledger.c.rule == rule)
    if after:
        if not after.isascii() or not after.isdecimal() or len(after) > 18:
            raise BadInput("desk.cursor", "There is no such page.", advice="Begin with the first one.")
        query = query.where(ledger.c.seq < int(after))
    return query.order_by(ledger.c.seq.desc()).limit(PAGE + 1)


def last(engine: sa.Engine, rules: Iterable[str]) -> dict[str, RuleRun]:
    """The latest run of each rule that has any, by when it began, also one that has not ended."""
    found = {}
    with translated("ledger"), reading(engine).connect() as connection:
        for rule in rules:
            query = _joined().where(ledger.c.rule == rule).order_by(ledger.c.seq.desc()).limit(1)
            if (row := connection.execute(query).first()) is not None:
                found[rule] = RuleRun.of(*row)
    return found


def one(engine: sa.Engine, run: str) -> RuleRun | None:
    """A run of a rule; None: the ledger has none of this name."""
    with translated("ledger"), reading(engine).connect() as connection:
        row = connection.execute(_joined().where(ledger.c.run == run, ledger.c.rule.is_not(None))).first()
    return None if row is None else RuleRun.of(*row)


def looks(engine: sa.Engine, rule: str) -> list[Look]:
    """The last dry runs of a rule."""
    query = looks_query().where(ledger.c.rule == rule).order_by(ledger.c.seq.desc()).limit(LOOKS)
    with translated("ledger"), reading(engine).connect() as connection:
        return [_look(str(row.entry)) for row in connection.execute(query)]


def look(engine: sa.Engine, run: str) -> Look | None:
    """A dry run by its id, the last word on it; None: there is none."""
    query = looks_query().where(ledger.c.run == run).order_by(ledger.c.seq.desc()).limit(1)
    with translated("ledger"), reading(engine).connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else _look(str(row.entry))


def looks_query() -> sa.Select[Any]:
    """The dry runs of all rules."""
    return sa.select(ledger.c.entry).where(ledger.c.kind == DRY_RUN)


def deleted(engine: sa.Engine, now: datetime, zone: str, rules: Iterable[str]) -> dict[str, Deleted]:
    """What each rule has deleted a day, of the last :data:`DAYS` local days; by when its runs ended.

    :param now: aware. :param zone: the shop's.
    """
    place = ZoneInfo(zone)
    today = now.astimezone(place).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    counts: dict[str, dict[date, int]] = {rule: dict.fromkeys(days, 0) for rule in rules}
    # A run may have begun some days before it ended: a question waits, a store is large.
    since = datetime(days[0].year, days[0].month, days[0].day, tzinfo=place) - timedelta(days=7)
    with translated("ledger"), reading(engine).connect() as connection:
        for rule, at, count in connection.execute(deleted_query(since)):
            day = datetime.fromisoformat(at).astimezone(place).date()
            if rule in counts and day in counts[rule]:
                counts[rule][day] += int(count)
    return {rule: Deleted(tuple(found.items())) for rule, found in counts.items()}


def deleted_query(since: datetime) -> sa.Select[Any]:
    """The question of :func:`deleted`: rule, when the run ended, how many records. :param since: aware."""
    view = sa.table("compliance_run", *(sa.column(n) for n in ("rule", "begun_at", "ended_at", "deleted")))
    return sa.select(view.c.rule, view.c.ended_at, view.c.deleted).where(
        view.c.begun_at >= written(since), view.c.rule.is_not(None), view.c.deleted > 0
    )


def _joined() -> sa.Select[Any]:
    """Each run's first and last entry."""
    ended = ledger.alias("ended")
    joined = ledger.outerjoin(ended, sa.and_(ended.c.run == ledger.c.run, ended.c.kind == "run.ended"))
    columns = (ledger.c.seq, ledger.c.entry, ended.c.seq, ended.c.entry)
    return sa.select(*columns).select_from(joined).where(ledger.c.kind == "run.begun")


def _look(entry: str) -> Look:
    said: dict[str, Any] = json.loads(entry)
    at = datetime.fromisoformat(said["at"])
    return Look(
        str(said.get("run", "")), str(said.get("rule", "")), at, said["actor"], int(said.get("count") or 0),
        str(said.get("digest", "")),
    )  # fmt: skip
