"""What processors and subjects were told: notices (art. 19), versions of the policy, letters about a change of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the tables; for SQLite and PostgreSQL. Dates are ISO 8601 in UTC."""
    op.create_table(
        "processor_notices",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("request", sa.String(32), nullable=False),
        sa.Column("processor", sa.String(100), nullable=False),
        sa.Column("deed", sa.String(32), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("sent_at", sa.String(32)),
        sa.Column("reminded_at", sa.String(32)),
        sa.Column("refused_at", sa.String(32)),
        sa.Column("confirmed_at", sa.String(32)),
        sa.Column("sealed", sa.Text),
    )
    op.create_index("processor_notices_request", "processor_notices", ["request"])
    op.create_table(
        "policy_versions",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.String(100), nullable=False, unique=True),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "policy_letters",
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("begun_at", sa.String(32), nullable=False),
        sa.Column("sent_at", sa.String(32)),
        sa.Column("problem", sa.String(100)),
    )
    op.create_index("policy_letters_version", "policy_letters", ["version"])
