"""PostgreSQL: typed columns, ``json_array_elements`` for many values, time zones by the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from privacy.datamap.models import Column, Form
from privacy.sources.instants import FACTOR, LEAST, MOST
from privacy.sources.sql_kinds import Foreign, literal, quoted
from privacy.sources.sql_servers import SUFFIX, Server, Stored, expression

_KINDS = {
    **dict.fromkeys((20, 21, 23), "integer"), **dict.fromkeys((18, 19, 25, 1042, 1043), "text"), 17: "binary",
    1082: "date", 1114: "datetime", 1184: "instant", 1700: "decimal", **dict.fromkeys((700, 701), "float"),
    16: "boolean", 2950: "uuid",
}  # fmt: skip
"""By the types' fixed numbers (``pg_type.dat``); any other is "other"."""

_TYPES = {"integer": "bigint", "text": "text", "date": "date", "datetime": "timestamp", "instant": "timestamptz",
          "decimal": "numeric", "float": "float8", "boolean": "boolean", "uuid": "uuid"}  # fmt: skip

_DAY = (
    r"(?!0000)(\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    r"|(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
)
_CLOCK = r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)?)?"
_ZONED = r"\d[Zz]$|[T ].*[+-]\d\d(:?\d\d)?$"

_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

_VISIBLE = "n.nspname = ANY (current_schemas(false)) AND pg_table_is_visible(c.oid)"


