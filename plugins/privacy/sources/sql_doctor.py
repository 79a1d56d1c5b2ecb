"""What would keep a database's datasets from being served, or a change from being made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.database import translated
from privacy.errors import PrivacyError
from privacy.sources.base import Problem

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource


def problems(source: SqlSource) -> Iterator[Problem]:
    """A dataset's SELECT, table, key and cascades; whether the database can be reached and written to."""
    system = source.system
    found: list[Problem] = []
    try:
        with translated(system.system), source.open_engine(read_only=True).connect() as opened:
            for name in system.datasets:
                found += _of_dataset(source, opened, name)
            dialect, tables = source.dialect, sorted({d.table for d in system.datasets.values() if d.table})
            there = [table for table in tables if dialect.table_columns(opened, table)]
            fixed = [table for table in there if not dialect.may_change(opened, table)]
    except PrivacyError as problem:
        yield Problem(problem.code, problem.message, problem.where, problem.advice)
        return
    yield from found
    if fixed:
        yield Problem(
            "sql.read_only",
            f"{', '.join(fixed)} cannot be written to: exports work, erasures and purges do not.",
            system.system,
            "Give the account UPDATE and DELETE (SQLite: the file and its folder), or leave it so for exports alone.",
            fatal=False,
        )


def _of_dataset(source: SqlSource, opened: sa.Connection, name: str) -> Iterator[Problem]:
    dataset, where = source.dataset(name), source.where(name)
    try:
        source.wrap(name)
    except PrivacyError as problem:
        yield Problem(problem.code, problem.message, problem.where or where, problem.advice)
    if dataset.table is None:
        return
    has = source.dialect.table_columns(opened, dataset.table)
    if not has:
        yield Problem("sql.no_table", f"There is no table {dataset.table!r}.", where, "Correct `table:`.")
        return
    sets = (*dataset.key, *sorted(dataset.erasure.columns))
    if absent := sorted(set(sets) - has):
        yield Problem(
            "sql.alias",
            f"Table {dataset.table!r} has no column {', '.join(absent)}: its rows can be read, not changed.",
            where,
            "A key, and what an erasure sets, bear the table's own column names.",
            fatal=False,
        )
    for trigger in source.dialect.triggers(opened, dataset.table):
        yield Problem(
            "sql.trigger",
            f"Table {dataset.table!r} has a trigger, {trigger!r}: what it changes along, no plan shows.",
            where,
            "Read what it does before an erasure or a purge runs over this table.",
            fatal=False,
        )
    served = {d.table for d in source.system.datasets.values()}
    for foreign in source.dialect.foreign_keys(opened):
        along = foreign.action in ("CASCADE", "SET NULL", "SET DEFAULT")
        if foreign.parent == dataset.table and along and foreign.child not in (*served, *dataset.cascades):
            yield Problem(
                "sql.cascade",
                f"ON DELETE {foreign.action} reaches table {foreign.child!r}, which no dataset describes.",
                where,
                "Describe the table, or declare it under `cascades:`.",
                fatal=False,
            )
