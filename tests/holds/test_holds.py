"""Placing, changing and ending holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest_holds import DATASETS, NUMBER, Place, person
from privacy.errors import BadInput, Refused, Tampered
from privacy.holds import Everything, HoldKind, Holds, Keys, Span
from privacy.holds.models import packed, unpacked
from privacy.holds.replay import differences
from privacy.keys import MasterKey
from privacy.sources.base import Identifier, Subject

ANNA = Subject(1, (Identifier("email", "anna@a.example"), Identifier("shop.customer", 1001)))


def suspend(place, what=ANNA, datasets=None, **more):
    return place.holds.place(HoldKind.SUSPENSION, what, datasets, **{"ground": "claim 7", "author": "desk"} | more)


def test_a_hold_says_what_was_said_when_it_was_placed(place):
    id = suspend(place, datasets=["shop.invoices"], request=NUMBER)
    (hold,) = place.holds.active()
    assert hold == place.holds.get(id)
    assert (hold.id, hold.kind, hold.datasets, hold.ground) == (id, "suspension", ("shop.invoices",), "claim 7")
    assert (hold.author, hold.placed_at, hold.released_at, hold.request) == ("desk", place.clock.now(), None, NUMBER)
    assert hold.what == (ANNA,)
    assert "anna" not in repr(hold)
    assert "claim" not in repr(hold)


def test_a_hold_is_active_for_its_datasets_only(place):
    suspend(place, datasets=["shop.invoices"])
    assert len(place.holds.active("shop.invoices")) == 1
    assert place.holds.active("shop.profiles") == ()
    suspend(place)
    assert len(place.holds.active("shop.profiles")) == 1


def test_the_strongest_hold_comes_first(place):
    for kind in reversed(HoldKind):
        place.holds.place(kind, ANNA, ground="g", author="desk")
    assert [hold.kind for hold in place.holds.active()] == ["suspension", "restriction", "objection", "request"]


def test_whom_a_hold_is_about_stands_nowhere_in_the_open(place):
    suspend(place, ground="Anna's claim", request=NUMBER)
    place.holds.replace(Subject(1, (Identifier("shop.customer", 700_800),)), request=NUMBER)
    for word in ("anna", "Anna", "a.example", "700800"):
        assert word not in place.dump()


def test_a_hold_that_is_over_has_forgotten_whom_it_was_about(place):
    id = suspend(place)
    place.clock.set(place.clock.now() + timedelta(days=1))
    assert place.holds.release(id, author="desk") == 1
    hold = place.holds.get(id)
    assert (hold.what, hold.ground, hold.released_at) == (None, "", place.clock.now())
    assert place.holds.active() == ()
    with place.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT sealed FROM holds").scalar() is None


def test_releasing_twice_changes_and_records_nothing_more(place):
    id = suspend(place, request=NUMBER)
    assert place.holds.release(request=NUMBER, author="desk") == 1
    assert place.holds.release(request=NUMBER, author="desk") == place.holds.release(id, author="desk") == 0
    assert [e.entry["kind"] for e in place.ledger.entries()] == ["hold.placed", "hold.released"]


def test_a_request_s_hold_learns_whose_it_is_and_keeps_its_ground(place):
    id = suspend(place, Subject(1, (Identifier("email", "a@a.example"),)), request=NUMBER)
    place.holds.replace(ANNA, request=NUMBER)
    (hold,) = place.holds.active()
    assert (hold.id, hold.what, hold.ground) == (id, (ANNA,), "claim 7")


def test_every_step_is_an_entry_that_tells_a_sealed_text_from_another(place):
    id = suspend(place, datasets=["shop.invoices"], request=NUMBER)
    place.holds.replace(ANNA, id=id, author="desk")
    place.holds.release(id, author="desk")
    placed, replaced, released = (e.entry for e in place.ledger.entries(request=NUMBER))
    assert (placed["kind"], placed["hold"], placed["reason"]) == ("hold.placed", id, "suspension")
    assert placed["datasets"] == ["shop.invoices"]
    assert (replaced["kind"], released["kind"]) == ("hold.replaced", "hold.released")
    assert placed["digest"] != replaced["digest"]
    assert place.ledger.verify().ok


@pytest.mark.parametrize(
    ("what", "datasets", "code"),
    [
        (Subject(1, ()), None, "hold.empty"),
        ((), None, "hold.empty"),
        ((ANNA, Subject(2, ())), None, "hold.empty"),
        (Subject(1, (Identifier("ip", "192.0.2.1", contested=True),)), None, "hold.empty"),
        (Keys(()), ["shop.invoices"], "hold.empty"),
        (Keys(((),)), ["shop.invoices"], "hold.empty"),
        (Keys(((5,),)), None, "hold.datasets"),
        (Keys(((5,),)), ["shop.invoices", "shop.profiles"], "hold.datasets"),
        (Everything(), None, "hold.datasets"),
        (ANNA, [], "hold.datasets"),
        (ANNA, ["shop.invoises"], "hold.dataset"),
    ],
)
def test_a_hold_that_would_hold_nothing_is_refused(place, what, datasets, code):
    """Edge cases 25 and 28: it would stand there, and protect nobody."""
    with pytest.raises(BadInput) as refusal:
        suspend(place, what, datasets)
    assert refusal.value.code == code
    assert (place.holds.active(), place.ledger.entries()) == ((), [])


@pytest.mark.parametrize(
    ("types", "keys"),
    [
        (None, ((11,), ("2026", "b"))),
        (None, ((None,),)),
        (None, (("",),)),
        (None, ((1.5,),)),
        (None, ((True,),)),
        (["integer"], (("11", "x"),)),
        (["integer"], (("0011",),)),
        (["integer"], (("11 ",),)),
        (["integer"], (("anna",),)),
        (["integer", "text"], (("2026",),)),
        (["integer", "text"], ((None, "b"),)),
    ],
)
def test_a_hold_on_a_key_that_no_record_can_have_is_refused(place, types, keys):
    """Edge case 28: it would stand there, and protect nothing."""
    holds = Holds(place.engine, place.key, place.ledger, place.clock, keys={"shop.invoices": types} if types else None)
    with pytest.raises(BadInput) as refusal:
        holds.place(HoldKind.SUSPENSION, Keys(keys), ["shop.invoices"], ground="g", author="desk")
    assert refusal.value.code == "hold.key"
    assert "anna" not in str(refusal.value)
    assert (place.holds.active(), place.ledger.entries()) == ((), [])


@pytest.mark.parametrize(
    ("types", "key"), [(["integer"], ("11",)), (["integer"], (11,)), (["integer", "text"], (1, "b"))]
)
def test_a_key_may_be_typed_or_read_from_a_table(place, types, key):
    holds = Holds(place.engine, place.key, place.ledger, place.clock, keys={"shop.invoices": types})
    holds.place(HoldKind.SUSPENSION, Keys((key,)), ["shop.invoices"], ground="g", author="desk")
    assert holds.active()[0].what == Keys((tuple(str(part) for part in key),))


def test_what_cannot_be_written_down_is_refused_without_quoting_it(place):
    for value in ("anna\udcff@a.example", 2**70):
        with pytest.raises(BadInput) as refusal:
            suspend(place, Subject(1, (Identifier("email", value),)))
        assert "anna" not in str(refusal.value)
    assert place.holds.active() == ()


ALTERED = {
    "kind": "UPDATE holds SET kind = 'request'",
    "datasets": "UPDATE holds SET datasets = '[\"shop.profiles\"]'",
    "all datasets": "UPDATE holds SET datasets = NULL",
    "request": "UPDATE holds SET request = 'AVG-2026-0043-2'",
    "author": "UPDATE holds SET author = 'nobody'",
    "placed_at": "UPDATE holds SET placed_at = '2020-01-01T00:00:00.000000+00:00'",
}


@pytest.mark.parametrize("statement", ALTERED.values(), ids=ALTERED.keys())
def test_a_hold_of_which_anything_was_altered_stops_every_batch(place, statement):
    """Edge case 26, for holds: a suspension that was turned into something weaker, or put on something else."""
    suspend(place, datasets=["shop.invoices"], request=NUMBER)
    with place.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(Tampered, match=r"hold\.altered"), place.holds.gate("shop.invoices"):
        raise AssertionError
    assert len(found(place)) == 1


def found(place):
    with place.engine.connect() as connection:
        return list(differences(connection, place.key))


def test_every_hold_that_the_ledger_tells_of_is_found_in_the_table(place):
    """Edge case 26, for holds."""
    first = suspend(place, datasets=["shop.invoices"], request=NUMBER)
    place.holds.replace(ANNA, id=first)
    place.holds.release(suspend(place), author="desk")
    last = suspend(place, person(2))
    assert found(place) == []
    with place.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM holds WHERE id = ?", (first,))
        connection.exec_driver_sql("UPDATE holds SET released_at = placed_at, sealed = NULL WHERE id = ?", (last,))
    gone, over = sorted(found(place), key=lambda text: last in text)
    assert first in gone
    assert "not stand" in gone
    assert last in over
    assert "never released" in over


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE holds SET id = 'x'", "does not know"),
        ("UPDATE holds SET sealed = (SELECT sealed FROM holds h WHERE h.id <> holds.id)", "somebody else"),
        ("UPDATE holds SET datasets = 'x' WHERE datasets IS NOT NULL", "differ"),
    ],
)
def test_a_hold_that_was_put_in_the_place_of_another_is_found(place, statement, word):
    """Edge case 26, for holds."""
    id = suspend(place, datasets=["shop.invoices"])
    if "sealed" in statement:
        suspend(place, person(2))
    with place.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert any(word in text for text in found(place))
    assert id


def test_a_hold_that_was_brought_back_after_its_release_is_found(place):
    """Edge case 26, for holds."""
    id = suspend(place)
    with place.engine.begin() as connection:
        sealed = connection.exec_driver_sql("SELECT sealed FROM holds").scalar()
    place.holds.release(id, author="desk")
    with place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE holds SET released_at = NULL, sealed = ?", (sealed,))
    assert [text for text in found(place) if "was released" in text]


def test_a_misspelt_dataset_is_told_its_name(place):
    with pytest.raises(BadInput, match=r"did you mean 'shop\.invoices'"):
        suspend(place, datasets=["shop.invoises"])


@pytest.mark.parametrize("bad", [{"ground": " "}, {"author": "a@b.example"}, {"request": "1001"}])
def test_a_hold_without_a_ground_or_with_an_address_for_its_author_is_refused(place, bad):
    with pytest.raises(BadInput) as refusal:
        suspend(place, **bad)
    assert "example" not in str(refusal.value)
    assert (place.holds.active(), place.ledger.entries()) == ((), [])


def test_an_unknown_hold_cannot_be_changed_or_ended(place):
    for step in (
        lambda: place.holds.get("x"),
        lambda: place.holds.release("x", author="desk"),
        lambda: place.holds.release(request=NUMBER, author="desk"),
        lambda: place.holds.replace(ANNA, id="x"),
        lambda: place.holds.replace(ANNA),
    ):
        with pytest.raises(BadInput, match=r"hold\.unknown"):
            step()


def test_a_hold_that_is_over_is_not_brought_back(place):
    id = suspend(place)
    place.holds.release(id, author="desk")
    with pytest.raises(Refused, match=r"hold\.released"):
        place.holds.replace(ANNA, id=id)


def test_a_sealed_text_of_another_hold_or_key_stops_every_batch(place):
    """Edge case 26, for holds: exchanged in the database, it may not hold somebody else."""
    suspend(place)
    suspend(place, Subject(1, (Identifier("shop.customer", 5),)))
    with place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE holds SET sealed = (SELECT sealed FROM holds ORDER BY id LIMIT 1)")
    with pytest.raises(Tampered), place.holds.gate("shop.invoices"):
        raise AssertionError
    with pytest.raises(Tampered):
        Holds(place.engine, MasterKey(b"x" * 32), place.ledger).active()


def test_a_hold_and_its_entry_are_both_there_or_neither(place, tmp_path):
    """Edge case 13: the disk of the signed head is gone at that moment."""
    (tmp_path / "head.json").write_text("{}")
    with pytest.raises(Tampered):
        suspend(place)
    assert place.holds.active() == ()


def test_the_database_keeps_a_hold_in_force_from_losing_whom_it_is_about(place):
    suspend(place)
    with pytest.raises(sa.exc.IntegrityError), place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE holds SET sealed = NULL")


TIMES = st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
IDENTIFIERS = st.builds(
    Identifier,
    TEXTS,
    TEXTS | st.integers(-(2**63), 2**63 - 1),
    TIMES,
    TIMES,
    TEXTS,
    st.none() | TEXTS,
    st.booleans(),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(IDENTIFIERS, max_size=3), max_size=3), TEXTS)
def test_what_is_sealed_comes_back_the_same(people, ground):
    subjects = tuple(Subject(no, tuple(found)) for no, found in enumerate(people, start=1))
    assert unpacked(packed(subjects, ground)) == (subjects, ground, None)
    assert unpacked(packed(Everything(), ground)) == (Everything(), ground, None)
    assert unpacked(packed(Keys(((5, "a"),)), ground)) == (Keys((("5", "a"),)), ground, None)


def test_holds_are_there_for_whoever_opens_the_database_next(place, tmp_path):
    id = suspend(place)
    assert [hold.id for hold in Place(tmp_path).holds.active()] == [id]
    assert person(1001).identifiers[0] in ANNA.identifiers


def test_whether_the_subject_may_be_told_is_sealed_with_the_hold_and_gone_with_it(place):
    ids = [
        place.holds.place(HoldKind.SUSPENSION, person(1), ground="g", author="a", tell=tell)
        for tell in (True, False, None)
    ]
    assert [place.holds.get(id).tell for id in ids] == [True, False, None]
    assert "tell" not in place.dump()
    place.holds.replace(person(2), id=ids[1])
    assert place.holds.get(ids[1]).tell is False
    place.holds.release(ids[1], author="a")
    assert place.holds.get(ids[1]).tell is None


def test_a_span_may_choose_no_record_yet_and_files_of_several_datasets(place):
    at = place.clock.now()
    what = Keys((("a/1",),), Span("door", at, at))
    for keys in (what, Keys((), what.span)):
        id = place.holds.place(HoldKind.SUSPENSION, keys, list(DATASETS), ground="g", author="a")
        assert place.holds.get(id).what == keys
    with place.holds.gate(*DATASETS) as spare:
        assert [spare.keeps(name, ("a/1",)) for name in DATASETS] == [True, True]
        assert not spare.keeps(DATASETS[0], ("a/2",))
    with pytest.raises(BadInput, match=r"hold\.datasets"):
        place.holds.place(HoldKind.SUSPENSION, Keys((("a/1",),)), list(DATASETS), ground="g", author="a")
