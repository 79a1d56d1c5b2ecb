"""What happens while an erasure waits for its approval, or between two of its runs: the request, the shop, the letter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from conftest_erasing import NOW, Erasing, made, shop
from privacy.errors import Refused
from privacy.holds import HoldKind
from privacy.orchestration import erasures
from privacy.orchestration.runs import Run
from privacy.plans import erased
from privacy.plans.erased import STARTED
from privacy.rights import Ground, State
from privacy.rights.erasing import DAILY, HELD, values
from privacy.sources.base import Identifier, Subject

__all__ = ["made", "shop"]

WHO = "1011"
"""Of the demo's cast: nothing of theirs waits or is held."""


def approved(shop: Erasing, number: str, name: str = "run-1") -> Run:
    run, said = shop.planned(number, name)
    if said["asked"]:
        erasures.answered(shop.house, run, approved=True, by="privacy officer")
    return run


def withdrawn(shop: Erasing, number: str) -> None:
    shop.house.register.refuse(number, Ground.WITHDRAWN, "desk")


def taken_over(shop: Erasing, number: str) -> None:
    shop.house.register.begin(number, "another run")


@pytest.mark.parametrize(
    ("change", "code"),
    [(withdrawn, "request.refused"), (taken_over, "request.superseded")],
    ids=["withdrawn", "taken over"],
)
def test_who_has_changed_their_mind_before_the_approval_loses_nothing(
    shop: Erasing, change: Callable[[Erasing, str], None], code: str
) -> None:
    """Edge case 32: an approval is no answer to a request that nobody makes any more."""
    number = shop.request(WHO)
    run = approved(shop, number)
    change(shop, number)
    before = shop.everything()
    with pytest.raises(Refused) as refused:
        erasures.erase(shop.house, run)
    assert refused.value.code == code
    assert shop.everything() == before
    with pytest.raises(Refused):
        erasures.record(shop.house, run, refused.value.code, say=lambda _: None)
    assert shop.ended(run)["deleted"] == 0


@pytest.mark.check("an erasure in a shop of its own; the others show what most depends on")
def test_who_withdraws_between_two_batches_is_told_that_it_has_begun(
    shop: Erasing,
) -> None:
    """Edge case 13: nobody who is erased by half is told that nothing was done; the next run finishes it."""
    number = shop.request(WHO)
    run = approved(shop, number)
    shop.house.ledger.event(STARTED, actor="operator", run=run.id, request=number)
    with pytest.raises(Refused) as refused:
        shop.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    assert refused.value.code == "request.begun"
    assert shop.house.register.get(number).state is State.PROVEN
    with pytest.raises(Refused):
        erasures.record(shop.house, run, "task.erase.failed", say=lambda _: None)
    # It has ended, and nothing is gone: they may still withdraw.
    shop.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    assert shop.house.register.get(number).state is State.REFUSED


def test_an_erasure_that_died_half_way_cannot_be_withdrawn(shop: Erasing) -> None:
    """Edge case 13."""
    number = shop.request("1001")
    run = approved(shop, number)
    asked = iter([False, True])
    subjects = erasures.subjects_of(shop.house, number)
    assert erased.erase(shop.house.means, run.id, subjects, actor="operator", stop=lambda: next(asked)).stopped
    with pytest.raises(Refused):
        erasures.record(shop.house, run, "erasure.stopped", say=lambda _: None)
    assert shop.ended(run)["deleted"] > 0
    with pytest.raises(Refused) as refused:
        shop.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    assert refused.value.code == "request.begun"


def test_what_an_order_needs_that_is_reopened_after_the_plan_is_not_taken(shop: Erasing) -> None:
    """Edge case 30: approved while nothing was open; by the time it is done, a parcel came back."""
    ((order,),) = shop.rows("SELECT max(order_id) FROM orders WHERE customer_id = 1001")
    number = shop.request("1001")
    run = approved(shop, number)
    shop.change("UPDATE orders SET status = 'paid', ordered_at = '2026-11-18T09:00:00Z' WHERE order_id = ?", order)
    before = shop.everything()
    with pytest.raises(Refused) as refused:
        erasures.erase(shop.house, run)
    assert refused.value.code == "erasure.reopened"
    assert shop.everything() == before
    with pytest.raises(Refused):
        erasures.record(shop.house, run, refused.value.code, say=lambda _: None)
    addresses = shop.rows("SELECT * FROM addresses WHERE customer_id = 1001")
    assert shop.erase(number, "run-2")["retained"]["waiting"] >= len(addresses) > 0
    assert shop.rows("SELECT * FROM addresses WHERE customer_id = 1001") == addresses


