"""The footage of a visit that a request is about is held when it is registered, and its holder told to keep it."""

from __future__ import annotations

from conftest_cameras import HOUR, MINUTE, NOW, Cameras, cameras
from privacy.errors import BadConfiguration
from privacy.holds import HoldKind
from privacy.rights import Ground, Right
from privacy.rights.orders import Orders
from privacy.rights.payload import Visit
from privacy.rights.visits import keep
from privacy.sources.base import Identifier

__all__ = ["cameras"]

ANNA = Identifier("email", "anna@a.example")


def asked(shop: Cameras, *visits: Visit) -> str:
    return shop.house.register.receive(Right.ACCESS, (ANNA,), author="desk", visits=visits).number


def test_the_recordings_around_the_visit_are_held_by_whoever_registers_it_and_ordered_to_be_kept(cameras):
    """CAM-SHARE, edge case 24."""
    clip, late = cameras.clip("till", 3 * HOUR), cameras.clip("till", 40 * HOUR)
    number = asked(cameras, Visit(camera="till", at=NOW - 3 * HOUR + 10 * MINUTE))
    (kept,) = keep(cameras.house, number, "Sanne")
    assert (kept.problem, len(kept.orders)) == ("", 1)
    (hold,) = [one for one in cameras.house.holds.active() if one.kind is HoldKind.SUSPENSION]
    assert (hold.id, hold.request, hold.author, hold.tell) == (kept.hold, number, "Sanne", True)
    held = {key for (key,) in hold.what.keys}
    assert any(clip.endswith(key) or key.endswith(clip) for key in held)
    assert not any(late.endswith(key) or key.endswith(late) for key in held)
    (letter,) = cameras.letters
    assert "anna" not in letter.as_string().lower()


def test_registering_or_starting_it_again_holds_and_orders_nothing_twice(cameras):
    cameras.clip("till", 3 * HOUR)
    number = asked(cameras, Visit(camera="till", at=NOW - 3 * HOUR), Visit(camera="till", at=NOW - 4 * HOUR))
    first = keep(cameras.house, number, "desk")
    assert [one.hold for one in keep(cameras.house, number, "desk")] == [one.hold for one in first]
    assert len({one.hold for one in first}) == 2
    assert len(Orders(cameras.house).all()) == len(cameras.letters) == 2


def test_a_recording_that_becomes_known_after_the_visit_was_registered_is_held_too(cameras):
    from privacy.rights.footage import follow

    number = asked(cameras, Visit(camera="till", at=NOW - 3 * HOUR))
    (kept,) = keep(cameras.house, number, "desk")
    cameras.clip("till", 3 * HOUR)
    assert follow(cameras.house) == 1
    assert len(cameras.house.holds.get(kept.hold).what.keys) == 1


def test_a_camera_that_there_is_not_keeps_no_other_visit_from_being_held(cameras):
    cameras.clip("till", 3 * HOUR)
    at = NOW - 3 * HOUR
    number = asked(cameras, Visit(camera="kassa", at=at), Visit(camera="till", at=at))
    assert [(bool(one.hold), one.problem) for one in keep(cameras.house, number, "desk")] == [
        (False, "hold.camera"), (True, ""),
    ]  # fmt: skip


def test_a_letter_that_cannot_be_sent_leaves_the_hold_and_is_sent_by_the_next_try(cameras, monkeypatch):
    cameras.clip("till", 3 * HOUR)
    number = asked(cameras, Visit(camera="till", at=NOW - 3 * HOUR))

    def broken(*_: object, **__: object) -> None:
        raise BadConfiguration("letters.template", "It is not there.")

    with monkeypatch.context() as patch:
        patch.setattr("privacy.rights.orders.written", broken)
        (kept,) = keep(cameras.house, number, "desk")
    assert (bool(kept.hold), kept.orders, kept.problem) == (True, (), "letters.template")
    (again,) = keep(cameras.house, number, "desk")
    assert (again.hold, len(again.orders), again.problem) == (kept.hold, 1, "")


def test_who_wants_to_be_gone_has_nothing_kept_longer_for_it(cameras):
    cameras.clip("till", 3 * HOUR)
    visit = Visit(camera="till", at=NOW - 3 * HOUR)
    number = cameras.house.register.receive(Right.ERASURE, (ANNA,), author="desk", visits=(visit,)).number
    assert keep(cameras.house, number, "desk") == []
    assert cameras.house.holds.active() == ()


def test_a_request_that_is_closed_or_names_no_visit_holds_nothing(cameras):
    assert keep(cameras.house, asked(cameras), "desk") == []
    number = asked(cameras, Visit(camera="till", at=NOW))
    cameras.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    assert keep(cameras.house, number, "desk") == []
