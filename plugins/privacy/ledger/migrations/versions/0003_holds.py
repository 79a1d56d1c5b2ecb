"""Holds: what must not be deleted now. Whom a hold is about, and its stated ground, are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; for SQLite and PostgreSQL. Dates are ISO 8601 in UTC."""
    op.create_table(
        "holds",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("request", sa.String(32)),
        sa.Column("datasets", sa.Text),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("placed_at", sa.String(32), nullable=False),
        sa.Column("released_at", sa.String(32)),
        sa.Column("sealed", sa.Text),
        # A hold in force says whom it is about; one that was released does not any more.
        sa.CheckConstraint("(released_at IS NULL) = (sealed IS NOT NULL)", name="hold_sealed_while_in_force"),
    )
    op.create_index("holds_active", "holds", ["released_at"])
    op.create_index("holds_request", "holds", ["request"])
