"""What an operator does on the page of a request, by its forms: done by the library, told at once, nothing typed is lost."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from httpx import Response

from conftest_desk import HERE, NOW, Desk, token_of
from privacy.identity import Candidate, Question
from privacy.rights import Ground, Right, State
from privacy.sources.base import Identifier, Subject

ANNA, CUSTOMER = Identifier("email", "anna@a.example"), Identifier("shop.customer_id", 4711)
OTHER = Identifier("shop.customer_id", 4712)


def received(desk: Desk, right: Right = Right.ACCESS, **more: object) -> str:
    return desk.house.register.receive(right, [ANNA, CUSTOMER], author="desk", **more).number  # type: ignore[arg-type]


def done(desk: Desk, number: str, deed: str, **fields: str) -> Response:
    """A form of the page, sent; where it leads to is opened."""
    client = desk.as_("operator")
    client.follow_redirects = True
    page = client.get(f"/requests/{number}").text
    assert f'action="/requests/{number}/do/{deed}"' in page
    form = {"token": token_of(page), **fields}
    return client.post(f"/requests/{number}/do/{deed}", data=form, headers={"Origin": HERE})


def outbox(desk: Desk) -> list[str]:
    folder = desk.house.settings.state / "outbox"
    return sorted(file.name for file in folder.glob("*.eml")) if folder.exists() else []


def test_whoever_may_act_sees_what_the_request_names_and_a_viewer_does_not(desk: Desk) -> None:
    number = received(desk, name="Anna <Smit>", deliver_to="anna@new.example")
    text = desk.as_("operator").get(f"/requests/{number}").text
    for shown in (
        "anna@a.example",
        "Customer number (Web shop): <bdi>4711</bdi>",
        "Anna &lt;Smit&gt;",
        "anna@new.example",
    ):
        assert shown in text
    hidden = desk.as_("viewer").get(f"/requests/{number}").text
    assert "received" in hidden
    for shown in ("anna", "4711", "Anna"):
        assert shown not in hidden


def test_a_proof_is_recorded_and_one_with_a_number_of_a_document_is_not(desk: Desk) -> None:
    """Promise ID-KNOWN: what was seen, never a copy nor a number."""
    number = received(desk)
    answer = done(desk, number, "prove", kind="document", seen="passport NL12345678")
    assert answer.status_code == 400
    assert "not what its number is" in answer.text
    assert ">passport NL12345678</textarea>" in answer.text  # at the form, as it was typed
    answer = done(desk, number, "prove", kind="document", seen="a passport, at the counter")
    assert (answer.status_code, "The proof is recorded" in answer.text) == (200, True)
    assert desk.house.register.open(number).proofs[0].author == "operator at shop.example"
    assert "document: <bdi>a passport, at the counter</bdi> (operator at shop.example" in answer.text
    assert done(desk, number, "prove", kind="").status_code == 400


def test_whose_a_request_is_that_several_fit_is_chosen_among_them(desk: Desk) -> None:
    """Edge case 19."""
    number = received(desk)
    register = desk.house.register
    register.begin(number, "r1")
    register.undecided(number, Question((Candidate(1, (CUSTOMER,)), Candidate(2, (OTHER,))), (ANNA,)), run="r1")
    page = desk.as_("operator").get(f"/requests/{number}").text
    assert "Customer number (Web shop) <bdi>4712</bdi>" in page
    assert "They share E-mail address <bdi>anna@a.example</bdi>" in page
    assert done(desk, number, "decide", person="3").status_code == 400
    assert done(desk, number, "decide", person="x").status_code == 400
    answer = done(desk, number, "decide", person="2", whose="theirs")
    assert answer.status_code == 200
    decision = register.decision(number)
    assert decision is not None
    assert (decision.person, decision.address) == ((OTHER,), "theirs")


def test_the_term_is_extended_by_a_letter_that_can_be_read_before(desk: Desk) -> None:
    number = received(desk, received_at=NOW - timedelta(days=3))
    client = desk.as_("operator")
    preview = client.get(f"/requests/{number}/letters/extension").text
    assert 'lang="nl"' in preview
    assert 'lang="en"' in preview
    assert outbox(desk) == []
    answer = done(desk, number, "extend", ground="complexity")
    assert "25 February 2027" in answer.text
    assert outbox(desk) == [f"extension-{number}.eml"]
    assert "extended" in answer.text
    assert f"/requests/{number}/do/extend" not in answer.text  # the law knows one


def test_a_letter_without_an_address_is_printed_once_and_recorded_as_posted(desk: Desk) -> None:
    number = desk.house.register.receive(Right.ACCESS, [CUSTOMER], author="desk", language="en").number
    refused = done(desk, number, "letter", letter="receipt")
    assert refused.status_code == 409
    assert "names no e-mail address" in refused.text
    answer = done(desk, number, "letter", letter="receipt", by_post="1")
    assert "Print this, and post it today" in answer.text
    assert number in unescape(answer.text)
    assert "We registered it under number" in unescape(answer.text)  # in the language that it is written in
    assert [(one.kind, one.channel) for one in desk.house.register.open(number).letters] == [("receipt", "post")]
    assert outbox(desk) == []


def test_a_request_is_refused_with_its_ground_and_the_letter_is_the_next_step(desk: Desk) -> None:
    number = received(desk)
    answer = done(desk, number, "refuse", ground="identity_not_proven", because="nobody came")
    assert desk.house.register.get(number).state is State.REFUSED
    assert "Send a letter</h2>" in answer.text
    assert done(desk, number, "letter", letter="refusal").status_code == 200
    assert outbox(desk) == [f"refusal-{number}.eml"]


def test_what_is_wrong_in_records_is_written_down_and_the_plan_is_for_the_dag(desk: Desk) -> None:
    number = received(desk, Right.RECTIFICATION)
    page = desk.as_("operator").get(f"/requests/{number}").text
    assert '<option value="email">email</option>' in page
    assert '<option value="name.last">name: last</option>' in page
    assert done(desk, number, "correct", fact="email", to="", nothing="").status_code == 400
    answer = done(desk, number, "correct", fact="email", to="anna@new.example")
    assert "Written down: 1 to correct." in answer.text
    assert "email: <bdi>anna@new.example</bdi>" in answer.text
    assert "anna@new.example" not in desk.as_("viewer").get(f"/requests/{number}").text
    assert desk.house.register.correction(number).wanted[0].to == "anna@new.example"


def test_a_copy_that_leaves_something_out_is_looked_at_then_released(desk: Desk) -> None:
    number, register = received(desk), desk.house.register
    register.begin(number, "r1")
    register.resolved(number, Subject(1, (ANNA, CUSTOMER)), run="r1")
    register.sealed(
        number, run="r1", path="b.age", inner_sha256="1" * 64, outer_sha256="2" * 64, counts={"shop.customers": 1},
        left_out={"redacted": 2},
    )  # fmt: skip
    done(desk, number, "prove", kind="document", seen="a passport")
    page = desk.as_("operator").get(f"/requests/{number}").text
    assert "The copy leaves out 2 redacted" in page
    assert f"/requests/{number}/do/release" not in page
    done(desk, number, "review")
    assert "The bundle is released" in done(desk, number, "release").text
    assert register.get(number).state is State.RELEASED


def test_a_complaint_that_was_looked_into_is_closed(desk: Desk) -> None:
    number = received(desk, Right.COMPLAINT)
    assert "closed" in done(desk, number, "settle").text
    assert desk.house.register.get(number).state is State.ANSWERED


def test_a_form_that_comes_too_late_says_so_and_does_nothing_twice(desk: Desk) -> None:
    number = received(desk)
    client = desk.as_("operator")
    page = client.get(f"/requests/{number}").text
    desk.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    form = {"token": token_of(page), "kind": "document", "seen": "a passport"}
    answer = client.post(f"/requests/{number}/do/prove", data=form, headers={"Origin": HERE})
    assert answer.status_code == 409
    assert "The request was refused" in answer.text
    assert desk.house.register.open(number).proofs == ()


def test_only_a_page_of_this_desk_says_that_something_was_done(desk: Desk) -> None:
    number = received(desk)
    text = desk.as_("operator").get(f"/requests/{number}", params={"said": "Send the passphrase to x"}).text
    assert "passphrase" not in text


@pytest.mark.parametrize("path", ["letters/nothing", "do/prove"])
def test_what_is_not_there_is_said_to_be_not_there(desk: Desk, path: str) -> None:
    number = received(desk)
    answer = desk.as_("operator").get(f"/requests/{number}/{path}")
    assert answer.status_code in (404, 405)
