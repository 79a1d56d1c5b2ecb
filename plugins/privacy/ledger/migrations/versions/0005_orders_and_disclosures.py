"""Orders to keep footage, and what was disclosed to whom, which is sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables; for SQLite and PostgreSQL. Dates are ISO 8601 in UTC."""
    op.create_table(
        "footage_orders",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("hold", sa.String(32), nullable=False),
        sa.Column("processor", sa.String(100), nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("sent_at", sa.String(32), nullable=False),
        sa.Column("confirmed_at", sa.String(32)),
        sa.Column("withdrawn_at", sa.String(32)),
        sa.UniqueConstraint("hold", "processor", name="footage_order_once"),
    )
    op.create_table(
        "disclosures",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
