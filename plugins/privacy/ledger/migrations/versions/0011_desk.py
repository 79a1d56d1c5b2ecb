"""Indexes for the desk's lists: each filter finds its page of requests without reading the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

OPEN = "released_at IS NULL AND answered_at IS NULL AND refused_at IS NULL"
WHERE = {
    "open": OPEN,
    "refused": "refused_at IS NOT NULL",
    "released": "released_at IS NOT NULL AND refused_at IS NULL",
    "answered": "answered_at IS NOT NULL AND released_at IS NULL AND refused_at IS NULL",
}


def upgrade() -> None:
    """Create them; for SQLite and PostgreSQL."""
    for name, where in WHERE.items():
        op.create_index(
            f"request_register_{name}", "request_register", ["received_at", "number"],
            sqlite_where=sa.text(where), postgresql_where=sa.text(where),
        )  # fmt: skip
    op.create_index("request_register_right", "request_register", ["right_", "received_at", "number"])
    op.create_index("request_register_page", "request_register", ["received_at", "number"])
