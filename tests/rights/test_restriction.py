"""A restriction (R-RESTR): in force from its registration, kept from every purge, lifted by the person alone."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from typing import Any

import pytest

from conftest_stops import ADA, ADA_MAIL, BEN, DOCUMENT, GUEST, HOUSEHOLD, NOW, Shop, shop
from privacy.bundle import open_bundle
from privacy.errors import AskPerson, BadInput, PrivacyError, Refused
from privacy.holds import HoldKind
from privacy.identity import Decision
from privacy.orchestration import steps, stop_steps
from privacy.orchestration.runs import Run
from privacy.orchestration.steps import resolve_identity
from privacy.rights import Evidence, EvidenceKind, Ground, Right, State
from privacy.rights.confirming import confirm
from privacy.rights.restricting import announce, lift_due, remind
from privacy.sources.base import Subject

__all__ = ["shop"]


def granted(shop: Shop, *identifiers: Any) -> str:
    """A restriction that is in force, with the person told."""
    number = shop.request(Right.RESTRICTION, *(identifiers or (ADA,)))
    assert shop.run(number)["status"] == "done"
    return number


def lift(shop: Shop, number: str, word: str = "Het mag weer.", **more: Any) -> Any:
    return announce(shop.house, number, word, "desk", channel="counter", **{"evidence": DOCUMENT, **more})


def test_it_is_in_force_when_its_registration_returns(shop: Shop) -> None:
    shop.request(Right.RESTRICTION, ADA_MAIL)
    assert {"restriction 7310001", "restriction ada@lees.example", "restriction dev-ada-77"} <= shop.held()
    assert shop.stopped("order") == {"7310001", "ada@lees.example", "dev-ada-77"}


def test_no_purge_takes_what_is_restricted_and_the_next_one_takes_it_once_it_is_lifted(shop: Shop) -> None:
    """Edge case 15."""
    number = granted(shop)
    shop.purge("orders")
    assert [n for (n,) in shop.sql("SELECT order_no FROM orders ORDER BY 1")] == [1, 3]
    lift(shop, number)
    shop.later(days=7)
    assert lift_due(shop.house, author="start_requests") == [number]
    shop.purge("orders")
    assert shop.sql("SELECT count(*) FROM orders WHERE order_no = 1") == [(0,)]
    assert shop.held() == set()
    assert shop.stopped("order") == set()
    assert shop.house.verify().problems == ()


def test_its_run_tells_the_person_and_is_done_on_the_evidence(shop: Shop) -> None:
    number = granted(shop)
    assert shop.get(number).state is State.ANSWERED
    assert shop.letters(number) == ["restriction"]
    (begun,) = shop.house.ledger.entries(request=number, kind="run.begun")
    assert (begun.entry["pipeline"], begun.entry["promises"]) == ("restrict_subject", ["R-RESTR"])
    assert "restriction 7310001" in shop.held(), "it lasts beyond the answer"


@pytest.mark.parametrize("missing", ["hold", "stop"])
def test_a_run_that_did_nothing_is_not_green(shop: Shop, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge cases 28 and 36: what it was to place is not there when it ends."""
    number = shop.request(Right.RESTRICTION)
    run = Run("r", number, "t")
    stop_steps.open_request(shop.house, run, "restrict_subject")
    resolve_identity(shop.house, run)
    stop_steps.act(shop.house, run, "restrict_subject")
    stop_steps.tell(shop.house, run, "restrict_subject")
    with monkeypatch.context() as patch:
        if missing == "hold":
            patch.setattr("privacy.holds.Holds.kept", lambda *_: frozenset())
        else:
            patch.setattr("privacy.rights.stops.Stops.active", lambda *_, **__: [])
        with pytest.raises(Refused, match="not in force"):
            stop_steps.record(shop.house, run, "restrict_subject", failed=None)
    (ended,) = shop.house.ledger.entries(run="r", kind="run.ended")
    assert (ended.entry["status"], ended.entry["reason"]) == ("failed", "run.not_done")


