"""What MariaDB says of itself: tables, columns, keys, references, triggers, rights."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from privacy.sources.sql_kinds import Foreign, quoted
from privacy.sources.sql_servers import Stored

_KINDS = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), "integer"), **dict.fromkeys((0, 246), "decimal"),
    **dict.fromkeys((4, 5), "float"), 7: "instant", 12: "datetime", 10: "date",
}  # fmt: skip
"""By the protocol's numbers; texts and binaries (247 to 255) are told apart by their collation."""


class MariaDBCatalog:
    """A part of :class:`privacy.sources.sql_mariadb.MariaDB`."""

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

    def watched(self, connection: sa.Connection, table: str) -> bool:
        """See :meth:`Server.watched`; from another schema too."""
        text = (
            "SELECT EXISTS (SELECT 1 FROM information_schema.key_column_usage "
            "WHERE referenced_table_schema = DATABASE() AND referenced_table_name = :t) "
            "OR EXISTS (SELECT 1 FROM information_schema.triggers "
            "WHERE event_object_schema = DATABASE() AND event_object_table = :t)"
        )
        return bool(connection.exec_driver_sql(text, {"t": table}).scalar())

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
