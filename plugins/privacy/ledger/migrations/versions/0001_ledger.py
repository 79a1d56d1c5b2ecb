"""The ledger: an append-only table, columns generated from its entries, and two views."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TEXTS = ("kind", "at", "run", "request", "pipeline", "rule", "status", "actor", "reason")

NUMBERS = (
    *("candidates", "records", "bytes", "deleted", "held", "failed", "unattributed"),
    *("count", "revision", "first", "last"),
)
BEGUN = ("code_version", "policy_version", "limit", "bound", "plan_digest", "candidates")
ENDED = (
    *("records", "bytes", "deleted", "held", "failed", "unattributed", "retained", "omitted", "datasets"),
    *("oldest_remaining", "inner_sha256", "outer_sha256", "derived"),
)
EVENT = (
    *("right", "hold", "ground", "dataset", "datasets", "digest", "count"),
    *("revision", "received_at", "first", "last"),
)


def upgrade() -> None:
    """Create everything; for SQLite and PostgreSQL."""
    postgres = op.get_context().dialect.name == "postgresql"
    get = "(entry::jsonb ->> '{}')" if postgres else "json_extract(entry, '$.{}')"
    keep = "STORED" if postgres else "VIRTUAL"
    generated = ",\n  ".join(f'"{name}" TEXT GENERATED ALWAYS AS ({get.format(name)}) {keep}' for name in TEXTS)
    op.execute(
        f"CREATE TABLE ledger (\n  seq BIGINT PRIMARY KEY,\n  entry TEXT NOT NULL,\n  hash VARCHAR(64) NOT NULL,\n"
        f"  {generated}\n)"
    )
    op.execute("CREATE UNIQUE INDEX ledger_once ON ledger (run, kind) WHERE kind IN ('run.begun', 'run.ended')")
    op.execute("CREATE INDEX ledger_request ON ledger (request)")
    op.execute("CREATE INDEX ledger_kind_at ON ledger (kind, at)")
    for action in ("UPDATE", "DELETE"):
        if postgres:
            continue
        op.execute(
            f"CREATE TRIGGER ledger_no_{action.lower()} BEFORE {action} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    if postgres:
        op.execute(
            "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        )
    of_begun = ", ".join(_member(postgres, "b", name) for name in BEGUN)
    of_ended = ", ".join(_member(postgres, "e", name) for name in ENDED)
    op.execute(
        "CREATE VIEW compliance_run AS SELECT b.run, b.pipeline, b.rule, b.request, b.actor, b.at AS begun_at, "
        f"e.at AS ended_at, coalesce(e.status, 'begun') AS status, e.reason, {of_begun}, {of_ended} "
        "FROM ledger b LEFT JOIN ledger e ON e.run = b.run AND e.kind = 'run.ended' WHERE b.kind = 'run.begun'"
    )
    of_event = ", ".join(_member(postgres, "l", name) for name in EVENT)
    op.execute(
        f"CREATE VIEW compliance_event AS SELECT l.seq, l.kind, l.at, l.actor, l.request, l.run, l.reason, {of_event}, "
        "l.entry FROM ledger l WHERE l.kind NOT IN ('run.begun', 'run.ended')"
    )


def _member(postgres: bool, table: str, name: str) -> str:
    """A member of an entry as a column; lists and objects as JSON text."""
    if not postgres:
        return f"json_extract({table}.entry, '$.{name}') AS \"{name}\""
    cast = "::bigint" if name in NUMBERS else "::boolean" if name == "derived" else ""
    return f"({table}.entry::jsonb ->> '{name}'){cast} AS \"{name}\""