def test_a_run_that_is_started_again_does_nothing_twice(shop: Shop) -> None:
    number = shop.request(Right.RESTRICTION)
    run = Run("r", number, "t")
    for _ in range(2):
        stop_steps.open_request(shop.house, run, "restrict_subject")
        resolve_identity(shop.house, run)
    for _ in range(2):
        stop_steps.act(shop.house, run, "restrict_subject")
    stop_steps.tell(shop.house, run, "restrict_subject")
    assert shop.letters(number) == ["restriction"]
    for _ in range(2):
        assert stop_steps.record(shop.house, run, "restrict_subject", failed=None)["status"] == "done"
    kinds = shop.kinds(number)
    assert kinds.count("request.acted") == kinds.count("run.ended") == kinds.count("request.answered") == 1


def test_two_people_who_share_an_address_are_both_held_and_nobody_is_stopped_until_it_is_decided(shop: Shop) -> None:
    """Edge case 19."""
    number = shop.request(Right.RESTRICTION, HOUSEHOLD)
    assert {"restriction 7310003", "restriction 7310004"} <= shop.held()
    assert shop.stopped("order") == set()
    with pytest.raises(AskPerson):
        shop.run(number)
    shop.purge("orders")
    assert shop.sql("SELECT count(*) FROM orders WHERE order_no = 4") == [(1,)]
    question = shop.house.register.question(number)
    assert question is not None
    chosen = next(c for c in question.candidates if 7_310_003 in [i.value for i in c.identifiers])
    shop.house.register.decide(number, Decision(chosen.identifiers), "desk")
    assert "7310003" in shop.stopped("order")
    assert not {"7310004", "thuis@lees.example"} & shop.stopped("order")
    assert "restriction 7310004" not in shop.held()
    # The shared address proves nothing, so the letter goes by post.
    with pytest.raises(Refused, match="no address as this person's"):
        shop.run(number)
    assert confirm(shop.house, number, "desk", by_post=True).content is not None
    assert shop.get(number).state is State.ANSWERED


def test_a_shop_that_cannot_be_asked_keeps_nobody_from_being_restricted(shop: Shop) -> None:
    moved = shop.database.rename(shop.folder / "away.db")
    number = shop.request(Right.RESTRICTION, ADA_MAIL)
    assert shop.held() == {"restriction ada@lees.example"}
    assert shop.stopped("order") == {"ada@lees.example"}
    moved.rename(shop.database)
    shop.fresh()
    assert shop.run(number)["status"] == "done"
    assert "7310001" in shop.stopped("order")
    assert "restriction dev-ada-77" in shop.held()


def test_a_guest_without_a_number_is_known_by_the_address(shop: Shop) -> None:
    granted(shop, GUEST)
    assert shop.stopped("order") == {"gast@lees.example"}
    shop.purge("orders")
    assert shop.sql("SELECT count(*) FROM orders WHERE order_no = 5") == [(1,)]


def test_nobody_but_the_person_ends_it(shop: Shop) -> None:
    number = granted(shop)
    (hold,) = shop.house.holds.active()
    for attempt in (
        lambda: shop.house.holds.release(hold.id, author="chief"),
        lambda: shop.house.holds.release(request=number, author="chief"),
        lambda: shop.house.holds.replace(Subject(1, (BEN,)), id=hold.id),
        lambda: shop.house.register.lift(number, "chief"),
        lambda: shop.house.register.refuse(number, Ground.UNFOUNDED, "chief"),
        lambda: lift(shop, number, evidence=None),
    ):
        with pytest.raises(Refused):
            attempt()
    with pytest.raises(BadInput, match="what they said"):
        lift(shop, number, word=" ")
    somebody_else = Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address="ben@lees.example")
    with pytest.raises(Refused, match="do not show that address"):
        lift(shop, number, evidence=somebody_else)
    shop.later(days=30)
    assert lift_due(shop.house, author="x") == []
    assert "restriction 7310001" in shop.held()
    assert "7310001" in shop.stopped("order")


