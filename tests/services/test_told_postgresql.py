"""Markers and notices on PostgreSQL: written by several at once, with the account of a worker, and verified."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from privacy.clock import FixedClock
from privacy.connections import Connection
from privacy.database import engine
from privacy.keys import MasterKey
from privacy.ledger import Ledger, upgrade
from privacy.rights.markers import Markers
from privacy.rights.policy_letters import Written, forget, written_to
from privacy.rights.replay import differences
from privacy.sources.base import Identifier, Subject
from services.postgres import Postgres

KEY = MasterKey(b"k" * 32)
CLOCK = FixedClock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC))


@pytest.fixture
def house(postgresql: Postgres, tmp_path: Path) -> Iterator[Any]:
    db = engine(Connection("ledger", postgresql.create("told")), create=True)
    upgrade(db)
    ledger = Ledger(db, KEY, tmp_path / "head.json", CLOCK)
    yield SimpleNamespace(
        engine=db, key=KEY, ledger=ledger, clock=CLOCK, datamap=SimpleNamespace(kind=lambda _: None)
    )  # fmt: skip
    db.dispose()


def person(number: int) -> Subject:
    return Subject(1, (Identifier("email", f"p{number}@a.example"), Identifier("device_id", f"d{number}")))


def test_erasures_that_end_at_the_same_time_are_all_remembered_and_verified(house: Any) -> None:
    def note(start: int) -> None:
        for number in range(start, start + 10):
            with house.ledger.writing() as writing:
                Markers(house).note(writing, person(number), CLOCK.now())

    threads = [threading.Thread(target=note, args=(n * 10,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Markers(house).all()) == 80
    assert all(Markers(house).matching(person(n).identifiers) == CLOCK.now() for n in range(40))
    assert differences(house.engine, KEY) == []
    assert Markers(house).forget(CLOCK.now(), actor="purge") == 80
    assert differences(house.engine, KEY) == []
    with house.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO erasure_markers VALUES ('aa', '', '', '2026-01-01T00:00:00.000000+00:00')"
        )
    assert len(differences(house.engine, KEY)) == 1


def test_letters_are_claimed_once_counted_and_forgotten(house: Any) -> None:
    written = Written(house, "8")
    for mark in ("a", "a", "b", "c"):
        written.claim(mark)
    written.sent("a")
    written.refused("b", "letters.refused")
    assert written.counts() == {"sent": 1, "refused": 1, "unclear": 1}
    assert written.there(["a", "b", "c", "d"]) == {"a": True, "b": True, "c": False}
    assert written_to(house) == {"8": (CLOCK.now(), 3)}
    forget(house, "8", actor="purge")
    assert written_to(house) == {}
