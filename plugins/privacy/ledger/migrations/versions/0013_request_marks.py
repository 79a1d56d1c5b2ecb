"""Keyed digests of what requests name, so that the desk finds a person's requests without opening any."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the table; for SQLite and PostgreSQL. Rows of requests that are there already need the master key:
    :meth:`privacy.rights.house.House.found`, which migrates, adds them afterwards."""
    op.create_table(
        "request_marks",
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("number", sa.String(32), primary_key=True),
    )
    op.create_index("request_marks_number", "request_marks", ["number"])
