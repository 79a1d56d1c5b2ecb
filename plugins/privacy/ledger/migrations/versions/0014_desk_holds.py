"""Indexes for the desk's lists of holds, orders and disclosures: a page is found without reading the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create them; for SQLite and PostgreSQL."""
    # Each open request has a hold of its own; there are many, and the list is of the others. It begins with what is
    # the same in all of them: SQLite would rather take the index of active holds, and sort.
    placed = sa.text("released_at IS NULL AND kind <> 'request'")
    op.create_index(
        "holds_placed", "holds", ["released_at", "placed_at", "id"], sqlite_where=placed, postgresql_where=placed
    )  # fmt: skip
    kept = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "footage_orders_kept", "footage_orders", ["sent_at", "id"], sqlite_where=kept, postgresql_where=kept
    )  # fmt: skip
    op.create_index("disclosures_page", "disclosures", ["recorded_at", "id"])
