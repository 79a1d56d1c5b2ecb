"""What the shop's systems must not do any more: the list of those whose data are not to be processed."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing yet."""
