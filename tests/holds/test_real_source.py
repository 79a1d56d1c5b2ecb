"""The gate before a real database, with composite keys."""

from __future__ import annotations

import pytest

from conftest_sources import SELECTS, Shop, moment, of, system
from privacy.connections import EnvironmentConnections
from privacy.errors import BadConfiguration
from privacy.holds import Everything, HoldKind, Holds, Keys, apply
from privacy.sources import source_for
from privacy.sources.base import Delete, Due, Selection, Set, Status, Step


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


def opened(club, **datasets):
    """The club's source, with some datasets altered or added."""
    found = system()
    club.db.commit()
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_SHOP": f"sqlite:///{club.folder}/shop.db"})
    changed = found.model_copy(update={"datasets": found.datasets | datasets})
    return source_for(changed, connections, home=club.folder, batch_rows=1000)


def with_lines(club):
    """Each order has a line that goes with it by the database's own cascade, which is declared."""
    club.db.executemany("INSERT INTO lines VALUES (?, 2026, ?)", [(1, "a"), (2, "b"), (3, "c")])
    return opened(club, orders=system().datasets["orders"].model_copy(update={"cascades": ("lines",)}))


def held_by(place, what, *datasets):
    holds = Holds(place.engine, place.key, place.ledger, place.clock)
    holds.place(HoldKind.SUSPENSION, what, list(datasets) or None, ground="court", author="desk")
    return holds


@pytest.mark.parametrize("names", [("orders",), ("orders", "lines"), ("lines", "orders")])
@pytest.mark.parametrize(
    ("what", "kept"),
    [(of(2).subjects, ["c"]), (Keys((("3",),)), ["c"]), (Everything(), ["a", "b", "c"])],
    ids=["whose", "key", "everything"],
)
def test_what_is_held_is_not_taken_along_by_what_it_hangs_on(club, place, what, kept, names):
    """Edge case 15: a hold on the lines alone, and a purge of the orders that they go along with."""
    source, holds = with_lines(club), held_by(place, what, "shop.lines")
    unit = [club.step(name, of(1, 2), Delete()) for name in names]
    apply(source, unit, holds)
    assert left(club, "orders") == kept
    assert club.db.execute("SELECT count(*) FROM lines").fetchone() == (len(kept),)


def test_an_order_without_a_held_line_is_not_frozen_by_the_hold_on_lines(club, place):
    """Edge case 15: one on an invoice must not freeze the profile."""
    source, holds = with_lines(club), held_by(place, of(1).subjects, "shop.lines")
    club.db.execute("DELETE FROM lines WHERE line = 2")
    club.db.commit()
    outcomes = apply(source, [club.step("orders", of(1, 2), Delete())], holds)
    assert [(o.key[1], o.status, o.reason) for o in outcomes] == [
        ("a", Status.HELD, "hold_below"), ("b", Status.DONE, ""), ("c", Status.DONE, ""),
    ]  # fmt: skip


@pytest.mark.parametrize("change", [Delete(), Set({"email": "gone"})], ids=["deleted", "set"])
@pytest.mark.parametrize("what", [of(1).subjects, Keys(((1,),)), Everything()], ids=["whose", "key", "everything"])
def test_what_is_held_in_one_dataset_stays_where_another_one_has_the_same_rows(club, place, what, change):
    club.db.execute("DELETE FROM orders")
    club.select("mailing", SELECTS["clients"])
    source = opened(club, mailing=system().datasets["clients"])
    selection = Selection("mailing", of(1))
    items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
    before = club.dump()
    (outcome,) = apply(source, [Step(selection, change, items)], held_by(place, what, "shop.clients"))
    assert (outcome.status, outcome.reason) == (Status.HELD, "hold")
    assert club.dump() == before


def test_an_order_that_is_held_keeps_its_customer_and_lets_the_rest_of_the_batch_go(club, place):
    """Edge cases 15 and 17: no cascade there, so the order would refer to nobody."""
    unit = [club.step(name, Due(moment("2027-01-01")), Delete()) for name in ("orders", "clients")]
    outcomes = apply(club.source(), unit, held_by(place, of(2).subjects, "shop.orders"))
    assert (left(club, "orders"), left(club, "clients")) == (["c"], [2])
    assert sorted(o.reason for o in outcomes if o.status is Status.HELD) == ["hold", "hold_below"]


def test_rows_of_which_it_cannot_be_told_whether_they_are_held_stay(club, place):
    """A key under another name than the table's leads to no row of it: nothing is changed, and somebody is told."""
    source = with_lines(club)
    club.select("lines", "SELECT line AS row, 1 AS client FROM lines")
    lines = system().datasets["lines"]
    columns = {"row": lines.columns["line"], "client": lines.columns["client"]}
    renamed = lines.model_copy(update={"key": ("row",), "columns": columns})
    source = opened(club, lines=renamed, orders=source.system.datasets["orders"])
    with pytest.raises(BadConfiguration, match=r"sql\.alias"):
        apply(source, [club.step("orders", of(1), Delete())], held_by(place, of(1).subjects, "shop.lines"))
    assert left(club, "orders") == ["a", "b", "c"]
