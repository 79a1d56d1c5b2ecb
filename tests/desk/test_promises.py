"""The page of promises: green only on proof."""

from __future__ import annotations

from datetime import timedelta

from conftest_desk import NOW, PROJECT, Desk
from privacy.desk.promises import VERIFIED_WITHIN, Shown, checked, promises
from privacy.rights import Right, evidence_last
from privacy.rights.evidence import MISSING, VERIFIED, Finding
from privacy.sources.base import Identifier


def of(desk: Desk, promise: str) -> Shown:
    return next(one for one in promises(desk.house, PROJECT, desk.clock.now()) if one.kept.id == promise)


def run(desk: Desk, rule: str, name: str, status: str = "done") -> None:
    house = desk.house
    _, made = house.policy.rule(rule)
    house.ledger.begin(
        name, pipeline="purge", actor="schedule", code_version="1", policy_version="1", rule=rule,
        promises=made.promises, as_of=desk.clock.now(),
    )  # fmt: skip
    house.ledger.end(name, status=status, actor="schedule")


def rules(desk: Desk, promise: str) -> list[str]:
    return [
        name
        for purge in desk.house.policy.purges.values()
        for name, rule in purge.rules.items()
        if promise in rule.promises
    ]


def test_a_promise_is_green_only_while_each_of_its_rules_has_a_young_proof(desk: Desk) -> None:
    promise = next(
        id for id, p in desk.house.policy.promises.items() if rules(desk, id) and p.not_yet is None and p.term
    )
    assert of(desk, promise).colour == "amber"
    for rule in rules(desk, promise):
        run(desk, rule, f"run-{rule}", "failed")
    assert of(desk, promise).colour == "amber"
    for rule in rules(desk, promise):
        run(desk, rule, f"again-{rule}")
    assert of(desk, promise).colour == "amber", "nobody has verified the ledger"
    desk.house.ledger.event(MISSING, actor="schedule", count=1)
    assert of(desk, promise).colour == "amber"
    desk.clock.set(NOW + timedelta(minutes=1))
    desk.house.ledger.event(VERIFIED, actor="schedule", count=0)
    now = of(desk, promise)
    assert (now.colour, now.proof) == ("green", NOW)
    assert now.run.startswith("again-")
    desk.clock.set(NOW + timedelta(days=500))
    later = of(desk, promise)
    assert later.colour == "red"
    assert later.why


def test_what_is_missing_of_one_promise_takes_the_proof_from_no_other(desk: Desk) -> None:
    proven = [id for id, p in desk.house.policy.promises.items() if rules(desk, id) and p.not_yet is None and p.term]
    one, other, *_ = proven
    for rule in {name for id in (one, other) for name in rules(desk, id)}:
        run(desk, rule, f"run-{rule}")
    for touched, colours in (
        ([other], ("green", "amber")),
        ([one, other], ("amber", "amber")),
        (None, ("amber", "amber")),
    ):
        desk.clock.set(desk.clock.now() + timedelta(minutes=1))
        named = {} if touched is None else {"promises": touched}
        desk.house.ledger.event(MISSING, actor="schedule", count=2, **named)
        assert (of(desk, one).colour, of(desk, other).colour) == colours, touched


def test_a_late_answer_turns_its_promise_red(desk: Desk) -> None:
    """R-30D."""
    assert of(desk, "R-30D").colour != "red"
    anna = [Identifier("email", "anna@a.example")]
    desk.house.register.receive(Right.ACCESS, anna, author="desk", received_at=NOW - timedelta(days=40))
    assert of(desk, "R-30D").colour == "red"


def test_what_is_not_kept_whole_yet_is_never_green(desk: Desk) -> None:
    for one in promises(desk.house, PROJECT, NOW):
        if one.kept.promise.not_yet is not None:
            assert one.colour != "green"
            assert any(one.kept.promise.not_yet in sentence for sentence in one.why)


def test_the_page_says_when_everything_was_verified_last_and_what_was_missing(desk: Desk) -> None:
    client = desk.as_("viewer")
    assert "were never verified" in client.get("/promises").text
    desk.house.ledger.event(MISSING, actor="schedule", count=3)
    assert "3 things were missing" in client.get("/promises").text
    said = [Finding("evidence.stale", ("LOG-12M",), f"rule_{n}", "It has no young proof.", "Run it.") for n in range(3)]
    evidence_last.keep(desk.house, said, NOW)
    assert "rule_2: It has no young proof. Run it." in client.get("/promises").text
    evidence_last.keep(desk.house, said[:2], NOW)
    assert "no young proof" not in client.get("/promises").text, "that file is of another verification"
    desk.clock.set(NOW + timedelta(minutes=1))
    desk.house.ledger.event(VERIFIED, actor="schedule", count=0)
    found = checked(desk.house, NOW)
    assert (found.at, found.count, found.stale) == (NOW + timedelta(minutes=1), 0, False)
    assert found.at is not None
    assert checked(desk.house, found.at + VERIFIED_WITHIN + timedelta(minutes=1)).stale


def test_the_page_has_each_promise_with_the_statements_own_words_its_keeper_and_its_tests(desk: Desk) -> None:
    from html import unescape

    text = unescape(desk.as_("viewer").get("/promises").text)
    for id, promise in desk.house.policy.promises.items():
        assert id in text
        assert promise.quote in text
        assert promise.kept_by in text
    assert "tests/" in text
