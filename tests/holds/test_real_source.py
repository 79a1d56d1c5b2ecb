"""The gate before a real database, with composite keys."""

from __future__ import annotations

import pytest

from conftest_sources import Shop, moment, of
from privacy.holds import HoldKind, Holds, Keys, apply
from privacy.sources.base import Delete, Due, Status


@pytest.fixture
def club(tmp_path):
    (tmp_path / "club").mkdir()
    made = Shop(tmp_path / "club")
    for number, client in (("a", 1), ("b", 1), ("c", 2)):
        made.order(number, client=client)
    yield made
    made.db.close()


def purge(club, place, *datasets):
    unit = [club.step(name, Due(moment("2027-01-01")), Delete()) for name in datasets]
    outcomes = apply(club.source(), unit, Holds(place.engine, place.key, place.ledger, place.clock))
    return sorted(str(o.key) for o in outcomes if o.status is Status.HELD)


def left(club, table):
    return sorted(
        row[0] for row in club.db.execute(f"SELECT {'number' if table == 'orders' else 'client'} FROM {table}")
    )


def test_a_purge_leaves_the_orders_of_whom_is_held(club, place):
    place.holds = Holds(place.engine, place.key, place.ledger, place.clock)
    place.holds.place(HoldKind.OBJECTION, of(1).subjects, ["shop.orders"], ground="g", author="desk")
    assert purge(club, place, "orders") == ["(2026, 'a')", "(2026, 'b')"]
    assert left(club, "orders") == ["a", "b"]


def test_one_batch_of_two_tables_minds_a_hold_on_one_of_them(club, place):
    """Edge case 15: the profiles go, the held orders stay; nobody's key stands in the way."""
    club.db.execute("UPDATE orders SET client = NULL, email = 'c1@a.example' WHERE client = 1")
    place.holds = Holds(place.engine, place.key, place.ledger, place.clock)
    place.holds.place(HoldKind.SUSPENSION, of("c1@a.example").subjects, ["shop.orders"], ground="g", author="desk")
    assert purge(club, place, "orders", "clients") == ["(2026, 'a')", "(2026, 'b')"]
    assert (left(club, "orders"), left(club, "clients")) == (["a", "b"], [])


def test_a_hold_on_one_record_by_its_key(club, place):
    place.holds = Holds(place.engine, place.key, place.ledger, place.clock)
    place.holds.place(HoldKind.SUSPENSION, Keys((("2026", "b"),)), ["shop.orders"], ground="g", author="desk")
    assert purge(club, place, "orders") == ["(2026, 'b')"]
    assert left(club, "orders") == ["b"]
