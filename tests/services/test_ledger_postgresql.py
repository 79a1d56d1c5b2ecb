"""Ledger, register and holds on PostgreSQL: migrated, append-only, chained by many at once, gate included."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from privacy.clock import FixedClock
from privacy.connections import Connection
from privacy.database import engine, reading, translated
from privacy.errors import BadConfiguration, GiveUp, PrivacyError, RetryLater, Tampered
from privacy.holds import HoldKind, Holds
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
from privacy.ledger.tables import metadata
from privacy.rights import Ground, Register, Right
from privacy.rights.keeping import Keeping
from privacy.rights.replay import differences
from privacy.sources.base import Identifier, Subject
from services.postgres import Postgres

KEY = MasterKey(b"k" * 32)
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ANNA = Identifier("email", "anna@a.example")


class Books:
    """One installation's database, and what stands in it."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.url = server.create("ledger", like="ledger_template")
        self.clock = FixedClock(NOW)
        self.db = engine(Connection("ledger", self.url), create=True)

    def ledger(self) -> Ledger:
        """Opened anew, as another process would."""
        return Ledger(self.db, KEY, self.folder / "head.json", self.clock)

    def begin(self, run: str, **more: object) -> int:
        return self.ledger().begin(run, pipeline="p", actor="a", code_version="1", policy_version="1", **more)

    def holds(self) -> Holds:
        return Holds(self.db, KEY, self.ledger(), self.clock)

    def forge(self, *statements: str) -> None:
        """As the owner of the tables can, who can drop triggers."""
        with self.db.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE ledger DISABLE TRIGGER ALL")
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("ALTER TABLE ledger ENABLE TRIGGER ALL")


@pytest.fixture(scope="module")
def migrated(postgresql: Postgres) -> Postgres:
    """With a database that is migrated once, for copies of it."""
    made = engine(Connection("ledger", postgresql.create("ledger_template")), create=True)
    upgrade(made)
    made.dispose()
    return postgresql


@pytest.fixture
def books(migrated: Postgres, tmp_path: Path) -> Iterator[Books]:
    made = Books(migrated, tmp_path)
    yield made
    made.db.dispose()


def test_the_tables_in_code_are_those_of_the_migrations(books):
    with books.db.connect() as connection:
        opts = {
            "include_object": lambda o, name, kind, *_: (
                kind != "index" and name != "privacy_alembic_version" and not getattr(o, "computed", None)
            )
        }
        context = MigrationContext.configure(connection, opts=opts)
        found = [d for d in compare_metadata(context, metadata) if not isinstance(d, list)]
    assert found == []


def test_a_run_is_one_line_and_an_event_another_and_the_columns_have_their_types(books):
    ledger = books.ledger()
    books.begin("r1", rule="x", promises=["X-1"], as_of=NOW)
    ledger.end("r1", status="done", actor="a", records=3, late=1, late_by="PT2H", derived=True)
    books.begin("r2")
    ledger.event("request.received", actor="a", request="AVG-2026-0042-5", right="access")
    with books.db.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT run, status, records, late, derived, promises, as_of FROM compliance_run ORDER BY run"
        ).fetchall()
        events = connection.exec_driver_sql('SELECT kind, request, "right" FROM compliance_event').fetchall()
    assert [tuple(r) for r in rows] == [
        ("r1", "done", 3, 1, True, '["X-1"]', "2026-11-02T09:30:00.000000Z"),
        ("r2", "begun", None, None, None, None, None),
    ]
    assert [tuple(e) for e in events] == [("request.received", "AVG-2026-0042-5", "access")]
    run = ledger.last("x")
    assert (run.run, run.status, run.late) == ("r1", "done", 1)
    assert [r.run for r in ledger.runs()] == ["r1"]
    assert ledger.archive.unended(NOW + timedelta(1))[0]["run"] == "r2"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger SET entry = '{}'", "DELETE FROM ledger", "TRUNCATE ledger", "UPDATE ledger SET seq = 2"],
)
def test_the_table_itself_refuses_to_change(books, statement):
    books.begin("r1")
    with pytest.raises(GiveUp), translated("ledger"), books.db.begin() as connection:
        connection.exec_driver_sql(statement)
    assert books.ledger().verify().ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET entry = replace(entry, '\"r2\"', '\"r9\"') WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 3",
        "TRUNCATE ledger",
        "UPDATE ledger SET entry = (SELECT entry FROM ledger l WHERE l.seq = 5 - ledger.seq) WHERE seq IN (2, 3)",
        "INSERT INTO ledger (seq, entry, hash) VALUES (0, '{}', '')",
    ],
)
def test_a_forged_table_is_found(books, statement):
    """Edge case 26."""
    for run in ("r1", "r2", "r3"):
        books.begin(run)
    assert books.ledger().verify().ok
    books.forge("DROP INDEX ledger_once", statement)
    assert not books.ledger().verify().ok