@pytest.mark.parametrize("ground", [Ground.UNFOUNDED, Ground.EXCESSIVE, Ground.OTHERS])
def test_a_restriction_is_never_weighed(shop: Shop, ground: Ground) -> None:
    number = shop.request(Right.RESTRICTION)
    with pytest.raises(Refused, match="granted"):
        shop.house.register.refuse(number, ground, "chief")
    assert "restriction 7310001" in shop.held()


def test_one_that_somebody_else_had_asked_for_ends_with_its_refusal(shop: Shop) -> None:
    number = shop.request(Right.RESTRICTION)
    shop.house.register.refuse(number, Ground.IDENTITY, "desk")
    assert shop.held() == set()
    assert shop.stopped("order") == set()
    assert shop.house.verify().problems == ()


def test_the_person_is_told_a_week_before_it_is_lifted_and_not_a_day_less(shop: Shop) -> None:
    number = granted(shop)
    found, sent = lift(shop, number, evidence=Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address="ada@lees.example"))
    assert sent.stub.kind == "restriction_lifted"
    assert str(date(2026, 11, 27).day) in sent.content.text
    assert found.dates.lifted_at is None
    shop.later(days=6)
    assert lift_due(shop.house, author="x") == []
    with pytest.raises(Refused, match="as the person was told"):
        shop.house.register.lift(number, "chief")
    shop.later(days=1)
    assert lift_due(shop.house, author="x") == [number]
    assert lift_due(shop.house, author="x") == []
    assert shop.letters(number) == ["restriction", "restriction_lifted"]


def test_nothing_is_lifted_of_which_the_person_was_not_told_before(shop: Shop) -> None:
    """Art. 18(3) GDPR: also where somebody goes past the command that sends the letter."""
    number = granted(shop)
    house = shop.house
    house.register.announce_lift(
        number, "Het mag weer", "desk", channel="post", evidence=DOCUMENT, on=date(2026, 11, 20)
    )
    with pytest.raises(Refused, match="told before"):
        house.register.lift(number, "desk")
    # A letter about an earlier word, which was taken back, is none about this one.
    lift(shop, number)
    house.register.keep_stop(number, "desk")
    shop.later(days=8)
    house.register.announce_lift(
        number, "Het mag weer", "desk", channel="post", evidence=DOCUMENT, on=date(2026, 11, 20)
    )
    with pytest.raises(Refused, match="told before"):
        house.register.lift(number, "desk")
    assert "7310001" in shop.stopped("order")


def test_whoever_has_no_known_address_is_reminded_by_post(shop: Shop) -> None:
    number = shop.request(Right.RESTRICTION, HOUSEHOLD)
    with pytest.raises(AskPerson):
        shop.run(number)
    question = shop.house.register.question(number)
    assert question is not None
    shop.house.register.decide(number, Decision(question.candidates[0].identifiers), "desk")
    with pytest.raises(Refused):
        shop.run(number)
    confirm(shop.house, number, "desk", by_post=True)
    shop.later(days=366)
    with pytest.raises(Refused, match="no address"):
        remind(shop.house, author="watch_deadlines")
    ((told, sent),) = remind(shop.house, author="desk", number=number, by_post=True)
    assert (told, sent.stub.channel) == (number, "post")
    assert remind(shop.house, author="watch_deadlines") == []


def test_what_they_said_is_sealed(shop: Shop) -> None:
    number = granted(shop)
    lift(shop, number, word="Nee, bedankt, gebruik het maar")
    everything = str(shop.ledger("SELECT * FROM ledger")) + str(shop.ledger("SELECT * FROM request_register"))
    assert "bedankt" not in everything
    lifting = shop.house.register.open(number).lifting
    assert lifting is not None
    assert "bedankt" in lifting.word


def test_whoever_changes_their_mind_before_the_day_keeps_it(shop: Shop) -> None:
    number = granted(shop)
    lift(shop, number)
    shop.later(days=3)
    shop.house.register.keep_stop(number, "desk")
    shop.later(days=30)
    assert lift_due(shop.house, author="x") == []
    assert "7310001" in shop.stopped("order")
    # And may say so again, which is told again.
    lift(shop, number)
    shop.later(days=7)
    assert lift_due(shop.house, author="x") == [number]
    assert shop.letters(number) == ["restriction", "restriction_lifted", "restriction_lifted"]


