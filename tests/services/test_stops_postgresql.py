"""The list of stops on PostgreSQL: the view, the account that may see it alone, and rows altered by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest

from privacy.clock import FixedClock
from privacy.connections import Connection
from privacy.database import engine, translated
from privacy.errors import PrivacyError
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
from privacy.rights.replay import differences
from privacy.rights.stop_rows import Scope, StopGround
from privacy.rights.stops import Stops
from privacy.sources.base import Identifier, Subject
from services.postgres import Postgres

KEY = MasterKey(b"k" * 32)
CLOCK = FixedClock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC))
ANNA = Subject(1, (Identifier("shop.customer_id", 1001), Identifier("email", "anna@a.example")))
BERT = Subject(1, (Identifier("shop.customer_id", 1002),))
POLICY = SimpleNamespace(
    prefix="AVG",
    zone="Europe/Amsterdam",
    purposes={"order": SimpleNamespace(marketing=False), "newsletter": SimpleNamespace(marketing=True)},
)
ROLES = ("privacy_writer", "privacy_reader", "privacy_stops")


class Books:
    """An installation's database, and its list."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.server = server
        self.db = engine(Connection("ledger", server.create("stops")), create=True)
        upgrade(self.db)
        self.ledger = Ledger(self.db, KEY, folder / "head.json", CLOCK)
        self.stops = Stops(self.db, KEY, self.ledger, POLICY, CLOCK)  # type: ignore[arg-type]

    def place(self, subject: Subject, number: str, scope: Scope = Scope.ALL) -> None:
        with self.ledger.writing() as writing:
            self.stops.place(writing, number, subject, scope, StopGround.RESTRICTION, author="desk")


@pytest.fixture
def books(postgresql: Postgres, tmp_path: Path) -> Iterator[Books]:
    made = Books(postgresql, tmp_path)
    yield made
    made.db.dispose()


def test_the_shop_s_account_sees_whom_to_leave_alone_and_nothing_else(books: Books) -> None:
    books.place(ANNA, "AVG-2026-0042-5")
    books.place(BERT, "AVG-2026-0043-3", Scope.MARKETING)
    with books.server.admin("stops") as raw:
        raw.execute("DROP ROLE IF EXISTS webshop")
        for role in ROLES:
            if raw.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                raw.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        raw.execute(files("privacy.ledger").joinpath("postgresql_roles.sql").read_text())
        raw.execute("CREATE ROLE webshop LOGIN PASSWORD 'webshop' IN ROLE privacy_stops")
    theirs = engine(Connection("ledger", books.server.url("stops", user="webshop")))
    with theirs.connect() as connection:
        query = "SELECT value FROM processing_stops WHERE purpose = 'newsletter' ORDER BY 1"
        assert list(connection.exec_driver_sql(query).scalars()) == ["1001", "1002", "anna@a.example"]
        query = "SELECT value FROM processing_stops WHERE purpose = 'order' ORDER BY 1"
        assert list(connection.exec_driver_sql(query).scalars()) == ["1001", "anna@a.example"]
    for table in ("do_not_process", "request_register", "holds", "ledger", "compliance_event"):
        with pytest.raises(PrivacyError) as refused, translated("stops"), theirs.connect() as connection:
            connection.exec_driver_sql(f"SELECT * FROM {table}")
        assert refused.value.code == "database.denied", table
    theirs.dispose()
    with books.ledger.writing() as writing:
        assert books.stops.end(writing, "AVG-2026-0042-5", author="desk") == 2
    assert books.stops.excluded("newsletter") == {("shop.customer_id", "1002")}
    assert differences(books.db, KEY) == []


def test_a_row_that_is_altered_by_hand_is_noticed(books: Books) -> None:
    """Edge case 26."""
    books.place(BERT, "AVG-2026-0043-3")
    with books.db.begin() as connection:
        connection.exec_driver_sql("UPDATE do_not_process SET value = '1001'")
    (problem,) = differences(books.db, KEY)
    assert problem.startswith("Stop ")
    assert "100" not in problem.replace(books.stops.active()[0].id, "")


def test_two_that_place_the_same_stop_at_once_leave_one(books: Books) -> None:
    """Edge case 13: a run and a desk."""

    def place() -> None:
        # Who comes second may be told to try again, and never adds a second row.
        with suppress(PrivacyError):
            books.place(BERT, "AVG-2026-0043-3")

    threads = [threading.Thread(target=place) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [stop.value for stop in books.stops.active()] == ["1002"]
    assert differences(books.db, KEY) == []
