"""Orders to keep footage (promise CAM-SHARE): what goes to the security company, and what is told until it confirms."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from conftest_cameras import HOUR, MINUTE, NOW, Cameras, cameras
from conftest_demo import HOME
from privacy.errors import BadConfiguration, BadInput, Refused
from privacy.holds import Everything, HoldKind, Keys, Span, apply
from privacy.rights.footage import follow
from privacy.rights.orders import Orders, unconfirmed
from privacy.rights.recordings import chosen
from privacy.sources.base import Delete, Due, Identifier, Selection, Status, Step, Subject

__all__ = ["cameras"]

BOTH = ["camera.clips", "camera.thumbnails"]


def on_span(shop: Cameras, camera: str, begins: timedelta, ends: timedelta) -> str:
    keys = chosen(shop.house, Span(camera, NOW - begins, NOW - ends), BOTH)
    return shop.house.holds.place(HoldKind.SUSPENSION, keys, BOTH, ground="g", author="desk", tell=False)


def on_keys(shop: Cameras, dataset: str, *keys: str) -> str:
    what = Keys(tuple((key,) for key in keys))
    return shop.house.holds.place(HoldKind.SUSPENSION, what, [dataset], ground="g", author="desk")


def test_a_hold_on_a_span_covers_what_the_camera_recorded_then_and_nothing_else(cameras):
    wanted = {cameras.clip("balie", 10 * HOUR), cameras.picture("balie", 10 * HOUR - MINUTE)}
    cameras.clip("balie", 12 * HOUR), cameras.clip("ingang", 10 * HOUR), cameras.picture("balie", 12 * HOUR)
    hold = cameras.house.holds.get(on_span(cameras, "balie", 10 * HOUR, 9 * HOUR))
    assert {key[0] for key in hold.what.keys} == wanted
    with cameras.house.holds.gate("camera.clips", "camera.thumbnails") as spare:
        kept = {key for name in BOTH for key in wanted if spare.keeps(name, (key,))}
    assert kept == wanted


def test_a_purge_of_everything_leaves_what_is_held_and_takes_the_rest(cameras):
    """Edge case 15: knows clips on hold."""
    cameras.clip("balie", 60 * HOUR), cameras.clip("ingang", 60 * HOUR)
    on_span(cameras, "balie", 60 * HOUR, 59 * HOUR)
    source, due = cameras.house.source("camera"), Selection("clips", Due(NOW))
    (partition,) = source.partitions(due)
    items = tuple(source.locate(due, partition))
    outcomes = apply(source, [Step(due, Delete(), items)], cameras.house.holds)
    assert sorted((str(o.key[0]).split("/")[1], o.status) for o in outcomes) == [
        ("balie", Status.HELD),
        ("ingang", Status.DONE),
    ]


def test_the_company_is_ordered_to_keep_it_with_the_hours_left_and_without_a_name(cameras):
    cameras.clip("balie", 10 * HOUR)
    id = on_span(cameras, "balie", 9 * HOUR + 30 * MINUTE, 9 * HOUR + 10 * MINUTE)
    (order,) = Orders(cameras.house).send(id, "desk")
    (letter,) = cameras.letters
    text = letter.get_content()
    assert letter["To"] == "meldkamer@nachtwaker.example"
    assert order.id in letter["Subject"]
    # The recording began ten hours ago, half an hour before the span: it is wiped 48 hours after its own beginning.
    assert "Nog 38 uur tot u deze beelden wist (2026-11-21 23:00:00 CET)" in text
    for part in ("balie", "2026-11-19 23:30:00 CET", "2026-11-19 23:50:00 CET", id, order.id):
        assert part in text
    assert cameras.kinds("order.") == ["order.sent"]
    assert cameras.house.verify().ok


def test_a_hold_by_key_orders_each_stretch_and_a_picture_stands_for_its_recording(cameras):
    cameras.clip("balie", 10 * HOUR, HOUR), cameras.clip("ingang", 5 * HOUR)
    keys = [cameras.clip("balie", 9 * HOUR, HOUR), cameras.clip("balie", 8 * HOUR), cameras.clip("balie", 3 * HOUR)]
    (order,) = Orders(cameras.house).send(on_keys(cameras, "camera.clips", *keys), "desk")
    assert [(x.camera, x.begins, x.ends) for x in order.lines] == [
        ("balie", NOW - 9 * HOUR, NOW - 8 * HOUR + 55 * MINUTE),
        ("balie", NOW - 3 * HOUR, NOW - 3 * HOUR + 55 * MINUTE),
    ]
    picture = cameras.picture("ingang", 5 * HOUR - MINUTE)
    (order,) = Orders(cameras.house).send(on_keys(cameras, "camera.thumbnails", picture), "desk")
    assert [(x.camera, x.begins) for x in order.lines] == [("ingang", NOW - 5 * HOUR)]


def test_a_hold_on_all_footage_orders_all_cameras_from_the_first_that_is_left(cameras):
    cameras.clip("balie", 10 * HOUR), cameras.clip("balie", 50 * HOUR)
    id = cameras.house.holds.place(HoldKind.SUSPENSION, Everything(), BOTH, ground="g", author="desk")
    (order,) = Orders(cameras.house).send(id, "desk")
    assert [(x.camera, x.begins, x.ends) for x in order.lines] == [(None, NOW - 10 * HOUR, None)]


def test_a_hold_on_a_person_orders_nothing_because_no_recording_names_them(cameras):
    anna = Subject(1, (Identifier("email", "anna@a.example"),))
    id = cameras.house.holds.place(HoldKind.SUSPENSION, anna, ground="g", author="desk")
    assert Orders(cameras.house).send(id, "desk") == []
    assert unconfirmed(cameras.house, NOW) == []


def test_footage_that_is_known_later_is_ordered_now_and_held_as_soon_as_it_is_known(cameras):
    """Edge case 24: the metadata come late."""
    first = cameras.clip("balie", 3 * HOUR)
    id = on_span(cameras, "balie", 3 * HOUR, timedelta(0))
    later, other = cameras.clip("balie", HOUR), cameras.clip("ingang", HOUR)
    assert follow(cameras.house) == 1
    assert follow(cameras.house) == 0
    held = cameras.house.holds.get(id)
    assert {key[0] for key in held.what.keys} == {first, later}
    assert other not in {key[0] for key in held.what.keys}
    assert (held.tell, held.what.span.camera) == (False, "balie")
    assert cameras.house.verify().ok


def test_a_span_of_which_nothing_is_known_yet_is_ordered_all_the_same(cameras):
    id = on_span(cameras, "balie", HOUR, timedelta(0))
    (order,) = Orders(cameras.house).send(id, "desk")
    assert order.lines[0].wiped_at == NOW + 47 * HOUR
    assert cameras.house.holds.get(id).what.keys == ()


def test_a_camera_that_does_not_exist_is_refused_and_not_ordered(cameras):
    cameras.clip("balie", HOUR)
    with pytest.raises(BadInput, match=r"hold\.camera.*did you mean 'balie'"):
        chosen(cameras.house, Span("bali", NOW - HOUR, NOW), BOTH)
    with pytest.raises(BadInput, match=r"hold\.footage"):
        chosen(cameras.house, Span("balie", NOW - HOUR, NOW), ["camera.company_lists"])
    with pytest.raises(BadInput, match=r"hold\.camera"):
        chosen(cameras.house, Span("anna@a.example", NOW - HOUR, NOW), BOTH)
    with pytest.raises(BadInput, match=r"hold\.span"):
        on_span(cameras, "balie", HOUR, 2 * HOUR)


def test_an_order_is_told_until_it_is_confirmed_with_the_hours_left_and_what_is_wiped(cameras):
    """Edge case 24: the company does not answer at all."""
    orders = Orders(cameras.house)
    keys = [cameras.clip("balie", 40 * HOUR), cameras.clip("ingang", 10 * HOUR)]
    (order,) = orders.send(on_keys(cameras, "camera.clips", *keys), "desk")
    (told,) = unconfirmed(cameras.house, NOW)
    assert (told.order, told.hours_left, told.wiped, told.lines) == (order.id, 8.0, 0, 2)
    (told,) = unconfirmed(cameras.house, NOW + 9 * HOUR)
    assert (told.hours_left, told.wiped) == (29.0, 1)
    (told,) = unconfirmed(cameras.house, NOW + 38 * HOUR)
    assert (told.hours_left, told.wiped) == (None, 2)
    assert orders.confirm(order.id, "desk").state == "confirmed"
    assert orders.confirm(order.id, "desk").confirmed_at == NOW
    assert unconfirmed(cameras.house, NOW) == []
    assert cameras.kinds("order.") == ["order.sent", "order.confirmed"]
    with pytest.raises(BadInput, match=r"order\.unknown"):
        orders.confirm("0" * 12, "desk")


def test_a_letter_that_cannot_be_sent_leaves_the_hold_and_is_told_and_can_be_sent_later(tmp_path):
    home = tmp_path / "home"
    shutil.copytree(HOME, home)
    policy = home / "policy/processors.yaml"
    said = policy.read_text()
    policy.write_text(said.replace("    contact: meldkamer@nachtwaker.example\n", ""))
    shop = Cameras(tmp_path, home)
    id = on_keys(shop, "camera.clips", shop.clip("balie", 10 * HOUR))
    with pytest.raises(BadConfiguration, match=r"letters\.no_contact.*privacy hold order"):
        Orders(shop.house).send(id, "desk")
    (told,) = unconfirmed(shop.house, NOW)
    assert (told.order, told.hold, told.hours_left) == ("", id, 38.0)
    assert [hold.id for hold in shop.house.holds.active()] == [id]
    policy.write_text(said)
    shop.house = shop.opened()
    (order,) = Orders(shop.house).send(id, "desk")
    shop.clock.set(NOW + MINUTE)
    assert [again.id for again in Orders(shop.house).send(id, "desk")] == [order.id]
    assert len(shop.letters) == 2
    assert shop.kinds("order.") == ["order.sent", "order.repeated"]


def test_a_key_that_is_no_recording_orders_nothing_and_says_so(cameras):
    cameras.clip("balie", HOUR)
    id = on_keys(cameras, "camera.clips", "clips/balie/20200101T000000Z_20200101T010000Z.json")
    with pytest.raises(Refused, match=r"order\.nothing"):
        Orders(cameras.house).send(id, "desk")
    assert [(one.order, one.hours_left) for one in unconfirmed(cameras.house, NOW)] == [("", None)]


def test_a_released_hold_lets_the_company_erase_again(cameras):
    """Edge case 15: released after the term has passed; CAM-48H holds again."""
    orders = Orders(cameras.house)
    id = on_keys(cameras, "camera.clips", cameras.clip("balie", 10 * HOUR))
    (order,) = orders.send(id, "desk")
    with pytest.raises(Refused, match=r"hold\.in_force"):
        orders.withdraw(id, "desk")
    cameras.clock.set(NOW + 100 * HOUR)
    cameras.house.holds.release(id, author="desk")
    assert unconfirmed(cameras.house, NOW + 100 * HOUR) == []
    assert [one.state for one in orders.withdraw(id, "desk")] == ["withdrawn"]
    assert orders.withdraw(id, "desk") == []
    assert "ingetrokken" in cameras.letters[-1]["Subject"]
    with pytest.raises(Refused, match=r"order\.withdrawn"):
        orders.confirm(order.id, "desk")
    with pytest.raises(Refused, match=r"hold\.released"):
        orders.send(id, "desk")
    assert cameras.house.verify().ok


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM footage_orders", "does not stand in the table any more"),
        ("UPDATE footage_orders SET confirmed_at = sent_at", "in another state"),
        ("UPDATE footage_orders SET lines = '[]'", "is not what was sent"),
        ("UPDATE footage_orders SET id = 'x'", "the ledger does not know it"),
    ],
)
def test_an_order_that_was_altered_by_hand_is_found(cameras, statement, said):
    """Edge case 26."""
    Orders(cameras.house).send(on_keys(cameras, "camera.clips", cameras.clip("balie", HOUR)), "desk")
    cameras.execute(statement)
    assert any(said in problem for problem in cameras.house.verify().problems)


def test_a_letter_in_english_says_the_same(cameras, monkeypatch):
    english = cameras.house.policy.model_copy(update={"language": "en"})
    monkeypatch.setattr(cameras.house, "policy", english, raising=False)
    id = on_keys(cameras, "camera.clips", cameras.clip("balie", 47 * HOUR + MINUTE), cameras.clip("balie", 50 * HOUR))
    (order,) = Orders(cameras.house).send(id, "desk")
    text = cameras.letters[0].get_content()
    assert "Less than 1 hour left" in text
    assert "is over already" in text
    cameras.house.holds.release(id, author="desk")
    cameras.clock.set(NOW + MINUTE)
    Orders(cameras.house).withdraw(id, "desk")
    assert f"Order {order.id} to keep footage is withdrawn" in cameras.letters[1]["Subject"]
