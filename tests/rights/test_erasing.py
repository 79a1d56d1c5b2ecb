"""An erasure (R-ERASE): planned, approved, done, proven; what may not go stays, with its ground; nobody is half erased."""

from __future__ import annotations

import gzip
import json
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from conftest_erasing import Erasing, made, shop
from conftest_killed import chosen, in_a_process
from privacy.errors import BadInput, PrivacyError, Refused, Tampered
from privacy.holds import HoldKind
from privacy.orchestration import erasures
from privacy.orchestration.runs import Run
from privacy.plans.erased import ANSWERS, STARTED
from privacy.plans.erasure import ERASURE
from privacy.rights import Evidence, EvidenceKind, Right, State
from privacy.rights.letter_kinds import SAMPLES, Kind
from privacy.rights.payload import Act
from privacy.sources.base import Identifier, Subject

__all__ = ["made", "shop"]

WHO = "1001"
OPEN = "1007"
"""A customer of the demo's cast; tests give them an open order themselves."""


def test_nothing_is_planned_before_the_identity_is_proven(shop: Erasing) -> None:
    number = shop.request(WHO, proven=False)
    with pytest.raises(Refused) as refused:
        shop.planned(number)
    assert refused.value.code == "request.not_proven"


def test_another_right_is_no_erasure(shop: Erasing) -> None:
    number = shop.house.register.receive(Right.ACCESS, [Identifier("shop.customer_id", 1001)], author="desk").number
    with pytest.raises(BadInput) as refused:
        erasures.requests(shop.house, number)
    assert refused.value.code == "erasure.other_right"


def test_nothing_changes_before_somebody_approves_this_very_plan(shop: Erasing) -> None:
    """Edge case 32: a task that was marked as successful approves nothing, and neither does another plan's answer."""
    before, number = shop.everything(), shop.request(WHO)
    run, said = shop.planned(number)
    assert said["asked"]
    with pytest.raises(Refused) as refused:
        erasures.erase(shop.house, run)
    assert refused.value.code == "erasure.not_approved"
    shop.house.ledger.event(ANSWERS.approved, actor="somebody", run=run.id, request=number, digest="0" * 64)
    with pytest.raises(Refused):
        erasures.erase(shop.house, run)
    assert shop.everything() == before
    with pytest.raises(Refused):
        erasures.record(shop.house, run, None, say=lambda _: None)
    assert shop.ended(run)["reason"] == "erasure.not_begun"
    assert shop.house.register.get(number).state is State.PROVEN


def test_a_plan_that_is_refused_is_not_done_and_not_answered_twice(shop: Erasing) -> None:
    before, number = shop.everything(), shop.request(WHO)
    run, _ = shop.planned(number)
    erasures.answered(shop.house, run, approved=False, by="privacy officer")
    with pytest.raises(Refused) as refused:
        erasures.answered(shop.house, run, approved=True, by="somebody else")
    assert refused.value.code == "erasure.answered"
    with pytest.raises(Refused) as refused:
        erasures.erase(shop.house, run)
    assert refused.value.code == "erasure.refused"
    assert shop.everything() == before


def test_a_plan_that_was_altered_is_not_done(shop: Erasing) -> None:
    number = shop.request(WHO)
    run, _ = shop.planned(number)
    file = shop.house.means.folder / run.id / ERASURE
    said = json.loads(file.read_text())
    said["parts"][0]["records"] += 1
    file.write_text(json.dumps(said))
    with pytest.raises(Tampered):
        erasures.answered(shop.house, run, approved=True, by="privacy officer")


def test_what_is_theirs_goes_and_is_found_gone(shop: Erasing) -> None:
    number = shop.request(WHO)
    ended = shop.erase(number)
    assert ended["status"] == "done"
    assert ended["deleted"] > 50
    assert ended["retained"]["retained"] > 5
    assert not shop.rows("SELECT 1 FROM sessions WHERE customer_id = 1001")
    assert not shop.rows("SELECT 1 FROM reviews WHERE customer_id = 1001")
    assert shop.house.verify().ok


def test_an_invoice_stays_whole_and_the_profile_it_refers_to_is_a_number_alone(shop: Erasing) -> None:
    """Edge case 17: the profile erased while an invoice still refers to it."""
    invoices = shop.rows("SELECT i.* FROM invoices i JOIN orders o USING (order_id) WHERE o.customer_id = 1001")
    name, email = shop.rows("SELECT last_name, email FROM customers WHERE customer_id = 1001")[0]
    shop.erase(shop.request(WHO))
    after = shop.rows("SELECT i.* FROM invoices i JOIN orders o USING (order_id) WHERE o.customer_id = 1001")
    assert after == invoices != []
    ((number, *rest),) = shop.rows("SELECT * FROM customers WHERE customer_id = 1001")
    assert number == 1001
    assert name not in map(str, rest)
    assert email not in map(str, rest)
    assert shop.rows("PRAGMA foreign_key_check") == []


