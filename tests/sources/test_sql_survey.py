"""What a database holds as far as terms are concerned, and what is due of some kinds alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest_sources import moment, of
from privacy.errors import BadInput
from privacy.sources.base import Among, ByKey, Delete, Due, Every, Selection, Status, Step

NOW = moment("2026-06-01")
FOREVER = Due(datetime.max.replace(tzinfo=UTC))
TICK = timedelta(microseconds=1)


def numbers(shop, pick):
    return [item.key[1] for item in shop.locate("orders", pick)]


def test_a_survey_counts_what_has_no_start_and_what_begins_later_than_now(shop):
    """Edge case 11: missing, unparsable and future starts are seen, and due to nobody."""
    for number, at in (("a", "2026-05-01T10:00:00Z"), ("b", None), ("c", "soon"), ("d", ""), ("e", "2026-07-01")):
        shop.order(number, at=at)
    found = shop.source().survey("orders", NOW, [Due(NOW), FOREVER])
    assert (found.records, found.undated, found.future, found.picked) == (5, 3, 1, (1, 2))
    assert found.unreadable == 1, "'soon'; what is not filled in has not begun"
    assert found.oldest == moment("2026-05-01T10:00:00")
    assert found.bytes > 0


def test_a_bound_counts_exactly_what_began_before_it(shop):
    """Edge case 1: at the bound and a microsecond to either side."""
    shop.order("a", at="2026-05-01T10:00:00.000000Z")
    at = moment("2026-05-01T10:00:00")
    assert shop.source().survey("orders", NOW, [Due(at - TICK), Due(at), Due(at + TICK)]).picked == (0, 0, 1)


def test_local_times_that_occur_twice_or_never_count_as_they_are_due(shop):
    """Edge case 3: the later reading, in the column's zone."""
    shop.order("twice", at="2025-10-26T02:30:00")
    shop.order("never", at="2026-03-29T02:30:00")
    bounds = [
        Due(moment(t)) for t in ("2025-10-26T01:30:00", "2025-10-26T01:30:00.000001", "2026-03-29T01:30:00.000001")
    ]
    assert shop.source().survey("orders", NOW, bounds).picked == (0, 1, 2)


def test_of_a_dataset_without_a_start_every_record_is_undated_and_none_is_due(shop):
    shop.order("a", client=1)
    shop.db.execute("INSERT INTO lines VALUES (1, 2026, 'a')")
    found = shop.source().survey("lines", NOW, [FOREVER, Every()])
    assert (found.records, found.undated, found.oldest, found.picked) == (1, 1, None, (0, 1))


def test_an_empty_table_is_surveyed_as_empty(shop):
    found = shop.source().survey("orders", NOW, [FOREVER])
    assert (found.records, found.bytes, found.oldest, found.undated, found.picked) == (0, 0, None, 0, (0,))


def kinds(shop):
    """Of orders one of each spelling."""
    for number, note in (("a", "footage"), ("b", "Footage"), ("c", " footage"), ("d", None), ("e", ""), ("f", "sale")):
        shop.order(number, note=note)


@pytest.mark.parametrize(
    ("kinds_", "others", "mine"),
    [
        ({"footage"}, False, "a"),
        ({"footage", "sale"}, False, "af"),
        ({"footage", "sale"}, True, "bcde"),
        ({""}, False, "e"),
        (set(), False, ""),
        (set(), True, "abcdef"),
        ({"' OR '1'='1"}, False, ""),
    ],
)
def test_records_of_some_kinds_are_those_with_exactly_these_texts(shop, kinds_, others, mine):
    """NULL, a blank and another case are other kinds; those are with the others."""
    kinds(shop)
    pick = Due(NOW, Among("note", frozenset(kinds_), others))
    assert numbers(shop, pick) == list(mine)
    assert [row["number"] for row in shop.read("orders", pick)] == list(mine)
    assert shop.source().survey("orders", NOW, [pick, Due(NOW)]).picked == (len(mine), 6)


