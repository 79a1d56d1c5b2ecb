"""Indexes for the desk's first page and its ledger: each list is found without reading what is not shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

LEDGER = {
    "ledger_kind": (["kind", "seq"], None),
    "ledger_of_rule": (["rule", "seq"], "rule IS NOT NULL"),
    "ledger_status": (["status", "seq"], "status IS NOT NULL"),
}


def upgrade() -> None:
    """Create them; for SQLite and PostgreSQL."""
    for name, (columns, where) in LEDGER.items():
        only = {} if where is None else {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
        op.create_index(name, "ledger", columns, **only)
    waiting = sa.text("confirmed_at IS NULL")
    op.create_index(
        "processor_notices_waiting", "processor_notices", ["made_at", "id"], sqlite_where=waiting,
        postgresql_where=waiting,
    )  # fmt: skip
    unsent = sa.text("sent_at IS NULL AND problem IS NOT NULL")
    op.create_index(
        "policy_letters_unsent", "policy_letters", ["version"], sqlite_where=unsent, postgresql_where=unsent
    )  # fmt: skip
    in_force = sa.text("released_at IS NULL")
    op.create_index(
        "holds_in_force", "holds", ["kind", "placed_at"], sqlite_where=in_force, postgresql_where=in_force
    )  # fmt: skip
