"""Which rows are held: by the datasets that are kept in a table, whichever of them a step is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.errors import BadConfiguration
from privacy.sources.base import Kept, Of, Selection, Subject
from privacy.sources.sql_dialect import Key, quoted
from privacy.sources.sql_references import chunks

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource


class Held:
    """What one unit has to spare, in its open transaction.

    :param spare: see :meth:`privacy.sources.base.Source.apply`.
    """

    def __init__(self, source: SqlSource, connection: sa.Connection, spare: Sequence[Of]) -> None:
        self._source, self._connection = source, connection
        self._everywhere = tuple(s for pick in spare if not isinstance(pick, Kept) for s in pick.subjects)
        self._only: dict[str, list[Kept]] = {}
        for pick in spare:
            if isinstance(pick, Kept):
                self._only.setdefault(pick.dataset, []).append(pick)

    def planned(self, name: str, keys: Collection[Key]) -> set[Key]:
        """Which records of a step are held, by its own dataset or another one in the same table."""
        dataset = self._source.dataset(name)
        found = self._of(name, keys, self._everywhere)
        for other, its in self._source.system.datasets.items():
            if other != name and _same(its.table, dataset.table) and other in self._only:
                found |= self._through(other, str(dataset.table), dataset.key, keys, ())
        return found

    def rows(self, table: str, key: tuple[str, ...], keys: Collection[Key]) -> set[Key]:
        """Which rows of a table that go along, or refer to one that goes, are held.

        :param key: the columns that ``keys`` are in.
        """
        found: set[Key] = set()
        for name, dataset in self._source.system.datasets.items():
            if _same(dataset.table, table) and (self._everywhere or name in self._only):
                found |= self._through(name, table, key, keys, self._everywhere)
        return found

    def _through(
        self, name: str, table: str, key: tuple[str, ...], keys: Collection[Key], subjects: tuple[Subject, ...]
    ) -> set[Key]:
        """As :meth:`rows`, by one dataset of the table."""
        dataset, dialect = self._source.dataset(name), self._source.dialect
        if set(dataset.key) - dialect.table_columns(self._connection, table):
            raise BadConfiguration(
                "sql.alias",
                f"Table {table!r} lacks the key's columns, so which of its rows are held cannot be told.",
                where=self._source.where(name),
                advice="A key bears the table's own column names; in the SELECT too.",
            )
        columns = ", ".join(quoted(c) for c in (*key, *dataset.key))
        matched = dialect.at(self._connection, table).keyed_by_index([quoted(c) for c in key], "keys")
        found: set[Key] = set()
        for chunk in chunks(keys):
            rows = self._connection.exec_driver_sql(
                f"SELECT {columns} FROM {quoted(table)} WHERE {matched}", {"keys": dialect.rows(chunk)}
            )
            own = {tuple(r[len(key) :]): tuple(r[: len(key)]) for r in rows}
            found |= {own[k] for k in self._of(name, list(own), subjects) if k in own}
        return found

    def _of(self, name: str, keys: Collection[Key], subjects: tuple[Subject, ...]) -> set[Key]:
        """Which of these records of a dataset are held: by whose they are, by their key, or all."""
        only = self._only.get(name, ())
        if any(kept.whole for kept in only):
            return set(keys)
        named = frozenset[tuple[str, ...]]().union(*(kept.keys for kept in only))
        found = {key for key in keys if tuple(str(part) for part in key) in named} if named else set()
        whose = Of((*subjects, *(s for kept in only for s in kept.subjects)))
        return found | set(self._theirs(name, whose, keys)) if whose.subjects and keys else found

    def _theirs(self, name: str, whose: Of, keys: Collection[Key]) -> Iterable[Key]:
        statement = self._source.wrap(name).select(Selection(name, whose), keys, perhaps=True)
        dataset = self._source.dataset(name)
        places = [list(dataset.columns).index(c) for c in dataset.key]
        for row in self._connection.exec_driver_sql(statement.text, statement.parameters):
            yield tuple(row[p] for p in places)


def _same(one: str | None, other: str | None) -> bool:
    """Whether two names are one table: databases that tell names apart by case have no two that differ by it alone."""
    return one is not None and other is not None and one.lower() == other.lower()