def test_what_an_open_order_needs_goes_by_itself_when_the_order_is_finished(shop: Erasing) -> None:
    """Edge case 30: retained until a condition, finished by itself later; nobody is asked again."""
    ((order,),) = shop.rows("SELECT max(order_id) FROM orders WHERE customer_id = 1001")
    shop.change("UPDATE orders SET status = 'paid', ordered_at = '2026-11-18T09:00:00Z' WHERE order_id = ?", order)
    addresses = shop.rows("SELECT * FROM addresses WHERE customer_id = 1001")
    number = shop.request(WHO)
    ended = shop.erase(number)
    assert ended["retained"]["waiting"] >= len(addresses)
    assert shop.rows("SELECT * FROM addresses WHERE customer_id = 1001") == addresses
    assert shop.house.register.get(number).state is State.PARTLY_DONE
    assert not shop.rows("SELECT 1 FROM sessions WHERE customer_id = 1001")
    assert erasures.requests(shop.house) == [number]

    shop.change("UPDATE orders SET status = 'delivered' WHERE order_id = ?", order)
    _, said = shop.planned(number, "run-2")
    assert not said["asked"]
    assert shop.erase(number, "run-2")["deleted"] >= len(addresses)
    assert shop.rows("SELECT * FROM addresses WHERE customer_id = 1001") == []


def test_what_is_held_stays_until_the_hold_ends(shop: Erasing) -> None:
    """Edge case 15: a hold on somebody's reviews does not freeze the rest."""
    reviews = shop.rows("SELECT * FROM reviews WHERE customer_id = 1001")
    hold = shop.house.holds.place(
        HoldKind.SUSPENSION, Subject(1, (Identifier("shop.customer_id", 1001),)), ["shop.reviews"], ground="a claim",
        author="desk",
    )  # fmt: skip
    number = shop.request(WHO)
    assert shop.erase(number)["retained"]["held"] == len(reviews)
    assert shop.rows("SELECT * FROM reviews WHERE customer_id = 1001") == reviews
    assert not shop.rows("SELECT 1 FROM sessions WHERE customer_id = 1001")
    assert shop.house.register.get(number).state is State.PARTLY_DONE
    shop.house.holds.release(hold, author="desk")
    shop.erase(number, "run-2")
    assert not shop.rows("SELECT 1 FROM reviews WHERE customer_id = 1001")


@pytest.mark.check("an erasure in a shop of its own; the others show what most depends on")
def test_a_record_that_was_changed_after_the_plan_stays_and_goes_with_the_next_run(shop: Erasing) -> None:
    """Edge case 14."""
    number = shop.request(WHO)
    run, _ = shop.planned(number)
    erasures.answered(shop.house, run, approved=True, by="privacy officer")
    shop.change("UPDATE reviews SET body = 'other words' WHERE customer_id = 1001")
    erasures.erase(shop.house, run)
    erasures.record(shop.house, run, None, say=lambda _: None)
    assert shop.ended(run)["retained"]["changed"] >= 2
    assert shop.house.register.get(number).state is State.PARTLY_DONE
    shop.erase(number, "run-2")
    assert not shop.rows("SELECT 1 FROM reviews WHERE customer_id = 1001")


def test_a_run_that_did_nothing_is_not_green(shop: Erasing) -> None:
    """Edge case 28: every task marked as successful by hand."""
    number = shop.request(WHO)
    run, _ = shop.planned(number)
    erasures.answered(shop.house, run, approved=True, by="privacy officer")
    shop.house.ledger.event(STARTED, actor="somebody", run=run.id, request=number)
    with pytest.raises(Refused) as refused:
        erasures.record(shop.house, run, None, say=lambda _: None)
    assert refused.value.code == "erasure.remaining"
    assert shop.house.register.get(number).state is State.PROVEN