class Postgres(Server):
    """See :class:`privacy.sources.sql_kinds.Dialect`."""

    name = "postgresql"
    materialized = "MATERIALIZED "
    literals = MappingProxyType({"date": "DATE", "datetime": "TIMESTAMP", "instant": "TIMESTAMPTZ"})

    # Parameters

    def ids(self, name: str, parameter: str, longest: int) -> str:
        """See :meth:`Dialect.ids`."""
        kinds = (("n", "integer"), ("k", "text"), ("vt", "text"), ("vi", "bigint"), ("f", "bigint"), ("t", "bigint"),
                 ("a", "text"))  # fmt: skip
        columns = ", ".join(f"CAST(v ->> {at} AS {kind}) AS {column}" for at, (column, kind) in enumerate(kinds))
        return f"{name} AS MATERIALIZED (SELECT {columns} FROM json_array_elements(CAST(:{parameter} AS json)) AS e(v))"

    def keyed(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed`."""
        return f"coalesce({self.keyed_by_index(columns, parameter)}, false)"

    def keyed_by_index(self, columns: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.keyed_by_index`; of columns of which nothing is known, the text is compared."""
        left, right = [], []
        for at, column in enumerate(columns):
            kind, value = self.stored(column).kind, f"v ->> {at}"
            left.append(column if kind in _TYPES or kind == "binary" else f"CAST({column} AS text)")
            right.append(
                f"decode({value}, 'hex')" if kind == "binary" else f"CAST({value} AS {_TYPES.get(kind, 'text')})"
            )
        one = left[0] if len(left) == 1 else f"({', '.join(left)})"
        return f"{one} IN (SELECT {', '.join(right)} FROM json_array_elements(CAST(:{parameter} AS json)) AS e(v))"

    def delete(self, table: str, key: Sequence[str], parameter: str) -> str:
        """See :meth:`Dialect.delete`."""
        return f"DELETE FROM {quoted(table)} WHERE {self.keyed_by_index([quoted(c) for c in key], parameter)}"

    def update(self, table: str, sets: str, key: Sequence[str], parameter: str, also: str = "") -> str:
        """See :meth:`Dialect.update`."""
        matched = self.keyed_by_index([quoted(c) for c in key], parameter)
        return f"UPDATE {quoted(table)} SET {sets} WHERE {matched}{f' AND ({also})' if also else ''}"

    # Expressions

    def same(self, column: str, whole: bool) -> str:
        """See :meth:`Dialect.same`."""
        if whole:
            return f"{self.same_integer(column)} = i.vi"
        exact = f"{self.same_text(column)} = i.vt"
        # A collation may take different texts for the same; the index is asked, and then the bytes.
        return f"{column} = i.vt AND {exact}" if self.stored(column).kind == "text" else exact

    def alike(self, one: str, other: str) -> str:
        """See :meth:`Dialect.alike`."""
        return f"{one} IS NOT DISTINCT FROM {other}"

    def blank(self, column: str) -> str:
        """See :meth:`Dialect.blank`."""
        return f"coalesce(trim(CAST({column} AS text)), '') = ''"

    def same_text(self, column: str) -> str:
        """See :meth:`Dialect.same_text`."""
        return expression(f'CAST({column} AS text) COLLATE "C"', Stored("text"))

    def same_integer(self, column: str) -> str:
        """See :meth:`Dialect.same_integer`."""
        kind = self.stored(column).kind
        if kind == "integer":
            return expression(column, Stored("integer"))
        if kind in ("decimal", "float"):
            found = f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 9e18 THEN CAST({column} AS bigint) END"
        else:
            text = f"trim(CAST({column} AS text))"
            found = f"CASE WHEN {text} ~ '^[+-]?[0-9]{{1,18}}$' THEN CAST({text} AS bigint) END"
        return expression(found, Stored("integer"))

    def plain(self, text: str) -> str:
        """See :meth:`Server.plain`."""
        return f"{text} !~ '[^ -~]'"

    def numeric(self, text: str) -> str:
        """See :meth:`Server.numeric`."""
        return f"{text} !~ '[^0-9.]'"

    def odd_address(self, text: str) -> str:
        """See :meth:`Server.odd_address`."""
        return f"{text} ~ '[^0-9A-Fa-f:]'"

    def suffix(self, text: str) -> str:
        """See :meth:`Server.suffix`."""
        return f"right(regexp_replace({text}, '[^0-9]', '', 'g'), {SUFFIX})"

    def head(self, text: str) -> str:
        """See :meth:`Server.head`."""
        return f"ltrim(lower(split_part({text}, ':', 1)), '0')"

    def micros(self, expression: str, column: Column) -> str:
        """See :meth:`Dialect.micros`. A text of another layout of ISO 8601 than with hyphens and colons: NULL."""
        kind, zone = self.stored(expression).kind, literal(column.zone or "UTC")
        form = column.form if column.type == "datetime" else Form.ISO
        if form in FACTOR:
            return _scaled(expression, kind, FACTOR[form])
        if kind in ("date", "datetime", "instant"):
            local = {"date": f"CAST({expression} AS timestamp)", "datetime": expression}.get(kind)
            at = expression if local is None else f"({local} AT TIME ZONE {zone})"
            return _epoch(f"isfinite({expression})", at)
        if kind != "text":
            return "CAST(NULL AS bigint)"
        text = f"trim({expression})"
        exact = f"replace(regexp_replace({text}, '([.,]\\d{{6}})\\d+', '\\1'), ',', '.')"
        read = (
            f"CASE WHEN {text} ~ '{_ZONED}' THEN CAST({exact} AS timestamptz) "
            f"ELSE CAST({exact} AS timestamp) AT TIME ZONE {zone} END"
        )
        return _epoch(f"{text} ~ '^{_DAY}{_CLOCK}$'", f"({read})")

    def stored_bytes(self, expression: str) -> str:
        """See :meth:`Dialect.stored_bytes`."""
        value = expression if self.stored(expression).kind == "binary" else f"CAST({expression} AS text)"
        return f"coalesce(octet_length({value}), 0)"

    def version(self, columns: Sequence[str]) -> str:
        """See :meth:`Dialect.version`. A record's text tells NULL from an empty text, and quotes what is in it."""
        return f"encode(sha256(convert_to(CAST(ROW({', '.join(columns)}) AS text), 'UTF8')), 'hex')"

    def gathered(self, texts: str, order: Sequence[str]) -> str:
        """See :meth:`Server.gathered`."""
        return f"encode(sha256(convert_to(string_agg({texts}, ' ' ORDER BY {', '.join(order)}), 'UTF8')), 'hex')"

    def deleting(self, table: str, where: str) -> str:
        """See :meth:`Server.deleting`."""
        return f"DELETE FROM {quoted(table)} AS d WHERE {where}"

    def order(self, column: str) -> str:
        """See :meth:`Dialect.order`."""
        return f'{column} COLLATE "C"' if self.stored(column).kind == "text" else column

    # The database itself

    def columns_of(self, connection: sa.Connection, own: str) -> Mapping[str, object]:
        """See :meth:`Dialect.columns_of`."""
        result = connection.exec_driver_sql(f"SELECT * FROM ({own}) AS d LIMIT 0")
        assert result.cursor is not None  # noqa: S101 - narrows the type
        described: list[Any] = list(result.cursor.description)
        return {str(c[0]): Stored(_KINDS.get(c[1], "other")) for c in described}

    def tables(self, connection: sa.Connection) -> dict[str, tuple[str, ...]]:
        """See :meth:`Dialect.tables`."""
        text = (
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            f"WHERE c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition AND {_VISIBLE} "
            "ORDER BY c.relname, a.attnum"
        )
        found = connection.exec_driver_sql(text).all()
        return {str(t): tuple(str(r[1]) for r in rows) for t, rows in groupby(found, key=lambda row: row[0])}

    def table_bytes(self, connection: sa.Connection, table: str) -> int:
        """See :meth:`Dialect.table_bytes`."""
        text = "SELECT coalesce(pg_table_size(to_regclass(:t)), 0)"
        return int(connection.exec_driver_sql(text, {"t": quoted(table)}).scalar() or 0)

    def may_change(self, connection: sa.Connection, table: str) -> bool:
        """See :meth:`Dialect.may_change`."""
        text = "SELECT has_table_privilege(:t, 'UPDATE') AND has_table_privilege(:t, 'DELETE')"
        return bool(connection.exec_driver_sql(text, {"t": quoted(table)}).scalar())

    def triggers(self, connection: sa.Connection, table: str) -> list[str]:
        """See :meth:`Dialect.triggers`."""
        text = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(:t) ORDER BY tgname"
        return [str(row[0]) for row in connection.exec_driver_sql(text, {"t": quoted(table)})]

    def watched(self, connection: sa.Connection, table: str) -> bool:
        """See :meth:`Server.watched`; a rule, or a table that is in pieces, counts too."""
        text = (
            "SELECT NOT coalesce((SELECT relkind = 'r' AND NOT relhasrules AND NOT relhassubclass "
            "AND NOT relispartition "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid = c.oid) "
            "AND NOT EXISTS (SELECT 1 FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = c.oid) "
            "FROM pg_class AS c WHERE oid = to_regclass(:t)), false)"
        )
        return bool(connection.exec_driver_sql(text, {"t": quoted(table)}).scalar())

    def foreign_keys(self, connection: sa.Connection) -> list[Foreign]:
        """See :meth:`Dialect.foreign_keys`."""
        text = (
            "SELECT f.oid, c.relname, a.attname, p.relname, b.attname, f.confdeltype, a.attnotnull "
            "FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(child, parent, at) "
            "JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.child "
            "JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.parent "
            f"WHERE f.contype = 'f' AND f.conparentid = 0 AND {_VISIBLE} ORDER BY c.relname, f.oid, k.at"
        )
        keys = []
        for _, group in groupby(connection.exec_driver_sql(text).all(), key=lambda row: row[0]):
            rows = list(group)
            columns, referred = tuple(r[2] for r in rows), tuple(r[4] for r in rows)
            action = _ACTIONS[str(rows[0][5])]
            keys.append(Foreign(rows[0][1], columns, rows[0][3], referred, action, not any(r[6] for r in rows)))
        return keys

    def primary_key(self, connection: sa.Connection, table: str) -> tuple[str, ...]:
        """Its primary key; of a table that has none, all columns."""
        text = (
            "SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid "
            "AND a.attnum = ANY (x.indkey) WHERE x.indisprimary AND x.indrelid = to_regclass(:t) "
            "ORDER BY array_position(x.indkey::int2[], a.attnum)"
        )
        found = tuple(str(r[0]) for r in connection.exec_driver_sql(text, {"t": quoted(table)}))
        return found or tuple(sorted(self.table_columns(connection, table)))

    def table_columns(self, connection: sa.Connection, table: str) -> set[str]:
        """See :meth:`Dialect.table_columns`."""
        text = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:t) AND attnum > 0 AND NOT attisdropped"
        return {str(r[0]) for r in connection.exec_driver_sql(text, {"t": quoted(table)})}

    def defer(self, connection: sa.Connection) -> None:
        """Those that were made DEFERRABLE."""
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")


