"""When the person was told that the answer to a request takes longer (art. 12(3) GDPR)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the date, which no request has yet; ISO 8601 in UTC."""
    op.add_column("request_register", sa.Column("extended_at", sa.String(32)))
