"""Making and migrating the database."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.resources import files

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from privacy.connections import Connection
from privacy.database import engine
from privacy.errors import BadConfiguration
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
from privacy.ledger.migrate import MIGRATIONS
from privacy.ledger.tables import metadata


@pytest.fixture
def db(tmp_path):
    made = engine(Connection("ledger", f"sqlite:///{tmp_path}/ledger.db"), create=True)
    upgrade(made)
    return made


def test_a_database_that_is_up_to_date_costs_next_to_nothing(db):
    begun = time.perf_counter()
    upgrade(db)
    assert time.perf_counter() - begun < 0.5, "a few milliseconds on a machine with nothing else to do"


@pytest.mark.usefixtures("db")
def test_a_database_that_is_up_to_date_needs_no_alembic(tmp_path):
    code = (
        "import sys; from privacy.connections import Connection; from privacy.database import engine;"
        "from privacy.ledger import upgrade; "
        f"upgrade(engine(Connection('ledger', 'sqlite:///{tmp_path}/ledger.db'))); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_start_waits_for_no_batch(db):
    with db.begin():
        begun = time.perf_counter()
        upgrade(db)
        assert time.perf_counter() - begun < 5


def test_a_database_of_a_later_version_is_left_alone(db):
    with db.begin() as connection:
        connection.exec_driver_sql("UPDATE privacy_alembic_version SET version_num = '9999'")
    with pytest.raises(BadConfiguration, match=r"ledger\.newer"):
        upgrade(db)


def test_a_migration_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    made = engine(Connection("ledger", f"sqlite:///{tmp_path}/ledger.db"), create=True)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            upgrade(made)
    with made.connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    upgrade(made)


def test_the_tables_in_code_are_those_of_the_migrations(db):
    with db.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda o, name, kind, *_: (
                    kind != "index" and name != "privacy_alembic_version" and not getattr(o, "computed", None)
                )
            },
        )
        differences = [d for d in compare_metadata(context, metadata) if not isinstance(d, list)]
    assert differences == []


def test_readers_and_a_writer_work_side_by_side(db):
    with db.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


RUN = (
    "run pipeline rule request actor begun_at ended_at status reason code_version policy_version limit bound plan_digest "
    "candidates records bytes deleted held failed unattributed retained omitted datasets oldest_remaining inner_sha256 "
    "outer_sha256 derived promises as_of late late_by undated future foreseen"
)
EVENT = "seq kind at actor request run reason right hold ground dataset datasets digest count revision received_at first last entry rule"


def test_the_views_have_what_purges_and_erasures_will_say_too(db):
    inspector = sa.inspect(db)
    assert [c["name"] for c in inspector.get_columns("compliance_run")] == RUN.split()
    assert [c["name"] for c in inspector.get_columns("compliance_event")] == EVENT.split()


def test_an_older_database_is_brought_up_to_date_with_its_rows(tmp_path):
    """Of version 0003: what stands in it stays, byte for byte, and the new columns tell of it."""
    made = engine(Connection("ledger", f"sqlite:///{tmp_path}/ledger.db"), create=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with made.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    newer = engine(Connection("ledger", f"sqlite:///{tmp_path}/newer.db"), create=True)
    upgrade(newer)
    ledger = Ledger(newer, MasterKey(b"k" * 32), tmp_path / "head.json")
    more = {"pipeline": "purge_x", "actor": "a", "code_version": "1", "policy_version": "1"}
    ledger.begin("r", rule="x", promises=["X-1"], as_of=datetime(2026, 1, 1, tzinfo=UTC), **more)
    ledger.end("r", status="done", actor="a", late=3, late_by="PT2H", undated=1, foreseen=9)
    ledger.event("purge.asked", actor="a", run="r", rule="x")
    before = ledger.entries()
    with newer.connect() as there, made.begin() as connection:
        for row in there.exec_driver_sql("SELECT seq, entry, hash FROM ledger").fetchall():
            connection.exec_driver_sql("INSERT INTO ledger (seq, entry, hash) VALUES (?, ?, ?)", tuple(row))
    ledger = Ledger(made, MasterKey(b"k" * 32), tmp_path / "head.json")
    upgrade(made)
    assert ledger.entries() == before
    assert ledger.verify().ok
    with made.connect() as connection:
        row = connection.exec_driver_sql("SELECT * FROM compliance_run").mappings().one()
        event = connection.exec_driver_sql("SELECT kind, rule FROM compliance_event").one()
    assert (row["promises"], row["as_of"], row["late"], row["late_by"]) == (
        '["X-1"]',
        "2026-01-01T00:00:00.000000Z",
        3,
        "PT2H",
    )
    assert (row["undated"], row["future"], row["foreseen"]) == (1, None, 9)
    assert tuple(event) == ("purge.asked", "x")


def test_the_views_on_postgresql_only_get_longer(postgresql):
    """Otherwise it would refuse to replace them; dropped, they would be without their readers."""
    views = re.findall(r"CREATE (?:OR REPLACE )?VIEW (\w+) AS SELECT (.*?)FROM ledger", postgresql, re.DOTALL)
    for name in ("compliance_run", "compliance_event"):
        first, second = (re.sub(r"\s+", " ", text).strip() for view, text in views if view == name)
        assert second.startswith(first)
        assert len(second) > len(first)


@pytest.fixture
def postgresql(capsys):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("dialect", "postgresql")
    command.upgrade(config, "head", sql=True)
    return capsys.readouterr().out


def test_the_same_is_written_for_postgresql(postgresql):
    for part in (
        "GENERATED ALWAYS AS ((entry::jsonb ->> 'kind')) STORED",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger FOR EACH STATEMENT",
        "CREATE UNIQUE INDEX ledger_once ON ledger (run, kind)",
        "(e.entry::jsonb ->> 'records')::bigint AS \"records\"",
        "CREATE TABLE request_register",
        "CREATE TABLE holds",
        "CREATE OR REPLACE VIEW compliance_run",
        "CREATE OR REPLACE VIEW compliance_event",
        "(e.entry::jsonb ->> 'late')::bigint AS \"late\"",
        "CREATE INDEX ledger_rule ON ledger (rule, kind, seq) WHERE rule IS NOT NULL",
        "INSERT INTO privacy_alembic_version (version_num) VALUES ('0001')",
    ):
        assert part in postgresql
    assert "json_extract" not in postgresql


def test_the_roles_for_postgresql_name_every_table_and_let_nobody_change_the_ledger():
    text = files("privacy.ledger").joinpath("postgresql_roles.sql").read_text()
    for name in (*metadata.tables, "compliance_run", "compliance_event"):
        assert name in text
    granted = [line for line in text.splitlines() if line.startswith("GRANT") and " ON ledger" in line]
    assert granted
    assert not any(word in line for line in granted for word in ("UPDATE", "DELETE", "TRUNCATE", "ALL"))