@pytest.mark.check("an erasure in a shop of its own; the others show what most depends on")
def test_a_run_that_a_later_one_has_ended_changes_nothing_any_more(shop: Erasing) -> None:
    """Edge case 36."""
    number = shop.request(WHO)
    first, _ = shop.planned(number)
    erasures.answered(shop.house, first, approved=True, by="privacy officer")
    shop.planned(number, "run-2")
    before = shop.everything()
    with pytest.raises(Refused) as refused:
        erasures.erase(shop.house, first)
    assert refused.value.code == "erasure.ended"
    assert shop.everything() == before


MOST = 12


@pytest.mark.check("kills an erasure a dozen times, each in a shop of its own")
def test_whenever_it_dies_the_next_run_ends_as_if_it_had_not(tmp_path: Path, made: Path) -> None:
    """Edge case 13: never told to be erased while something of them is left."""
    seen = tmp_path / "seen"
    whole = Erasing(tmp_path / "whole", made)
    number = whole.request(WHO)
    assert in_a_process(lambda: whole.erase(number), 0, seen, folder=whole.folder) == 0
    after, state = whole.everything(), whole.house.register.get(number).state
    deleted = sum(dict(e.entry)["deleted"] for e in whole.house.ledger.entries(kind="run.ended"))
    tried = 0
    for die_at in sorted(set(chosen(seen.read_text().splitlines(), MOST // 2, MOST // 2))):
        shop = Erasing(tmp_path / f"at-{die_at}", made)
        number = shop.request(WHO)
        code = in_a_process(partial(shop.erase, number), die_at, seen, folder=shop.folder)
        tried += code == -signal.SIGKILL
        if shop.everything() != after:
            assert shop.house.register.get(number).state in (State.RECEIVED, State.PROVEN), f"dies at {die_at}"
        if die_at % 2:
            # Airflow tries the task again.
            with suppress(PrivacyError):
                erasures.erase(shop.house, Run("run-1", number, "operator"))
        shop.erase(number, "run-2")
        assert shop.everything() == after, f"dies at {die_at}"
        assert shop.house.register.get(number).state is state
        runs = [dict(e.entry) for e in shop.house.ledger.entries(kind="run.ended")]
        assert sum(run["deleted"] for run in runs) == deleted, f"dies at {die_at}"
        assert shop.house.verify().ok
    assert tried > MOST // 2


def test_the_person_is_told_what_went_and_what_stays_and_is_forgotten_then(shop: Erasing) -> None:
    """Promise REG: an erasure is kept in anonymised form; its key is destroyed at closing."""
    number = shop.request("1011")
    run, _ = shop.planned(number)
    erasures.answered(shop.house, run, approved=True, by="privacy officer")
    erasures.erase(shop.house, run)
    erasures.record(shop.house, run, None, say=lambda _: None)
    assert erasures.tell(shop.house, run) == {"closed": True}
    assert erasures.tell(shop.house, run) == {"closed": True}
    (letter,) = (shop.folder / "state/outbox").glob("*.eml")
    text = letter.read_text()
    assert number in text
    assert "autoriteitpersoonsgegevens" in text
    assert shop.house.register.get(number).forgotten
    with pytest.raises(Refused):
        shop.house.register.open(number)
    assert shop.house.verify().ok


def test_a_letter_that_cannot_be_sent_goes_by_post_and_closes_the_request(shop: Erasing) -> None:
    """Promise ID-KNOWN: to no address that the shop did not know; whoever posts it says so."""
    shop.change("UPDATE customers SET email_since = '2026-11-10T09:00:00Z' WHERE customer_id = 1011")
    number = shop.house.register.receive(Right.ERASURE, [Identifier("shop.customer_id", 1011)], author="desk").number
    shop.house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    shop.erase(number)
    with pytest.raises(Refused) as refused:
        erasures.tell(shop.house, Run("run-1", number, "operator"))
    assert refused.value.code == "letters.no_known_address"
    assert shop.house.register.get(number).state is State.ACTED
    closed, text = erasures.told_later(shop.house, number, author="desk", by_post=True)
    assert closed
    assert number in text
    assert shop.house.register.get(number).forgotten
    with pytest.raises(Refused) as refused:
        erasures.told_later(shop.house, number, author="desk", by_post=True)
    assert refused.value.code == "erasure.nothing_to_tell"


def test_who_got_a_gift_takes_nothing_of_the_buyers_along(shop: Erasing) -> None:
    """Edge case 22: the order is retained for both; what nobody needs of it goes with whoever it is about."""
    before = shop.rows("SELECT * FROM orders WHERE order_id = 1126")
    ((phone,),) = shop.rows("SELECT phone FROM orders WHERE order_id = 1126")
    assert phone is not None
    shop.erase(shop.request("1021"))
    assert shop.rows("SELECT * FROM orders WHERE order_id = 1126") == before
    shop.erase(shop.request("1020"), "run-2")
    assert shop.rows("SELECT phone, ip, user_agent, gift_message FROM orders WHERE order_id = 1126") == [(None,) * 4]


def test_a_letter_that_could_not_be_sent_goes_out_the_next_day_with_what_was_done_then(shop: Erasing) -> None:
    number = shop.request("1011")
    shop.erase(number)
    outbox = shop.folder / "state/outbox"
    outbox.parent.mkdir(parents=True, exist_ok=True)
    outbox.write_text("no folder")
    said: list[str] = []
    erasures.tell_left(shop.house, say=said.append)
    assert len(said) == 1
    assert number in said[0]
    assert shop.house.register.get(number).state is State.ACTED
    outbox.unlink()
    erasures.tell_left(shop.house, say=said.append)
    assert len(said) == 1
    assert shop.house.register.get(number).forgotten
    (letter,) = outbox.glob("*.eml")
    assert number in letter.read_text()


@pytest.mark.parametrize(
    "spoilt",
    ["refused_at = 'x'", "payload = substr(payload, 1, length(payload) - 8)"],
    ids=["its dates", "its content"],
)
def test_a_row_that_cannot_be_read_keeps_nobody_elses_erasure_or_letter_and_is_red(shop: Erasing, spoilt: str) -> None:
    first, second, other, waits = (shop.request(subject) for subject in ("1010", "1012", "1011", WHO))
    register, act = shop.house.register, Act(author="desk", at=shop.clock.now(), counts={"deleted": 1})
    for number in (first, other):
        register.acted(number, act, author="desk")
    for number in (second, waits):
        register.acted(number, act, partly=True, author="desk")
    assert erasures.unreadable(shop.house) == []
    with shop.house.engine.begin() as db:
        db.exec_driver_sql(f"UPDATE request_register SET {spoilt} WHERE number IN ('{first}', '{second}')")
    said: list[str] = []
    erasures.tell_left(shop.house, say=said.append)
    assert [line.partition(":")[0] for line in said if other in line or first in line] == [other], "the other is tried"
    assert erasures.requests(shop.house) == [waits]
    assert {problem.where for problem in erasures.unreadable(shop.house)} == {first, second}


def test_a_plan_that_finds_nothing_says_so_loudly(shop: Erasing) -> None:
    """Edge case 28: a number that was mistyped is approved by nobody who reads."""
    number = shop.house.register.receive(Right.ERASURE, [Identifier("shop.customer_id", 987_654)], author="desk").number
    shop.house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    run, said = shop.planned(number)
    assert said["asked"]
    question = erasures.asks(shop.house, run)
    assert question is not None
    assert "NOTHING FOUND" in question[1]
    # Who is answered all the same is not told that their data are gone.
    values = {"gone": (), "retained": (), "waiting": (), "by": None, "told": ()}
    for language, words in (("nl", "geen gegevens van u gevonden"), ("en", "we found no data on you")):
        said = shop.house.letters.preview(number, "erasure", values, language=language)
        assert words in said.subject
        assert "gewist" not in said.subject
        assert "erased" not in said.subject
    values["waiting"] = SAMPLES[Kind.ERASURE]["waiting"]
    for language, words in (("nl", "wij wissen uw gegevens later"), ("en", "we erase your data later")):
        assert words in shop.house.letters.preview(number, "erasure", values, language=language).subject


def test_a_file_that_was_rewritten_and_still_has_something_of_theirs_is_not_green(shop: Erasing) -> None:
    """Edge case 28: another version is no proof; what the store has is."""
    number = shop.request("1003")
    run, _ = shop.planned(number)
    file = next(
        f for f in sorted((shop.shop / "weblogs").rglob("*.gz")) if b" 1003 [" in gzip.decompress(f.read_bytes())
    )
    line = next(one for one in gzip.decompress(file.read_bytes()).splitlines(keepends=True) if b" 1003 [" in one)
    erasures.answered(shop.house, run, approved=True, by="privacy officer")
    erasures.erase(shop.house, run)
    erasures.verify(shop.house, run)
    file.write_bytes(gzip.compress((gzip.decompress(file.read_bytes()) if file.exists() else b"") + line))
    with pytest.raises(Refused) as refused:
        erasures.record(shop.house, run, None, say=lambda _: None)
    assert refused.value.code == "erasure.remaining"
    assert shop.house.register.get(number).state is State.PROVEN
