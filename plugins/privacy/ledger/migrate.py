"""Bringing the database of ledger, holds and register up to date (Alembic)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from privacy.database import translated

NEWEST = "0002"
"""The newest revision; a test holds it against the files."""

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: sa.Engine) -> None:
    """Make or migrate the tables; safe to call twice and by two processes at once.

    :raises RetryLater: the database is locked by something else.
    """
    with translated("ledger"), engine.begin() as connection:
        # The transaction holds the writer's lock (SQLite: BEGIN IMMEDIATE), so that one process migrates at a time.
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('privacy.migrate'))"))
        if sa.inspect(connection).has_table("privacy_alembic_version"):
            present = connection.execute(sa.text("SELECT version_num FROM privacy_alembic_version")).scalar()
            if present == NEWEST:
                return
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