def test_a_table_that_was_cut_off_takes_no_more_entries(books):
    """Edge case 26."""
    for run in ("r1", "r2", "r3"):
        books.begin(run)
    books.forge("DELETE FROM ledger WHERE seq = 3")
    with pytest.raises(Tampered):
        books.begin("r9")


def test_saying_the_same_again_adds_nothing(books):
    """Edge case 13."""
    assert books.begin("r1") == books.begin("r1") == 1
    assert [e.entry["kind"] for e in books.ledger().entries()] == ["run.begun"]


@pytest.mark.parametrize("ground", ["a %s :x {}", "100 % zeker", "'; DROP TABLE ledger; --", "Ünïcödé 😀", 'q"uote\\'])
def test_whatever_is_recorded_comes_back_and_verifies(books, ground):
    books.ledger().event("hold.placed", actor="a", ground=ground)
    assert [e.entry["ground"] for e in books.ledger().entries(kind="hold.placed")] == [ground]
    assert books.ledger().verify().ok


WRITER = """
import sys
from pathlib import Path
from privacy.connections import Connection
from privacy.database import engine
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
folder, url, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
db = engine(Connection("ledger", url), create=True)
upgrade(db)
ledger = Ledger(db, MasterKey(b"k" * 32), folder / "head.json")
for n in range(20):
    ledger.event(f"{name}.{n}", actor="a")
"""


def test_many_processes_migrate_and_write_at_once_and_nothing_is_lost(postgresql, tmp_path):
    """Edge case 13: two runs at once, on a database that is new to both."""
    url = postgresql.create("fresh")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), url, f"w{n}"]) for n in range(3)]
    assert [w.wait(60) for w in writers] == [0, 0, 0]
    found = Ledger(engine(Connection("ledger", url)), KEY, tmp_path / "head.json").verify()
    assert (found.ok, found.entries, found.unanchored) == (True, 60, 0)


def test_a_writer_that_is_cut_off_in_the_middle_has_written_nothing_and_is_tried_again(books):
    """Edge case 13: the database restarts under an open transaction."""
    books.begin("r1")
    ledger = books.ledger()

    def write() -> None:
        with ledger.writing() as writing:
            writing.event("a", actor="a")
            books.server.cut("ledger")
            writing.event("b", actor="a")

    with pytest.raises(RetryLater):
        write()
    assert [e.entry["kind"] for e in ledger.entries()] == ["run.begun"]
    assert ledger.event("a", actor="a") == 2
    assert ledger.verify().ok


def test_an_entry_that_was_committed_and_not_signed_for_is_told_of_by_the_next(books):
    """Edge cases 13 and 26."""
    books.begin("r1")
    head = (books.folder / "head.json").read_bytes()
    books.begin("r2")
    (books.folder / "head.json").write_bytes(head)
    books.begin("r3")
    found = books.ledger().verify()
    assert (found.ok, found.entries, found.recovered) == (True, 4, ((2, 2),))


def test_a_database_of_a_later_version_is_left_alone(books):
    with books.db.begin() as connection:
        connection.exec_driver_sql("UPDATE privacy_alembic_version SET version_num = '9999'")
    with pytest.raises(BadConfiguration, match=r"ledger\.newer"):
        upgrade(books.db)


def test_a_migration_that_fails_half_way_leaves_nothing(postgresql, monkeypatch):
    made = engine(Connection("ledger", postgresql.create("half")), create=True)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            upgrade(made)
    with made.connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    upgrade(made)
    made.dispose()