def test_a_record_that_is_of_another_kind_by_now_stays(shop):
    """Edge case 14: it is asked for again when it is about to go."""
    kinds(shop)
    pick = Due(NOW, Among("note", frozenset({"footage"})))
    step = shop.step("orders", pick, Delete())
    shop.db.execute("UPDATE orders SET note = 'sale' WHERE number = 'a'")
    (outcome,) = shop.source().apply([step], [])
    assert (outcome.status, outcome.reason) == (Status.GONE, "not_selected")
    assert shop.db.execute("SELECT count(*) FROM orders").fetchone() == (6,)


def test_of_a_plan_for_one_kind_only_that_kind_goes(shop):
    kinds(shop)
    everything = shop.locate("orders", Due(NOW))
    step = Step(Selection("orders", Due(NOW, Among("note", frozenset({"footage"}), others=True))), Delete(), everything)
    assert [o.status for o in shop.source().apply([step], [])] == [Status.GONE] + [Status.DONE] * 5
    assert shop.db.execute("SELECT number FROM orders").fetchall() == [("a",)]


def test_every_record_is_given_dated_or_not_and_of_its_kind(shop):
    kinds(shop)
    shop.order("g", at=None, note="sale")
    assert numbers(shop, Every()) == list("abcdefg")
    assert numbers(shop, Every(among=Among("note", frozenset({"sale"})))) == ["f", "g"]


def test_a_column_that_is_none_tells_no_kinds(shop):
    pick = Due(NOW, Among("soort", frozenset({"x"})))
    for ask in (lambda: shop.locate("orders", pick), lambda: shop.source().survey("orders", NOW, [pick])):
        with pytest.raises(BadInput, match=r"sources\.no_kind_column"):
            ask()
    with pytest.raises(BadInput, match=r"sources\.not_counted"):
        shop.source().survey("orders", NOW, [ByKey()])


STARTS = st.one_of(
    st.none(),
    st.datetimes(datetime(2025, 10, 25), datetime(2025, 10, 28)).map(str),
    st.datetimes(datetime(2025, 10, 25), datetime(2025, 10, 28)).map(lambda at: at.isoformat() + "+01:00"),
    st.sampled_from(["", "soon", "2025-10-26", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00", "2025-10-26 02:30"]),
    st.integers(-5, 5), st.just(1.5), st.just(b"2025-10-26"),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(STARTS, st.sampled_from([None, "x", "X", ""])), max_size=12),
    bounds=st.lists(st.datetimes(datetime(2025, 10, 25), datetime(2025, 10, 28), timezones=st.just(UTC)), max_size=3),
)
def test_what_a_survey_counts_is_what_would_be_located(shop, rows, bounds):
    """Edge cases 1, 3 and 11, over any starts; and kinds beside their others make the whole."""
    shop.db.execute("DELETE FROM orders")
    for number, (at, note) in enumerate(rows):
        shop.order(f"{number:02}", at=at, note=note)
    picks = [FOREVER, Every(), *map(Due, bounds)]
    picks += [Due(b, Among("note", frozenset({"x"}), others)) for b in bounds for others in (False, True)]
    found = shop.source().survey("orders", NOW, picks)
    assert found.picked == tuple(sum(i.records for i in shop.locate("orders", pick)) for pick in picks)
    begun = [item.oldest for item in shop.locate("orders", FOREVER)]
    assert found.oldest == min(begun, default=None)
    assert (found.records, found.undated) == (len(rows), len(rows) - found.picked[0])
    assert found.future == sum(at > NOW for at in begun)
    whole = found.picked[2 : 2 + len(bounds)]
    apart = found.picked[2 + len(bounds) :]
    assert whole == tuple(a + b for a, b in zip(apart[::2], apart[1::2], strict=True))


def test_a_survey_selects_nobody_and_changes_nothing(shop):
    shop.order("a", client=1)
    before = shop.dump()
    shop.source().survey("orders", NOW, [FOREVER])
    assert shop.dump() == before
    assert len(shop.read("orders", of(1))) == 1
