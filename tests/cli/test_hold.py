"""`privacy hold`: what an operator types, what is kept by it, and what is told of it."""

from __future__ import annotations

import json

import pytest

from conftest_cameras import HOUR, MINUTE, NOW, cameras
from privacy.cli import hold as commands
from privacy.holds import Everything, HoldKind, Keys

__all__ = ["cameras"]

PLACE = ("hold", "place", "--ground", "vordering 12-345 over Anna", "--tell-subject")


def the_hold(salon):
    (hold,) = salon.house().holds.active()
    return hold


def test_a_person_s_records_are_kept_under_all_that_identifies_them(salon):
    made = salon.good(*PLACE, "no", "--subject", "email=Anna@A.example")
    hold = the_hold(salon)
    assert made["hold"] == hold.id
    assert (made["complete"], made["tell_subject"], made["datasets"]) == (True, False, None)
    assert (hold.kind, hold.tell, hold.ground) == (HoldKind.SUSPENSION, False, "vordering 12-345 over Anna")
    found = {(i.kind, i.value) for subject in hold.what for i in subject.identifiers}
    assert found == {("email", "anna@a.example"), ("salon.guest", 1)}


def test_of_an_address_that_two_people_share_both_are_kept(salon):
    """A hold keeps too much rather than too little."""
    salon.good(*PLACE, "yes", "--subject", "email=house@h.example")
    found = {i.value for subject in the_hold(salon).what for i in subject.identifiers if i.kind == "salon.guest"}
    assert found == {3, 4}


def test_a_shop_that_cannot_be_asked_is_no_reason_not_to_keep_what_was_named(salon):
    (salon.folder / "salon.db").rename(salon.folder / "gone.db")
    assert salon.good(*PLACE, "no", "--subject", "salon.guest=1")["complete"] is False
    assert [[i.value for i in s.identifiers] for s in the_hold(salon).what] == [[1]]
    assert "only what was named is held" in salon.run(*PLACE, "no", "--subject", "salon.guest=2").stdout


def test_a_person_of_whom_there_is_no_record_is_held_all_the_same_and_told(salon):
    """A number that was mistyped keeps nothing, and what was to be kept would go."""
    assert salon.good(*PLACE, "no", "--subject", "salon.guest=1")["anything"] is True
    assert salon.good(*PLACE, "no", "--subject", "email=gast@g.example")["anything"] is True
    typed = salon.run(*PLACE, "no", "--subject", "salon.guest=10001")
    assert typed.exit_code == 0
    assert "NOTHING FOUND under what you named" in typed.output
    assert "10001" not in typed.output
    assert "NOTHING FOUND" not in salon.run(*PLACE, "no", "--subject", "salon.guest=1").output
    # Of a dataset in which there is nothing of theirs.
    assert (
        salon.good(*PLACE, "no", "--dataset", "salon.guests", "--subject", "email=gast@g.example")["anything"] is False
    )
    (salon.folder / "salon.db").rename(salon.folder / "away.db")
    assert salon.good(*PLACE, "no", "--subject", "salon.guest=10001")["anything"] is None


def test_single_records_or_all_of_a_dataset_are_kept(salon):
    """Edge case 15: one on an invoice must not freeze the profile."""
    salon.good(*PLACE, "no", "--dataset", "salon.cuts", "--key", "10", "--key", "11")
    hold = the_hold(salon)
    assert (hold.what, hold.datasets) == (Keys((("10",), ("11",))), ("salon.cuts",))
    salon.good("hold", "release", hold.id)
    salon.good(*PLACE, "no", "--all", "--dataset", "salon.cuts", "--dataset", "salon.guests", "--kind", "restriction")
    assert (the_hold(salon).what, the_hold(salon).kind) == (Everything(), HoldKind.RESTRICTION)