def test_the_roles_let_a_worker_work_and_change_nothing_that_was_recorded(books, tmp_path):
    """As docs/production.md has it: the owner migrates, a worker writes, an auditor reads."""
    text = files("privacy.ledger").joinpath("postgresql_roles.sql").read_text()
    with books.server.admin("ledger") as raw:
        raw.execute("DROP ROLE IF EXISTS worker")
        for role in ("privacy_writer", "privacy_reader", "privacy_stops"):
            if raw.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                raw.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        raw.execute(text)
        raw.execute("CREATE ROLE worker LOGIN PASSWORD 'worker' IN ROLE privacy_writer")
    theirs = engine(Connection("ledger", books.server.url("ledger", user="worker")))
    upgrade(theirs)
    ledger = Ledger(theirs, KEY, tmp_path / "head.json", books.clock)
    ledger.event("a", actor="a")
    office = office_of(theirs, ledger, books.clock)
    number = office.receive(Right.ACCESS, (ANNA,), author="desk").number
    assert [one.number for one in office.search([ANNA])] == [number]
    office.refuse(number, Ground.WITHDRAWN, "desk")
    office.forget(number)
    assert office.search([ANNA]) == ()
    with Holds(theirs, KEY, ledger, books.clock).gate("shop.orders"):
        pass
    for statement in ("UPDATE ledger SET hash = 'x'", "DELETE FROM ledger", "TRUNCATE ledger", "DELETE FROM holds",
                      "DELETE FROM request_register", "ALTER TABLE ledger DISABLE TRIGGER ALL"):  # fmt: skip
        with pytest.raises(PrivacyError) as refused, translated("ledger"), theirs.begin() as connection:
            connection.exec_driver_sql(statement)
        assert refused.value.code == "database.denied", statement
    assert ledger.verify().ok
    theirs.dispose()


def office_of(db: sa.Engine, ledger: Ledger, clock: FixedClock) -> Register:
    policy = SimpleNamespace(prefix="AVG", zone="Europe/Amsterdam")
    holds = Holds(db, KEY, ledger, clock)
    return Register(db, KEY, ledger, Keeping(holds), policy, clock, addresses=lambda *_: [(NOW, None)])


def test_a_request_is_received_held_and_agrees_with_the_ledger(books):
    ledger = books.ledger()
    register = office_of(books.db, ledger, books.clock)
    number = register.receive(Right.ACCESS, (ANNA,), author="desk").number
    assert [r.number for r in register.list()] == [number]
    assert differences(books.db, KEY) == []
    with books.db.begin() as connection:
        connection.exec_driver_sql("UPDATE request_register SET received_at = '2020-01-01T00:00:00.000000Z'")
    assert differences(books.db, KEY) != []


def test_two_that_change_a_row_at_once_lose_nothing(books):
    """Received at once by many desks: each gets a number of its own."""
    register = office_of(books.db, books.ledger(), books.clock)

    def receive(n: int) -> str:
        return register.receive(Right.ACCESS, (Identifier("email", f"c{n}@a.example"),), author="desk").number

    with ThreadPoolExecutor(5) as pool:
        numbers = list(pool.map(receive, range(15)))
    assert len(set(numbers)) == 15
    assert books.ledger().verify().ok
    assert differences(books.db, KEY) == []


def test_a_hold_that_is_placed_waits_for_the_open_batch_and_the_next_batch_sees_it(books):
    """Edge cases 14 and 15: the gate is an advisory lock, shared by batches, taken alone by whoever places a hold."""
    holds, placed = books.holds(), threading.Event()

    def place() -> None:
        holds.place(HoldKind.SUSPENSION, (Subject(1, (ANNA,)),), ground="g", author="a")
        placed.set()

    with holds.gate("shop.orders") as spare, holds.gate("shop.orders"):
        assert spare.of("shop.orders") == ()
        thread = threading.Thread(target=place)
        thread.start()
        time.sleep(0.3)
        assert not placed.is_set()
    thread.join(20)
    assert placed.is_set()
    with holds.gate("shop.orders") as spare:
        assert [s.identifiers for of in spare.of("shop.orders") for s in of.subjects] == [(ANNA,)]


def test_a_long_ledger_is_verified_in_moments(books):
    with books.ledger().writing() as writing:
        for n in range(3_000):
            writing.event("a", actor="a", count=n)
    begun = time.perf_counter()
    assert books.ledger().verify().entries == 3_000
    assert time.perf_counter() - begun < 5
    with reading(books.db).connect() as connection:
        entry = connection.exec_driver_sql("SELECT entry FROM ledger WHERE seq = 3000").scalar()
    assert json.loads(entry)["count"] == 2_999
