"""The database as a source: whose rows, which types, what goes and what stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest_sources import moment, of
from privacy.datamap.models import Column
from privacy.errors import BadConfiguration, PrivacyError, Refused, Unreadable
from privacy.sources.base import Delete, Due, Identifier, Of, Redaction, Selection, Set, Status, Subject
from privacy.sources.convert import to_arrow

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def test_a_subject_gets_their_own_rows_and_nobody_elses(shop):
    """Edge case 22."""
    shop.order("a", client=1)
    shop.order("b", client=2)
    assert [r["number"] for r in shop.read("orders", of(1))] == ["a"]


def test_without_identifiers_nothing_is_selected(shop):
    shop.order("a", client=None, email=None)
    assert shop.read("orders", Of((Subject(1, ()),))) == []


def test_an_order_with_a_number_is_that_clients_and_not_who_shares_the_address(shop):
    shop.order("own", client=1, email="thuis@a.example")
    shop.order("guest", email="Thuis@A.example ")
    assert [r["number"] for r in shop.read("orders", of("thuis@a.example"))] == ["guest"]


def test_the_case_of_an_address_never_loses_a_match(shop):
    """Edge case 19, beyond ASCII too."""
    shop.order("a", email="ZOÉ@a.example")
    assert [r["number"] for r in shop.read("orders", of("zoé@a.example"))] == ["a"]


def test_a_row_with_two_people_belongs_to_each_and_says_as_whom(shop):
    shop.order("a", client=1, receiver_email="oma@a.example")
    assert [r["_party"] for r in shop.read("orders", of(1))] == ["buyer"]
    assert [r["_party"] for r in shop.read("orders", of("oma@a.example"))] == ["receiver"]
    both = shop.read("orders", of(1, "oma@a.example"))
    assert [r["_party"] for r in both] == ["buyer,receiver"]


def test_an_address_counts_in_its_own_time_only(shop):
    shop.order("before", email="x@a.example", at="2026-01-01T00:00:00Z")
    shop.order("from", email="x@a.example", at="2026-02-01T00:00:00+00:00")
    shop.order("until", email="x@a.example", at="2026-03-01 01:00:00+01:00")
    shop.order("unknown", email="x@a.example", at=None)
    span = Identifier("email", "x@a.example", moment("2026-02-01"), moment("2026-03-01"))
    assert [r["number"] for r in shop.read("orders", Of((Subject(1, (span,)),)))] == ["from"]


def test_ten_thousand_subjects_in_one_pass_each_get_their_own(shop):
    for n in range(30):
        shop.order(f"n{n:02}", email=f"p{n}@a.example")
    pick = Of(tuple(Subject(n, (Identifier("email", f"p{n}@a.example"),)) for n in range(10_000)))
    rows = shop.read("orders", pick, batch_rows=7)
    assert [(r["_subject"], r["number"]) for r in rows] == [(n, f"n{n:02}") for n in range(30)]


def test_hostile_text_is_only_text(shop):
    """Edge case 27."""
    evil = "'; DROP TABLE orders; --@a.example"
    shop.order("a", email=evil, note="{{ 7*7 }} \x00 \r\n =cmd|' 💍")
    (row,) = shop.read("orders", of(evil.casefold()))
    assert row["note"] == "{{ 7*7 }} \x00 \r\n =cmd|' 💍"


def test_types_survive(shop):
    """Edge case 21: decimals, microseconds, zones, blobs, NULL beside empty, lists, records, 64-bit integers."""
    shop.order("a", client=1, price="12345678901234.5678", big=2**63 - 1, drawing=b"\x00\xff", tags='["goud","\u00e9"]',
        meta='{"fee": "1.20", "tries": 2}', gift=1, due="2028-02-29", note="", paid_ms=1_700_000_000_123,
        at="2026-07-01T10:00:00.000001")  # fmt: skip
    shop.order("b", client=1)
    full, empty = shop.read("orders", of(1))
    assert full["price"] == Decimal("12345678901234.5678")
    assert full["big"] == 2**63 - 1
    assert full["drawing"] == b"\x00\xff"
    assert full["tags"] == ["goud", "é"]
    assert full["meta"] == {"fee": Decimal("1.20"), "tries": 2}
    assert full["gift"] is True
    assert full["due"] == date(2028, 2, 29)
    assert full["paid_ms"] == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
    assert full["at"] == datetime(2026, 7, 1, 10, 0, 0, 1, tzinfo=AMSTERDAM)
    assert (full["note"], empty["note"]) == ("", None)


@pytest.mark.parametrize(
    "values", [{"price": "1.23456"}, {"big": "twee"}, {"big": 2.5}, {"gift": 3}, {"due": "31-12-2026"}, {"at": "gisteren"}, {"meta": '{"fee": "1", "secret": 1}'}, {"tags": "[1"}, {"drawing": "text"}]
)  # fmt: skip
def test_a_value_that_is_not_exactly_its_type_is_an_error_that_does_not_quote_it(shop, values):
    shop.order("a", client=1, **values)
    ((name, value),) = values.items()
    with pytest.raises(Unreadable) as error:
        shop.read("orders", of(1))
    assert error.value.where == f"shop.orders.{name}"
    assert str(value) not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.decimals(-(10**15), 10**15, places=4)), max_size=8))
def test_decimals_come_back_as_they_were(values):
    column = Column(type="decimal(20,4)", description="d", category="user", provenance="provided")
    assert to_arrow([None if v is None else str(v) for v in values], column, "x").to_pylist() == values


@settings(max_examples=60, deadline=None)
@given(st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)), max_size=6), st.booleans())
def test_instants_come_back_in_every_layout(moments, zulu):
    column = Column(type="datetime", zone="UTC", description="d", category="user", provenance="provided")
    aware = [m.replace(tzinfo=UTC) for m in moments]
    texts = [m.isoformat().replace("+00:00", "Z" if zulu else "+00:00") for m in aware]
    assert to_arrow(texts, column, "x").to_pylist() == aware


def test_order_and_rows_do_not_depend_on_the_size_of_a_batch(shop):
    for n in range(25):
        shop.order(f"{n:02}", client=1, email="x@a.example", receiver_email="c1@a.example")
    reads = [shop.read("orders", of(1, "c1@a.example"), size) for size in (1, 2, 7, 1000)]
    assert reads[0] == reads[1] == reads[2] == reads[3]
    assert len(reads[0]) == 25


@pytest.mark.parametrize(("shift", "due"), [(-1, True), (0, False), (1, False)])
def test_the_bound_is_exact_to_the_microsecond(shop, shift, due):
    """Edge case 1."""
    bound = moment("2026-05-01T10:00:00")
    shop.order("a", client=1, at=(bound + timedelta(microseconds=shift)).isoformat())
    assert bool(shop.read("orders", Due(bound))) is due


@pytest.mark.parametrize("at", [None, "", "onbekend", "2026-13-45", "0001-01-01", "9999-12-31T23:59:59-12:00"])
def test_a_start_that_cannot_be_read_is_never_due(shop, at):
    """Edge case 11."""
    shop.order("a", client=1, at=at)
    assert shop.read("orders", Due(moment("2099-01-01"))) == []


def test_the_select_must_have_exactly_the_columns_of_the_data_map(shop):
    shop.select("clients", "SELECT client, email, parent, since, 1 AS loyalty FROM clients")
    with pytest.raises(BadConfiguration, match="loyalty"):
        shop.read("clients", of(1))
    shop.select("clients", "SELECT client, parent, since FROM clients")
    with pytest.raises(BadConfiguration, match="email"):
        shop.read("clients", of(1))


def test_a_missing_column_or_database_is_a_clear_error(shop):
    shop.select("clients", "SELECT client, email, parent, sinds AS since FROM clients")
    with pytest.raises(BadConfiguration, match=r"database.absent.*shop.clients"):
        shop.read("clients", of(1))
    (shop.folder / "shop.db").unlink()
    with pytest.raises(BadConfiguration, match=r"database.missing"):
        shop.read("clients", of(1))
    assert not (shop.folder / "shop.db").exists()


def test_deleting_takes_the_planned_rows_and_all_else_is_the_same(shop):
    shop.order("a", client=1)
    shop.order("b", client=2)
    before = shop.dump()
    outcomes = list(shop.source().apply([shop.step("orders", of(1), Delete())], []))
    assert [o.status for o in outcomes] == [Status.DONE]
    gone = [line for line in before if line not in shop.dump()]
    assert len(gone) == 1
    assert "'a'" in gone[0]
    assert set(shop.dump()) < set(before)


def test_a_second_time_everything_is_gone_already(shop):
    shop.order("a", client=1)
    step = shop.step("orders", of(1), Delete())
    list(shop.source().apply([step], []))
    after = shop.dump()
    assert [o.status for o in shop.source().apply([step], [])] == [Status.GONE]
    assert shop.dump() == after


def test_a_row_that_changed_since_it_was_located_is_left_alone(shop):
    """Edge case 14."""
    shop.order("a", client=1, note="old")
    step = shop.step("orders", of(1), Delete())
    shop.db.execute("UPDATE orders SET note = 'new'")
    before = shop.dump()
    assert [o.status for o in shop.source().apply([step], [])] == [Status.CHANGED]
    assert shop.dump() == before


def test_what_is_held_stays(shop):
    """Edge case 15: also where the hold knows the row by another identifier."""
    shop.order("a", client=1, receiver_email="oma@a.example")
    shop.order("b", client=1)
    step = shop.step("orders", Due(moment("2099-01-01")), Delete())
    outcomes = list(shop.source().apply([step], [of("oma@a.example")]))
    assert [o.status for o in outcomes] == [Status.HELD, Status.DONE]
    assert shop.db.execute("SELECT number FROM orders").fetchall() == [("a",)]


def test_a_cascade_beyond_the_plan_is_refused_and_nothing_changes(shop):
    """ON DELETE CASCADE once removed six rows while the count said three."""
    shop.order("a", client=1)
    shop.db.execute("INSERT INTO lines VALUES (1, 2026, 'a')")
    before = shop.dump()
    with pytest.raises(Refused, match=r"sql\.cascade"):
        list(shop.source().apply([shop.step("orders", of(1), Delete())], []))
    assert shop.dump() == before
    unit = [shop.step("orders", of(1), Delete()), shop.step("lines", of(1), Delete())]
    assert {o.status for o in shop.source().apply(unit, [])} == {Status.DONE}


def test_a_row_that_another_still_refers_to_stays_by_itself(shop):
    """Edge case 17: the references of what stays hold; the rest of the unit goes."""
    shop.order("a", client=1)
    shop.order("b", client=2)
    unit = [shop.step("orders", of(2), Delete()), shop.step("clients", of(1), Delete())]
    outcomes = list(shop.source().apply(unit, []))
    assert [(o.status, o.reason) for o in outcomes] == [(Status.DONE, ""), (Status.FAILED, "sql.referenced")]
    assert shop.db.execute("SELECT number FROM orders").fetchall() == [("a",)]


def test_rows_that_refer_to_each_other_go_together(shop):
    shop.db.execute("UPDATE clients SET parent = 2 WHERE client = 1")
    shop.db.execute("UPDATE clients SET parent = 1 WHERE client = 2")
    outcomes = shop.source().apply([shop.step("clients", of(1, 2), Delete())], [])
    assert [o.status for o in outcomes] == [Status.DONE, Status.DONE]
    assert shop.db.execute("SELECT client FROM clients").fetchall() == [(3,)]


def test_a_failure_in_the_middle_leaves_everything_as_it_was_and_quotes_nobody(shop):
    """Edge case 34: a database error whose text quotes a person's key."""
    for n in range(3):
        shop.order(f"n{n}", client=1)
    shop.db.execute(
        "CREATE TRIGGER t BEFORE DELETE ON orders WHEN old.number = 'n2' "
        "BEGIN SELECT RAISE(ABORT, 'key c1@a.example'); END"
    )
    before = shop.dump()
    with pytest.raises(PrivacyError) as error:
        list(shop.source().apply([shop.step("orders", of(1), Delete())], []))
    assert "c1@" not in str(error.value) + repr(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
    assert shop.dump() == before


def test_setting_columns_redacts_rectifies_and_leaves_the_rest(shop):
    shop.order("a", client=1, email="x@a.example", note="private", price="1.0000")
    shop.order("b", client=1, email="y@a.example", note="private")
    change = Set({"note": Redaction.NULL, "email": Redaction.UNIQUE, "price": Decimal("2.5000")})
    outcomes = shop.source().apply([shop.step("orders", of(1), change)], [])
    assert [o.status for o in outcomes] == [Status.DONE, Status.DONE]
    rows = shop.db.execute("SELECT note, email, price, client FROM orders").fetchall()
    assert [(r[0], r[2], r[3]) for r in rows] == [(None, "2.5000", 1)] * 2
    assert len({r[1] for r in rows} | {"x@a.example", "y@a.example"}) == 4


def test_locating_shows_no_content_and_agrees_with_reading(shop):
    shop.order("a", client=1, note="secret")
    (item,) = shop.locate("orders", of(1))
    assert item.key == (2026, "a")
    assert item.oldest == moment("2026-05-01T10:00:00")
    assert "secret" not in repr(item)
    assert item == shop.locate("orders", of(1))[0]


def test_closing_early_frees_the_database(shop):
    for n in range(20):
        shop.order(f"{n}", client=1)
    source, selection = shop.source(batch_rows=1), Selection("orders", of(1))
    reading = source.read(selection, source.partitions(selection)[0])
    next(reading)
    reading.close()
    shop.db.execute("DELETE FROM orders")
    shop.db.commit()


def test_the_inventory_names_every_table_and_column(shop):
    claims = {c.name: c.parts for c in shop.source().inventory()}
    assert set(claims) == {"clients", "orders", "lines"}
    assert claims["lines"] == ("line", "year", "number")


def test_the_doctor_tells_of_triggers_that_may_change_rows_nobody_planned(shop):
    shop.db.execute("CREATE TRIGGER tidy AFTER DELETE ON orders BEGIN DELETE FROM lines WHERE line = 1; END")
    shop.db.commit()
    (problem,) = [p for p in shop.source().check() if p.code == "sql.trigger"]
    assert (problem.where, problem.fatal, "tidy" in problem.message) == ("shop.orders", False, True)


def test_the_doctor_names_a_select_that_cannot_run(shop):
    shop.select("lines", "SELECT line, client FROM nowhere")
    assert [(p.code, p.where) for p in shop.source().check()] == [("database.absent", "shop.lines")]
