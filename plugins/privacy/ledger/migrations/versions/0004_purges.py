"""The views tell what purges say; the last run of a rule is found at once among a million entries.

A view's new columns come after its old ones: PostgreSQL then replaces it, and who may read it stays as it was.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

NUMBERS = (
    *("candidates", "records", "bytes", "deleted", "held", "failed", "unattributed"),
    *("count", "revision", "first", "last"),
    *("late", "undated", "future", "foreseen"),
)
BEGUN = ("code_version", "policy_version", "limit", "bound", "plan_digest", "candidates")
ENDED = (
    *("records", "bytes", "deleted", "held", "failed", "unattributed", "retained", "omitted", "datasets"),
    *("oldest_remaining", "inner_sha256", "outer_sha256", "derived"),
)
MORE_OF_BEGUN = ("promises", "as_of")
MORE_OF_ENDED = ("late", "late_by", "undated", "future", "foreseen")
EVENT = (
    *("right", "hold", "ground", "dataset", "datasets", "digest", "count"),
    *("revision", "received_at", "first", "last"),
)


def upgrade() -> None:
    """Make the views anew; for SQLite and PostgreSQL."""
    postgres = op.get_context().dialect.name == "postgresql"
    create = "CREATE OR REPLACE VIEW" if postgres else "CREATE VIEW"
    if not postgres:
        op.execute("DROP VIEW compliance_run")
        op.execute("DROP VIEW compliance_event")
    members = ", ".join(
        _member(postgres, table, name)
        for table, names in (("b", BEGUN), ("e", ENDED), ("b", MORE_OF_BEGUN), ("e", MORE_OF_ENDED))
        for name in names
    )
    op.execute(
        f"{create} compliance_run AS SELECT b.run, b.pipeline, b.rule, b.request, b.actor, b.at AS begun_at, "
        f"e.at AS ended_at, coalesce(e.status, 'begun') AS status, e.reason, {members} "
        "FROM ledger b LEFT JOIN ledger e ON e.run = b.run AND e.kind = 'run.ended' WHERE b.kind = 'run.begun'"
    )
    of_event = ", ".join(_member(postgres, "l", name) for name in EVENT)
    op.execute(
        f"{create} compliance_event AS SELECT l.seq, l.kind, l.at, l.actor, l.request, l.run, l.reason, {of_event}, "
        "l.entry, l.rule FROM ledger l WHERE l.kind NOT IN ('run.begun', 'run.ended')"
    )
    op.execute("CREATE INDEX ledger_rule ON ledger (rule, kind, seq) WHERE rule IS NOT NULL")
    op.execute("CREATE INDEX ledger_run ON ledger (run, kind) WHERE run IS NOT NULL")


def _member(postgres: bool, table: str, name: str) -> str:
    """A member of an entry as a column; lists and objects as JSON text."""
    if not postgres:
        return f"json_extract({table}.entry, '$.{name}') AS \"{name}\""
    cast = "::bigint" if name in NUMBERS else "::boolean" if name == "derived" else ""
    return f"({table}.entry::jsonb ->> '{name}'){cast} AS \"{name}\""
