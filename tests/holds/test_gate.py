"""Batches and holds, one beside the other (edge case 15)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from conftest_holds import NUMBER, Memory, Place, person
from privacy import database
from privacy.errors import AskPerson, GiveUp, RetryLater
from privacy.holds import Everything, HoldKind, Holds, Keys, apply
from privacy.holds import table as holds_table
from privacy.sources.base import Status


def hold(place, what, datasets=None, kind=HoldKind.SUSPENSION, request=None):
    return place.holds.place(kind, what, datasets, ground="g", author="desk", request=request)


def done(outcomes, status=Status.DONE):
    return sorted(o.key[0] for o in outcomes if o.status is status)


def test_without_holds_everything_planned_is_done(place, shop):
    assert done(apply(shop, shop.plan(), place.holds)) == [10, 11, 12, 20, 21]
    assert shop.rows == {"profiles": {}, "invoices": {}}


@pytest.mark.parametrize("kind", list(HoldKind))
def test_what_is_held_stays_and_is_told_of(place, shop, kind):
    hold(place, person(1), kind=kind)
    outcomes = apply(shop, shop.plan(), place.holds)
    assert done(outcomes) == [20, 21]
    assert done(outcomes, Status.HELD) == [10, 11, 12]
    assert {o.reason for o in outcomes if o.status is Status.HELD} == {"hold"}


def test_a_hold_on_somebody_s_invoices_does_not_freeze_their_profile(place, shop):
    """Edge case 15, in one batch with both."""
    hold(place, person(1), ["shop.invoices"])
    outcomes = apply(shop, shop.plan(), place.holds)
    assert done(outcomes) == [10, 20, 21]
    assert shop.rows == {"profiles": {}, "invoices": {11: 1, 12: 1}}


def test_a_hold_on_one_invoice_holds_that_invoice_alone(place, shop):
    hold(place, Keys((("11",),)), ["shop.invoices"])
    outcomes = apply(shop, shop.plan(), place.holds)
    assert done(outcomes, Status.HELD) == [11]
    assert shop.rows == {"profiles": {}, "invoices": {11: 1}}


def test_a_whole_dataset_is_held_whoever_it_names(place, shop):
    hold(place, Everything(), ["shop.invoices"])
    assert done(apply(shop, shop.plan("invoices"), place.holds), Status.HELD) == [11, 12, 21]
    assert shop.calls == 0, "a source is not asked to do nothing"
    assert done(apply(shop, shop.plan(), place.holds)) == [10, 20]


def test_holds_of_several_kinds_on_several_people_add_up(place, shop):
    hold(place, person(1), ["shop.invoices"])
    hold(place, person(1), ["shop.profiles"], HoldKind.OBJECTION)
    hold(place, (person(2), person(3)), None, HoldKind.REQUEST)
    assert done(apply(shop, shop.plan(), place.holds), Status.HELD) == [10, 11, 12, 20, 21]


def test_a_hold_that_was_released_after_the_term_lets_the_next_batch_delete(place, shop):
    """Edge case 15."""
    id = hold(place, person(1))
    plan = shop.plan()
    apply(shop, plan, place.holds)
    place.holds.release(id, author="desk")
    outcomes = apply(shop, plan, place.holds)
    assert done(outcomes) == [10, 11, 12]
    assert done(outcomes, Status.GONE) == [20, 21]


def test_a_request_does_not_stand_in_its_own_way_but_every_other_hold_does(place, shop):
    hold(place, person(1), kind=HoldKind.REQUEST, request=NUMBER)
    assert done(apply(shop, shop.plan("profiles"), place.holds)) == [20]
    assert done(apply(shop, shop.plan("profiles"), place.holds, request="AVG-2026-0001-1")) == []
    hold(place, person(1), ["shop.invoices"])
    assert done(apply(shop, shop.plan(), place.holds, request=NUMBER)) == [10, 21]


@pytest.mark.parametrize("kind", [k for k in HoldKind if k is not HoldKind.REQUEST])
def test_a_legal_hold_under_a_request_s_number_stands_in_the_way_of_that_request_too(place, shop, kind):
    hold(place, person(1), kind=kind, request=NUMBER)
    assert done(apply(shop, shop.plan("profiles"), place.holds, request=NUMBER)) == [20]


def test_a_hold_on_a_dataset_that_was_renamed_stops_every_batch_until_a_person_has_looked(place, shop):
    """Edge case 25: it would stand there, and protect nobody."""
    hold(place, person(1), ["shop.invoices"])
    later = Holds(place.engine, place.key, place.ledger, place.clock, datasets=("shop.profiles", "shop.bills"))
    with pytest.raises(AskPerson, match=r"hold\.dataset_gone.*shop\.invoices"):
        apply(shop, shop.plan("profiles"), later)
    assert shop.calls == 0


def test_ending_a_hold_waits_for_a_long_batch_as_placing_does(place, tmp_path, monkeypatch):
    id = hold(place, person(1))
    monkeypatch.setattr(database, "_WAIT", 0.1)
    other = Place(tmp_path)
    with place.holds.gate("shop.profiles"):
        ending = in_thread(lambda: other.holds.release(id, author="desk"))
        ending.join(0.6)
        assert ending.is_alive()
    ending.join(20)
    assert other.holds.active() == ()


def test_a_record_that_changed_hands_since_the_plan_is_left_alone(place, shop):
    """Edge case 14: not located as held, and not the one that was planned either."""
    hold(place, person(1), ["shop.invoices"])
    plan = shop.plan()
    shop.rows["invoices"][21] = 1
    assert 21 not in done(apply(shop, plan, place.holds))
    assert 21 in shop.rows["invoices"]


def test_an_empty_batch_opens_no_gate(place, shop):
    with place.holds.gate("shop.invoices"):
        assert apply(shop, [], place.holds) == []


def test_a_batch_that_fails_gives_the_gate_back(place, shop):
    class Broken(Memory):
        def apply(self, *_):
            yield from ()
            raise GiveUp("x", "broken")

    with pytest.raises(GiveUp):
        apply(Broken(shop.rows), shop.plan(), place.holds)
    hold(place, person(1))


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_placing_waits_for_the_open_gate_and_the_next_batch_minds_it(place, tmp_path):
    """Edge case 15: when it returns, no batch that ignores it runs."""
    other = Place(tmp_path)
    told: list[str] = []

    def place_it():
        hold(other, person(1))
        told.append("placed")

    with place.holds.gate("shop.profiles") as spare:
        placing = in_thread(place_it)
        placing.join(0.5)
        assert placing.is_alive()
        assert spare.of("shop.profiles") == ()
        assert place.holds.active() == ()
        told.append("batch over")
    placing.join(20)
    assert told == ["batch over", "placed"]
    with place.holds.gate("shop.profiles") as spare:
        assert len(spare.of("shop.profiles")[0].subjects) == 1


def test_a_request_s_hold_learns_whose_it_is_only_between_batches(place, tmp_path):
    hold(place, person(1), kind=HoldKind.REQUEST, request=NUMBER)
    other = Place(tmp_path)
    with place.holds.gate("shop.profiles"):
        replacing = in_thread(lambda: other.holds.replace(person(2), request=NUMBER))
        replacing.join(0.3)
        assert replacing.is_alive()
    replacing.join(20)
    assert place.holds.active()[0].what == (person(2),)


def test_no_batch_that_comes_later_gets_in_before_a_hold_that_waits(place, tmp_path):
    """Edge case 15: a purge with the gate open nearly all the time cannot keep a hold waiting."""
    seen: list[int] = []

    def purge():
        with Place(tmp_path).holds.gate("shop.profiles") as spare:
            seen.append(len(spare.of("shop.profiles")))

    with place.holds.gate("shop.profiles"):
        threads = [in_thread(lambda: hold(Place(tmp_path), person(1)))]
        time.sleep(0.5)
        threads += [in_thread(purge) for _ in range(5)]
        time.sleep(0.3)
    for thread in threads:
        thread.join(20)
    assert seen == [1, 1, 1, 1, 1]


def test_a_gate_that_never_closes_ends_the_placing_with_nothing_placed(place, tmp_path, monkeypatch):
    monkeypatch.setattr(holds_table, "PATIENCE", 0.1)
    other = Place(tmp_path)
    with place.holds.gate("shop.profiles"):
        monkeypatch.setattr(database, "_WAIT", 0.2)
        with pytest.raises(RetryLater):
            hold(Place(tmp_path), person(1))
    assert other.holds.active() == ()


def test_reading_the_ledger_and_the_holds_waits_for_no_batch(place):
    hold(place, person(1))
    with place.holds.gate("shop.profiles"):
        begun = time.monotonic()
        assert place.ledger.verify().ok
        assert len(place.holds.active()) == len(place.ledger.entries()) == 1
        assert time.monotonic() - begun < 5


PURGE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest_holds import Memory, Place
from privacy.holds import apply
folder = Path(sys.argv[1])

class Slow(Memory):
    def removed(self, dataset, key):
        time.sleep(0.005)
        (folder / "rows" / str(key)).unlink()
        super().removed(dataset, key)

keys = sorted(int(p.name) for p in (folder / "rows").iterdir())
shop = Slow({"profiles": {k: k % 2 for k in keys}, "invoices": {}})
place = Place(folder)
(folder / "ready").touch()
(step,) = shop.plan("profiles")
from dataclasses import replace
for start in range(0, len(step.items), 5):
    apply(shop, [replace(step, items=step.items[start:start + 5])], place.holds)
"""


def test_a_purge_in_another_process_deletes_nothing_of_theirs_once_the_hold_is_placed(tmp_path):
    """Edge case 15."""
    (tmp_path / "rows").mkdir()
    for key in range(300):
        (tmp_path / "rows" / str(key)).touch()

    def theirs():
        return {p.name for p in (tmp_path / "rows").iterdir() if int(p.name) % 2 == 1}

    place = Place(tmp_path)
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen([sys.executable, "-c", PURGE, str(tmp_path), tests]) as purge:
        until = time.monotonic() + 60
        while len(theirs()) > 130 and time.monotonic() < until:
            time.sleep(0.005)
        hold(place, person(1))
        kept = theirs()
        assert purge.wait(60) == 0
    assert 0 < len(kept) <= 130
    assert theirs() == kept
    assert {p.name for p in (tmp_path / "rows").iterdir()} == kept, "everybody else's are gone"
