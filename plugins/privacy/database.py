"""Engines, and driver errors turned into ours: a driver's own text may quote a person's key (edge case 34)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from privacy.connections import Connection
from privacy.database_errors import driver_errors, told
from privacy.database_servers import SERVERS, server_engine
from privacy.errors import BadConfiguration, PrivacyError

_WAIT = 30.0
"""Seconds that SQLite waits for a lock."""
_READS = "privacy_reads"


def engine(connection: Connection, *, read_only: bool = False, create: bool = False) -> sa.Engine:
    """An engine that shows no parameter in any error or log.

    :param read_only: SQLite is opened so that no statement can write; a server's transactions are read only, and each
        sees one state of the database.
    :param create: a SQLite file that is missing is made; otherwise it is an error, never an empty shop.
    :raises BadConfiguration: the URL is none, its kind is not served, its driver is not installed, or the file is
        missing.
    """
    try:
        url = make_url(connection.url)
    except sa.exc.ArgumentError:
        raise BadConfiguration(
            "connections.url", "The connection's URL is no database URL.", where=connection.name
        ) from None
    if url.get_backend_name() in SERVERS:
        return server_engine(url, connection, read_only=read_only)
    if url.get_backend_name() != "sqlite":
        raise BadConfiguration(
            "connections.driver",
            f"There is no driver for {url.get_backend_name()}.",
            where=connection.name,
            advice="Write a URL of sqlite:, postgresql: or mysql: (MariaDB).",
        )
    path = Path(url.database or "")
    if not create and not path.is_file():
        raise BadConfiguration(
            "database.missing",
            f"There is no database file {path}.",
            where=connection.name,
            advice="Correct the connection; a new installation is made by privacy init.",
        )
    if create:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = "ro" if read_only else "rwc" if create else "rw"
    uri = f"file:{path.absolute().as_uri().removeprefix('file://')}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # Transactions are ours (BEGIN below), so that a SELECT reads one state and a batch is one transaction.
        raw = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        raw.execute("PRAGMA foreign_keys = ON")
        return raw

    made = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @sa.event.listens_for(made, "begin")
    def _begin(opened: sa.Connection) -> None:
        reads = read_only or opened.get_execution_options().get(_READS, False)
        opened.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return made


def reading(engine: sa.Engine) -> sa.Engine:
    """The same engine, for transactions that only read: on SQLite they take no writer's lock."""
    return engine.execution_options(**{_READS: True})


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn every driver's and SQLAlchemy's error into ours, without its text.

    :raises RetryLater: locked, deadlocked, connection lost, out of reach.
    :raises BadConfiguration: a table or column is not there, or the account may not do it or log in.
    :raises GiveUp: anything else.
    """
    try:
        yield
    except PrivacyError:
        raise
    except driver_errors() as problem:
        ours = told(problem, where)
    else:
        return
    # `from None` each time: the driver's error is still being handled where the `with` block stands.
    raise ours from None
