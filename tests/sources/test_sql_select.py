"""Whose rows and which are due, where a database's own rules would say otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest_sources import moment, of
from privacy.datamap.models import Form
from privacy.errors import BadConfiguration, PrivacyError, Unreadable
from privacy.sources.base import Due, Identifier, Of, Selection, Subject, Tally
from privacy.sources.instants import instant, micros
from privacy.sources.sql_text import one_select


def visits(*identifiers):
    return Of((Subject(1, identifiers),))


def numbers(rows):
    return [row["number"] for row in rows]


def tallied(shop, pick):
    source, selection, tally = shop.source(), Selection("orders", pick), Tally()
    rows = [r for b in source.read(selection, source.partitions(selection)[0], tally) for r in b.to_pylist()]
    return numbers(rows), tally.unattributed


def test_an_identifier_with_a_nul_is_not_cut_down_to_somebody_elses(shop):
    """Edge case 27: SQLite's JSON ends a text at its first NUL."""
    shop.order("theirs", email="victim@a.example")
    shop.order("own", email="victim@a.example\0evil")
    assert numbers(shop.read("orders", of("victim@a.example\0evil"))) == ["own"]
    assert numbers(shop.read("orders", of("victim@a.example"))) == ["theirs"]


def test_half_a_character_in_an_identifier_is_nobody(shop):
    shop.order("a", email="a@a.example")
    assert shop.read("orders", of("\ud83d@a.example")) == []


@pytest.mark.parametrize(
    "stored", ["ZOÉ@A.example", "zoe\u0301@a.example", "zoé@a.example\r", "\u00a0zoé@a.EXAMPLE\t", "Zoé@a.example "]
)
def test_an_address_is_found_in_every_spelling(shop, stored):
    """Edge case 19: case, composition and blanks, of any script."""
    shop.order("a", email=stored)
    assert numbers(shop.read("orders", of("zoé@a.example"))) == ["a"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=12))
@example("\0\r")
@example("A\0B\t")
def test_plain_sql_and_the_kinds_own_rule_fold_alike(shop, text):
    from privacy.datamap.kinds import fold

    shop.db.execute("DELETE FROM orders")
    try:
        shop.order("a", email=text)
    except UnicodeEncodeError:
        return
    assert numbers(shop.read("orders", of(fold(text)))) == ["a"]


@pytest.mark.parametrize("kind", ["INTEGER", "TEXT", "REAL", "NUMERIC", "", "VARCHAR(9) COLLATE NOCASE"])
def test_a_number_is_found_however_its_column_is_declared(shop, kind):
    shop.db.execute(f"CREATE TABLE odd (line INTEGER PRIMARY KEY, client {kind})")
    shop.db.executemany("INSERT INTO odd VALUES (?,?)", [(1, 12), (2, 120), (3, None)])
    for select in ("client", "coalesce(client, NULL) AS client"):
        shop.select("lines", f"SELECT line, {select} FROM odd")
        assert [r["line"] for r in shop.read("lines", of(12))] == [1]
        (item,) = shop.locate("lines", of(12))
        assert item.key == (1,)


