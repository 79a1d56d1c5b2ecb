"""Deleting and setting rows: one transaction a unit.

Everything is looked at before anything is changed: whether each row is still selected, still what it was, not held,
and what hangs on it. The transaction holds the write lock from its beginning, so what was seen then is what is
changed, although the changes themselves go by key. (A predicate inside the DELETE would not do: the children that it
may look at are gone by then.) What is due of a table that nothing hangs on goes by ranges of its key, where the server
finds exactly what was planned there (``sql_ranged``); otherwise all of the batch goes by key.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from privacy.database import translated
from privacy.database_errors import breaks_reference
from privacy.datamap.models import Dataset
from privacy.errors import BadConfiguration, Refused, Unreadable
from privacy.sources.base import Delete, Of, Outcome, Redaction, Set, Status, Step
from privacy.sources.convert import to_arrow
from privacy.sources.due import changing
from privacy.sources.sql_dialect import Key, quoted
from privacy.sources.sql_held import Held
from privacy.sources.sql_items import Items
from privacy.sources.sql_kept import keep
from privacy.sources.sql_ranged import OtherwiseDeleted, gone_as_planned
from privacy.sources.sql_read import Row, all_of
from privacy.sources.sql_references import References, Rows, Why, chunks
from privacy.sources.sql_shared import Parties, filtered
from privacy.sources.sql_stored import TOKEN, stored

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource


def apply(source: SqlSource, unit: Sequence[Step], spare: Sequence[Of]) -> list[Outcome]:
    """Do a unit's steps, all or nothing; one outcome an item, in their order.

    A row that one beyond the plan still refers to stays by itself, and what it refers to within the unit stays as well:
    ``failed``, reason ``sql.referenced``. The rest is done.

    :raises Refused: ``sql.cascade``: rows beyond the plan would go along; ``sql.referenced``: the database itself says
        that a reference would break, and not which.
    :raises BadInput: ``sources.for_reading``: a pick that is for reading alone.
    :raises BadConfiguration: no table, or names that the table does not have.
    """
    changing(unit, source.system.system)
    with translated(source.system.system), _referenced(source.system.system):
        engine, alone = source.open_engine(read_only=False), unit[0] if len(unit) == 1 else None
        try:
            with engine.begin() as connection:
                held = Held(source, connection, spare)
                if alone is not None and gone_as_planned(source, connection, alone, held):
                    return [Outcome(item.key, Status.DONE, 1, item.bytes) for item in alone.items]
                return _by_key(source, connection, unit, held)
        except OtherwiseDeleted:
            with engine.begin() as connection:
                return _by_key(source, connection, unit, Held(source, connection, spare))


def referenced(source: SqlSource, unit: Sequence[Step]) -> dict[str, set[Key]]:
    """See :class:`privacy.sources.base.Referring`: all is looked at as :func:`apply` would, and nothing is changed."""
    changing(unit, source.system.system)
    found: dict[str, set[Key]] = {}
    with translated(source.system.system), source.open_engine(read_only=True).connect() as connection:
        held = Held(source, connection, ())
        works = [_Work(source, step) for step in unit]
        for work in works:
            work.look(connection, held)
        rows = [work.rows() for work in works]
        References(connection, source.dialect, source.system.system).settle(rows, held.rows)
        for work, its in zip(works, rows, strict=True):
            keys = {key for key, why in its.staying.items() if why is Why.REFERENCED}
            found.setdefault(work.step.selection.dataset, set()).update(keys)
    return found


def _by_key(source: SqlSource, connection: sa.Connection, unit: Sequence[Step], held: Held) -> list[Outcome]:
    steps = [_Work(source, step) for step in unit]
    for work in steps:
        work.look(connection, held)
    _delete(source, connection, [w for w in steps if isinstance(w.step.change, Delete)], held, steps)
    return [outcome for work in steps for outcome in work.outcomes()]


@contextmanager
def _referenced(where: str) -> Iterator[None]:
    """The database's own word that a reference would break; it says so without its text."""
    try:
        yield
    except sa.exc.IntegrityError as problem:
        if not breaks_reference(problem.orig):
            raise
    else:
        return
    raise Refused(
        "sql.referenced",
        "A row that stays refers to one that would go; nothing was changed.",
        where=where,
        advice="Plan it too, or retain what it refers to.",
    ) from None


