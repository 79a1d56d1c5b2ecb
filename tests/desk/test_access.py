"""Who may open what on the desk, and which forms it takes."""

from __future__ import annotations

import re

import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from conftest_desk import HERE, SESSION, Desk, People, token_of
from privacy.desk import forms
from privacy.desk.access import Deed, User
from privacy.desk.airflow import NextRun, Progress
from privacy.holds import HoldKind
from privacy.rights import Right
from privacy.sources.base import Identifier, Subject

ANNA = Identifier("email", "anna@a.example")


def received(desk: Desk, right: Right = Right.ACCESS) -> str:
    return desk.house.register.receive(right, [ANNA], author="desk").number


OPERATORS = ("/requests/new", "/letters/receipt")
"""Pages on which something personal is typed or may stand: for whoever may start such a request's DAG."""


def ran(desk: Desk) -> str:
    """A run of a rule that has ended."""
    if desk.house.ledger.entries(run="a-run"):
        return "a-run"
    begun = {"pipeline": "purge_logfiles", "rule": "log_lines", "code_version": "1", "policy_version": "1"}
    desk.house.ledger.begin("a-run", actor="schedule", **begun)
    desk.house.ledger.end("a-run", actor="schedule", status="done")
    return "a-run"


def held(desk: Desk) -> str:
    """A hold on a person, which the pages do not name."""
    return desk.house.holds.place(
        HoldKind.SUSPENSION, Subject(1, (ANNA,)), ground="anna asked", author="desk", tell=True
    )  # fmt: skip


def values(desk: Desk, number: str) -> dict[str, str]:
    """What stands for the parameters of routes: each is there, so that a page is really made."""
    return {
        "number": number, "seq": "1", "full": "shop.orders", "run": ran(desk), "hold": held(desk), "rule": "log_lines", "order": "0" * 12,
        "name": "README.html", "notice": "0" * 12, "word": "confirm", "deed": "prove", "kind": "receipt", "question": "1f0e9f6e-0000-4000-8000-000000000000",
    }  # fmt: skip


def forwarding(path: str) -> bool:
    """Whether a page only leads on: the first one, and a file that nobody has had made."""
    return path == "/" or path.endswith((".zip", "/receipt.html"))


def routes(desk: Desk, number: str) -> list[tuple[str, str]]:
    """Every route that the application has, from the application itself, with what its paths name."""
    found: list[tuple[str, str]] = []
    given = values(desk, number)
    pending = list(desk.app.routes)
    while pending:
        route = pending.pop()
        nested = getattr(getattr(route, "original_router", None), "routes", None) or getattr(route, "routes", None)
        if nested and not isinstance(route, APIRoute):
            pending += nested
            continue
        # Anything else (a mount, a websocket, a plain Starlette route) would bypass the dependencies.
        assert isinstance(route, APIRoute), route
        path = re.sub(r"\{(\w+)\}", lambda name: given[name[1]], route.path)
        assert "{" not in path, path
        found += [(method, path) for method in sorted(route.methods or ())]
    assert len(found) >= 14
    return found


def test_no_route_answers_whoever_is_not_signed_in(desk: Desk) -> None:
    number = received(desk)
    for method, path in routes(desk, number):
        answer = desk.as_(None).request(method, path, headers={"Origin": HERE})
        assert answer.status_code == 401, (method, path)
        assert number not in answer.text
    assert desk.airflow.started == []


def test_no_route_answers_whoever_may_not_read_the_dags(desk: Desk) -> None:
    number = received(desk)
    for method, path in routes(desk, number):
        assert desk.as_("stranger").request(method, path, headers={"Origin": HERE}).status_code == 403, (method, path)


def test_a_viewer_sees_every_page_and_changes_nothing(desk: Desk) -> None:
    number = received(desk)
    for method, path in routes(desk, number):
        client = desk.as_("viewer")
        answer = client.request(method, path, headers={"Origin": HERE})
        closed = method == "POST" or path.endswith(OPERATORS) or f"{number}/bundle" in path
        assert answer.status_code == (403 if closed else 303 if forwarding(path) else 200), (method, path)
        assert "anna" not in answer.text
        assert "Start export_subject" not in answer.text
    assert desk.airflow.started == []


