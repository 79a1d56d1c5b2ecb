"""Everything that one kind of database writes differently: the whole of what another has to bring.

SQLite's is here; PostgreSQL's and MariaDB's are beside it (``sql_postgres``, ``sql_mariadb``). What each has to bring
is :class:`privacy.sources.sql_kinds.Dialect`; nothing else names a database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Self

import orjson
import sqlalchemy as sa

from privacy.connections import Connection
from privacy.database import engine as engine_of
from privacy.datamap.kinds import fold, normal
from privacy.datamap.models import Column, Form
from privacy.errors import BadConfiguration, BadInput, Unreadable
from privacy.sources.instants import FACTOR, LEAST, MOST, instant, micros
from privacy.sources.sql_kinds import Ask, Dialect, Foreign, Key, literal, quoted
from privacy.sources.sql_sqlite_catalog import SqliteCatalog

__all__ = ["Dialect", "Foreign", "Key", "Sqlite", "dialect_of", "literal", "quoted"]


class Sqlite(SqliteCatalog):
    """SQLite, with three deterministic functions for what its own SQL cannot do exactly."""

    name = "sqlite"
    server = False
    then_join = "CROSS JOIN"
    materialized = "MATERIALIZED "

    def of(self, typed: Mapping[str, object]) -> Self:
        """The same: SQLite's values have types, its columns have none."""
        return self

    def bound(self, text: str) -> str:
        """The same: the driver takes ``:name``."""
        return text

    def open(self, connection: Connection, *, read_only: bool) -> sa.Engine:
        """An engine whose connections know the functions that the expressions below use."""
        made = engine_of(connection, read_only=read_only)

        @sa.event.listens_for(made, "connect")
        def _connected(raw: sqlite3.Connection, _record: object) -> None:
            raw.create_function("privacy_folded", 1, _folded, deterministic=True)
            raw.create_function("privacy_normal", 2, _normal, deterministic=True)
            raw.create_function("privacy_micros", 3, _micros, deterministic=True)
            raw.create_function("privacy_plain", 2, _plain, deterministic=True)

        return made

    # Parameters: one JSON text for many values

    def ids(self, name: str, parameter: str, longest: int) -> str:
        """A table expression ``name(n, k, vt, vi, f, t, a)`` of identifiers, see :func:`privacy.sources.sql_text`."""
        columns = ", ".join(f"{self._element(i)} AS {c}" for i, c in enumerate(("n", "k", "vt", "vi", "f", "t", "a")))
        return f"{name} AS MATERIALIZED (SELECT {columns} FROM json_each(:{parameter}))"

    def keyed(self, columns: Sequence[str], parameter: str) -> str:
        """A condition: the key in ``columns`` (expressions) is one of the parameter's; false for a NULL in it."""
        if len(columns) == 1:
            return f"coalesce({columns[0]} IN (SELECT {_ALONE} FROM json_each(:{parameter})), 0)"
        elements, left = ", ".join(self._element(i) for i in range(len(columns))), f"({', '.join(columns)})"
        return f"coalesce({left} IN (SELECT {elements} FROM json_each(:{parameter})), 0)"

    def keyed_by_index(self, columns: Sequence[str], parameter: str) -> str:
        """As :meth:`keyed`, in the form in which an index on the key is used; NULL instead of false."""
        return self.keyed(columns, parameter).removeprefix("coalesce(").removesuffix(", 0)")

    @staticmethod
    def rows(rows: Iterable[Sequence[object]]) -> str:
        """Rows as the JSON text that these expressions read; each value arrives as exactly what it was.

        A row of one value is that value, which the database takes out in a third of the time.

        :raises Unreadable: ``sql.key_type``: a value that SQLite cannot hold.
        """
        every = list(rows)
        if not every or len(every[0]) != 1:
            return orjson.dumps([[_packed(value) for value in row] for row in every]).decode()
        values = [row[0] for row in every]
        return orjson.dumps(values if _as_they_are(values) else list(map(_packed, values))).decode()

    @staticmethod
    def _element(index: int) -> str:
        # A text with a NUL would end there in SQLite's JSON, and so become somebody else's; blobs and floats have no
        # exact JSON. These come packed, as a pair.
        at = f"value, '$[{index}]"
        return (
            f"CASE json_type({at}') WHEN 'array' THEN privacy_plain(json_extract({at}[0]'), json_extract({at}[1]')) "
            f"ELSE json_extract({at}') END"
        )

    def at(self, connection: sa.Connection, table: str) -> Self:
        """The same: see :meth:`of`."""
        return self

    def delete(self, table: str, key: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.delete`."""
        return f"DELETE FROM {quoted(table)} WHERE {self.keyed_by_index([quoted(c) for c in key], parameter)}"

    def update(self, table: str, sets: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        """See :meth:`Dialect.update`."""
        matched = self.keyed_by_index([quoted(c) for c in key], parameter)
        return f"UPDATE {quoted(table)} SET {sets} WHERE {matched}{f' AND ({also})' if also else ''}"

    def written(self, value: object, name: str) -> object:
        """As it is."""
        return value

    # Expressions over a column

    def same(self, column: str, whole: bool) -> str:
        """See :meth:`Dialect.same`. The database converts and folds by its column's rules; then it is exact."""
        again = "i.vi IS NOT NULL" if whole else f"i.vt = {self.same_text(column)}"
        return f"{column} = i.vt AND {again}"

    def alike(self, one: str, other: str) -> str:
        """See :meth:`Dialect.alike`."""
        return f"{one} IS {other}"

    def blank(self, column: str) -> str:
        """See :meth:`Dialect.blank`."""
        return f"coalesce(trim({column}), '') = ''"

    def spelled(self, own: str, column: str, kind: str, wanted: Iterable[str], ask: Ask) -> dict[str, list[str]]:
        """Nothing: its functions bring each value to its normal form."""
        return {}

    def same_text(self, column: str) -> str:
        """The column's text, for an exact comparison; without affinity, so that the other side can be indexed."""
        return f"+CAST({column} AS TEXT) COLLATE BINARY"

    def same_integer(self, column: str) -> str:
        """The column's whole number; NULL where it is none (``'12 b'``)."""
        return f"CASE WHEN CAST({column} AS NUMERIC) = {column} THEN CAST({column} AS NUMERIC) END"

    def folded(self, column: str) -> str:
        """An e-mail address without case. Plain SQL is exact for printable ASCII, which nearly all of them are."""
        # GLOB sees nothing behind a NUL; a text's length ends there too, its bytes' does not.
        plain = f"length({column}) = length(CAST({column} AS BLOB)) AND {column} NOT GLOB '*[^ -~]*'"
        return f"CASE WHEN {plain} THEN lower(trim({column})) ELSE privacy_folded({column}) END"

    def normal(self, column: str, kind: str) -> str:
        """A phone number or IP address in its normal form (:func:`privacy.datamap.kinds.normal`); NULL for none."""
        called = f"privacy_normal({literal(kind)}, {column})"
        # An IPv4 address has one spelling.
        return called if kind != "ip" else f"CASE WHEN {column} NOT GLOB '*[^0-9.]*' THEN {column} ELSE {called} END"

    def micros(self, expression: str, column: Column) -> str:
        """The instant of a date or datetime in microseconds; NULL where it says none."""
        form = column.form if column.type == "datetime" else Form.ISO
        called = f"privacy_micros({expression}, '{form.value}', {literal(column.zone or 'UTC')})"
        if form not in FACTOR:
            return called
        factor = FACTOR[form]
        # Plain SQL for whole numbers that are an instant; 'unknown' * 1000000 would be 0: 1970, and due.
        return (
            f"CASE WHEN typeof({expression}) = 'integer' AND {expression} BETWEEN {LEAST // factor + 1} "
            f"AND {MOST // factor} THEN {expression} * {factor} ELSE {called} END"
        )

    def due(self, expression: str, column: Column, before: datetime) -> tuple[str, dict[str, object]]:
        """A condition: the instant lies before ``before`` (exclusive, exact); never true for what says none."""
        parameters: dict[str, object] = {"before": micros(before)}
        found = self.micros(expression, column)
        if column.form not in FACTOR or column.type == "date":
            # Most records are far from the bound; for these the text tells. No zone shifts by three days, and what is
            # the very text that SQLite writes for it is a date, or a date and time, of the calendar. ('+0 days', as a
            # SQLite before 3.46 writes 29 February of any year as it stands. And the year as a text of its own: a
            # column of another affinity would compare '0002' as the number 2.)
            try:
                parameters["later"] = (before.date() + timedelta(days=3)).isoformat()
                parameters["sooner"] = (before.date() - timedelta(days=3)).isoformat()
            except OverflowError:
                return f"{found} < :before", parameters
            return (
                f"CASE WHEN substr({expression}, 1, 10) >= :later AND {expression} GLOB "
                f"'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' THEN NULL "
                f"WHEN {expression} < :sooner AND substr({expression}, 1, 4) >= '0002' "
                f"AND (date({expression}, '+0 days') = {expression} "
                f"OR datetime({expression}, '+0 days') = {expression}) THEN 1 "
                f"ELSE {found} < :before END"
            ), parameters
        return f"{found} < :before", parameters

    def version(self, columns: Sequence[str]) -> str:
        """None: Python makes it in the same process."""
        return ""

    @staticmethod
    def stored_bytes(expression: str) -> str:
        """About how many bytes a value takes; 0 for NULL."""
        return f"coalesce(length(CAST({expression} AS BLOB)), 0)"

    def order(self, column: str) -> str:
        """A column to sort by: bytes, whatever collation the shop's column has."""
        return f"{column} COLLATE BINARY"


def dialect_of(connection: Connection) -> Dialect:
    """The dialect of a connection.

    :raises BadConfiguration: ``sql.dialect``: a database that is not served.
    """
    from privacy.sources.sql_mariadb import MariaDB
    from privacy.sources.sql_postgres import Postgres

    served: dict[str, type[Sqlite | Postgres | MariaDB]] = {
        "sqlite": Sqlite, "postgresql": Postgres, "postgres": Postgres, "mysql": MariaDB, "mariadb": MariaDB
    }  # fmt: skip
    if connection.scheme in served:
        return served[connection.scheme]()
    raise BadConfiguration(
        "sql.dialect",
        f"Databases of the kind {connection.scheme!r} are not served.",
        where=connection.name,
        advice="Write the connection as sqlite:////absolute/path.db, postgresql:// or mysql:// (MariaDB).",
    )


_ALONE = (
    "CASE type WHEN 'array' THEN privacy_plain(json_extract(value, '$[0]'), json_extract(value, '$[1]')) ELSE value END"
)
"""The one value of a row, out of ``json_each``."""


def _as_they_are(values: list[Any]) -> bool:
    """Whether :func:`_packed` would leave every one of them as it is; found out for all of them at once."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return bool(min(values) >= -(2**63) and max(values) < 2**63)
    return kinds == {str} and _simple("".join(values))


def _packed(value: object) -> object:
    if value is None or (isinstance(value, (bool, int)) and -(2**63) <= value < 2**63):
        return value
    if isinstance(value, str):
        return ["t", value.encode("utf-8", "surrogatepass").hex()] if not _simple(value) else value
    if isinstance(value, bytes):
        return ["b", value.hex()]
    if isinstance(value, float):
        return ["f", value.hex()]
    raise Unreadable("sql.key_type", "A value has a type that cannot be looked up.", advice="Use another key.")


def _simple(text: str) -> bool:
    return "\0" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def _plain(kind: object, text: object) -> str | bytes | float | None:
    if kind == "f":
        return float.fromhex(str(text))
    raw = bytes.fromhex(str(text))
    try:
        return raw if kind == "b" else raw.decode()
    except UnicodeDecodeError:
        # Half a surrogate pair: no text of a database is that, so it is nobody's.
        return None


def _normal(kind: str, value: object) -> str | None:
    try:
        return None if value is None else str(normal(kind, value))
    except BadInput:
        return None


def _folded(value: object) -> str | None:
    return fold(value) if isinstance(value, str) else None


@lru_cache(maxsize=65_536, typed=True)
def _micros(value: object, form: str, zone: str) -> int | None:
    """The same dates come again and again; given to SQLite as it is, what it knows costs no call of Python."""
    return instant(value, Form(form), zone)
