"""What a kind of database brings, so that the SQL source can be over it: the contract of a dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

import sqlalchemy as sa

from privacy.connections import Connection
from privacy.datamap.models import Column

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A foreign key, as the database has it.

    :param action: what happens to the child's row when the parent's goes: ``NO ACTION``, ``CASCADE``, ...
    :param nullable: its columns can be set NULL.
    """

    child: str
    columns: tuple[str, ...]
    parent: str
    referred: tuple[str, ...]
    action: str
    nullable: bool


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text of the data map as SQL writes it; values of records are always bound instead."""
    return "'" + text.replace("'", "''") + "'"


Ask = Callable[[str, dict[str, object]], list[tuple[object, ...]]]
"""Runs a statement that reads; its rows."""


class Dialect(Protocol):
    """SQLite, PostgreSQL or MariaDB.

    Expressions are given and returned as SQL text; a bare column is one that :func:`quoted` wrote, with a table's alias
    before it or without.
    """

    name: str
    """As in ``<dataset>.<name>.sql``, and as a connection's URL begins."""

    server: bool
    """Whether its columns have types (``<dataset>.servers.sql`` is written for these)."""

    materialized: str
    """What makes a ``WITH`` table be made once."""

    then_join: str
    """Joins what stands before it to a table of identifiers: each record is looked at once."""

    def open(self, connection: Connection, *, read_only: bool) -> sa.Engine:
        """An engine of which each connection can run the statements made here."""
        ...

    def of(self, typed: Mapping[str, object]) -> Self:
        """The dialect for the columns of one SELECT. :param typed: what :meth:`columns_of` said of it."""
        ...

    def bound(self, text: str) -> str:
        """A statement whose parameters are written ``:name``, as the driver's own cursor takes it."""
        ...

    def ids(self, name: str, parameter: str, longest: int) -> str:
        """A table expression ``name(n, k, vt, vi, f, t, a)`` of identifiers, see :mod:`privacy.sources.sql_text`.

        :param longest: characters of the longest of their texts.
        """
        ...

    def keyed(self, columns: Sequence[str], parameter: str) -> str:
        """A condition: the key in ``columns`` is one of the parameter's; false for a NULL in it."""
        ...

    def keyed_by_index(self, columns: Sequence[str], parameter: str) -> str:
        """As :meth:`keyed`, in the form in which an index on the key is used; NULL instead of false."""
        ...

    def rows(self, rows: Iterable[Sequence[object]]) -> str:
        """Rows as the JSON text that these expressions read. :raises Unreadable: ``sql.key_type``."""
        ...

    def at(self, connection: sa.Connection, table: str) -> Self:
        """The dialect for a table's own columns."""
        ...

    def delete(self, table: str, key: Sequence[str], parameter: str) -> str:
        """A statement that deletes the rows whose key is one of the parameter's. :param key: names of columns."""
        ...

    def update(self, table: str, sets: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        """A statement that changes them. :param sets: ``"a" = :v, ...``. :param also: a further condition."""
        ...

    def written(self, value: object, name: str) -> object:
        """A value of :func:`privacy.sources.sql_stored.stored` as the driver takes it for this column."""
        ...

    def same(self, column: str, whole: bool) -> str:
        """A condition: the column is exactly ``i.vt`` or ``i.vi``; in the form in which an index is used."""
        ...

    def alike(self, one: str, other: str) -> str:
        """A condition: the same text, or both NULL."""
        ...

    def blank(self, column: str) -> str:
        """A condition: nothing is filled in but blanks."""
        ...

    def same_text(self, column: str) -> str:
        """The column's text, for an exact comparison."""
        ...

    def same_integer(self, column: str) -> str:
        """The column's whole number; NULL where it is none."""
        ...

    def folded(self, column: str) -> str:
        """An e-mail address, as :meth:`spelled` and the identifiers have it."""
        ...

    def normal(self, column: str, kind: str) -> str:
        """A phone number or IP address, as :meth:`spelled` and the identifiers have it."""
        ...

    def spelled(self, own: str, column: str, kind: str, wanted: Iterable[str], ask: Ask) -> dict[str, list[str]]:
        """How else the wanted identifiers are written in this column: normal form -> texts as they stand there.

        Empty where the database compares normal forms itself.

        :param own: the dataset's SELECT. :param kind: ``email``, ``phone`` or ``ip``.
        """
        ...

    def micros(self, expression: str, column: Column) -> str:
        """The instant of a date or datetime in microseconds; NULL where it says none."""
        ...

    def due(self, expression: str, column: Column, before: datetime) -> tuple[str, dict[str, object]]:
        """A condition: the instant lies before ``before`` (exclusive, exact); never true for what says none."""
        ...

    def version(self, columns: Sequence[str]) -> str:
        """The sha256 (hex) of what these columns have, told apart to the letter; empty: the source makes it itself."""
        ...

    def stored_bytes(self, expression: str) -> str:
        """About how many bytes a value takes; 0 for NULL."""
        ...

    def order(self, column: str) -> str:
        """A column to sort by: texts by their bytes."""
        ...

    def columns_of(self, connection: sa.Connection, own: str) -> Mapping[str, object]:
        """The names of a SELECT's columns, and what the database knows of each; false: it converts nothing."""
        ...

    def tables(self, connection: sa.Connection) -> dict[str, tuple[str, ...]]:
        """Every table with its columns."""
        ...

    def table_bytes(self, connection: sa.Connection, table: str) -> int:
        """About how many bytes a table takes; 0: it does not say."""
        ...

    def may_change(self, connection: sa.Connection, table: str) -> bool:
        """Whether the account may update and delete rows of a table."""
        ...

    def triggers(self, connection: sa.Connection, table: str) -> list[str]:
        """The names of a table's triggers."""
        ...

    def foreign_keys(self, connection: sa.Connection) -> list[Foreign]:
        """All foreign keys."""
        ...

    def primary_key(self, connection: sa.Connection, table: str) -> tuple[str, ...]:
        """What tells the table's rows apart."""
        ...

    def table_columns(self, connection: sa.Connection, table: str) -> set[str]:
        """The names of a table's columns; empty: there is no such table."""
        ...

    def defer(self, connection: sa.Connection) -> None:
        """Check references when the transaction ends, where the database can."""
        ...
