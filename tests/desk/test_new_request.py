"""A new request on the desk: registered without an id typed; what is wrong is said at the field; duplicates are noticed."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

from fastapi.testclient import TestClient
from httpx import Response

from conftest_desk import HERE, NOW, Desk, token_of
from privacy.rights import Right
from privacy.sources.base import Identifier

ANNA = Identifier("email", "anna@a.example")


def sent(client: TestClient, path: str = "/requests/new", **fields: object) -> Response:
    token = token_of(client.get("/requests/new").text)
    form = {"token": token, "right": "access", "kind1": "email", "channel": "email", **fields}
    return client.post(path, data=form, headers={"Origin": HERE})


def number_of(answer: Response) -> str:
    assert answer.status_code == 303, answer.text
    found = re.match(r"/requests/([^?]+)\?said=", answer.headers["location"])
    assert found is not None
    return found[1]


def test_a_request_is_registered_with_all_that_it_names_and_its_page_opens(desk: Desk) -> None:
    client = desk.as_("operator")
    answer = sent(
        client, right="portability", value1="Anna@A.example", kind2="shop.customer_id", value2="4711",
        kind3="shop.order_id", value3="11", kind4="phone", value4="06-5550110", camera1="till", seen1="2026-11-27T10:00",
        name="Anna Smit", deliver_to="anna@new.example", channel="post", received="2026-11-20T09:30", language="en",
        direct_transfer="1",
    )  # fmt: skip
    number = number_of(answer)
    kept = desk.house.register.open(number)
    assert [(i.kind, i.value) for i in kept.identifiers] == [
        ("email", "anna@a.example"), ("shop.customer_id", 4711), ("shop.order_id", 11), ("phone", "065550110")
    ]  # fmt: skip
    assert (kept.name, kept.deliver_to, kept.channel, kept.language) == ("Anna Smit", "anna@new.example", "post", "en")
    assert kept.author == "operator at shop.example"
    assert kept.direct_transfer
    assert [v.camera for v in kept.visits] == ["till"]
    dates = desk.house.register.get(number).dates
    assert dates.received_at.isoformat() == "2026-11-20T08:30:00+00:00"  # as typed: in the shop's zone
    shown = client.get(answer.headers["location"]).text
    assert f"{number} is registered. The answer is due on 20 December 2026." in shown
    assert "The footage of the visit is" in shown


def test_it_arrived_now_unless_somebody_says_otherwise(desk: Desk) -> None:
    """The form has minutes, the clock has seconds too: what was not changed is no moment of its own, nor the future."""
    desk.clock.set(NOW + timedelta(seconds=42))
    client = desk.as_("operator")
    opened = client.get("/requests/new").text
    assert 'value="2026-11-28T10:30"' in opened
    number = number_of(sent(client, value1="anna@a.example", received="2026-11-28T10:30"))
    assert desk.house.register.get(number).dates.received_at == NOW
    number = number_of(sent(client, value1="anna@a.example", received="", anyway="1"))
    assert desk.house.register.get(number).dates.received_at == desk.clock.now()


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(desk: Desk) -> None:
    client = desk.as_("operator")
    answer = sent(
        client, value1="no address", kind2="shop.customer_id", value2="12a", camera1="till", seen1="soon", name="<Anna>",
        received="never",
    )  # fmt: skip
    assert answer.status_code == 400
    for name, said in (
        ("value1", "has an @"),
        ("value2", "a whole number"),
        ("camera1", "no date"),
        ("received", "no date"),
    ):
        found = re.search(rf'id="{name}-wrong">([^<]+)<', answer.text)
        assert found is not None, name
        assert said in unescape(found[1])
        assert f'aria-describedby="{name}-wrong"' in answer.text
    for typed in ("no address", "12a", "till", "never", "&lt;Anna&gt;"):
        assert f'value="{typed}"' in answer.text
    assert desk.house.register.list() == ()


def test_what_the_register_refuses_is_said_at_the_field_too(desk: Desk) -> None:
    client = desk.as_("operator")
    for fields, at in (
        ({"received": "2026-11-29T10:00"}, "received"),
        ({"direct_transfer": "1"}, "direct_transfer"),
        ({"purpose": "newsletter"}, "purpose"),
        ({"right": "anything"}, "right"),
        ({"language": "fr"}, "language"),
        ({"value1": ""}, "value1"),
    ):
        answer = sent(client, **{"value1": "anna@a.example", **fields})
        assert answer.status_code == 400, fields
        assert f'id="{at}-wrong"' in answer.text, fields
    assert desk.house.register.list() == ()


def test_an_open_request_of_the_same_person_is_told_of_before_another_is_registered(desk: Desk) -> None:
    register, client = desk.house.register, desk.as_("operator")
    first = register.receive(Right.ERASURE, [ANNA], author="desk").number
    answer = sent(client, value1="anna@a.example")
    assert answer.status_code == 409
    assert first in answer.text
    assert "Nothing is registered yet" in answer.text
    assert len(register.list()) == 1
    second = number_of(sent(client, value1="anna@a.example", anyway="1"))
    assert {one.number for one in register.list()} == {first, second}


def test_a_form_that_another_page_fills_in_registers_nothing(desk: Desk) -> None:
    answer = sent(desk.as_("operator"), value1="anna@a.example", name="Anna", prefill="1")
    assert answer.status_code == 200
    assert 'value="anna@a.example"' in answer.text
    assert desk.house.register.list() == ()


def test_a_person_is_found_by_what_they_are_known_by_and_stands_in_no_address(desk: Desk) -> None:
    client, register = desk.as_("operator"), desk.house.register
    number = register.receive(Right.ACCESS, [ANNA, Identifier("shop.customer_id", 4711)], author="desk").number
    other = register.receive(Right.ACCESS, [Identifier("email", "ben@b.example")], author="desk").number
    for kind, value in (("email", " ANNA@a.example"), ("shop.customer_id", "4711")):
        found = sent(client, "/requests/find", kind=kind, value=value)
        assert found.status_code == 200
        assert number in found.text
        assert other not in found.text
    assert "No request names that" in sent(client, "/requests/find", kind="email", value="x@x.example").text
    wrong = sent(client, "/requests/find", kind="shop.customer_id", value="anna")
    assert (wrong.status_code, "whole number" in wrong.text) == (400, True)
    # No form that names a person is sent by GET, so that no address, history or log has it.
    assert re.findall(r'<form method="get"[^>]*action="([^"]+)"', client.get("/requests").text) == ["/requests"]
    assert not any("anna" in str(e.entry) for e in desk.house.ledger.entries())


def test_who_may_not_start_a_request_has_no_search_and_no_form(desk: Desk) -> None:
    text = desk.as_("viewer").get("/requests").text
    assert "/requests/find" not in text
    assert "/requests/new" not in text
