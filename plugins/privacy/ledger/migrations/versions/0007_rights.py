"""When a copy was reviewed, and when what asks for no copy was partly done, done, and answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the dates, which no request has yet; ISO 8601 in UTC."""
    for name in ("reviewed_at", "partly_at", "acted_at", "answered_at"):
        op.add_column("request_register", sa.Column(name, sa.String(32)))
