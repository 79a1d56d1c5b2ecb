"""Whom an erasure forgot, as keyed digests: a backup that is restored brings nobody back."""

from __future__ import annotations

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing yet."""
