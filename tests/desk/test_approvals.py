"""Questions on the desk: the same that Airflow asks, answered once; four eyes where the setting asks for them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from httpx import Response

from conftest_desk import HERE, NOW, Desk, People, token_of
from privacy.desk.access import Deed, User
from privacy.desk.airflow import Progress, Question, Task
from privacy.errors import Refused
from privacy.plans.approval import Answers
from privacy.plans.eyes import is_party, parties
from privacy.rights import Right
from privacy.settings import Settings
from privacy.sources.base import Identifier

ERASURES = Answers("erasure")
ID = "1f0e9f6e-0000-4000-8000-000000000001"
BODY = (
    "Erasure (art. 17).\n\n**3 now.**\n\n| dataset | n |\n|---|--:|\n| shop.<b>x</b> | 3 |\n\n<script>alert(1)</script>"
)


def asked(desk: Desk, author: str = "desk", starter: str = "operator at shop.example") -> str:
    """The number of an erasure whose plan waits for an answer."""
    number = desk.house.register.receive(Right.ERASURE, [Identifier("email", "anna@a.example")], author=author).number
    ledger = desk.house.ledger
    ledger.begin(
        f"run-{number}", pipeline="erase_subject", actor=starter, request=number, code_version="1", policy_version="1",
        as_of=NOW, plan_digest="a" * 64,
    )  # fmt: skip
    ERASURES.ask(ledger, f"run-{number}", "a" * 64, actor=starter, request=number)
    subject = f"{number}: may this be erased?"
    desk.airflow.waiting.append(
        Question(ID, "erase_subject", "manual__1", "request.approve", number, subject, BODY, NOW)
    )  # fmt: skip
    return number


def answered(desk: Desk, who: str, option: str, **more: str) -> Response:
    client = desk.as_(who)
    page = client.get("/requests/new" if who != "viewer" else "/approvals").text
    form = {"token": token_of(page) if who != "viewer" else "", "option": option, **more}
    return client.post(f"/approvals/{ID}", data=form, headers={"Origin": HERE})


@pytest.fixture
def four(desk: Desk) -> Desk:
    settings: Settings = desk.houses._settings.model_copy(update={"four_eyes": True})
    desk.houses._settings = settings
    return desk


def test_a_question_is_shown_as_airflow_has_it_and_answered_once(desk: Desk) -> None:
    number = asked(desk)
    for path in ("/approvals", f"/requests/{number}"):
        text = desk.as_("operator").get(path).text
        assert f"{number}: may this be erased?" in text
        assert "<strong>3 now.</strong>" in text
        assert "<td>3</td>" in text
        # What is no Markdown is text: neither tags, nor styles that the content security policy forbids.
        assert "&lt;script&gt;" in text
        assert "<b>" not in text
        assert "style=" not in text
    answer = answered(desk, "operator", "Approve", back="request")
    assert answer.headers["location"].startswith(f"/requests/{number}?said=")
    assert desk.airflow.answers == [(ID, "Approve", "operator")]
    assert answered(desk, "operator", "Reject").status_code == 409
    assert desk.airflow.answers == [(ID, "Approve", "operator")]
    assert "Nothing waits for an answer" in desk.as_("operator").get("/approvals").text


def test_a_viewer_reads_a_question_and_has_no_answer(desk: Desk) -> None:
    asked(desk)
    text = desk.as_("viewer").get("/approvals").text
    assert "Airflow does not let you" in text
    assert "<form" not in text
    assert answered(desk, "viewer", "Approve").status_code == 403
    assert desk.airflow.answers == []


def test_only_an_answer_of_the_question_counts(desk: Desk) -> None:
    asked(desk)
    assert answered(desk, "operator", "Perhaps").status_code == 400
    assert desk.airflow.answers == []


def test_with_four_eyes_who_started_it_may_say_no_and_not_yes(four: Desk) -> None:
    asked(four)
    text = four.as_("operator").get("/approvals").text
    assert "somebody else has to approve it" in text
    assert 'value="Reject"' in text
    assert 'value="Approve"' not in text
    assert answered(four, "operator", "Approve").status_code == 409
    assert four.airflow.answers == []
    assert 'value="Approve"' in four.as_("other").get("/approvals").text
    assert answered(four, "other", "Approve").status_code == 303
    assert four.airflow.answers == [(ID, "Approve", "other")]


def test_with_four_eyes_who_registered_it_may_not_approve_either(four: Desk) -> None:
    asked(four, author="other at shop.example")
    assert answered(four, "other", "Approve").status_code == 409
    assert answered(four, "other", "Reject").status_code == 303


@pytest.mark.parametrize("who", ["desk", "operator at shop.example", "Operator at shop.example"])
def test_the_library_itself_takes_no_answer_of_who_registered_or_started_it(desk: Desk, who: str) -> None:
    """So that Required Actions obeys too; where an answer is read it is held again, should one stand there."""
    number, ledger = asked(desk), desk.house.ledger
    run, digest = f"run-{number}", "a" * 64
    with pytest.raises(Refused) as refused:
        ERASURES.answer(ledger, run, digest, approved=True, by=who, four_eyes=True, request=number)
    assert refused.value.code == "erasure.four_eyes"
    assert not ledger.entries(run=run, kind=ERASURES.approved)
    ERASURES.answer(ledger, run, digest, approved=True, by=who, four_eyes=False, request=number)
    ERASURES.allowed(ledger, run, digest, number, four_eyes=False)
    with pytest.raises(Refused) as refused:
        ERASURES.allowed(ledger, run, digest, number, four_eyes=True)
    assert refused.value.code == "erasure.four_eyes"


def test_somebody_elses_answer_counts_and_a_no_is_everybodys(desk: Desk) -> None:
    number, ledger = asked(desk), desk.house.ledger
    run, digest = f"run-{number}", "a" * 64
    ERASURES.answer(ledger, run, digest, approved=True, by="privacy officer", four_eyes=True, request=number)
    ERASURES.allowed(ledger, run, digest, number, four_eyes=True)
    second = asked(desk, author="privacy officer")
    ERASURES.answer(
        ledger, f"run-{second}", digest, approved=False, by="privacy officer", four_eyes=True, request=second
    )  # fmt: skip


def test_who_acted_for_another_is_a_party_as_the_other_is(desk: Desk) -> None:
    number = asked(desk, author="Anna, by root")
    there = parties(desk.house.ledger, f"run-{number}", number)
    assert all(is_party(name, there) for name in ("anna", "root", "operator at shop.example"))
    assert not is_party("ann", there)
    assert is_party("an\u200bna", there)  # The desk has written it without what nobody sees.
    # Whoever is called like two is both.
    assert is_party("Anna, by the way", there)


@pytest.mark.parametrize("kind", ["request.decided", "request.correction"])
def test_who_said_whose_it_is_or_what_to_write_does_not_approve_it_too(four: Desk, kind: str) -> None:
    """With runs that start by themselves one person could otherwise write a value, and approve it."""
    number = asked(four, starter="start_requests")
    four.house.ledger.event(kind, actor="other at shop.example", request=number, count=1)
    assert answered(four, "other", "Approve").status_code == 409
    with pytest.raises(Refused):
        ERASURES.answer(
            four.house.ledger, f"run-{number}", "a" * 64, approved=True, by="Other at shop.example", four_eyes=True,
            request=number,
        )  # fmt: skip
    assert answered(four, "operator", "Approve").status_code == 303


def test_with_four_eyes_the_question_about_the_statement_too_is_somebody_elses(four: Desk) -> None:
    """Its run would be lost by an answer that the library refuses."""
    ledger, words = four.house.ledger, Answers("policy")
    ledger.begin("p", pipeline="notify_policy_change", actor="operator at shop.example", code_version="1",
        policy_version="2")  # fmt: skip
    words.ask(ledger, "p", "a" * 64, actor="operator at shop.example")
    subject = "May 3 people be told of this change?"
    four.airflow.waiting.append(
        Question(ID, "notify_policy_change", "manual__1", "approve", subject, subject, "", NOW)
    )  # fmt: skip
    assert answered(four, "operator", "Approve").status_code == 409
    assert answered(four, "other", "Approve").status_code == 303


def test_a_run_is_followed_while_it_goes_on_and_its_end_is_told_without_taking_away_what_is_typed(desk: Desk) -> None:
    number = asked(desk)
    client, task = desk.as_("viewer"), Task("extract", "shop.orders", "running", NOW)
    assert "hx-" not in client.get(f"/requests/{number}").text
    run = desk.airflow.start("erase_subject", {"request": number}, User("operator", "operator@shop.example"))
    desk.airflow.runs["erase_subject", run] = Progress("erase_subject", run, "running", (task,))
    page = client.get(f"/requests/{number}").text
    assert f'hx-get="/requests/{number}/progress?asked=1" hx-trigger="every 2s"' in page
    assert '<script src="/htmx.js"></script>' in page
    assert re.search(r"running</span> extract <small>shop.orders</small>", page)
    part = client.get(f"/requests/{number}/progress?asked=1")
    assert "HX-Refresh" not in part.headers
    assert "<html" not in part.text
    assert "as it is now" not in part.text
    assert "A question waits for an answer." in client.get(f"/requests/{number}/progress?asked=0").text
    question = desk.airflow.waiting.pop()
    assert "The question was answered." in client.get(f"/requests/{number}/progress?asked=1").text
    desk.airflow.waiting.append(question)
    desk.airflow.runs["erase_subject", run] = Progress("erase_subject", run, "success", ())
    part = client.get(f"/requests/{number}/progress?asked=1")
    assert f'It has ended. <a href="/requests/{number}">' in part.text
    assert "hx-get" not in part.text


def test_nothing_to_answer_here_is_not_said_of_what_waits_elsewhere(desk: Desk) -> None:
    """A task that was marked or cleared in Airflow leaves a question that nobody can answer any more."""
    number = asked(desk)
    question = desk.airflow.waiting.pop()
    desk.clock.set(NOW + timedelta(minutes=11))
    text = desk.as_("viewer").get("/approvals").text
    assert "Nothing waits for an answer" not in text
    assert f"A question about {number} was never answered" in text
    desk.airflow.waiting.append(question)
    assert "was never answered" not in desk.as_("viewer").get("/approvals").text
    desk.app.state.gate = NoErasures()
    text = desk.as_("viewer").get("/approvals").text
    assert "Nothing waits for an answer" not in text
    assert "1 more waits that you may not see" in text
    assert number not in text


class NoErasures(People):
    """Whoever sees the desk, and may not read the DAG of erasures."""

    def may(self, user: User, deed: Deed, dag: str) -> bool:
        return dag != "erase_subject" and super().may(user, deed, dag)
