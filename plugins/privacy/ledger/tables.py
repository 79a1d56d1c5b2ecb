"""The tables that the migrations make, for queries."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

GENERATED = ("kind", "at", "run", "request", "pipeline", "rule", "status", "actor", "reason")
"""The members of an entry that the database makes columns of."""

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    *(sa.Column(name, sa.Text, sa.FetchedValue()) for name in GENERATED),
)
"""Only ``seq``, ``entry`` and ``hash`` are written: the database generates the others from the entry."""