@pytest.mark.check("an erasure in a shop of its own; the others show what most depends on")
def test_the_letter_says_of_each_part_what_it_waits_for(shop: Erasing) -> None:
    """A log that is written to is not held by anybody; reviews that are held wait for no daily round."""
    shop.house.holds.place(
        HoldKind.SUSPENSION, Subject(1, (Identifier("shop.customer_id", 1001),)), ["shop.reviews"], ground="a claim",
        author="desk",
    )  # fmt: skip
    number = shop.request("1001")
    shop.erase(number)
    subjects = erasures.subjects_of(shop.house, number)
    made, _ = erased.opened(shop.house.means, "run-1", subjects)
    said = values(shop.house.datamap, made, erased.found(shop.house.means, "run-1", subjects))
    reasons = {one["what"].en: one["why"] for one in said["waiting"]}
    titles = {ref.full: ref.dataset.title.en for ref in shop.house.datamap}
    assert reasons == {titles["shop.reviews"]: HELD, titles["weblogs.access"]: DAILY}


def a_review(shop: Erasing) -> None:
    shop.change(
        "INSERT INTO reviews (review_id, customer_id, email, product_id, rating, title, body, published, posted_at) "
        "SELECT 999999, customer_id, email, 40, 3, 'Later', 'Came later', 0, '2026-11-20T11:00:00Z' FROM customers "
        "WHERE customer_id = 1011"
    )


def test_what_comes_while_an_approval_is_awaited_is_not_forgotten(shop: Erasing) -> None:
    """Edge case 28: somebody writes a review between plan and erasure; the request stays open until that is gone too."""
    number = shop.request(WHO)
    run = approved(shop, number)
    shop.change("DELETE FROM reviews WHERE customer_id = 1011")
    a_review(shop)
    erasures.erase(shop.house, run)
    assert erasures.verify(shop.house, run)["new"] == 1
    erasures.record(shop.house, run, None, say=lambda _: None)
    assert shop.house.register.get(number).state is State.PARTLY_DONE
    assert erasures.tell(shop.house, run) == {"closed": False}
    (letter,) = (shop.folder / "state/outbox").glob("*.eml")
    assert "terwijl wij bezig waren" in letter.read_text() or "while we were at it" in letter.read_text()
    assert erasures.requests(shop.house) == [number]
    shop.erase(number, "run-2")
    assert not shop.rows("SELECT 1 FROM reviews WHERE customer_id = 1011")
    assert shop.house.register.get(number).state is State.ACTED


def test_whoever_can_write_into_the_ledger_cannot_cover_a_plan_that_nobody_approved(shop: Erasing) -> None:
    """Edge case 32: chained on as it should be, and signed for by the next entry, it is no approval."""
    number = shop.request(WHO)
    shop.planned(number, "run-0")
    head = next((shop.folder / "state").rglob("*head*.json"))
    before = head.read_bytes()
    every = tuple(ref.full for ref in shop.house.datamap)
    shop.house.ledger.event(erasures.COVERED, actor="somebody", run="run-0", request=number, datasets=every)
    head.write_bytes(before)
    shop.house.ledger.event("own.looked", actor="somebody else")
    proof = shop.house.ledger.verify()
    assert proof.ok
    assert proof.recovered
    run, said = shop.planned(number)
    assert said["asked"]
    with pytest.raises(Refused) as refused:
        erasures.erase(shop.house, run)
    assert refused.value.code == "erasure.not_approved"


@pytest.mark.check("an erasure in a shop of its own; the others show what most depends on")
def test_a_plan_that_waits_for_an_answer_is_not_made_again_by_the_next_daily_run(shop: Erasing) -> None:
    """Another plan would take the question back; and nobody else's erasure waits for that answer."""
    first, other = shop.request("1001"), shop.request("1003")
    for number in (first, other):
        shop.erase(number, f"run-of-{number}")
    waiting = [number for number in (first, other) if shop.house.register.get(number).state is State.PARTLY_DONE]
    assert first in waiting
    run = Run("run-2", first, "operator")
    shop.house.ledger.event(erased.ANSWERS.asked, actor="operator", run=run.id, request=first, digest="0" * 64)
    # Both arrived at one moment: their order is that of their numbers, which are drawn.
    assert erasures.requests(shop.house) == [number for number in waiting if number != first]
    shop.clock.set(NOW + timedelta(days=9))
    assert sorted(erasures.requests(shop.house)) == sorted(waiting), "its run was lost"
    shop.clock.set(NOW)
    shop.house.ledger.event(erased.ANSWERS.refused, actor="operator", run=run.id, request=first, digest="0" * 64)
    assert sorted(erasures.requests(shop.house)) == sorted(waiting)
