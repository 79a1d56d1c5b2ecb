"""MariaDB (and MySQL's protocol): ``JSON_TABLE`` for many values, exact comparisons beside a column's own collation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from privacy.datamap.models import Column, Form
from privacy.errors import Unreadable
from privacy.sources.instants import FACTOR, LEAST, MOST
from privacy.sources.sql_dialect import Foreign, literal
from privacy.sources.sql_servers import SUFFIX, Server, Stored, expression, quoted
from privacy.sources.zones import offsets

_EXACT = "utf8mb4_nopad_bin"
"""The collation that tells texts apart as their bytes do, blanks at the end included."""
_LONGEST = 2000
"""Characters of a text that is looked for: JSON_TABLE would cut a longer one, which then were another's."""
_INDEXED = 240
"""Characters up to which it puts an index on them, which makes a join a hundred times as fast."""
_AGENT = 6
"""The place of the user agent among the columns of ``ids``; it is as long as it is."""

_KINDS = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), "integer"), **dict.fromkeys((0, 246), "decimal"),
    **dict.fromkeys((4, 5), "float"), 7: "instant", 12: "datetime", 10: "date",
}  # fmt: skip
"""By the protocol's numbers; texts and binaries (247 to 255) are told apart by their collation."""

_TYPES = {"integer": "BIGINT", "date": "DATE", "datetime": "DATETIME(6)", "instant": "DATETIME(6)",
          "decimal": "DECIMAL(65,20)", "float": "DOUBLE"}  # fmt: skip

_DAY = r"(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?)?"
_EPOCH = "'1970-01-01 00:00:00'"