def _epoch(known: str, at: str) -> str:
    """Microseconds of an instant, exactly; NULL unless ``known``, and outside of the years 1 to 9999."""
    found = f"extract(epoch FROM {at}) * 1000000"
    # The middle stops the evaluation of the cast for what is not known; an instant beyond what can be read says none.
    return f"CASE WHEN {known} THEN CASE WHEN {found} BETWEEN {LEAST} AND {MOST} THEN CAST({found} AS bigint) END END"


def _scaled(expression: str, kind: str, factor: int) -> str:
    """Of a number that says when: whole microseconds, the rest cut off."""
    least, most = -(-LEAST // factor), MOST // factor
    if kind == "integer":
        return f"CASE WHEN {expression} BETWEEN {least} AND {most} THEN CAST({expression} AS bigint) * {factor} END"
    if kind in ("decimal", "float", "text"):
        number, known = f"CAST(CAST({expression} AS text) AS numeric)", f"{expression} IS NOT NULL"
        if kind == "text":
            number = f"CAST(trim({expression}) AS numeric)"
            known = f"trim({expression}) ~ '^[+-]?[0-9]{{1,20}}(\\.[0-9]{{1,20}})?$'"
        cut = "round" if kind == "float" else "floor"
        # BETWEEN is false for NaN, which sorts above every number.
        inside = f"CASE WHEN {number} BETWEEN {least} AND {most} THEN CAST({cut}({number} * {factor}) AS bigint) END"
        return f"CASE WHEN {known} THEN {inside} END"
    return "CAST(NULL AS bigint)"
