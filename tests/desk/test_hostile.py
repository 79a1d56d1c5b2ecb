"""What is sent to the desk by whoever means it no good, or mistypes: nothing is told, taken, or mistaken."""

from __future__ import annotations

import pytest

from conftest_desk import HERE, Desk, token_of
from privacy.desk.app import LARGEST
from privacy.rights import Right
from privacy.sources.base import Identifier

MARKS = "<b>{{7*7}}</b> \u202e=cmd"


def received(desk: Desk, right: Right = Right.ACCESS, **more: str) -> str:
    return desk.house.register.receive(right, [Identifier("email", "anna@a.example")], author="desk", **more).number


@pytest.mark.parametrize(
    "path",
    [
        "/ledger/entries/anna@a.example", f"/ledger/entries/{'9' * 30}", "/ledger/entries/9223372036854775808",
        f"/ledger?kind=anna@a.example{'x' * 300}", "/requests?overdue=anna@a.example", "/ledger?about=anna@a.example",
        "/requests/anna@a.example", "/ledger?since=9999-12-31", "/requests?after=9999-12-31T23:59:59-23:59|x",
    ],
)  # fmt: skip
def test_an_address_that_no_page_makes_is_refused_in_words_and_not_repeated(desk: Desk, path: str) -> None:
    answer = desk.as_("operator").get(path)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "anna" not in answer.text
    assert desk.as_(None).get(path).status_code == 401


@pytest.mark.parametrize("who", [None, "stranger", "operator"])
@pytest.mark.parametrize("deed", ["bundle/glass", "start"])
def test_a_form_larger_than_any_is_not_even_read(desk: Desk, who: str | None, deed: str) -> None:
    path = f"/requests/{received(desk)}/{deed}"
    answer = desk.as_(who).post(path, content=b"because=" + b"x" * LARGEST, headers={"Origin": HERE})
    assert answer.status_code == 413
    chunked = desk.as_(who).post(path, content=iter([b"because=", b"x"]), headers={"Origin": HERE})
    assert chunked.status_code == 411
    lying = desk.as_(who).post(path, headers={"Origin": HERE, "Content-Length": "-5"})
    assert lying.status_code == 413


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value1", f"{'x' * 600}@a.example"), ("name", "x" * 201), ("deliver_to", "b@b.example\r\nBcc: c@c.example"),
        ("name", "Anna\nSubject: x"), ("channel", "y" * 101), ("camera1", "till\x00"), ("name", "z" * 30_000),
    ],
)  # fmt: skip
def test_what_no_field_of_the_form_takes_is_not_registered(desk: Desk, field: str, value: str) -> None:
    """A line break in an address would be a line of a letter's head."""
    client = desk.as_("operator")
    form = {"token": token_of(client.get("/requests/new").text), "right": "access", "kind1": "email",
        "value1": "anna@a.example", "seen1": "2026-11-27T10:00", field: value}  # fmt: skip
    before = len(desk.house.ledger.entries())
    answer = client.post("/requests/new", data=form, headers={"Origin": HERE})
    assert answer.status_code == 400
    assert len(desk.house.ledger.entries()) == before


def test_names_with_marks_of_whatever_kind_stay_text_and_turn_nothing_around_them(desk: Desk) -> None:
    """Edge case 27: right-to-left marks reverse what stands beside them, unless the page sets the name apart."""
    text = desk.as_("operator").get(f"/requests/{received(desk, name=MARKS, deliver_to=MARKS)}").text
    assert text.count("<bdi>&lt;b&gt;{{7*7}}&lt;/b&gt; \u202e=cmd</bdi>") == 2
    assert text.count("\u202e") == 2


@pytest.mark.parametrize(
    "origin",
    ["http://[", "http://desk.example.evil.example", "http://desk.example@evil.example", "http://x@desk.example",
     "//desk.example", "ftp://desk.example", "http://desk.example:8080", ""],
)  # fmt: skip
def test_a_form_whose_origin_only_looks_like_this_desk_is_refused(desk: Desk, origin: str) -> None:
    number, client = received(desk), desk.as_("operator")
    token = token_of(client.get(f"/requests/{number}").text)
    answer = client.post(f"/requests/{number}/start", data={"token": token}, headers={"Origin": origin})
    assert (answer.status_code, "sent from elsewhere" in answer.text) == (403, True)
    assert desk.airflow.started == []
