"""start_requests: what waits is started without anybody's pressing a button, once, and not every minute again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conftest_stops import ADA, DOCUMENT, HOUSEHOLD, NOW, Shop, shop
from privacy.errors import AskPerson
from privacy.orchestration import starting
from privacy.plans.correction import Wanted
from privacy.rights import Ground, Right
from privacy.rights.attempts import failing
from privacy.rights.deadlines import Kind, deadlines
from privacy.rights.restricting import announce

__all__ = ["shop"]

PIPELINES = {
    Right.ACCESS: "export_subject", Right.PORTABILITY: "export_subject", Right.RESTRICTION: "restrict_subject",
    Right.OBJECTION: "object_subject", Right.MARKETING_STOP: "object_subject",
    Right.CONSENT_WITHDRAWAL: "object_subject",
}  # fmt: skip


def look(shop: Shop) -> list[tuple[str, str]]:
    return [(start.dag, start.number) for start in starting.waiting(shop.house)]


def started(shop: Shop) -> list[starting.Start]:
    """One tick in which Airflow takes all."""
    found = starting.waiting(shop.house)
    starting.started(shop.house, found)
    return found


def fails(shop: Shop, number: str, run: str, code: str = "database.busy") -> None:
    """A run of the request that begins, and ends so now."""
    ledger = shop.house.ledger
    ledger.begin(run, pipeline="p", actor="t", request=number, code_version="1", policy_version="1")
    ledger.end(run, status="failed", actor="t", request=number, reason=code)


@pytest.mark.parametrize("right", PIPELINES)
def test_a_request_that_has_arrived_is_started_within_the_hour(shop: Shop, right: Right) -> None:
    number = shop.request(right)
    assert look(shop) == [], "whoever registers it may start it themselves"
    shop.later(minutes=10)
    (start,) = started(shop)
    assert (start.dag, start.number, start.run) == (PIPELINES[right], number, f"start-{number}-1")
    assert ADA.kind not in str(start.as_json())


def test_what_is_started_is_not_started_twice(shop: Shop) -> None:
    number = shop.request(Right.ACCESS)
    shop.later(minutes=10)
    # Two looks before the first is written down name the same run, which Airflow makes once.
    assert starting.waiting(shop.house) == starting.waiting(shop.house)
    assert starting.started(shop.house, starting.waiting(shop.house)) == 1
    for minutes in (0, 10, 40):
        shop.later(minutes=minutes)
        assert look(shop) == []
    shop.house.ledger.begin("r", pipeline="p", actor="t", request=number, code_version="1", policy_version="1")
    shop.house.register.begin(number, "r")
    shop.later(hours=23)
    assert look(shop) == [], "it is still going on"
    shop.later(hours=1)
    assert look(shop) == [("export_subject", number)], "it was lost"


def test_one_that_never_began_is_started_again_after_an_hour(shop: Shop) -> None:
    shop.request(Right.RESTRICTION)
    shop.later(minutes=10)
    (first,) = started(shop)
    shop.later(hours=1)
    (second,) = started(shop)
    assert (first.run[-2:], second.run[-2:]) == ("-1", "-2")


def waits(shop: Shop, times: int, code: str) -> list[timedelta]:
    """How long a request waits for each of its starts, each of which fails at once."""
    number, found = shop.request(Right.ACCESS), []
    shop.later(minutes=10)
    for no in range(times):
        begun = shop.clock.now()
        while not look(shop):
            shop.later(minutes=10)
        found.append(shop.clock.now() - begun)
        started(shop)
        shop.house.register.begin(number, f"r{no}")
        fails(shop, number, f"r{no}", code)
    return found


def test_one_that_failed_is_tried_again_after_one_two_four_hours_and_then_once_a_day(shop: Shop) -> None:
    assert waits(shop, 8, "database.busy") == [timedelta(hours=h) for h in (0, 1, 2, 4, 8, 16, 24, 24)]


def test_one_whose_logs_were_rotated_or_purged_while_it_read_is_tried_again_within_minutes(shop: Shop) -> None:
    """The nightly purge and an export of the same minutes: a new run lists what there is now."""
    assert waits(shop, 4, "weblogs.rotated") == [timedelta(minutes=m) for m in (0, 10, 20, 40)]


def test_a_decision_or_a_proof_has_it_tried_again_at_once(shop: Shop) -> None:
    number = shop.request(Right.RESTRICTION, HOUSEHOLD)
    with pytest.raises(AskPerson):
        shop.run(number)
    shop.later(days=2)
    assert look(shop) == [], "it waits for somebody's decision"
    from privacy.identity import Decision

    question = shop.house.register.question(number)
    assert question is not None
    shop.house.register.decide(number, Decision(question.candidates[0].identifiers), "desk")
    shop.later(minutes=5)
    assert look(shop) == [("restrict_subject", number)]


def test_an_erasure_and_a_rectification_are_started_once_the_identity_is_proven(shop: Shop) -> None:
    numbers = [shop.request(right) for right in (Right.ERASURE, Right.RECTIFICATION)]
    # What is to be corrected, somebody writes down first.
    shop.house.register.correct(numbers[1], Wanted(fact="email", to="new@lees.example", author="desk", at=NOW))
    shop.later(days=1)
    assert look(shop) == []
    for number in numbers:
        shop.house.register.prove(number, DOCUMENT, "desk")
    shop.later(minutes=10)
    assert sorted(look(shop)) == sorted(zip(("erase_subject", "rectify_subject"), numbers, strict=True))


def test_an_approval_that_waits_for_days_is_not_asked_for_again_nor_one_that_was_refused(shop: Shop) -> None:
    """Edge case 32."""
    number = shop.request(Right.ERASURE)
    shop.house.register.prove(number, DOCUMENT, "desk")
    shop.later(minutes=10)
    started(shop)
    shop.house.register.begin(number, "r")
    shop.house.ledger.begin("r", pipeline="p", actor="t", request=number, code_version="1", policy_version="1")
    shop.later(days=6)
    assert look(shop) == []
    shop.house.ledger.end("r", status="failed", actor="t", request=number, reason="erasure.refused")
    shop.later(days=6)
    assert look(shop) == []


def test_what_is_answered_refused_or_waits_for_a_decision_of_ours_is_left_alone(shop: Shop) -> None:
    shop.run(shop.request(Right.RESTRICTION))
    shop.run(shop.request(Right.OBJECTION))
    shop.house.register.refuse(shop.request(Right.ACCESS), Ground.UNFOUNDED, "desk")
    shop.request(Right.COMPLAINT)
    shop.later(days=3)
    assert look(shop) == []


def test_a_request_whose_run_fails_is_shown_beside_the_deadlines(shop: Shop) -> None:
    number = shop.request(Right.ACCESS)
    shop.house.register.begin(number, "r")
    fails(shop, number, "r", "storage.full")
    (one,) = [d for d in deadlines(shop.house, shop.clock.now()) if d.kind is Kind.RUN]
    assert (one.about, one.waits_for) == (number, "export_subject: storage.full")
    fails_no_more = shop.house.ledger
    fails_no_more.begin("s", pipeline="p", actor="t", request=number, code_version="1", policy_version="1")
    fails_no_more.end("s", status="done", actor="t", request=number)
    assert list(failing(shop.house)) == []


def test_what_goes_on_by_itself_does(shop: Shop) -> None:
    restriction = shop.request(Right.RESTRICTION)
    shop.run(restriction)
    announce(shop.house, restriction, "Het mag weer", "desk", channel="post", evidence=DOCUMENT)
    notice = shop.request(Right.CLIENT_END)
    assert starting.tidy(shop.house) == {"refreshed": 0, "followed": 1, "lifted": 0}
    shop.clock.set(NOW + timedelta(days=7))
    assert starting.tidy(shop.house) == {"refreshed": 0, "followed": 0, "lifted": 1}
    assert shop.get(notice).dates.answered_at is not None
    assert shop.get(restriction).dates.lifted_at is not None