def test_a_viewer_with_a_form_of_their_own_changes_nothing_and_finds_nobody(desk: Desk) -> None:
    """The forms are genuine, and still no viewer's: each route asks for the right before it touches anything."""
    number, client = received(desk), desk.as_("viewer")
    forms_of = [path for method, path in routes(desk, number) if method == "POST"]
    before = len(desk.house.ledger.entries())
    token = forms_token(client)
    for path in forms_of:
        form = {"token": token, "kind": "email", "value": "anna@a.example", "value1": "anna@a.example", "kind1": "email",
                "right": "access", "by_post": "1", "option": "Approve"}  # fmt: skip
        answer = client.post(path, data=form, headers={"Origin": HERE})
        assert (answer.status_code, "You may not" in answer.text) == (403, True), path
        assert number not in answer.text
    assert len(desk.house.ledger.entries()) == before
    assert desk.airflow.started == []


def forms_token(client: TestClient) -> str:
    """What a form of this viewer's session carries: their page has none, so it is made as the page would."""
    request = Request({"type": "http", "headers": [], "app": client.app, "state": {}})
    request.state.user = User(client.cookies[SESSION], "")
    token = forms.token(request)
    client.cookies.set(forms.COOKIE, request.state.nonce)
    return token


def test_an_operator_gets_every_page_with_headers_that_let_nothing_in(desk: Desk) -> None:
    number = received(desk)
    for method, path in routes(desk, number):
        for who in ("operator", None):
            answer = desk.as_(who).request(method, path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'"), (method, path)
            assert "frame-ancestors 'self'" in policy
            assert "connect-src 'self'" in policy  # or htmx may ask for nothing
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
        if answer.headers["content-type"].startswith("text/html"):
            foreign = r"<script(?! src=./(theme|htmx)\.js.></script>)|\son\w+=|\sstyle=|https?://(?!desk\.example)"
            assert not re.search(foreign, answer.text), (method, path)


def test_a_page_that_fails_shows_nothing_of_why(desk: Desk) -> None:
    def broken() -> None:
        raise RuntimeError("anna@a.example")

    desk.app.add_api_route("/broken", broken)
    answer = desk.as_("operator").get("/broken")
    assert answer.status_code == 500
    assert "anna" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert desk.as_(None).get("/broken").status_code == 401  # a route that is added later is guarded too


def test_an_operator_starts_the_dag_of_a_request_by_its_number_alone(desk: Desk) -> None:
    number, client = received(desk), desk.as_("operator")
    shown = client.get(f"/requests/{number}")
    answer = client.post(f"/requests/{number}/start", data={"token": token_of(shown.text)}, headers={"Origin": HERE})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/requests/{number}?said=")
    assert "Started. Airflow does the rest" in client.get(answer.headers["location"]).text
    # Nobody else makes the page say so, nor does an address that somebody keeps.
    assert "Started." not in client.get(f"/requests/{number}?started=true&said=Started.").text
    assert desk.airflow.started == [("export_subject", {"request": number}, "operator")]


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({}, "none"),
        ({"Origin": "https://elsewhere.example"}, "none"),
        ({"Origin": "null"}, "none"),
        ({"Origin": HERE, "Sec-Fetch-Site": "cross-site"}, "none"),
        ({"Origin": HERE}, "no token"),
        ({"Origin": HERE}, "altered"),
        ({"Origin": HERE}, "another user's"),
        ({"Origin": HERE}, "another session's"),
    ],
)
def test_a_form_that_the_desk_did_not_give_is_refused(desk: Desk, headers: dict[str, str], change: str) -> None:
    number, client, giver = received(desk), desk.as_("operator"), desk.as_("operator")
    token = token_of(client.get(f"/requests/{number}").text)
    if change == "no token":
        token = ""
    if change == "altered":
        token = ("A" if token[0] != "A" else "B") + token[1:]
    if change == "another user's":
        client.cookies.set("session", "other")
    if change == "another session's":
        token = token_of(giver.get(f"/requests/{number}").text)
    answer = client.post(f"/requests/{number}/start", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert desk.airflow.started == []


def test_the_cookie_of_forms_is_out_of_reach_of_scripts_and_other_sites(desk: Desk) -> None:
    kept = desk.as_("operator").get(f"/requests/{received(desk)}").headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept


def test_a_request_that_is_closed_or_needs_a_person_starts_nothing(desk: Desk) -> None:
    from privacy.rights.payload import Ground

    number, client = received(desk), desk.as_("operator")
    token = token_of(client.get(f"/requests/{number}").text)
    desk.house.register.refuse(number, Ground.WITHDRAWN, "desk")
    complaint = received(desk, Right.COMPLAINT)
    for one in (number, complaint):
        assert "Start " not in client.get(f"/requests/{one}").text
        assert client.post(f"/requests/{one}/start", data={"token": token}, headers={"Origin": HERE}).status_code == 409
    assert desk.airflow.started == []


def test_a_pipeline_that_is_paused_is_not_said_to_have_started(desk: Desk) -> None:
    number, client = received(desk), desk.as_("operator")
    desk.airflow.next["export_subject"] = NextRun(None, paused=True)
    token = token_of(client.get(f"/requests/{number}").text)
    answer = client.post(f"/requests/{number}/start", data={"token": token}, headers={"Origin": HERE})
    text = client.get(answer.headers["location"]).text
    assert "export_subject is paused in Airflow" in text
    assert "Started." not in text


def test_two_operators_at_once_start_one_run(desk: Desk) -> None:
    """A second run would take over from the first, and the question that it asks would be lost."""
    number, first, second = received(desk), desk.as_("operator"), desk.as_("other")
    tokens = [token_of(client.get(f"/requests/{number}").text) for client in (first, second)]
    path, headers = f"/requests/{number}/start", {"Origin": HERE}
    assert first.post(path, data={"token": tokens[0]}, headers=headers).status_code == 303
    desk.airflow.runs["export_subject", "manual__1"] = Progress("export_subject", "manual__1", "queued", ())
    answer = second.post(path, data={"token": tokens[1]}, headers=headers)
    assert (answer.status_code, "Its run goes on already" in answer.text) == (409, True)
    desk.airflow.runs["export_subject", "manual__1"] = Progress("export_subject", "manual__1", "failed", ())
    assert second.post(path, data={"token": tokens[1]}, headers=headers).status_code == 303
    assert [who for _, _, who in desk.airflow.started] == ["operator", "other"]


class OneDag(People):
    """Somebody who may start one DAG alone."""

    def may(self, user: User, deed: Deed, dag: str) -> bool:
        return deed == "read" or (user.id == "operator" and dag == "object_subject")


def test_who_may_start_one_dag_acts_on_its_requests_and_sees_nobody_in_others(desk: Desk) -> None:
    desk.app.state.gate = OneDag()
    theirs, others = received(desk, Right.OBJECTION), received(desk)
    client = desk.as_("operator")
    page = client.get(f"/requests/{theirs}").text
    assert "anna@a.example" in page
    closed = client.get(f"/requests/{others}").text
    assert "anna@a.example" not in closed
    assert "<form" not in closed
    assert client.get(f"/requests/{others}/letters/receipt").status_code == 403
    for deed in ("do/refuse", "start"):
        form = {"token": token_of(page), "ground": "withdrawn"}
        assert client.post(f"/requests/{others}/{deed}", data=form, headers={"Origin": HERE}).status_code == 403
    assert desk.house.register.get(others).dates.closed_at is None
    form = {"token": token_of(page), "ground": "withdrawn"}
    assert client.post(f"/requests/{theirs}/do/refuse", data=form, headers={"Origin": HERE}).status_code == 303
