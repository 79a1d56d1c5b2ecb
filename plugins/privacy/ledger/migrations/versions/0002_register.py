"""The register of requests: dates in the open, everything personal sealed under each request's own key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

DATES = ("begun_at", "undecided_at", "sealed_at", "proven_at", "released_at", "refused_at")


def upgrade() -> None:
    """Create the table; for SQLite and PostgreSQL. Dates are ISO 8601 in UTC."""
    op.create_table(
        "request_register",
        sa.Column("number", sa.String(32), primary_key=True),
        sa.Column("right_", sa.String(32), nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False),
        *(sa.Column(name, sa.String(32)) for name in DATES),
        sa.Column("run", sa.String(250)),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("payload", sa.Text),
        sa.CheckConstraint(
            "released_at IS NULL OR (sealed_at IS NOT NULL AND proven_at IS NOT NULL AND refused_at IS NULL)",
            name="request_released_on_proof",
        ),
        sa.CheckConstraint("sealed_at IS NULL OR begun_at IS NOT NULL", name="request_sealed_by_a_run"),
    )
    op.create_index("request_register_received", "request_register", ["received_at"])
