"""CAM-48H: the security company answers late, not at all, or says something else than the metadata (edge case 24)."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest_cameras import HOUR, MINUTE, NOW, cameras
from conftest_demo import HOME, made, urls_of
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import load
from privacy.holds import Everything, HoldKind, Keys, Span
from privacy.rights import footage
from privacy.rights.footage import KIND, contradictions, record
from privacy.rights.holder_lists import HolderList
from privacy.rights.house import House
from privacy.rights.orders import Orders
from privacy.rights.recordings import Recording, chosen
from privacy.settings import Settings

__all__ = ["cameras", "made"]

ZERO = timedelta(0)


def found(shop, at=NOW):
    return {one.code: one.count for one in contradictions(shop.house, at)}


def held(shop, *keys, order=True):
    what = Keys(tuple((key,) for key in keys))
    id = shop.house.holds.place(HoldKind.SUSPENSION, what, ["camera.clips"], ground="g", author="desk")
    if order:
        Orders(shop.house).send(id, "desk")
    return id


def test_a_list_that_says_what_we_know_contradicts_nothing(cameras):
    for hours in (1, 24, 47):
        cameras.clip("balie", hours * HOUR)
    cameras.company(
        *(cameras.listed("balie", hours * HOUR) for hours in (1, 24, 47, 48)),
        cameras.listed("balie", 60 * HOUR, "wiped"),
    )
    assert found(cameras) == {}


def test_a_recording_that_the_company_still_has_beyond_its_term_is_found(cameras):
    cameras.company(cameras.listed("balie", 49 * HOUR), cameras.listed("balie", 48 * HOUR + 2 * MINUTE))
    assert found(cameras) == {"kept_too_long": 2}


def test_at_exactly_48_hours_the_company_is_in_time(cameras):
    cameras.company(cameras.listed("balie", 48 * HOUR), ago=ZERO)
    assert found(cameras) == {}


@pytest.mark.parametrize("by", ["key", "span", "all"])
def test_a_recording_on_hold_may_stay_and_must_not_be_erased(cameras, by):
    """Edge case 15."""
    key = cameras.clip("balie", 60 * HOUR)
    if by == "key":
        held(cameras, key)
    else:
        names = ["camera.clips"]
        span = chosen(cameras.house, Span("balie", NOW - 60 * HOUR, NOW - 59 * HOUR), names)
        what = span if by == "span" else Everything()
        cameras.house.holds.place(HoldKind.SUSPENSION, what, names, ground="g", author="desk")
    cameras.company(cameras.listed("balie", 60 * HOUR))
    assert found(cameras) == {}
    cameras.company(cameras.listed("balie", 60 * HOUR, "wiped"))
    assert found(cameras) == {"erased_on_hold": 1}
    cameras.company()
    assert found(cameras) == {"held_unlisted": 1}


def test_an_order_remembers_what_is_held_when_our_own_record_of_it_is_gone(cameras):
    held(cameras, cameras.clip("balie", 60 * HOUR))
    for file in (cameras.folder / "clips/balie").iterdir():
        file.unlink()
    cameras.company(cameras.listed("balie", 60 * HOUR))
    assert found(cameras) == {}


def test_what_was_erased_before_the_order_is_told_apart(cameras):
    held(cameras, cameras.clip("balie", 50 * HOUR))
    cameras.company(cameras.listed("balie", 50 * HOUR, "wiped", wiped_at=(NOW - HOUR).isoformat()))
    assert found(cameras) == {"erased_before_order": 1}
    cameras.company(cameras.listed("balie", 50 * HOUR, "wiped", wiped_at=(NOW + MINUTE).isoformat()))
    assert found(cameras) == {"erased_on_hold": 1}


@pytest.mark.parametrize("kept_last", [True, False])
def test_a_list_that_says_two_things_of_one_recording_is_none(cameras, kept_last):
    """Edge case 24: whichever came last would have hidden the other."""
    said = [cameras.listed("balie", 60 * HOUR, "wiped"), cameras.listed("balie", 60 * HOUR)]
    cameras.company(*(said if kept_last else said[::-1]))
    assert found(cameras) == {"list_unreadable": 1, "list_missing": 1}


def test_what_the_company_erased_too_late_by_its_own_word_is_found(cameras):
    """CAM-48H: the list of an hour later would not have it, and nobody would have heard."""
    wiped = [(NOW - 60 * HOUR + late).isoformat() for late in (48 * HOUR, 48 * HOUR + MINUTE)]
    cameras.company(cameras.listed("balie", 60 * HOUR, "wiped", wiped_at=wiped[0]))
    assert found(cameras) == {}
    cameras.company(cameras.listed("balie", 60 * HOUR, "wiped", wiped_at=wiped[1]))
    assert found(cameras) == {"erased_late": 1}


def test_what_was_erased_once_its_hold_was_released_was_not_late(cameras):
    id = held(cameras, cameras.clip("balie", 60 * HOUR))
    cameras.house.holds.release(id, author="desk")
    cameras.company(cameras.listed("balie", 60 * HOUR, "wiped", wiped_at=(NOW - HOUR).isoformat()))
    assert found(cameras) == {}


def test_a_hold_that_is_released_excuses_nothing(cameras):
    id = held(cameras, cameras.clip("balie", 60 * HOUR))
    cameras.house.holds.release(id, author="desk")
    cameras.company(cameras.listed("balie", 60 * HOUR))
    assert found(cameras) == {"kept_too_long": 1}


def test_a_young_recording_that_the_list_lacks_is_found_and_one_that_came_after_the_list_is_not(cameras):
    cameras.clip("balie", 10 * HOUR), cameras.clip("balie", HOUR), cameras.clip("balie", 49 * HOUR)
    cameras.company(ago=HOUR)
    assert found(cameras) == {"unlisted": 1}


def test_a_recording_of_which_we_know_nothing_is_found_unless_a_purge_has_taken_it(cameras):
    cameras.company(cameras.listed("balie", 10 * HOUR), cameras.listed("balie", 47 * HOUR + MINUTE))
    assert found(cameras) == {"unknown": 1}


def test_another_end_than_ours_is_found(cameras):
    cameras.clip("balie", 10 * HOUR, HOUR)
    cameras.company(cameras.listed("balie", 10 * HOUR))
    assert found(cameras) == {"differs": 1}


def test_no_list_at_all_is_found(cameras):
    assert found(cameras) == {"list_missing": 1}
    (cameras.folder / "company/other.txt").write_text("x")
    assert found(cameras) == {"list_missing": 1}


def test_a_late_list_is_found_and_still_compared(cameras):
    cameras.company(cameras.listed("balie", 80 * HOUR), ago=25 * HOUR)
    assert found(cameras) == {"kept_too_long": 1}
    assert found(cameras, NOW + MINUTE) == {"list_late": 1, "kept_too_long": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"made_at": "2026-11-20T07:59:00", "recordings": []}',
        '{"made_at": "2026-11-20T01:00:00Z", "recordings": []}',
        '{"made_at": "2026-11-20T07:59:00Z", "recordings": [{"camera": "balie"}]}',
        '{"made_at": "2026-11-20T07:59:00Z", "recordings": [{"camera": "b", "from": "2026-11-20T02:00:00Z", '
        '"to": "2026-11-20T01:00:00Z", "state": "kept"}]}',
        '{"made_at": "2026-11-20T07:59:00Z", "recordings": [{"camera": "b", "from": "2026-11-20T00:00:00Z", '
        '"to": "2026-11-20T01:00:00Z", "state": "perhaps"}]}',
    ],
)
def test_a_list_that_cannot_be_read_is_found_and_the_one_before_it_is_used(cameras, text):
    cameras.company(cameras.listed("balie", 80 * HOUR), ago=2 * HOUR)
    cameras.company(text=text)
    assert found(cameras) == {"list_unreadable": 1, "kept_too_long": 1}


def test_a_list_from_the_future_is_not_believed(cameras):
    cameras.company(ago=-HOUR)
    assert found(cameras) == {"list_future": 1, "list_missing": 1}
    cameras.company(ago=HOUR)
    assert found(cameras) == {"list_future": 1}


def test_findings_are_recorded_once_with_code_and_count_alone(cameras):
    cameras.company(cameras.listed("balie", 49 * HOUR), cameras.listed("ingang", 50 * HOUR))
    for _ in range(2):
        new = record(cameras.house, contradictions(cameras.house, NOW), run="run-1")
        cameras.clock.set(NOW + HOUR)
    assert new == 0
    (entry,) = [e.entry for e in cameras.house.ledger.entries(kind=KIND)]
    assert (entry["reason"], entry["count"], entry["dataset"], entry["run"]) == (
        "kept_too_long",
        2,
        "camera.clips",
        "run-1",
    )
    assert "balie" not in json.dumps(entry)
    cameras.company(cameras.listed("balie", 49 * HOUR), ago=ZERO)
    assert record(cameras.house, contradictions(cameras.house, NOW)) == 1


def test_a_missing_list_is_told_anew_every_day(cameras):
    said = []
    for hours in (0, 1, 24):
        cameras.clock.set(NOW + hours * HOUR)
        said.append(record(cameras.house, contradictions(cameras.house, cameras.clock.now())))
    assert said == [1, 0, 1]


def test_the_demo_shop_s_company_differs_in_the_two_recordings_that_the_generator_made_so(made, tmp_path):
    from datetime import UTC, datetime

    urls = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls_of(made.folder).items()}
    (file,) = (made.folder / "camera/company").iterdir()
    at = datetime.strptime(file.stem, "list-%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + 3 * HOUR
    house = House(Settings(home=HOME, state=tmp_path), EnvironmentConnections(urls), FixedClock(at))
    house.found()
    assert {one.code: one.count for one in contradictions(house, at)} == {"kept_too_long": 1, "unlisted": 1}


MOST = 100 * 60
"""The oldest recording of the property below, in minutes."""


@settings(max_examples=60, deadline=None)
@given(
    ages=st.lists(st.integers(1, MOST), unique=True, min_size=1, max_size=12),
    held=st.sets(st.integers(0, 11)),
    ago=st.integers(0, 300),
    lie=st.integers(0, 11),
    how=st.sampled_from(["none", "state", "left out"]),
)
def test_an_honest_list_contradicts_nothing_and_each_lie_that_matters_is_one_finding(ages, held, ago, lie, how):
    """CAM-48H, at any age of recordings and lists, around holds: the company erases in time, and we purge in time."""
    datamap = load(HOME)
    house, ref = SimpleNamespace(policy=datamap.policy), datamap["camera.clips"]
    at, lie = NOW - ago * MINUTE, lie % len(ages)
    ours, said, on_hold, expected = [], [], footage._Held(), {}
    for n, age in enumerate(sorted(ages)):
        begins, ends = NOW - age * MINUTE, NOW - age * MINUTE + timedelta(seconds=30)
        kept = n in held or at - begins <= 48 * HOUR
        if n in held:
            on_hold.spans.append(("balie", begins, ends, NOW - 200 * HOUR))
        # Our own record goes an hour before the limit is passed, as the hourly purge takes it.
        known = n in held or NOW - begins < 47 * HOUR
        if known:
            ours.append(Recording("camera.clips", (n,), "balie", begins, ends))
        listed = ends <= at
        state = "kept" if kept else "wiped"
        if n == lie and how == "state" and listed:
            state = "wiped" if kept else "kept"
            if not kept:
                expected = {"kept_too_long": 1}
            elif n in held:
                expected = {"erased_on_hold": 1}
        if n == lie and how == "left out" and listed:
            listed = False
            if known and (n in held or at - begins < 48 * HOUR):
                expected = {"held_unlisted" if n in held else "unlisted": 1}
        if listed:
            said.append({"camera": "balie", "from": begins, "to": ends, "state": state})
    whole = HolderList.model_validate({"made_at": at, "recordings": said})
    found = footage._compared(house, ref, whole, ours, on_hold, NOW)
    assert {one.code: one.count for one in found} == expected
