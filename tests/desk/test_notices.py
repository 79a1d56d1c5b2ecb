"""What processors have said of what they were told (art. 19), recorded on the desk."""

from __future__ import annotations

from conftest_desk import HERE, Desk, token_of
from privacy.rights import Right
from privacy.rights.notice_rows import State
from privacy.rights.notices import Notices
from privacy.sources.base import Identifier, Subject

ANNA = Subject(1, (Identifier("email", "anna@a.example"), Identifier("shop.customer_id", 4711)))


def told(desk: Desk) -> str:
    number = desk.house.register.receive(Right.ERASURE, ANNA.identifiers, author="desk").number
    datasets = ("shop.customers", "shop.addresses")
    assert len(Notices(desk.house).tell(number, "erasure", datasets, subject=ANNA, author="operator")) > 1
    return number


def test_an_operator_records_that_a_processor_has_done_it_or_will_not(desk: Desk) -> None:
    number = told(desk)
    first, second, *_ = Notices(desk.house).of(number)
    client = desk.as_("operator")
    page = client.get(f"/requests/{number}").text
    assert page.count("That it is done") == len(Notices(desk.house).of(number))
    for notice, word, state in ((first, "confirm", State.CONFIRMED), (second, "refuse", State.REFUSED)):
        path = f"/requests/{number}/notices/{notice.id}/{word}"
        answer = client.post(path, data={"token": token_of(page)}, headers={"Origin": HERE})
        assert answer.status_code == 303
        assert f"{notice.processor}: {state.value}" in client.get(answer.headers["location"]).text
        assert Notices(desk.house).get(notice.id).state is state
    kinds = {e.entry["kind"]: e.entry["actor"] for e in desk.house.ledger.entries(request=number)}
    assert kinds["notice.confirmed"] == kinds["notice.refused"] == "operator at shop.example"


def test_a_notice_of_another_request_and_another_word_are_none_of_this_one(desk: Desk) -> None:
    number, other = told(desk), desk.house.register.receive(Right.ERASURE, ANNA.identifiers[:1], author="desk").number
    notice, client = Notices(desk.house).of(number)[0], desk.as_("operator")
    token = token_of(client.get(f"/requests/{number}").text)
    for path in (f"/requests/{other}/notices/{notice.id}/confirm", f"/requests/{number}/notices/{notice.id}/forget"):
        assert client.post(path, data={"token": token}, headers={"Origin": HERE}).status_code == 404
    assert Notices(desk.house).get(notice.id).state is State.TO_SEND


def test_a_viewer_sees_who_was_told_and_records_nothing(desk: Desk) -> None:
    page = desk.as_("viewer").get(f"/requests/{told(desk)}").text
    assert "Processors who were told" in page
    assert "That it is done" not in page