def _delete(source: SqlSource, connection: sa.Connection, works: list[_Work], held: Held, steps: list[_Work]) -> None:
    references = References(connection, source.dialect, source.system.system)
    unit = [work.rows() for work in works]
    references.settle(unit, held.rows)
    for work, rows in zip(works, unit, strict=True):
        work.settled(rows)
    for work in steps:
        if isinstance(work.step.change, Set):
            work.set(connection, work.step.change)
    ordered = references.order(unit)
    source.dialect.defer(connection)
    references.loosen(ordered)
    for rows in ordered:
        dialect = source.dialect.at(connection, rows.table)
        matched = dialect.keyed_by_index([quoted(c) for c in rows.key], "keys")
        for chunk in chunks(rows.going):
            keys = {"keys": dialect.rows(chunk)}
            connection.exec_driver_sql(dialect.delete(rows.table, rows.key, "keys"), keys)
            # Not the number of rows deleted: a cascade within the unit may have taken some before.
            left = connection.exec_driver_sql(
                f"SELECT count(*) FROM {quoted(rows.table)} WHERE {matched}", keys
            ).scalar()
            if left:
                raise Refused(
                    "sql.kept",
                    f"The database kept {left} rows that were deleted; nothing was changed.",
                    where=f"{source.system.system}.{rows.table}",
                    advice="Look for a trigger on the table.",
                )


_STAYS = {
    Why.HELD: (Status.HELD, "hold_below"),
    Why.CHANGED: (Status.CHANGED, "changed_below"),
    Why.REFERENCED: (Status.FAILED, "sql.referenced"),
}
"""What becomes of a row for what stays below it."""


