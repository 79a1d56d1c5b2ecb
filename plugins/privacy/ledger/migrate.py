"""Bringing the database of ledger, holds and register up to date (Alembic)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.errors import BadConfiguration

NEWEST = "0014"
"""The newest revision; a test holds it against the files."""

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: sa.Engine) -> None:
    """Make or migrate the tables; safe to call twice and by two processes at once.

    :raises RetryLater: the database is locked by something else.
    :raises BadConfiguration: ``ledger.newer``: a later version of this program migrated it.
    """
    with translated("ledger"):
        # First without a lock: every start of a process comes here, and a batch may hold the writer's lock for long.
        with reading(engine).connect() as connection:
            if _present(connection) == NEWEST:
                return
        if engine.dialect.name == "sqlite":
            # Readers beside a writer; it stays with the file. Not possible inside a transaction.
            raw = engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA journal_mode = WAL")
            finally:
                raw.close()
        with engine.begin() as connection:
            # The transaction holds the writer's lock (SQLite: BEGIN IMMEDIATE): one process migrates at a time.
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('privacy.migrate'))"))
            if _present(connection) != NEWEST:
                _migrate(connection)


def _present(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("privacy_alembic_version"):
        return None
    present: str | None = connection.execute(sa.text("SELECT version_num FROM privacy_alembic_version")).scalar()
    if present is not None and present > NEWEST:
        raise BadConfiguration(
            "ledger.newer",
            f"The database is of a newer version ({present}) than this program ({NEWEST}).",
            where="ledger",
            advice="Install the version of the program that migrated it.",
        )
    return present


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
