"""The demo shop's databases on a server: the same rows, in columns of the types that the data map gives them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql as pg

from privacy.connections import Connection
from privacy.database import engine
from privacy.datamap.models import Column, Form, System
from privacy.sources.convert import to_arrow

_INDEXED = 191
"""Characters of a text column that is a key or has an index: as long as MariaDB's indexes take."""


@dataclass
class _Table:
    name: str
    columns: list[sqlite3.Row]
    described: dict[str, Column]
    indexed: set[str]


def copied(file: Path, system: System, url: str) -> None:
    """Make the tables of a SQLite file on a server, with rows, keys, references and indexes."""
    into = engine(Connection("shop", url))
    source = sqlite3.connect(file)
    source.row_factory = sqlite3.Row
    names = [
        r[0] for r in source.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    tables = [_table(source, name, system) for name in names]
    metadata = sa.MetaData()
    made = {t.name: sa.Table(t.name, metadata, *(_column(t, c, into.dialect.name) for c in t.columns)) for t in tables}
    with into.begin() as connection:
        metadata.create_all(connection)
    for table in tables:
        _fill(source, table, made[table.name], into)
    with into.begin() as connection:
        for table in tables:
            for statement in _references(source, table.name):
                connection.exec_driver_sql(statement)
    into.dispose()
    source.close()


def _table(source: sqlite3.Connection, name: str, system: System) -> _Table:
    columns = source.execute(f"PRAGMA table_info({name})").fetchall()
    described = {}
    for dataset in system.datasets.values():
        if dataset.table == name:
            described = {c: dataset.columns[c] for c in dataset.columns}
    indexed = {c["name"] for c in columns if c["pk"]}
    for index in source.execute(f"PRAGMA index_list({name})").fetchall():
        indexed |= {c["name"] for c in source.execute(f"PRAGMA index_info({index['name']})")}
    return _Table(name, columns, described, indexed)


def _column(table: _Table, column: sqlite3.Row, server: str) -> sa.Column[Any]:
    name = column["name"]
    type_ = _type(table.described.get(name), column["type"], name in table.indexed, server)
    return sa.Column(name, type_, primary_key=bool(column["pk"]), nullable=not column["notnull"], autoincrement=False)


def _type(column: Column | None, affinity: str, indexed: bool, server: str) -> Any:
    moment = pg.TIMESTAMP(timezone=True, precision=6) if server == "postgresql" else mysql.DATETIME(fsp=6)
    texts: Any = sa.String(_INDEXED) if indexed else sa.Text()
    if column is None:
        return {"INTEGER": sa.BigInteger(), "REAL": sa.Double(), "BLOB": sa.LargeBinary(2**31)}.get(affinity, texts)
    kind = column.type
    if kind.startswith("decimal"):
        precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
        return sa.Numeric(int(precision), int(scale))
    if kind == "datetime":
        return moment if column.form not in (Form.EPOCH, Form.EPOCH_MS, Form.EPOCH_US) else sa.BigInteger()
    if kind.startswith(("list", "record")):
        return pg.JSONB() if server == "postgresql" else mysql.JSON()
    return {"integer": sa.BigInteger(), "number": sa.Double(), "boolean": sa.Boolean(), "date": sa.Date(),
            "binary": sa.LargeBinary(2**31)}.get(kind, texts)  # fmt: skip


def _fill(source: sqlite3.Connection, table: _Table, made: sa.Table, into: sa.Engine) -> None:
    rows = source.execute(f"SELECT * FROM {table.name}").fetchall()
    if not rows:
        return
    values = {
        c["name"]: _values(
            [row[c["name"]] for row in rows], table.described.get(c["name"]), c["name"], into.dialect.name
        )
        for c in table.columns
    }
    names = ", ".join(f'"{name}"' for name in values)
    nested = {n for n in values if (d := table.described.get(n)) is not None and d.type.startswith(("list", "record"))}
    bound = ", ".join(
        f"CAST(%({name})s AS jsonb)" if name in nested and into.dialect.name == "postgresql" else f"%({name})s"
        for name in values
    )
    parameters = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    with into.begin() as connection:
        connection.exec_driver_sql(f'INSERT INTO "{made.name}" ({names}) VALUES ({bound})', parameters)


def _values(values: list[Any], column: Column | None, name: str, server: str) -> list[Any]:
    """As the drivers take them; what is JSON stays the text that it is."""
    if (
        column is None
        or column.type.startswith(("list", "record"))
        or column.form in (Form.EPOCH, Form.EPOCH_MS, Form.EPOCH_US)
    ):
        return values
    found = to_arrow(values, column, name).to_pylist()
    # MariaDB's are local times in the zone that the data map gives; PostgreSQL's are instants, written in UTC.
    return [
        (v if server == "mysql" else v.astimezone(UTC)).replace(tzinfo=None) if isinstance(v, datetime) else v
        for v in found
    ]


def _references(source: sqlite3.Connection, table: str) -> list[str]:
    made = []
    keys: dict[int, list[sqlite3.Row]] = {}
    for row in source.execute(f"PRAGMA foreign_key_list({table})"):
        keys.setdefault(row["id"], []).append(row)
    for rows in keys.values():
        parent = rows[0]["table"]
        primary = [c["name"] for c in source.execute(f"PRAGMA table_info({parent})") if c["pk"]]
        columns = ", ".join(f'"{r["from"]}"' for r in rows)
        referred = ", ".join(f'"{r["to"] or primary[n]}"' for n, r in enumerate(rows))
        made.append(f'ALTER TABLE "{table}" ADD FOREIGN KEY ({columns}) REFERENCES "{parent}" ({referred})')
    for index in source.execute(f"PRAGMA index_list({table})").fetchall():
        if index["origin"] == "c":
            columns = ", ".join(f'"{c["name"]}"' for c in source.execute(f"PRAGMA index_info({index['name']})"))
            made.append(f'CREATE INDEX "{index["name"]}" ON "{table}" ({columns})')
    return made
