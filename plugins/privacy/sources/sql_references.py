"""What hangs on a row: foreign keys decide the order of deleting, and whether anything goes along that nobody planned.

Looked at before the first change: rows beyond the plan that would vanish or lose a reference by the database's own
cascade (refused unless declared), rows that would still refer to one that goes (which then stays), and rows that stay
for that, or because they are held or have changed (what they refer to stays as well).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import sqlalchemy as sa

from privacy.errors import Refused
from privacy.sources.sql_dialect import Foreign, Key, quoted
from privacy.sources.sql_kinds import Dialect

CHUNK = 10_000
"""Keys that one statement is given."""

_ALONG = ("CASCADE", "SET NULL", "SET DEFAULT")


class Why(IntEnum):
    """Why a row that was to go stays."""

    CHANGED = 0
    HELD = 1
    REFERENCED = 2
    """A row that nobody planned refers to it."""


@dataclass(slots=True)
class Rows:
    """Rows of one table that a unit deletes or leaves.

    :param key: the columns that their keys are in.
    :param going: keys of rows to delete; ``staying``: of planned rows that are left alone -> why.
    :param cascades: tables whose rows may go with these by the database's own cascade.
    """

    table: str
    key: tuple[str, ...]
    going: set[Key] = field(default_factory=set, repr=False)
    staying: dict[Key, Why] = field(default_factory=dict, repr=False)
    cascades: frozenset[str] = frozenset()


Held = Callable[[str, tuple[str, ...], Collection[Key]], set[Key]]
"""(table, key columns, keys) -> which of these rows are held."""


class References:
    """The foreign keys of one database, in one open transaction."""

    def __init__(self, connection: sa.Connection, dialect: Dialect, where: str) -> None:
        self._connection, self._dialect, self._where = connection, dialect, where
        self._keys = dialect.foreign_keys(connection)

    def settle(self, unit: Sequence[Rows], held: Held) -> None:
        """Move to ``staying`` what has to stay; afterwards nothing but ``going`` goes, and what is declared.

        :raises Refused: ``sql.cascade``.
        """
        moved, beyond = True, list[Refused]()
        while moved:
            moved = False
            # Asked anew each time: what would drag others along may have to stay for another reason.
            beyond.clear()
            for rows in unit:
                moved = self._look_below(rows, unit, held, beyond) or moved
        if beyond:
            raise beyond[0]

    def order(self, unit: Sequence[Rows]) -> list[Rows]:
        """Children before what they refer to; where tables refer to each other in a circle, by name."""
        left, ordered = sorted(unit, key=lambda rows: rows.table), []
        while left:
            tables = {rows.table for rows in left}
            parents = {f.parent for f in self._keys if f.child in tables and f.child != f.parent}
            free = [rows for rows in left if rows.table not in parents] or left[:1]
            ordered += free
            left = [rows for rows in left if rows not in free]
        return ordered

    def loosen(self, ordered: Sequence[Rows]) -> None:
        """Set NULL what refers forward in the order (circles and self-references), where its columns can be.

        What cannot be NULL is checked when the transaction ends.
        """
        place = {rows.table: n for n, rows in enumerate(ordered)}
        for foreign in self._keys:
            child, parent = place.get(foreign.child), place.get(foreign.parent)
            if child is None or parent is None or child < parent or not foreign.nullable:
                continue
            for rows in ordered:
                if rows.table != foreign.child or set(rows.key) & set(foreign.columns):
                    continue
                sets = ", ".join(f"{quoted(c)} = NULL" for c in foreign.columns)
                some = " OR ".join(f"{quoted(c)} IS NOT NULL" for c in foreign.columns)
                dialect = self._dialect.at(self._connection, rows.table)
                text = dialect.update(rows.table, sets, rows.key, "keys", also=some)
                for chunk in chunks(rows.going):
                    self._connection.exec_driver_sql(text, {"keys": dialect.rows(chunk)})

    def _look_below(self, rows: Rows, unit: Sequence[Rows], held: Held, beyond: list[Refused]) -> bool:
        """What refers to rows that go, directly or through what would go along with them.

        What a row refers to that stays, stays for the same reason; what one refers to that nobody planned stays too,
        unless that goes along.

        :param beyond: is given what is to be said of rows that would go along and are not declared.
        :returns: whether a row was found that has to stay.
        """
        moved = False
        seen: set[tuple[Foreign, Key]] = set()
        # (table, its key columns, key -> the planned row that it would go with)
        todo: list[tuple[str, tuple[str, ...], dict[Key, Key]]] = [(rows.table, rows.key, {k: k for k in rows.going})]
        while todo:
            table, key, roots = todo.pop()
            for foreign in self._keys:
                if foreign.parent != table:
                    continue
                own = self._dialect.primary_key(self._connection, foreign.child)
                children = [r for r in unit if r.table == foreign.child]
                moved = self._keep(rows, roots, foreign, key, children) or moved
                roots = {one: root for one, root in roots.items() if root in rows.going}
                # Those that stay were looked at right now, or will be in the next round: each of them makes one.
                planned = [(r.key, [*r.going, *r.staying]) for r in children if r.going or r.staying]
                below: dict[Key, Key] = {}
                for parent, child in self._pairs(foreign, key, roots, own, without=planned):
                    if (foreign, child) not in seen:
                        seen.add((foreign, child))
                        below[child] = roots[parent]
                if not below:
                    continue
                for child in held(foreign.child, own, below):
                    moved = _stay(rows, below[child], Why.HELD) or moved
                if foreign.action not in _ALONG:
                    for root in below.values():
                        moved = _stay(rows, root, Why.REFERENCED) or moved
                # What hangs on a row that stays now is no matter any more.
                below = {child: root for child, root in below.items() if root in rows.going}
                declared = foreign.child in rows.cascades
                if below and not declared:
                    beyond.append(self._reaching(foreign, rows))
                elif below and foreign.action == "CASCADE":
                    todo.append((foreign.child, own, below))
        return moved

    def _keep(
        self, rows: Rows, roots: dict[Key, Key], foreign: Foreign, key: tuple[str, ...], children: Sequence[Rows]
    ) -> bool:
        """Let stay what planned rows that stay refer to."""
        moved = False
        for child in children:
            if child.staying and roots:
                pairs = self._pairs(foreign, key, roots, child.key, only=(child.key, child.staying))
                for parent, below in list(pairs):
                    moved = _stay(rows, roots[parent], child.staying.get(below, Why.CHANGED)) or moved
        return moved

    def _reaching(self, foreign: Foreign, rows: Rows) -> Refused:
        return Refused(
            "sql.cascade",
            f"ON DELETE {foreign.action} would reach rows of table {foreign.child!r}; nothing was changed.",
            where=f"{self._where}.{rows.table}",
            advice="Plan them too, or declare the table under `cascades:`.",
        )

    def _pairs(
        self,
        foreign: Foreign,
        key: tuple[str, ...],
        keys: Collection[Key],
        own: tuple[str, ...],
        *,
        only: tuple[tuple[str, ...], Collection[Key]] | None = None,
        without: Sequence[tuple[tuple[str, ...], Collection[Key]]] = (),
    ) -> Iterator[tuple[Key, Key]]:
        """(key of a parent among ``keys``, key of a child's row that refers to it)."""
        parent = [f"p.{quoted(c)}" for c in key]
        child = [f"c.{quoted(c)}" for c in own]
        joined = " AND ".join(
            f"p.{quoted(b)} = c.{quoted(a)}" for a, b in zip(foreign.columns, foreign.referred, strict=True)
        )
        parameters: dict[str, object] = {}
        parents, children = (self._dialect.at(self._connection, t) for t in (foreign.parent, foreign.child))
        wheres = [parents.keyed_by_index(parent, "keys")]
        if only is not None:
            wheres.append(children.keyed([f"c.{quoted(c)}" for c in only[0]], "only"))
            parameters["only"] = self._dialect.rows(only[1])
        for n, (columns, planned) in enumerate(without):
            wheres.append(f"NOT {children.keyed([f'c.{quoted(c)}' for c in columns], f'without{n}')}")
            parameters[f"without{n}"] = self._dialect.rows(planned)
        text = (
            f"SELECT {', '.join([*parent, *child])} FROM {quoted(foreign.parent)} AS p "
            f"CROSS JOIN {quoted(foreign.child)} AS c WHERE {joined} AND {' AND '.join(wheres)}"
        )
        for chunk in chunks(keys):
            for row in self._connection.exec_driver_sql(text, {**parameters, "keys": self._dialect.rows(chunk)}):
                yield tuple(row[: len(key)]), tuple(row[len(key) :])


def _stay(rows: Rows, key: Key, why: Why) -> bool:
    if key not in rows.going:
        return False
    rows.going.discard(key)
    rows.staying[key] = why
    return True


def chunks(keys: Collection[Key]) -> Iterator[list[Key]]:
    """The keys, :data:`CHUNK` at a time."""
    every = list(keys)
    for start in range(0, len(every), CHUNK):
        yield every[start : start + CHUNK]