@pytest.mark.parametrize("kind", ["INTEGER", "NUMERIC", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", ""])
def test_a_text_identifier_is_exact_whatever_the_columns_rules(shop, kind):
    """Edge cases 22 and 31: '0012' is not 12, and 'a7' is not 'A7', though the database says so."""
    shop.db.execute(f"CREATE TABLE odd (line INTEGER PRIMARY KEY, client {kind})")
    shop.db.executemany("INSERT INTO odd VALUES (?,?)", [(1, "12"), (2, "A7"), (3, "a7 ")])
    system = shop.source().system
    lines = system.datasets["lines"]
    text = lines.columns["client"].model_copy(update={"type": "text"})
    lines = lines.model_copy(update={"columns": {**lines.columns, "client": text}})
    shop.select("lines", "SELECT line, client FROM odd")
    found = []
    for value in ("12", "0012", "12.0", "A7", "a7", "a7 "):
        source, selection = shop.source(), Selection("lines", visits(Identifier("shop.client", value)))
        source.system = system.model_copy(update={"datasets": {**system.datasets, "lines": lines}})
        found.append([i.key[0] for i in source.locate(selection, source.partitions(selection)[0])])
    assert found == [[1], [], [], [2], [], [3]]


@pytest.mark.parametrize("collation", ["BINARY", "NOCASE", "RTRIM"])
def test_a_columns_collation_makes_nobody_somebody_else(shop, collation):
    """Edge case 22: exact kinds are exact; rows keep their order and stay apart."""
    shop.db.execute(f"CREATE TABLE t2 (year INTEGER, number TEXT COLLATE {collation}, client INTEGER, note TEXT)")
    shop.db.executemany("INSERT INTO t2 VALUES (2026,?,1,?)", [("a", "x"), ("A", "y"), ("a ", "z")])
    names = ["email", "receiver_email", "at", "paid_ms", "price", "big", "drawing", "tags", "meta", "gift", "due"]
    nulls = ", ".join(f"NULL AS {n}" for n in names)
    shop.select("orders", f"SELECT year, number, client, note, {nulls} FROM t2")
    assert numbers(shop.read("orders", of(1))) == ["A", "a", "a "]


def test_the_same_address_in_two_spans_of_time_gives_a_row_once(shop):
    shop.order("a", email="x@a.example", at="2026-02-01T00:00:00Z")
    spans = [Identifier("email", "x@a.example", moment("2026-01-01"), moment(f"2026-0{n}-01")) for n in (3, 4)]
    assert numbers(shop.read("orders", visits(*spans))) == ["a"]


def test_looking_identities_up_asks_the_column_and_no_party(shop):
    shop.order("a", client=2, email="x@a.example")
    source, selection = shop.source(), Selection("orders", of("x@a.example"), on=("email",))
    (batch,) = source.read(selection, source.partitions(selection)[0])
    assert batch.column("number").to_pylist() == ["a"]


def test_what_may_be_somebody_elses_is_counted_and_not_given(shop):
    shop.order("sure", email="x@a.example")
    shop.order("when", email="y@a.example", at=None)
    shop.order("never", email="y@a.example", at="2020-01-01T00:00:00Z")
    shop.order("shared", email="z@a.example")
    known = visits(
        Identifier("email", "x@a.example"),
        Identifier("email", "y@a.example", moment("2026-01-01"), None),
        Identifier("email", "z@a.example", contested=True),
    )
    assert tallied(shop, known) == (["sure"], 2)
    assert tallied(shop, of("x@a.example")) == (["sure"], 0)


def test_two_records_with_one_key_are_an_error_and_not_one_record(shop):
    shop.select("lines", "SELECT 1 AS line, client FROM clients WHERE client = 1 UNION ALL SELECT 1, 1")
    with pytest.raises(BadConfiguration, match=r"sql\.key.*shop\.lines"):
        shop.read("lines", of(1))


def test_text_that_is_not_utf8_names_its_column_and_not_its_content(shop):
    """Edge cases 21 and 34."""
    shop.order("a", client=1)
    shop.db.execute("UPDATE orders SET note = CAST(x'736563726574ff' AS TEXT)")
    with pytest.raises(Unreadable, match=r"sql\.not_utf8") as error:
        shop.read("orders", of(1))
    assert error.value.where == "shop.orders.note"
    assert "secret" not in repr(error.value)


def test_an_index_on_the_column_is_used(shop):
    shop.db.execute("CREATE INDEX by_client ON orders (client)")
    statement = shop.source().wrap("orders").select(Selection("orders", of(1)))
    for name, arguments in (("privacy_plain", 2), ("privacy_micros", 3), ("privacy_folded", 1)):
        shop.db.create_function(name, arguments, lambda *_: None)
    plan = " ".join(r[3] for r in shop.db.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters))
    assert "USING INDEX by_client" in plan


@pytest.mark.parametrize("stored", ["onbekend", "", "12 mei", b"\x00", 1e300, 10**18, None, "nul0"])
def test_a_number_that_says_no_moment_is_never_due(shop, stored):
    """Edge case 11: 'unknown' * 1000 is 0 in SQLite: 1970, and due."""
    shop.order("a", client=1, paid_ms=stored)
    source, selection = shop.source(), Selection("orders", Due(moment("2099-01-01")))
    source.system = with_starts(shop, "paid_ms")
    assert list(source.locate(selection, source.partitions(selection)[0])) == []


DATED = st.one_of(
    st.dates().map(str),
    st.datetimes().map(lambda at: f"{at:%Y-%m-%d %H:%M:%S}".rjust(19, "0")),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.sampled_from(["0000-01-01", "0001-01-01", "0001-12-31 23:59:59", "0002-01-01", "2023-02-29", "2023-04-31 23:00:00", "2024-02-29 24:00:00",
                     "2023-03-26 02:30:00", "2023-10-29 02:30:00", " 2020-01-01", "2020-01-01 ", "2020-01-01\0x", "20200101",
                     "-001-01-01", "now", "", "12", "9999-12-31"]),
    st.integers(-(10**12), 10**12), st.floats(allow_nan=False), st.binary(max_size=12), st.just(b"2020-01-01"), st.none(),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(DATED, min_size=1, max_size=30),
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 28), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Amsterdam", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
)
@example(["2023-02-29", "2023-02-29 10:00:00", "2023-04-31"], datetime(2024, 1, 1, tzinfo=UTC), "UTC")
@example(["2024-02-29 24:00:00", "2023-01-01 12:60:00"], datetime(2025, 1, 1, tzinfo=UTC), "UTC")
@example(["0000-01-01", "0001-01-01", "0002-01-01"], datetime(2024, 1, 1, tzinfo=UTC), "Europe/Amsterdam")
@example(["2023-03-26 02:30:00", "2023-10-29 02:30:00"], datetime(2023, 10, 29, 1, 30, tzinfo=UTC), "Europe/Amsterdam")
def test_what_plain_sql_takes_for_due_is_what_the_value_says(shop, values, bound, zone):
    """Edge cases 1, 2, 11: any value, in a column of any affinity, in any zone, on either side of any bound."""
    kinds = ("TEXT", "NUMERIC", "INTEGER", "BLOB", "TEXT COLLATE NOCASE")
    column = (
        shop.source().system.datasets["orders"].columns["due"].model_copy(update={"type": "datetime", "zone": zone})
    )
    with shop.source().open_engine(read_only=False).connect() as connection:
        connection.exec_driver_sql(
            "CREATE TEMP TABLE moments (" + ", ".join(f"c{n} {k}" for n, k in enumerate(kinds)) + ")"
        )
        for value in values:
            connection.exec_driver_sql("INSERT INTO moments VALUES (?, ?, ?, ?, ?)", (value,) * len(kinds))
        for n in range(len(kinds)):
            condition, parameters = shop.source().dialect.due(f"d.c{n}", column, bound)
            asked = f"SELECT d.c{n}, coalesce({condition}, 0) FROM moments AS d"
            for stored, due in connection.exec_driver_sql(asked, parameters).all():
                at = instant(stored, Form.ISO, zone)
                assert bool(due) == (at is not None and at < micros(bound)), (stored, kinds[n])
        connection.exec_driver_sql("DROP TABLE moments")


