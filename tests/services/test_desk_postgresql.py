"""What the desk's pages of retention and holds ask, on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.desk import rule_runs
from privacy.holds import HoldKind
from privacy.holds.listing import PAGE, listed, of_requests
from privacy.rights import disclosures
from privacy.rights.disclosures import Disclosures
from privacy.rights.house import House
from privacy.rights.orders import Orders
from privacy.settings import Settings
from privacy.sources.base import Identifier, Subject
from services.postgres import Postgres

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
HOME = Path(__file__).parents[2] / "include"


@pytest.fixture
def house(postgresql: Postgres, tmp_path: Path) -> House:
    urls = {"PRIVACY_CONNECTION_LEDGER": postgresql.create("desk")}
    made = House(Settings(home=HOME, state=tmp_path / "state"), EnvironmentConnections(urls), FixedClock(NOW))
    made.found()
    assert made.engine.dialect.name == "postgresql"
    return made


def test_the_ledger_answers_as_it_does_on_sqlite(house: House) -> None:
    for n in range(4):
        begun = {"pipeline": "purge_logfiles", "rule": "log_lines", "code_version": "1", "policy_version": "1"}
        house.ledger.begin(f"r{n}", actor="a", **begun)
        if n < 3:
            house.ledger.end(f"r{n}", status="done", actor="a", deleted=n)
    house.ledger.event(rule_runs.DRY_RUN, actor="a", run="d", rule="log_lines", digest="x", count=7)
    assert [run.run for run in rule_runs.page(house.engine, "log_lines").runs] == ["r3", "r2", "r1", "r0"]
    assert rule_runs.last(house.engine, ["log_lines", "sessions"])["log_lines"].run == "r3"
    assert [(look.run, look.records) for look in rule_runs.looks(house.engine, "log_lines")] == [("d", 7)]
    found = rule_runs.deleted(house.engine, NOW, "Europe/Amsterdam", ["log_lines"])["log_lines"]
    assert (found.total, found.days[-1][1]) == (3, 3)


def test_holds_orders_and_disclosures_are_listed(house: House) -> None:
    assert isinstance(house.clock, FixedClock)
    placed = []
    for n in range(3):
        house.clock.set(NOW + timedelta(seconds=n))
        whom = Subject(1, (Identifier("email", f"p{n}@a.example"),))
        placed.append(house.holds.place(HoldKind.SUSPENSION, whom, ground="g", author="a"))
        house.holds.place(HoldKind.REQUEST, whom, ground="g", author="a", request=f"AVG-2026-000{n}-1")
        Disclosures(house).add(datasets=["shop.orders"], recipient="r", ground="g", about=[whom], author="a")
    house.holds.release(placed[0], author="a", why="over")
    assert len(placed) < PAGE
    assert [hold.id for hold in listed(house.engine, house.key).holds] == placed[:0:-1]
    after = f"{house.holds.get(placed[2]).placed_at.isoformat(timespec='microseconds')}|{placed[2]}"
    assert [hold.id for hold in listed(house.engine, house.key, after).holds] == [placed[1]]
    assert of_requests(house.engine) == 3
    assert Orders(house).lingering() == []
    found, more = Disclosures(house).page()
    assert (len(found), more) == (3, "")
    with house.engine.connect() as connection:
        at = connection.execute(disclosures.page_query()).all()[0]
        rest = connection.execute(disclosures.page_query(f"{at.recorded_at}|{at.id}")).all()
        names = {
            index["name"] for table in ("holds", "disclosures") for index in sa.inspect(connection).get_indexes(table)
        }
    assert len(rest) == 2
    assert {"holds_placed", "disclosures_page"} <= names
    assert house.verify().ok