class MariaDB(Server):
    """See :class:`privacy.sources.sql_kinds.Dialect`."""

    name = "mysql"
    # It takes the identifiers for forty, and would go through all records for each of them.
    then_join = "STRAIGHT_JOIN"

    # Parameters

    def ids(self, name: str, parameter: str, longest: int) -> str:
        """See :meth:`Dialect.ids`."""
        text = f"VARCHAR({_INDEXED if longest <= _INDEXED else _LONGEST}) COLLATE {_EXACT}"
        kinds = (("n", "INT"), ("k", f"VARCHAR(200) COLLATE {_EXACT}"), ("vt", text), ("vi", "BIGINT"),
                 ("f", "BIGINT"), ("t", "BIGINT"), ("a", f"LONGTEXT COLLATE {_EXACT}"))  # fmt: skip
        columns = ", ".join(f"{column} {kind} PATH '$[{at}]'" for at, (column, kind) in enumerate(kinds))
        # The limit makes it a table of its own, which then gets an index for the join.
        table = f"JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({columns}))"
        return f"{name} AS (SELECT * FROM {table} AS j LIMIT {2**63 - 1})"

    def rows(self, rows: Iterable[Sequence[object]]) -> str:
        """See :meth:`Dialect.rows`."""

        def checked(at: int, value: object) -> object:
            if isinstance(value, str) and len(value) > _LONGEST and at != _AGENT:
                raise Unreadable("sql.key_type", "A text is too long to be looked up.", advice="Use another key.")
            if isinstance(value, datetime) and value.tzinfo is not None:
                return value.astimezone(UTC).replace(tzinfo=None)
            return value

        return super().rows([checked(at, value) for at, value in enumerate(row)] for row in rows)

    def keyed(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed`."""
        return f"coalesce({self.keyed_by_index(columns, parameter)}, 0)"

    def keyed_by_index(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed_by_index`."""
        table, right = self._keys(columns, parameter)
        one = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
        return f"{one} IN (SELECT {', '.join(right)} FROM {table} AS j)"

    def _keys(self, columns: Sequence[str], parameter: str) -> tuple[str, list[str]]:
        """The keys as a table, and its columns (of ``j``) as they compare with ``columns``."""
        given, right = [], []
        for at, column in enumerate(columns):
            stored = self.stored(column)
            kind = _TYPES.get(stored.kind, f"VARCHAR({_LONGEST}) COLLATE {_EXACT}")
            given.append(f"c{at} {kind} PATH '$[{at}]'")
            value = f"j.c{at}"
            if stored.kind == "text" and stored.collation:
                value = self._in_collation(value, stored.collation)
            right.append(f"UNHEX({value})" if stored.kind == "binary" else value)
        return f"JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({', '.join(given)}))", right

    def delete(self, table: str, key: Sequence[str], parameter: str) -> str:
        """From the keys to the rows: of a DELETE with a subquery it would read the whole table, and each key a row."""
        return f"DELETE t FROM {self._matched(table, key, parameter)}"

    def update(self, table: str, sets: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        """See :meth:`delete`."""
        return f"UPDATE {self._matched(table, key, parameter, also)} SET {sets}"

    def _matched(self, table: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        columns = [quoted(name) for name in key]
        keys, right = self._keys(columns, parameter)
        on = " AND ".join(f"t.{column} = {value}" for column, value in zip(columns, right, strict=True))
        return f"{keys} AS j STRAIGHT_JOIN {quoted(table)} AS t ON {on}{f' AND ({also})' if also else ''}"

    @staticmethod
    def _in_collation(text: str, collation: str) -> str:
        return f"CONVERT({text} USING {collation.partition('_')[0]}) COLLATE {collation}"

    # Expressions

    def same(self, column: str, whole: bool) -> str:
        """See :meth:`Dialect.same`."""
        if whole:
            return f"{self.same_integer(column)} = i.vi"
        stored, exact = self.stored(column), f"{self.same_text(column)} = i.vt"
        if stored.kind == "text" and stored.collation:
            # By the index, which takes a and A for the same in most collations; and then exactly.
            return f"{column} = {self._in_collation('i.vt', stored.collation)} AND {exact}"
        return exact

    def alike(self, one: str, other: str) -> str:
        """See :meth:`Dialect.alike`."""
        return f"{one} <=> {other}" if one == "NULL" else f"{self.same_text(one)} <=> {other}"

    def blank(self, column: str) -> str:
        """See :meth:`Dialect.blank`."""
        return f"coalesce(trim({column}), '') = ''"

    def same_text(self, column: str) -> str:
        """See :meth:`Dialect.same_text`."""
        return expression(f"CONVERT({column} USING utf8mb4) COLLATE {_EXACT}", Stored("text", _EXACT))

    def same_integer(self, column: str) -> str:
        """See :meth:`Dialect.same_integer`."""
        kind = self.stored(column).kind
        if kind == "integer":
            return expression(column, Stored("integer"))
        if kind in ("decimal", "float"):
            whole = f"{column} = TRUNCATE({column}, 0) AND abs({column}) < 9e18"
            return expression(f"CASE WHEN {whole} THEN CAST({column} AS SIGNED) END", Stored("integer"))
        text = f"trim({column})"
        found = f"CASE WHEN {text} REGEXP '^[+-]?[0-9]{{1,18}}$' THEN CAST({text} AS SIGNED) END"
        return expression(found, Stored("integer"))

    def plain(self, text: str) -> str:
        """See :meth:`Server.plain`."""
        return f"{text} NOT REGEXP '[^ -~]'"

    def numeric(self, text: str) -> str:
        """See :meth:`Server.numeric`."""
        return f"{text} NOT REGEXP '[^0-9.]'"

    def odd_address(self, text: str) -> str:
        """See :meth:`Server.odd_address`."""
        return f"{text} REGEXP '[^0-9A-Fa-f:]'"

    def suffix(self, text: str) -> str:
        """See :meth:`Server.suffix`."""
        return f"RIGHT(REGEXP_REPLACE({text}, '[^0-9]', ''), {SUFFIX})"

    def head(self, text: str) -> str:
        """See :meth:`Server.head`."""
        return f"TRIM(LEADING '0' FROM lower(SUBSTRING_INDEX({text}, ':', 1)))"

    def micros(self, expression: str, column: Column) -> str:
        """See :meth:`Dialect.micros`. A text of another layout of ISO 8601 than with hyphens and colons: NULL.

        The server's zones are not asked: they are tables that many never loaded, and then every answer is NULL.
        """
        kind, zone = self.stored(expression).kind, column.zone or "UTC"
        form = column.form if column.type == "datetime" else Form.ISO
        if form in FACTOR:
            return _scaled(expression, kind, FACTOR[form])
        if kind == "instant":
            return f"TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {expression})"
        if kind == "datetime":
            return _local(expression, zone)
        if kind == "date":
            return _local(f"CAST({expression} AS DATETIME)", zone)
        if kind != "text":
            return "NULL"
        text = f"trim({self.same_text(expression)})"
        clock = f"SUBSTR({text}, 11)"
        local = f"REPLACE(REPLACE(REGEXP_REPLACE({clock}, '(Z|[+-].*)$', ''), 'T', ' '), ',', '.')"
        moment = f"CAST(CONCAT(LEFT({text}, 10), {local}) AS DATETIME(6))"
        offset = f"REPLACE(REGEXP_SUBSTR({clock}, '[+-].*$'), ':', '')"
        minutes = f"CAST(SUBSTR({offset}, 2, 2) AS SIGNED) * 60 + CAST(CONCAT('0', SUBSTR({offset}, 4, 2)) AS SIGNED)"
        sign = f"CASE WHEN {clock} LIKE '%-%' THEN -1 ELSE 1 END"
        return (
            f"CASE WHEN {text} NOT REGEXP '^{_DAY}{_CLOCK}$' THEN NULL "
            f"WHEN {clock} REGEXP 'Z|[+-]' THEN TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {moment}) "
            f"- ({sign}) * ({minutes}) * 60000000 ELSE {_local(moment, zone)} END"
        )

    def stored_bytes(self, expression: str) -> str:
        """See :meth:`Dialect.stored_bytes`."""
        return f"coalesce(OCTET_LENGTH({expression}), 0)"

    def order(self, column: str) -> str:
        """See :meth:`Dialect.order`."""
        return str(self.same_text(column)) if self.stored(column).kind == "text" else column

    # The database itself

    def columns_of(self, connection: sa.Connection, own: str) -> Mapping[str, object]:
        """See :meth:`Dialect.columns_of`."""
        result = connection.exec_driver_sql(f"SELECT * FROM ({own}) AS d LIMIT 0")
        assert result.cursor is not None  # noqa: S101 - narrows the type
        described: list[Any] = list(result.cursor.description)
        types = {str(c[0]): int(c[1]) for c in described}
        result.close()
        asked = ", ".join(f"COLLATION(d.{quoted(name)})" for name in types)
        row = connection.exec_driver_sql(
            f"SELECT {asked} FROM (SELECT 1 AS x) AS o LEFT JOIN ({own}) AS d ON 1 = 0"
        ).one()
        found: dict[str, object] = {}
        for (name, number), collation in zip(types.items(), row, strict=True):
            texts = "binary" if collation == "binary" else "text"
            kind = _KINDS.get(number, "other" if number in (11, 16) else texts)
            found[name] = Stored(kind, str(collation) if kind == "text" else "")
        return found

    def tables(self, connection: sa.Connection) -> dict[str, tuple[str, ...]]:
        """See :meth:`Dialect.tables`."""
        text = (
            "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t "
            "ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' "
            "WHERE c.table_schema = DATABASE() ORDER BY c.table_name, c.ordinal_position"
        )
        found = connection.exec_driver_sql(text).all()
        return {str(t): tuple(str(r[1]) for r in rows) for t, rows in groupby(found, key=lambda row: row[0])}

    def table_bytes(self, connection: sa.Connection, table: str) -> int:
        """See :meth:`Dialect.table_bytes`."""
        text = "SELECT data_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :t"
        return int(connection.exec_driver_sql(text, {"t": table}).scalar() or 0)

    def may_change(self, connection: sa.Connection, table: str) -> bool:
        """See :meth:`Dialect.may_change`; what a role grants is not seen."""
        mine = "grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
        text = (
            "SELECT count(DISTINCT privilege_type) FROM ("
            f"SELECT privilege_type FROM information_schema.user_privileges WHERE {mine} UNION ALL "
            "SELECT privilege_type FROM information_schema.schema_privileges "
            f"WHERE {mine} AND DATABASE() LIKE table_schema UNION ALL "
            "SELECT privilege_type FROM information_schema.table_privileges "
            f"WHERE {mine} AND table_schema = DATABASE() AND table_name = :t"
            ") AS p WHERE privilege_type IN ('UPDATE', 'DELETE')"
        )
        return bool(connection.exec_driver_sql(text, {"t": table}).scalar() == 2)

    def triggers(self, connection: sa.Connection, table: str) -> list[str]:
        """See :meth:`Dialect.triggers`."""
        text = (
            "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE() "
            "AND event_object_table = :t ORDER BY trigger_name"
        )
        return [str(row[0]) for row in connection.exec_driver_sql(text, {"t": table})]

    def foreign_keys(self, connection: sa.Connection) -> list[Foreign]:
        """See :meth:`Dialect.foreign_keys`."""
        text = (
            "SELECT k.constraint_name, k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name, "
            "r.delete_rule, c.is_nullable FROM information_schema.key_column_usage k "
            "JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema "
            "AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name "
            "JOIN information_schema.columns c ON c.table_schema = k.table_schema AND c.table_name = k.table_name "
            "AND c.column_name = k.column_name WHERE k.table_schema = DATABASE() "
            "AND k.referenced_table_name IS NOT NULL ORDER BY k.table_name, k.constraint_name, k.ordinal_position"
        )
        keys = []
        for _, group in groupby(connection.exec_driver_sql(text).all(), key=lambda row: (row[1], row[0])):
            rows = list(group)
            columns, referred = tuple(r[2] for r in rows), tuple(r[4] for r in rows)
            nullable = all(r[6] == "YES" for r in rows)
            keys.append(Foreign(rows[0][1], columns, rows[0][3], referred, str(rows[0][5]), nullable))
        return keys

    def primary_key(self, connection: sa.Connection, table: str) -> tuple[str, ...]:
        """Its primary key; of a table that has none, all columns."""
        text = (
            "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE() "
            "AND table_name = :t AND constraint_name = 'PRIMARY' ORDER BY ordinal_position"
        )
        found = tuple(str(r[0]) for r in connection.exec_driver_sql(text, {"t": table}))
        return found or tuple(sorted(self.table_columns(connection, table)))

    def table_columns(self, connection: sa.Connection, table: str) -> set[str]:
        """See :meth:`Dialect.table_columns`."""
        text = "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :t"
        return {str(r[0]) for r in connection.exec_driver_sql(text, {"t": table})}

    def defer(self, connection: sa.Connection) -> None:
        """It checks at once, always: a cycle whose columns cannot be NULL cannot be deleted here."""


def _local(moment: str, zone: str) -> str:
    """Microseconds of a local time; one that occurs twice is the later."""
    at = f"TIMESTAMPDIFF(MICROSECOND, {_EPOCH}, {moment})"
    *later, (_, first) = offsets(zone)
    if not later:
        return at if not first else f"CASE WHEN {moment} >= '0001-01-03' THEN {at} - {first} END"
    whens = " ".join(f"WHEN {moment} >= {literal(since)} THEN {offset}" for since, offset in later)
    # Before the third day of the year 1 it may be an instant of the year before, which nobody can read.
    return f"CASE WHEN {moment} >= '0001-01-03' THEN {at} - CASE {whens} ELSE {first} END END"


def _scaled(expression: str, kind: str, factor: int) -> str:
    """Of a number that says when: whole microseconds, the rest cut off."""
    inside = f"BETWEEN {-(-LEAST // factor)} AND {MOST // factor}"
    if kind == "integer":
        return f"CASE WHEN {expression} {inside} THEN CAST({expression} AS SIGNED) * {factor} END"
    number, known = f"CAST({expression} AS DECIMAL(65,20))", f"{expression} IS NOT NULL"
    if kind == "text":
        number = f"CAST(trim({expression}) AS DECIMAL(65,20))"
        known = f"trim({expression}) REGEXP '^[+-]?[0-9]{{1,20}}(\\.[0-9]{{1,20}})?$'"
    elif kind not in ("decimal", "float"):
        return "NULL"
    cut = "ROUND" if kind == "float" else "FLOOR"
    return f"CASE WHEN {known} AND {number} {inside} THEN CAST({cut}({number} * {factor}) AS SIGNED) END"