@dataclass
class _Work:
    """One step's items and what becomes of them."""

    source: SqlSource
    step: Step
    stays: dict[Key, tuple[Status, str]] = field(default_factory=dict)
    todo: list[Key] = field(default_factory=list)
    _parties: Parties | None = field(default=None, repr=False)
    own: dict[Key, Set] = field(default_factory=dict, repr=False)
    """Of a record that somebody else is in too, what of the change is the subjects' own."""

    @property
    def _name(self) -> str:
        return self.step.selection.dataset

    @property
    def _dataset(self) -> Dataset:
        return self.source.dataset(self._name)

    @property
    def _table(self) -> str:
        if self._dataset.table is None:
            raise BadConfiguration(
                "sql.no_table",
                "The dataset names no table to change.",
                where=self.source.where(self._name),
                advice="Write `table:` in the data map.",
            )
        return self._dataset.table

    def look(self, connection: sa.Connection, held: Held) -> None:
        """What each item is now. Held comes before changed, and both before what was planned."""
        self._check_names(connection)
        planned = {item.key: item.version for item in self.step.items}
        items = Items(self._dataset, self.source.where(self._name), versions=self.source.dialect.server)
        change = self.step.change
        for chunk in chunks(planned):
            rows = self._now(connection, chunk)
            now = items.versions(rows)
            missing = [key for key in chunk if key not in now]
            there = self._there(connection, missing) if missing else ()
            spared = held.planned(self._name, chunk)
            as_set = set[Key]()
            if isinstance(change, Set):
                # A second try after the first one's evidence was lost: it is as it should be (edge case 13).
                for key, row in zip(items.keys(rows), rows, strict=True):
                    its = self._own(change, row, key)
                    if self._is_set(its, row):
                        as_set.add(key)
            for key in chunk:
                if key not in now:
                    self.stays[key] = Status.GONE, "not_selected" if key in there else ""
                elif key in spared:
                    self.stays[key] = Status.HELD, "hold"
                elif key in self.own and not self.own[key].columns:
                    # What did nothing must not look like what did something (edge case 28).
                    self.stays[key] = Status.FAILED, "sql.nothing_set"
                elif now[key] == planned[key]:
                    self.todo.append(key)
                elif key not in as_set:
                    self.stays[key] = Status.CHANGED, "changed"
        self._count(connection)

    def rows(self) -> Rows:
        """The step's rows, for what hangs on them; one that is not selected any more may still be there, and stays."""
        staying = {key: Why.HELD if status is Status.HELD else Why.CHANGED for key, (status, _) in self.stays.items()}
        return Rows(self._table, self._dataset.key, set(self.todo), staying, frozenset(self._dataset.cascades))

    def settled(self, rows: Rows) -> None:
        """Take over what :meth:`References.settle` found has to stay."""
        for key in self.todo:
            if key not in rows.going:
                self.stays[key] = _STAYS[rows.staying[key]]

    def outcomes(self) -> Iterator[Outcome]:
        """One an item, in the step's order."""
        stays = self.stays.get
        for item in self.step.items:
            if (why := stays(item.key)) is None:
                yield Outcome(item.key, Status.DONE, 1, item.bytes)
            else:
                yield Outcome(item.key, why[0], 0, 0, why[1])

    def set(self, connection: sa.Connection, change: Set) -> None:
        """Give the columns their values: of a record that is shared, those that are the subjects' own."""
        groups: dict[tuple[str, ...], list[Key]] = {}
        for key in self.todo:
            if change.keep is not None:
                keep(self.source, connection, self._name, key, change.keep)
            groups.setdefault(tuple(self.own.get(key, change).columns), []).append(key)
        for names, keys in groups.items():
            if names:
                self._set(connection, Set({name: change.columns[name] for name in names}), keys)

    def _own(self, change: Set, row: Row, key: Key) -> Set:
        pick = self.step.selection.pick
        if not self.step.selection.shared or not isinstance(pick, Of):
            return change
        if self._parties is None:
            self._parties = Parties(self._dataset, pick, self.source.where(self._name))
        self.own[key] = self._parties.own(change, row)
        return self.own[key]

    def _set(self, connection: sa.Connection, change: Set, keys: list[Key]) -> None:
        where = self.source.where(self._name)
        unique = [name for name, value in change.columns.items() if value is Redaction.UNIQUE]
        dialect = self.source.dialect.at(connection, self._table)
        fixed = {
            f"v_{n}": dialect.written(stored(v, self._dataset.columns[n], f"{where}.{n}"), n)
            for n, v in change.columns.items()
            if n not in unique
        }
        for name in unique:
            stored(Redaction.UNIQUE, self._dataset.columns[name], f"{where}.{name}")
        sets = ", ".join(f"{quoted(n)} = :v_{n}" for n in change.columns)
        text = dialect.update(self._table, sets, self._dataset.key, "keys")
        for group in [[key] for key in keys] if unique else list(chunks(keys)):
            tokens = {f"v_{n}": f"{TOKEN}{secrets.token_hex(12)}" for n in unique}
            connection.exec_driver_sql(text, {**fixed, **tokens, "keys": dialect.rows(group)})

    def _now(self, connection: sa.Connection, keys: Collection[Key]) -> list[Row]:
        """Those of the rows that are still selected, as they are now."""
        statement = self.source.wrap(self._name).select(self.step.selection, keys, versions=True)
        rows = all_of(connection, statement)
        return filtered(rows, self.step.selection, self._dataset, self.source.where(self._name))

    def _there(self, connection: sa.Connection, keys: Collection[Key]) -> Collection[Key]:
        """Which of these rows the table has, selected or not."""
        names = [quoted(c) for c in self._dataset.key]
        matched = self.source.dialect.at(connection, self._table).keyed_by_index(names, "keys")
        text = f"SELECT {', '.join(names)} FROM {quoted(self._table)} WHERE {matched}"
        return {tuple(row) for row in connection.exec_driver_sql(text, {"keys": self.source.dialect.rows(keys)})}

    def _is_set(self, change: Set, row: Row) -> bool:
        names = list(self._dataset.columns)
        return all(_same(row[names.index(n)], v, self._dataset, n) for n, v in change.columns.items())

    def _count(self, connection: sa.Connection) -> None:
        """Each key is one row of the table: an alias, or a key of another table, would reach other rows."""
        dialect = self.source.dialect.at(connection, self._table)
        matched = dialect.keyed_by_index([quoted(c) for c in self._dataset.key], "keys")
        for chunk in chunks(self.todo):
            text = f"SELECT count(*) FROM {quoted(self._table)} WHERE {matched}"
            found = connection.exec_driver_sql(text, {"keys": self.source.dialect.rows(chunk)}).scalar()
            if found != len(chunk):
                raise BadConfiguration(
                    "sql.count",
                    f"{found} rows of the table have the keys of {len(chunk)} records; nothing was changed.",
                    where=self.source.where(self._name),
                    advice="Make the dataset's key the table's own.",
                )

    def _check_names(self, connection: sa.Connection) -> None:
        has = self.source.dialect.table_columns(connection, self._table)
        change = self.step.change
        needed = [*self._dataset.key, *(change.columns if isinstance(change, Set) else ())]
        if unknown := [n for n in needed if n not in self._dataset.columns]:
            raise BadConfiguration(
                "sql.no_column", f"The dataset has no column {', '.join(unknown)}.", where=self.source.where(self._name)
            )
        if absent := sorted(set(needed) - has):
            raise BadConfiguration(
                "sql.alias",
                f"Table {self._table!r} has no column {', '.join(absent)}.",
                where=self.source.where(self._name),
                advice="A key, and what is set, bear the table's own column names; in the SELECT too.",
            )


def _same(now: Any, value: object, dataset: Dataset, name: str) -> bool:
    if value is Redaction.UNIQUE:
        return isinstance(now, str) and now.startswith(TOKEN)
    column = dataset.columns[name]
    if value is None or value is Redaction.NULL or now is None:
        return now is None and (value is None or value is Redaction.NULL)
    try:
        return bool(to_arrow([now], column, name).equals(to_arrow([stored(value, column, name)], column, name)))
    except Unreadable:
        return False