def test_a_key_that_is_no_record_is_held_all_the_same_and_told(salon):
    """A key that was mistyped would keep nothing, and nobody would know."""
    assert salon.good(*PLACE, "no", "--dataset", "salon.cuts", "--key", "10")["absent"] == 0
    assert salon.good(*PLACE, "no", "--dataset", "salon.cuts", "--key", "10", "--key", "99")["absent"] == 1
    assert (
        "1 of these keys is no record now" in salon.run(*PLACE, "no", "--dataset", "salon.cuts", "--key", "98").stdout
    )
    assert "no record now" not in salon.run(*PLACE, "no", "--dataset", "salon.cuts", "--key", "11").stdout
    (salon.folder / "salon.db").rename(salon.folder / "gone.db")
    assert salon.good(*PLACE, "no", "--dataset", "salon.cuts", "--key", "97")["absent"] is None
    assert len(salon.good("hold", "list")["holds"]) == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "hold.selection"),
        (("--all", "--subject", "salon.guest=1"), "hold.selection"),
        (("--camera", "balie"), "hold.selection"),
        (("--key", "1"), "hold.datasets"),
        (("--all",), "hold.datasets"),
        (("--key", "anna", "--dataset", "salon.cuts"), "hold.key"),
        (("--all", "--dataset", "salon.cust"), "hold.dataset"),
        (("--subject", "anna@a.example"), "named.identifier"),
        (("--all", "--dataset", "salon.cuts", "--author", "anna@a.example"), "cli.author"),
        (("--camera", "balie", "--from", "2026-01-01", "--to", "2026-01-02"), "hold.footage"),
        (("--camera", "balie", "--from", "gisteren", "--to", "2026-01-02"), "named.moment"),
    ],
)
def test_what_holds_nothing_is_refused_in_one_line_that_repeats_nothing(salon, words, code):
    line = salon.error(*PLACE, "no", *words)
    assert f"[{code}]" in line
    assert "anna" not in line
    assert salon.good("hold", "list")["holds"] == []


def test_nothing_personal_is_in_the_ledger_the_table_or_the_list(salon, monkeypatch):
    salon.good(*PLACE, "no", "--subject", "email=anna@a.example")
    salon.good(*PLACE, "yes", "--dataset", "salon.cuts", "--key", "10")
    seen = salon.run("hold", "list").output + json.dumps(salon.good("hold", "list"))
    seen += salon.run("ledger", "show").output + json.dumps(salon.good("ledger", "show"))
    with salon.house().engine.connect() as connection:
        seen += str([tuple(row) for row in connection.exec_driver_sql("SELECT * FROM holds")])
    assert "anna" not in seen.lower()
    assert "12-345" not in seen
    assert "[cli.not_a_terminal]" in salon.error("hold", "list", "--reveal")
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    assert "[cli.not_a_terminal]" in salon.error("hold", "list", "--reveal", "--json")
    revealed = salon.run("hold", "list", "--reveal").stdout
    assert all(part in revealed for part in ("email anna@a.example", "vordering 12-345", "key 10", "salon.guest 1"))


def test_a_hold_is_listed_and_ended_and_who_did_it_is_in_the_ledger(salon):
    """Edge case 32: whoever is named, the user of the machine is named beside them."""
    from privacy.cli.common import actor

    made = salon.good(*PLACE, "yes", "--dataset", "salon.cuts", "--key", "10", "--author", "Jurist")
    assert made["author"] == f"Jurist, by {actor()}"
    row = salon.run("hold", "list").stdout.splitlines()[1]
    assert all(part in row for part in (made["hold"], "suspension", "salon.cuts", "1 key", "yes", "Jurist"))
    assert salon.good("hold", "release", made["hold"])["released"] is True
    assert salon.good("hold", "release", made["hold"])["released"] is False
    assert "no holds" in salon.run("hold", "list").stdout
    entries = [e for e in salon.good("ledger", "show") if e["kind"].startswith("hold.")]
    assert [(e["kind"], e["actor"]) for e in entries] == [
        ("hold.placed", f"Jurist, by {actor()}"),
        ("hold.released", actor()),
    ]
    assert salon.good("ledger", "verify")["ok"] is True


def test_the_hold_of_a_request_ends_with_the_request_alone(salon):
    salon.good("request", "new", "--email", "anna@a.example")
    assert "[hold.of_a_request]" in salon.error("hold", "release", the_hold(salon).id)
    assert "[hold.unknown]" in salon.error("hold", "release", "anna@a.example")
    assert "anna" not in salon.error("hold", "release", "anna@a.example")
    assert "[order.nothing]" in salon.error("hold", "order", the_hold(salon).id)


def test_a_half_filled_data_map_hides_no_hold(salon):
    """Edge case 25."""
    salon.good(*PLACE, "no", "--dataset", "salon.cuts", "--key", "10")
    with (salon.home / "datamap/salon.yaml").open("a") as file:
        file.write("  wishes: {title: {nl: TITLE?, en: TITLE?}}\n")
    found = salon.good("hold", "list")
    assert (len(found["holds"]), found["orders_unknown"]) == (1, "datamap.invalid")
    assert "[datamap.invalid]" in salon.run("hold", "list").stdout
    assert salon.good("hold", "release", found["holds"][0]["hold"])["released"] is True


