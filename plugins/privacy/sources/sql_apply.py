"""Deleting and setting rows: one transaction a unit, every row looked at again before it is touched."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from privacy.database import microseconds
from privacy.datamap.models import Column, Dataset, Form
from privacy.errors import BadConfiguration, GiveUp, Refused
from privacy.sources.base import Delete, Item, Of, Outcome, Redaction, Selection, Set, Status, Step
from privacy.sources.sql_text import quoted

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource

_KEYS = 500
"""Keys looked at and changed by one statement."""


class Work:
    """One unit's work in one open transaction."""

    def __init__(self, source: SqlSource, connection: sa.Connection, spare: Sequence[Of]) -> None:
        self._source = source
        self._connection = connection
        self._spare = spare
        self._inspector = sa.inspect(connection)

    def run(self, unit: Sequence[Step]) -> list[Outcome]:
        """Do the steps, children before the tables that they refer to.

        :raises Refused: rows of a table outside the unit would go along, or still refer to a row.
        """
        if self._connection.dialect.name == "sqlite":
            # Cycles and self-references: checked at the end, when all rows of the unit are gone.
            self._connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        outcomes: list[Outcome] = []
        deleted: set[str] = set()
        for step in sorted(unit, key=lambda s: self._depth(self._table(s))):
            for start in range(0, len(step.items), _KEYS):
                outcomes += self._batch(step, step.items[start : start + _KEYS], deleted)
        if deleted and list(self._violations()):
            raise Refused(
                "sql.referenced",
                "Another row still refers to one that would go; nothing was changed.",
                where=self._source.system.system,
                advice="Plan it too, or retain what it refers to.",
            )
        return outcomes

    def _batch(self, step: Step, items: Sequence[Item], deleted: set[str]) -> Iterator[Outcome]:
        dataset = self._source.system.datasets[step.selection.dataset]
        present = self._current(step.selection, dataset, items)
        held: set[tuple[object, ...]] = set()
        for pick in self._spare:
            held |= set(self._current(Selection(step.selection.dataset, pick), dataset, items))
        todo = []
        outcomes = []
        for item in items:
            now = present.get(item.key)
            if now is None:
                outcomes.append(Outcome(item.key, Status.GONE, 0, 0, "not_selected"))
            elif item.key in held:
                outcomes.append(Outcome(item.key, Status.HELD, 1, item.bytes, "hold"))
            elif now.version != item.version:
                outcomes.append(Outcome(item.key, Status.CHANGED, 1, item.bytes, "changed"))
            else:
                todo.append(item)
                outcomes.append(Outcome(item.key, Status.DONE, 1, item.bytes))
        if todo:
            table = self._table(step)
            self._check_names(table, dataset, step)
            if isinstance(step.change, Delete):
                self._refuse_cascades(table, dataset, todo)
                self._change(f"DELETE FROM {quoted(table)}", dataset, todo, {})
                deleted.add(table)
            else:
                self._set(table, dataset, step.change, todo)
        yield from outcomes

    def _current(self, selection: Selection, dataset: Dataset, items: Sequence[Item]) -> dict[tuple[object, ...], Item]:
        statement = self._source.statement(selection, [item.key for item in items])
        rows = self._connection.exec_driver_sql(statement.text, statement.parameters)
        found = (self._source.item(dataset, tuple(row)[:-2]) for row in rows)
        return {item.key: item for item in found}

    def _set(self, table: str, dataset: Dataset, change: Set, items: Sequence[Item]) -> None:
        unique = [name for name, value in change.columns.items() if value is Redaction.UNIQUE]
        fixed = {n: v for n, v in change.columns.items() if n not in unique}
        groups = [[item] for item in items] if unique else [list(items)]
        for group in groups:
            values: dict[str, object] = {f"v_{n}": stored(v, dataset.columns[n]) for n, v in fixed.items()}
            values |= {f"v_{n}": secrets.token_hex(16) for n in unique}
            sets = ", ".join(f"{quoted(n)} = :v_{n}" for n in change.columns)
            self._change(f"UPDATE {quoted(table)} SET {sets}", dataset, group, values)

    def _change(self, head: str, dataset: Dataset, items: Sequence[Item], values: dict[str, object]) -> None:
        key = ", ".join(quoted(name) for name in dataset.key)
        parts = ", ".join(f"json_extract(value,'$[{n}]')" for n in range(len(dataset.key)))
        text = f"{head} WHERE ({key}) IN (SELECT {parts} FROM json_each(:keys))"
        keys = orjson.dumps([item.key for item in items]).decode()
        done = self._connection.exec_driver_sql(text, {**values, "keys": keys})
        if done.rowcount != len(items):
            # A key that is not unique in the table, or a trigger that kept rows: nothing of the unit may stand.
            raise GiveUp(
                "sql.count",
                f"{done.rowcount} rows changed where {len(items)} were planned; nothing was changed.",
                where=f"{self._source.system.system}.{dataset.table}",
                advice="The dataset's key does not tell the table's rows apart.",
            )

    def _refuse_cascades(self, table: str, dataset: Dataset, items: Sequence[Item]) -> None:
        """A row of another table that would vanish, or lose its reference, without being in the plan."""
        for child, foreign in self._children(table):
            action = str(foreign.get("options", {}).get("ondelete", "")).upper()
            if action not in ("CASCADE", "SET NULL", "SET DEFAULT") or child in dataset.cascades:
                continue
            ours, theirs = foreign["constrained_columns"], foreign["referred_columns"]
            joined = " AND ".join(
                f"c.{quoted(a)} = p.{quoted(b)}" for a, b in zip(ours, theirs or dataset.key, strict=True)
            )
            parts = ", ".join(f"json_extract(value,'$[{n}]')" for n in range(len(dataset.key)))
            keyed = ", ".join(f"p.{quoted(name)}" for name in dataset.key)
            apart = ""
            if child == table:
                # A row of the same batch that refers to another of it goes by the plan.
                own = ", ".join(f"c.{quoted(name)}" for name in dataset.key)
                apart = f" AND ({own}) NOT IN (SELECT {parts} FROM json_each(:keys))"
            text = (
                f"SELECT 1 FROM {quoted(child)} c JOIN {quoted(table)} p ON {joined} "
                f"WHERE ({keyed}) IN (SELECT {parts} FROM json_each(:keys)){apart} LIMIT 1"
            )
            keys = orjson.dumps([item.key for item in items]).decode()
            if self._connection.exec_driver_sql(text, {"keys": keys}).first() is not None:
                raise Refused(
                    "sql.cascade",
                    f"Rows of table {child!r} would go along by ON DELETE {action}; nothing was changed.",
                    where=f"{self._source.system.system}.{table}",
                    advice="Plan them too, or declare the table under `cascades:`.",
                )

    def _violations(self) -> Iterator[Any]:
        if self._connection.dialect.name == "sqlite":
            yield from self._connection.exec_driver_sql("PRAGMA foreign_key_check")

    def _children(self, table: str) -> Iterator[tuple[str, Any]]:
        for name in self._inspector.get_table_names():
            for foreign in self._inspector.get_foreign_keys(name):
                if foreign["referred_table"] == table:
                    yield name, foreign

    def _depth(self, table: str, above: tuple[str, ...] = ()) -> int:
        """How many tables refer to this one, one through the other: the deepest children go first."""
        if table in above:
            return 0
        return max((1 + self._depth(child, (*above, table)) for child, _ in self._children(table)), default=0)

    def _table(self, step: Step) -> str:
        table = self._source.system.datasets[step.selection.dataset].table
        if table is None:
            raise BadConfiguration(
                "sql.no_table",
                "The dataset names no table to change.",
                where=f"{self._source.system.system}.{step.selection.dataset}",
                advice="Write `table:` in the data map.",
            )
        return table

    def _check_names(self, table: str, dataset: Dataset, step: Step) -> None:
        has = {column["name"] for column in self._inspector.get_columns(table)}
        needed = [*dataset.key, *(step.change.columns if isinstance(step.change, Set) else ())]
        if absent := sorted(set(needed) - has):
            raise BadConfiguration(
                "sql.alias",
                f"Table {table!r} has no column {', '.join(absent)}.",
                where=f"{self._source.system.system}.{step.selection.dataset}",
                advice="A key, and what is set, bear the table's own column names.",
            )


def stored(value: object, column: Column) -> object:
    """A value in the form in which the store writes it."""
    if value is None or value is Redaction.NULL:
        return None
    if isinstance(value, datetime):
        factor = {Form.EPOCH: 1_000_000, Form.EPOCH_MS: 1_000, Form.EPOCH_US: 1}.get(column.form)
        return value.isoformat() if factor is None else microseconds(value) // factor
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (list, dict)):
        return orjson.dumps(value).decode()
    return value
