"""Whom an erasure forgot, as keyed digests: a backup that is restored brings nobody back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table; for SQLite and PostgreSQL. Dates are ISO 8601 in UTC."""
    op.create_table(
        "erasure_markers",
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("theirs_from", sa.String(32), primary_key=True),
        sa.Column("theirs_until", sa.String(32), primary_key=True),
        sa.Column("erased_at", sa.String(32), nullable=False),
    )
    op.create_index("erasure_markers_erased_at", "erasure_markers", ["erased_at"])