class Desk:
    """The command on an installation with cameras."""

    def __init__(self, shop, monkeypatch):
        from typer.testing import CliRunner

        self.shop, self.runner = shop, CliRunner()
        monkeypatch.setattr(commands, "workbench", shop.opened)

    def run(self, *words, color=False):
        from privacy.cli import app

        return self.runner.invoke(app, ["hold", *words], color=color)

    def good(self, *words):
        found = self.run(*words, "--json")
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)


@pytest.fixture
def desk(cameras, monkeypatch):
    return Desk(cameras, monkeypatch)


SPAN = ("--camera", "balie", "--from", "2026-11-19T23:00", "--to", "2026-11-20T00:10")


def test_a_police_request_holds_what_a_camera_recorded_and_orders_the_company_to_keep_it(desk):
    """CAM-SHARE."""
    key = desk.shop.clip("balie", 10 * HOUR)
    desk.shop.clip("ingang", 10 * HOUR)
    made = desk.good(*PLACE[1:], "no", *SPAN)
    (order,) = made["orders"]
    assert made["datasets"] == ["camera.thumbnails", "camera.clips"]
    assert order["state"] == "sent"
    assert [line["camera"] for line in order["footage"]] == ["balie"]
    (hold,) = desk.shop.house.holds.active()
    assert hold.what.keys == ((key,),)
    assert [letter["To"] for letter in desk.shop.letters] == ["meldkamer@nachtwaker.example"]
    text = desk.shop.letters[0].get_content()
    assert "Anna" not in text
    assert "vordering" not in text


def test_what_is_not_confirmed_stands_in_red_until_it_is(desk):
    """Edge case 24."""
    desk.shop.clip("balie", 10 * HOUR)
    order = desk.good(*PLACE[1:], "no", *SPAN)["orders"][0]["order"]
    seen = desk.run("list", color=True).stdout
    assert f"order {order}: NOT CONFIRMED by nachtwaker" in seen
    assert "38.0 hours left" in seen
    assert "\x1b[31m" in seen
    desk.shop.clock.set(NOW + 39 * HOUR)
    assert "1 of 1 WIPED BY NOW" in desk.run("list").stdout
    confirmed = desk.run("confirm", order)
    assert "is confirmed" in confirmed.stdout
    assert "past their wipe by then" in confirmed.stdout
    assert "NOT CONFIRMED" not in desk.run("list").stdout
    assert desk.good("list")["holds"][0]["orders"][0]["state"] == "confirmed"


def test_an_order_that_could_not_be_sent_stands_in_red_and_the_hold_stands(desk):
    desk.shop.clip("balie", 10 * HOUR)
    (desk.shop.state / "outbox").write_text("in the way")
    found = desk.run(*PLACE[1:], "no", *SPAN, "--json")
    assert found.exit_code == 1
    hold = json.loads(found.stdout)["hold"]
    assert json.loads(found.stdout)["error"].startswith("storage.")
    assert "NO ORDER SENT" in desk.run("list").stdout
    (desk.shop.state / "outbox").unlink()
    assert desk.good("order", hold)["orders"][0]["state"] == "sent"


def test_releasing_a_hold_on_footage_withdraws_its_order(desk):
    desk.shop.clip("balie", 10 * HOUR)
    hold = desk.good(*PLACE[1:], "no", *SPAN)["hold"]
    desk.shop.clock.set(NOW + MINUTE)
    assert "is withdrawn" in desk.run("release", hold).stdout
    assert len(desk.shop.letters) == 2
    assert desk.good("list") == {"holds": [], "unconfirmed": [], "not_withdrawn": []}


def test_a_hold_that_ended_without_its_order_stands_in_red_until_that_is_withdrawn(desk):
    desk.shop.clip("balie", 10 * HOUR)
    hold = desk.good(*PLACE[1:], "no", *SPAN)["hold"]
    desk.shop.house.holds.release(hold, author="desk")
    assert "NOT WITHDRAWN" in desk.run("list").stdout
    assert len(desk.good("list")["not_withdrawn"]) == 1
    assert len(desk.good("release", hold)["orders"]) == 1
    assert "NOT WITHDRAWN" not in desk.run("list").stdout


def test_the_kinds_of_the_command_are_those_of_the_library_that_a_person_may_place():
    assert [kind.value for kind in commands.KindName] == [k.value for k in HoldKind if k is not HoldKind.REQUEST]
