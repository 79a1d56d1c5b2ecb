"""What SQLite says of itself: tables, columns, keys, references, triggers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from privacy.sources.sql_kinds import Foreign


class SqliteCatalog:
    """A part of :class:`privacy.sources.sql_dialect.Sqlite`."""

    def columns_of(self, connection: sa.Connection, own: str) -> Mapping[str, object]:
        """The names of a SELECT's columns; whether the database converts what they are compared with.

        A column without affinity (an expression) compares 12 and '12' as different.
        """
        connection.exec_driver_sql(f"CREATE TEMP TABLE privacy_probe AS SELECT * FROM ({own}) AS d LIMIT 0")
        rows = connection.exec_driver_sql("SELECT name, type FROM pragma_table_info('privacy_probe')")
        return {name: bool(kind) for name, kind in rows}

    def tables(self, connection: sa.Connection) -> dict[str, tuple[str, ...]]:
        """See :meth:`Dialect.tables`."""
        inspector = sa.inspect(connection)
        return {t: tuple(str(c["name"]) for c in inspector.get_columns(t)) for t in inspector.get_table_names()}

    def table_bytes(self, connection: sa.Connection, table: str) -> int:
        """It does not say."""
        return 0

    def may_change(self, connection: sa.Connection, table: str) -> bool:
        """Whether file and folder may be written to."""
        file = Path(str(connection.exec_driver_sql("PRAGMA database_list").all()[0][2]))
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)

    @staticmethod
    def triggers(connection: sa.Connection, table: str) -> list[str]:
        """The names of a table's triggers."""
        text = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :t COLLATE NOCASE ORDER BY name"
        return [str(row[0]) for row in connection.exec_driver_sql(text, {"t": table})]

    def foreign_keys(self, connection: sa.Connection) -> list[Foreign]:
        """All foreign keys. SQLAlchemy passes over the action of one that is written beside its column."""
        found: dict[tuple[str, int], list[Any]] = {}
        text = (
            'SELECT m.name, f.id, f."table", f."from", f."to", f.on_delete, f.seq, '
            '(SELECT c."notnull" OR c.pk FROM pragma_table_info(m.name) c WHERE c.name = f."from" COLLATE NOCASE) '
            "FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' "
            "ORDER BY m.name, f.id, f.seq"
        )
        for row in connection.exec_driver_sql(text):
            found.setdefault((row[0], row[1]), []).append(row)
        primary: dict[str, tuple[str, ...]] = {}
        keys = []
        for (child, _), rows in found.items():
            parent = self._real(connection, rows[0][2])
            if parent not in primary:
                primary[parent] = self.primary_key(connection, parent)
            referred = tuple(r[4] for r in rows) if rows[0][4] is not None else primary[parent]
            columns = tuple(r[3] for r in rows)
            keys.append(Foreign(child, columns, parent, referred, rows[0][5], not any(r[7] for r in rows)))
        return keys

    @staticmethod
    def _real(connection: sa.Connection, table: str) -> str:
        text = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = :t COLLATE NOCASE"
        found = connection.exec_driver_sql(text, {"t": table}).scalar()
        return str(found or table)

    @staticmethod
    def primary_key(connection: sa.Connection, table: str) -> tuple[str, ...]:
        """What tells the table's rows apart: its primary key, else its row number."""
        text = "SELECT name FROM pragma_table_info(:t) WHERE pk ORDER BY pk"
        return tuple(r[0] for r in connection.exec_driver_sql(text, {"t": table})) or ("rowid",)

    def table_columns(self, connection: sa.Connection, table: str) -> set[str]:
        """The names of a table's columns; empty: there is no such table."""
        text = "SELECT c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name = :t"
        return {r[0] for r in connection.exec_driver_sql(text, {"t": table})}

    def defer(self, connection: sa.Connection) -> None:
        """Check references when the transaction ends, for cycles whose columns cannot be NULL."""
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
