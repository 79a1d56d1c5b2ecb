"""The compliance table: what it keeps, and that nothing in it can be changed unseen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest_ledger import migrated
from privacy.clock import FixedClock
from privacy.connections import Connection
from privacy.database import engine
from privacy.errors import BadInput, PrivacyError, Refused
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
from privacy.ledger.migrate import MIGRATIONS, NEWEST

NUMBER = "AVG-2026-0042-5"


@pytest.fixture
def db(tmp_path):
    return migrated(tmp_path)


@pytest.fixture
def ledger(db, tmp_path):
    return Ledger(db, MasterKey(b"k" * 32), tmp_path / "head.json", FixedClock(datetime(2026, 11, 1, tzinfo=UTC)))


def begin(ledger, run, **more):
    return ledger.begin(run, pipeline="export_subject", actor="a", code_version="1", policy_version="1", **more)


def forge(db, *statements):
    """What somebody with the database's own file can do: triggers do not stop them."""
    with db.begin() as connection:
        for name in ("ledger_no_update", "ledger_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_run_is_one_line_that_joins_its_begin_and_its_end(ledger, db):
    begin(ledger, "r1", request=NUMBER)
    ledger.end(
        "r1",
        status="done",
        actor="a",
        request=NUMBER,
        records=3,
        bytes=10,
        datasets={"shop.orders": {"records": 3, "bytes": 10}},
    )
    begin(ledger, "r2")
    with db.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT run, status, request, records FROM compliance_run ORDER BY run"
        ).fetchall()
    assert [tuple(r) for r in rows] == [("r1", "done", NUMBER, 3), ("r2", "begun", None, None)]


def test_an_event_stands_among_the_events(ledger, db):
    ledger.event("request.received", actor="a", request=NUMBER, right="access")
    with db.connect() as connection:
        assert connection.exec_driver_sql("SELECT kind, request FROM compliance_event").fetchall() == [
            ("request.received", NUMBER)
        ]
    assert [e.entry["right"] for e in ledger.entries(request=NUMBER)] == ["access"]


def test_saying_the_same_again_adds_nothing_and_saying_otherwise_is_refused(ledger):
    """Edge case 13: killed after the entry was written, and run again."""
    assert begin(ledger, "r1") == begin(ledger, "r1") == 1
    assert ledger.end("r1", status="failed", actor="a") == 2
    with pytest.raises(Refused):
        ledger.end("r1", status="done", actor="a")
    assert [e.entry["kind"] for e in ledger.entries()] == ["run.begun", "run.ended"]


@pytest.mark.parametrize(
    "bad",
    [{"name": "Anna"}, {"reason": "anna@a.example"}, {"request": "1001"}, {"ground": "x" * 201}, {"ground": "a\nb"}],
)
def test_nothing_personal_fits_into_an_entry(ledger, bad):
    with pytest.raises(BadInput) as refusal:
        ledger.event("x", actor="a", **bad)
    assert "anna" not in str(refusal.value).lower()
    assert ledger.entries() == []


@pytest.mark.parametrize(
    "bad",
    [
        {"retained": {"anna@a.example": 1}},
        {"omitted": {"x\nanna": 1}},
        {"datasets": {"anna": {"records": -1, "bytes": 0}}},
        {"anna@a.example": 1},
    ],
)
def test_an_entry_that_is_refused_quotes_no_key_of_what_it_was_given(ledger, bad):
    begin(ledger, "r1")
    with pytest.raises(BadInput) as refusal:
        ledger.end("r1", status="done", actor="a", **bad)
    assert "anna" not in str(refusal.value)
    assert next(iter(bad)) in str(refusal.value) or "has not" in str(refusal.value)


@pytest.mark.parametrize("statement", ["UPDATE ledger SET entry = '{}'", "DELETE FROM ledger"])
def test_the_table_itself_refuses_to_change(ledger, db, statement):
    begin(ledger, "r1")
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.begin() as connection:
        connection.exec_driver_sql(statement)
    assert ledger.verify().ok


FORGERIES = {
    "altered": "UPDATE ledger SET entry = replace(entry, '\"r2\"', '\"r9\"') WHERE seq = 2",
    "removed": "DELETE FROM ledger WHERE seq = 2",
    "cut off at the end": "DELETE FROM ledger WHERE seq = 3",
    "emptied": "DELETE FROM ledger",
    "reordered": "UPDATE ledger SET entry = (SELECT entry FROM ledger l WHERE l.seq = 5 - ledger.seq) WHERE seq IN (2, 3)",
}