def test_a_notice_that_could_not_be_sent_puts_the_day_off(shop: Shop) -> None:
    number = granted(shop)
    outbox = shop.folder / "state" / "outbox"
    moved = outbox.rename(shop.folder / "away")
    outbox.touch()
    with pytest.raises(PrivacyError):
        lift(shop, number)
    shop.later(days=10)
    with pytest.raises(PrivacyError):
        lift_due(shop.house, author="x")
    assert "7310001" in shop.stopped("order"), "lifted although the person was not told"
    outbox.unlink()
    moved.rename(outbox)
    assert lift_due(shop.house, author="x") == []
    shop.later(days=6)
    assert lift_due(shop.house, author="x") == []
    shop.later(days=1)
    assert lift_due(shop.house, author="x") == [number]


def test_once_a_year_the_person_is_told_that_it_is_still_there(shop: Shop) -> None:
    number = granted(shop)
    shop.clock.set(NOW.replace(year=2027, day=19))
    assert remind(shop.house, author="watch_deadlines") == []
    shop.clock.set(NOW.replace(year=2027))
    assert [told for told, _ in remind(shop.house, author="watch_deadlines")] == [number]
    assert remind(shop.house, author="watch_deadlines") == []
    shop.clock.set(NOW.replace(year=2028, month=12))
    assert [told for told, _ in remind(shop.house, author="watch_deadlines")] == [number]
    assert shop.letters(number) == ["restriction", "restriction_reminder", "restriction_reminder"]


def test_a_restriction_goes_before_the_erasure_of_the_same_person(shop: Shop) -> None:
    """The gate tells an erasure's batch to spare whoever is restricted, also under another request's number."""
    granted(shop)
    erasure = shop.request(Right.ERASURE)
    with shop.house.holds.gate("books.orders", request=erasure) as spare:
        assert [
            i.value
            for pick in spare.of("books.orders")
            for s in pick.subjects
            for i in s.identifiers
            if i.kind == ADA.kind
        ] == [ADA.value]
    assert {hold.kind for hold in shop.house.holds.active()} == {HoldKind.RESTRICTION}


def test_a_number_that_is_altered_in_the_register_lifts_nothing(shop: Shop) -> None:
    """Edge case 26: a date set by hand."""
    number = granted(shop)
    with sqlite3.connect(shop.folder / "state" / "ledger.db") as db:
        db.execute("UPDATE request_register SET lifted_at = ? WHERE number = ?", (NOW.isoformat(), number))
    with pytest.raises(PrivacyError):
        shop.house.register.open(number)
    assert "7310001" in shop.stopped("order")
    assert "restriction 7310001" in shop.held()


def test_a_copy_says_that_and_since_when_the_person_is_on_the_list(shop: Shop) -> None:
    granted(shop)
    number = shop.request(Right.ACCESS)
    run, house = Run("export", number, "t"), shop.house
    steps.open_request(house, run)
    steps.resolve_identity(house, run)
    parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
    steps.write_bundle(house, run, parts)
    with house.sealed_bundle(number) as sealed:
        open_bundle(sealed, house.register.identity(number, reviewer="t"), shop.folder / "opened")
    (manifest,) = (shop.folder / "opened").rglob("datapackage.json")
    said = json.loads(manifest.read_text())["privacy:stopped"]
    assert {(one["value"], one["ground"], one["purposes"]) for one in said} == {
        (value, "restriction", None) for value in ("7310001", "ada@lees.example", "dev-ada-77")
    }
    assert all(one["since"] == NOW.isoformat() for one in said)
    for name, words in (
        ("LEESMIJ.html", "U vroeg het gebruik te beperken"),
        ("README.html", "You asked us to restrict"),
    ):
        (report,) = (shop.folder / "opened").rglob(name)
        assert words in report.read_text()
