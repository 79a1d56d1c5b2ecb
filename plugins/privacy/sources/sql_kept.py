"""Keeping what a correction replaces: a row of another table, in the same transaction as the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.errors import BadConfiguration
from privacy.sources.base import Keeping
from privacy.sources.sql_dialect import Key, quoted
from privacy.sources.sql_stored import stored

if TYPE_CHECKING:
    from privacy.sources.sql import SqlSource


def keep(source: SqlSource, connection: sa.Connection, name: str, key: Key, keeping: Keeping) -> None:
    """Add the row for one record, before that is changed.

    :param name: the record's dataset. :raises BadConfiguration: ``sql.no_table``, ``sql.constant``.
    """
    own, other = source.dataset(name), source.dataset(keeping.dataset)
    if own.table is None or other.table is None:
        raise BadConfiguration(
            "sql.no_table", "The dataset names no table to write to.", where=source.where(keeping.dataset),
            advice="Write `table:` in the data map.",
        )  # fmt: skip
    dialect, where = source.dialect.at(connection, own.table), source.where(keeping.dataset)
    values = [f"t.{quoted(column)}" for column in keeping.copy.values()]
    parameters: dict[str, object] = {"keys": dialect.rows([key])}
    to = source.dialect.at(connection, other.table)
    for number, (column, value) in enumerate(keeping.put.items()):
        parameters[f"p_{number}"] = to.written(stored(value, other.columns[column], f"{where}.{column}"), column)
        values.append(f":p_{number}")
    columns = [*keeping.copy, *keeping.put]
    if keeping.number is not None:
        rest = [c for c in other.key if c != keeping.number]
        same = " AND ".join(f"h.{quoted(c)} = t.{quoted(keeping.copy[c])}" for c in rest) or "1 = 1"
        counted = f"SELECT coalesce(max(h.{quoted(keeping.number)}), 0) + 1 FROM {quoted(other.table)} h WHERE {same}"
        columns.append(keeping.number)
        values.append(f"({counted})")
    matched = dialect.keyed_by_index([quoted(c) for c in own.key], "keys")
    text = (
        f"INSERT INTO {quoted(other.table)} ({', '.join(map(quoted, columns))}) "
        f"SELECT {', '.join(values)} FROM {quoted(own.table)} t WHERE {matched}"
    )
    connection.exec_driver_sql(text, parameters)