@pytest.mark.parametrize("statement", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_table_is_found(ledger, db, statement):
    """Edge case 26."""
    for run in ("r1", "r2", "r3"):
        begin(ledger, run)
    assert ledger.verify().ok
    with db.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ledger_once")
    forge(db, statement)
    assert not ledger.verify().ok


def test_a_rewritten_chain_is_found_by_the_signed_head(ledger, db, tmp_path):
    """Edge case 26: hashes recomputed by somebody without the key."""
    from privacy.ledger.chain import START, link

    begin(ledger, "r1")
    text = json.dumps({"kind": "run.begun", "run": "r9", "at": "x", "actor": "a"})
    with db.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_update")
        connection.execute(sa.text("UPDATE ledger SET entry = :e, hash = :h"), {"e": text, "h": link(START, text)})
    assert not ledger.verify().ok
    head = tmp_path / "head.json"
    head.write_text(json.dumps(json.loads(head.read_text()) | {"hash": link(START, text)}))
    assert not ledger.verify().ok
    head.unlink()
    assert not ledger.verify().ok


def test_an_entry_written_but_not_yet_signed_for_is_unanchored_and_repaired_by_the_next(ledger, tmp_path):
    """Edge case 13: killed between the commit and the head."""
    begin(ledger, "r1")
    head = (tmp_path / "head.json").read_text()
    begin(ledger, "r2")
    (tmp_path / "head.json").write_text(head)
    found = ledger.verify()
    assert (found.ok, found.entries, found.unanchored) == (True, 2, 1)
    begin(ledger, "r3")
    assert ledger.verify().unanchored == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_characters="@\x7f", exclude_categories=["Cs"], min_codepoint=32), max_size=20),
        max_size=6,
    )
)
def test_whatever_is_recorded_comes_back_and_verifies(tmp_path_factory, grounds):
    folder = tmp_path_factory.mktemp("l")
    db = engine(Connection("ledger", f"sqlite:///{folder}/l.db"), create=True)
    upgrade(db)
    ledger = Ledger(db, MasterKey(b"k" * 32), folder / "head.json")
    for ground in grounds:
        ledger.event("hold.placed", actor="a", ground=ground)
    assert [e.entry["ground"] for e in ledger.entries()] == grounds
    assert ledger.verify().ok


WRITER = """
import sys
from pathlib import Path
from privacy.connections import Connection
from privacy.database import engine
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
folder, name = Path(sys.argv[1]), sys.argv[2]
db = engine(Connection("ledger", f"sqlite:///{folder}/ledger.db"), create=True)
upgrade(db)
ledger = Ledger(db, MasterKey(b"k" * 32), folder / "head.json")
for n in range(20):
    ledger.event(f"{name}.{n}", actor="a")
"""


def test_many_processes_migrate_and_write_at_once_and_nothing_is_lost(tmp_path):
    """Edge case 13: two runs at once."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"w{n}"]) for n in range(3)]
    assert [w.wait(60) for w in writers] == [0, 0, 0]
    ledger = Ledger(
        engine(Connection("ledger", f"sqlite:///{tmp_path}/ledger.db")), MasterKey(b"k" * 32), tmp_path / "head.json"
    )
    found = ledger.verify()
    assert (found.ok, found.entries, found.unanchored) == (True, 60, 0)


def test_migrating_twice_changes_nothing_and_the_newest_revision_is_known(db):
    upgrade(db)
    files = [re.match(r"\d+", f.name)[0] for f in (MIGRATIONS / "versions").glob("*.py")]
    assert max(files) == NEWEST


def test_the_migrations_are_written_for_postgresql_too(capsys):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("dialect", "postgresql")
    command.upgrade(config, "head", sql=True)
    text = capsys.readouterr().out
    assert "GENERATED ALWAYS AS ((entry::jsonb ->> 'kind')) STORED" in text
    assert "BEFORE UPDATE OR DELETE OR TRUNCATE" in text


def test_an_error_of_the_database_is_ours_and_quotes_nothing(tmp_path):
    """Edge case 34."""
    empty = engine(Connection("ledger", f"sqlite:///{tmp_path}/empty.db"), create=True)
    with pytest.raises(PrivacyError, match=r"database\.absent"):
        Ledger(empty, MasterKey(b"k" * 32), Path(tmp_path / "h.json")).event("x", actor="a")
