"""Rows out of the database: raw cursors, by the batch, one row a subject and record."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from privacy.database import translated
from privacy.datamap.models import Dataset
from privacy.errors import BadConfiguration, Unreadable
from privacy.sources.sql_servers import bound
from privacy.sources.sql_text import Statement

Row = tuple[Any, ...]
"""A dataset's columns, then the subject's number and the party's place (after :func:`joined`: its places)."""


def fetched(engine: sa.Engine, statement: Statement, size: int, dataset: Dataset, where: str) -> Generator[list[Row]]:
    """The statement's rows, at most ``size`` at a time. Closing it early closes cursor and connection.

    :param where: the dataset's name, for errors.
    :raises Unreadable: ``sql.not_utf8``: a text is not UTF-8; naming its column.
    """
    with translated(where), engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            yield from _streamed(connection, statement, size)
            return
        raw = connection.connection.dbapi_connection
        assert raw is not None  # noqa: S101 - narrows the type
        with closing(raw.cursor()) as cursor:
            cursor.execute(statement.text, statement.parameters)
            while rows := _next(cursor, size, dataset, where):
                yield rows


def _streamed(connection: sa.Connection, statement: Statement, size: int) -> Generator[list[Row]]:
    """By a cursor of the server's: never more than ``size`` rows are on their way."""
    raw: Any = connection.connection.dbapi_connection
    cursor = _server_side(raw, connection.dialect.name)
    try:
        cursor.execute(bound(statement.text), statement.parameters)
        while rows := cursor.fetchmany(size):
            yield rows if isinstance(rows, list) else list(rows)
    except BaseException:
        # Closed early, or lost. MariaDB would send all the rest first, or its driver ask a connection that is gone.
        if (result := getattr(cursor, "_result", None)) is not None and connection.dialect.name == "mysql":
            result.unbuffered_active = False
        connection.invalidate()
        raise
    cursor.close()


def _server_side(raw: Any, kind: str) -> Any:
    if kind == "postgresql":
        return raw.cursor("privacy_rows")
    from pymysql.cursors import SSCursor

    return raw.cursor(SSCursor)


def _next(cursor: Any, size: int, dataset: Dataset, where: str) -> list[Row]:
    try:
        rows: list[Row] = cursor.fetchmany(size)
        return rows
    except sqlite3.OperationalError as problem:
        text = str(problem)
    if text.startswith("Could not decode to UTF-8"):
        # The driver quotes the value after the column; the column's name is ours to say, the value is not.
        named = [name for name in dataset.columns if text.startswith(f"Could not decode to UTF-8 column '{name}' ")]
        raise Unreadable(
            "sql.not_utf8",
            "A text is not valid UTF-8.",
            where=f"{where}.{named[0]}" if named else where,
            advice="Correct the value in the store, or declare the column binary and select CAST(... AS BLOB).",
        ) from None
    raise sqlite3.OperationalError(text) from None


def all_of(connection: sa.Connection, statement: Statement) -> list[Row]:
    """All rows of a statement, as the driver gives them, within an open transaction."""
    raw: Any = connection.connection.dbapi_connection
    text = statement.text if connection.dialect.name == "sqlite" else bound(statement.text)
    with closing(raw.cursor()) as cursor:
        cursor.execute(text, statement.parameters)
        return list(map(tuple, cursor.fetchall()))


def joined(batches: Iterator[list[Row]], statement: Statement, dataset: Dataset, where: str) -> Iterator[list[Row]]:
    """One row a subject and record: what several parties or identifiers matched stands together and is joined.

    The last field becomes a tuple of the parties' places, where the statement can repeat a record. No batch grows.

    :raises BadConfiguration: ``sql.key``: two records have the same key, so neither could be told from the other.
    """
    names = list(dataset.columns)
    key_of = operator.itemgetter(len(names), *(names.index(name) for name in dataset.key))
    pending: list[Row] = []
    for batch in batches:
        keys = list(map(key_of, batch))
        same = list(map(operator.eq, keys, [key_of(pending[-1]) if pending else None, *keys[:-1]]))
        if not statement.repeats:
            if any(same):
                raise _same_key(where)
            rows = batch
        else:
            rows = pending[-1:]
            for row, again in zip(batch, same, strict=True):
                if not again:
                    rows.append((*row[:-1], (row[-1],)))
                    continue
                before = rows[-1]
                if before[:-1] != row[:-1]:
                    raise _same_key(where)
                if row[-1] not in before[-1]:
                    rows[-1] = (*before[:-1], (*before[-1], row[-1]))
            if pending:
                pending[-1] = rows.pop(0)
            if not rows:
                continue
        if pending:
            yield pending
        pending = rows
    if pending:
        yield pending


def _same_key(where: str) -> BadConfiguration:
    return BadConfiguration(
        "sql.key",
        "Two different records have the same key.",
        where=where,
        advice="Give the dataset a key that tells its records apart, or make the SELECT give each once.",
    )
