"""Engines of PostgreSQL and MariaDB: the drivers, and what each session is told."""

from __future__ import annotations

import os
import weakref
from typing import Any

import sqlalchemy as sa

from privacy.connections import Connection
from privacy.errors import BadConfiguration

SERVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql",
           "mariadb": "mysql+pymysql"}  # fmt: skip
"""The kinds that are served, and the driver of each."""

_CONNECT = 10
"""Seconds to wait for a server that does not answer at first."""
_SILENCE = 3600
"""Seconds after which a silent MariaDB counts as lost: a long statement says nothing until its first row."""

MODES = (
    "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
"""How MariaDB reads SQL in our sessions: as the standard does, so that one file can serve all."""

_POSTGRES = {
    "TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "iso_8601", "bytea_output": "hex",
    "extra_float_digits": "1", "client_encoding": "UTF8", "standard_conforming_strings": "on",
    # A cursor's rows are all fetched: the plan that is soonest done, not the one that is soonest begun.
    "cursor_tuple_fraction": "1.0",
}  # fmt: skip


def server_engine(url: sa.URL, connection: Connection, *, read_only: bool) -> sa.Engine:
    """An engine whose sessions are in UTC.

    :param read_only: transactions cannot write, and see one state from their first statement on.
    :raises BadConfiguration: ``connections.driver``.
    """
    served = SERVERS[url.get_backend_name()]
    if "+" in url.drivername and url.drivername != served:
        raise BadConfiguration(
            "connections.driver",
            f"The driver of {url.drivername} is not the one that is served.",
            where=connection.name,
            advice=f"Write {served.partition('+')[0]}://, or {served}://.",
        )
    kind = served.partition("+")[0]
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ" if read_only else "READ COMMITTED"}
    if kind == "mysql":
        told = f"SET SESSION time_zone = '+00:00', sql_mode = '{MODES}'"
        arguments: dict[str, Any] = {
            "charset": "utf8mb4", "init_command": told, "connect_timeout": _CONNECT, "read_timeout": _SILENCE,
            "write_timeout": _SILENCE, "local_infile": False,
        }  # fmt: skip
    else:
        arguments = {"connect_timeout": _CONNECT, "keepalives_idle": 60, "application_name": "privacy"}
    try:
        made = sa.create_engine(
            url.set(drivername=served), hide_parameters=True, pool_pre_ping=True,
            connect_args=arguments, **options,
        )  # fmt: skip
    except (ImportError, sa.exc.ArgumentError):
        raise BadConfiguration(
            "connections.driver",
            f"The driver for {url.get_backend_name()} is not installed.",
            where=connection.name,
            advice="Install it, or correct the connection's URL.",
        ) from None
    _sessions(made, kind, read_only=read_only)
    return made


_ENGINES: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
"""Those of this process."""


def _forked() -> None:
    """A connection does not survive a fork: two processes would read each other's answers.

    A look at each connection as it leaves the pool would be too late: the pool has asked it before whether it is there.
    """
    for engine in list(_ENGINES):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forked)


def _sessions(made: sa.Engine, kind: str, *, read_only: bool) -> None:
    @sa.event.listens_for(made, "connect")
    def _connected(raw: Any, _: Any) -> None:
        with raw.cursor() as cursor:
            if kind == "mysql":
                _as_they_stand(raw)
                if read_only:
                    cursor.execute("SET SESSION TRANSACTION READ ONLY")
                return
            for name, value in _POSTGRES.items():
                cursor.execute(f"SET SESSION {name} = '{value}'")
            if read_only:
                cursor.execute("SET SESSION default_transaction_read_only = on")
        raw.commit()
        from psycopg.types.string import TextLoader

        # As text: Python would make floats of numbers that are exact.
        for json in ("json", "jsonb"):
            raw.adapters.register_loader(json, TextLoader)

    _ENGINES.add(made)


def _as_they_stand(raw: Any) -> None:
    """A TIMESTAMP is an instant (in the session's zone, which is UTC), a DATETIME a local time."""
    from datetime import UTC, datetime

    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import convert_datetime

    def instant(text: Any) -> Any:
        found = convert_datetime(text)
        return found.replace(tzinfo=UTC) if isinstance(found, datetime) else found

    raw.decoders = {**raw.decoders, FIELD_TYPE.TIMESTAMP: instant}
