"""Finding a person's requests by what they are known by: a keyed digest, as long as the content itself is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from conftest_desk import NOW, Desk
from privacy.ledger.tables import request_marks
from privacy.rights import Ground, Right
from privacy.rights.marks import Marks
from privacy.sources.base import Identifier, Subject

ANNA = Identifier("email", "anna@a.example")
NUMBER = Identifier("shop.customer_id", 4711)


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def marks(desk: Desk) -> list[str]:
    with desk.house.engine.connect() as connection:
        return list(connection.execute(sa.select(request_marks.c.mark)).scalars())


def test_a_request_is_found_by_each_thing_that_it_names_and_by_nothing_else(desk: Desk) -> None:
    register = desk.house.register
    first = register.receive(Right.ACCESS, [ANNA, NUMBER], author="desk", received_at=NOW - timedelta(days=2)).number
    later = register.receive(Right.ERASURE, [ANNA], author="desk").number
    assert [r.number for r in register.search([Identifier("email", "Anna@A.example")])] == [later, first]
    assert [r.number for r in register.search([NUMBER])] == [first]
    assert register.search([Identifier("shop.customer_id", 4712), Identifier("phone", "4711")]) == ()
    assert [r.number for r in register.search([ANNA], most=1)] == [later]


def test_a_request_is_found_by_whose_it_turned_out_to_be_and_not_by_what_they_share(desk: Desk) -> None:
    register = desk.house.register
    number = register.receive(Right.ACCESS, [ANNA], author="desk").number
    register.begin(number, "run")
    shared = Identifier("email", "info@a.example", contested=True)
    found = Subject(1, (ANNA, NUMBER, shared, Identifier("ip", "192.0.2.7"), Identifier("device_id", "d1")))
    register.resolved(number, found, run="run")
    assert [r.number for r in register.search([NUMBER])] == [number]
    assert register.search([shared, Identifier("ip", "192.0.2.7"), Identifier("device_id", "d1")]) == ()


def test_the_database_names_nobody_and_who_is_forgotten_is_found_no_more(desk: Desk) -> None:
    """Promise REG: the digest goes with the content, in one transaction."""
    register = desk.house.register
    number = register.receive(Right.ACCESS, [ANNA, NUMBER], author="desk").number
    assert len(marks(desk)) == 2
    assert all(len(mark) == 64 for mark in marks(desk))
    other = Marks(type(desk.house.key)(bytes(32)))
    assert other.mark(ANNA) not in marks(desk)  # without the key nobody can try addresses
    register.refuse(number, Ground.WITHDRAWN, "desk")
    assert register.search([ANNA])
    register.forget(number)
    assert register.search([ANNA]) == ()
    assert marks(desk) == []


def test_requests_of_before_there_were_marks_are_found_once_the_installation_is_brought_up_to_date(desk: Desk) -> None:
    house = desk.house
    number = house.register.receive(Right.ACCESS, [ANNA, NUMBER], author="desk").number
    with house.engine.begin() as connection:
        connection.execute(sa.delete(request_marks))
    assert house.register.search([ANNA]) == ()
    house.found()
    assert [r.number for r in house.register.search([NUMBER])] == [number]
    assert Marks(house.key).fill(house.engine, house.key, house.ledger) == 0


def test_a_search_reads_neither_all_marks_nor_all_requests(desk: Desk) -> None:
    asked = Marks(desk.house.key).query([ANNA, NUMBER], 50)
    sql = str(asked.compile(desk.house.engine, compile_kwargs={"literal_binds": True}))
    with desk.house.engine.connect() as connection:
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert not any(step.startswith("SCAN") for step in plan), plan
