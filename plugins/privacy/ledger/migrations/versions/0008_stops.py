"""What the shop's systems must not do any more: the list of those whose data are not to be processed.

This table is plain on purpose: the shop's own systems look somebody up in it. It is personal data for as long as a stop
is in force; whatever ended says nothing of anybody any more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_LISTED = {
    "sqlite": "json_each(s.purposes) AS p",
    "postgresql": "jsonb_array_elements_text(s.purposes::jsonb) AS p(value)",
}


def upgrade() -> None:
    """Create table and view, for SQLite and PostgreSQL; add the date of a lifting. Dates are ISO 8601 in UTC."""
    op.create_table(
        "do_not_process",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("request", sa.String(32)),
        sa.Column("kind", sa.String(100)),
        sa.Column("value", sa.Text),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("purposes", sa.Text),
        sa.Column("ground", sa.String(32), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("ended", sa.String(32)),
        sa.Column("salt", sa.String(64)),
    )
    op.create_index("do_not_process_whom", "do_not_process", ["kind", "value"])
    op.create_index(
        "do_not_process_once", "do_not_process", ["request", "kind", "value"], unique=True,
        sqlite_where=sa.text("ended IS NULL"), postgresql_where=sa.text("ended IS NULL"),
    )  # fmt: skip
    # One row a purpose: whoever asks for theirs alone misses nobody whose data may not be processed at all.
    op.execute(
        "CREATE VIEW processing_stops AS SELECT s.kind AS kind, s.value AS value, s.scope AS scope, "
        "p.value AS purpose, s.since AS since, s.ground AS ground "
        f"FROM do_not_process AS s, {_LISTED[op.get_context().dialect.name]} WHERE s.ended IS NULL"
    )
    op.add_column("request_register", sa.Column("lifted_at", sa.String(32)))