def with_starts(shop, name):
    system = shop.source().system
    orders = system.datasets["orders"]
    starts = orders.starts.model_copy(update={"column": name})
    return system.model_copy(
        update={"datasets": {**system.datasets, "orders": orders.model_copy(update={"starts": starts})}}
    )


@pytest.mark.parametrize("name", ["paid_ms", "due"])
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_the_bound_is_exact_in_every_form(shop, name, shift):
    """Edge case 1: numbers and dates as ISO texts."""
    bound = moment("2026-05-01")
    stored = {"paid_ms": int(bound.timestamp() * 1000) + shift, "due": f"{bound + timedelta(days=shift):%Y-%m-%d}"}
    shop.order("a", client=1, **{name: stored[name]})
    source, selection = shop.source(), Selection("orders", Due(bound))
    source.system = with_starts(shop, name)
    assert len(list(source.locate(selection, source.partitions(selection)[0]))) == (shift < 0)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.datetimes(datetime(2026, 4, 25), datetime(2026, 5, 7)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["iso", "basic"]),
)
def test_no_offset_moves_a_record_over_the_bound(shop, at, offset, layout):
    """Edge case 1: what is left out early by its date alone is never due."""
    from datetime import timezone

    aware = at.replace(tzinfo=timezone(timedelta(minutes=offset)))
    shop.db.execute("DELETE FROM orders")
    shop.order("a", client=1, at=aware.isoformat() if layout == "iso" else aware.strftime("%Y%m%dT%H%M%S.%f%z"))
    bound = datetime(2026, 5, 1, tzinfo=UTC)
    assert bool(shop.locate("orders", Due(bound))) is (aware < bound)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT 1 ; -- the end",
        "SELECT 1 -- last",
        "SELECT 1;\n;\n/* x; y */",
        "SELECT ';', ':a', \"?\" -- :b",
    ],
)
def test_how_a_file_ends_does_not_matter(text):
    assert one_select(text, "x").endswith("\n")


@pytest.mark.parametrize("text", ["SELECT ?", "SELECT :a", "SELECT @a", "SELECT 1; DELETE FROM clients"])
def test_parameters_and_second_statements_are_refused(shop, text):
    shop.select("lines", text)
    with pytest.raises(BadConfiguration, match=r"sql\.(parameters|statements)"):
        shop.read("lines", of(1))


def test_a_dialects_own_file_wins(shop):
    shop.order("a", client=1)
    shop.db.execute("INSERT INTO lines VALUES (1, 2026, 'a')")
    shop.select("lines.sqlite", "SELECT line + 100 AS line, 1 AS client FROM lines")
    assert [r["line"] for r in shop.read("lines", of(1))] == [101]


def test_a_record_of_several_subjects_is_one_item_and_a_row_of_each(shop):
    shop.order("a", client=1, receiver_email="oma@a.example")
    both = Of((Subject(2, (Identifier("shop.client", 1),)), Subject(1, (Identifier("email", "oma@a.example"),))))
    assert [r["_subject"] for r in shop.read("orders", both)] == [1, 2]
    assert [i.key for i in shop.locate("orders", both)] == [(2026, "a")]


def test_no_database_of_an_unknown_kind_is_guessed_at(shop):
    from privacy.connections import Connection
    from privacy.sources.sql import SqlSource

    source = SqlSource(shop.source().system, Connection("shop", "oracle://x"), home=shop.folder)
    with pytest.raises(PrivacyError, match=r"sql\.dialect"):
        source.partitions(Selection("orders", of(1))) and source.wrap("orders")
