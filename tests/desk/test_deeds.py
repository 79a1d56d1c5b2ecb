"""The buttons of a request's page are what its state allows, one of them first; what is not offered, is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from conftest_desk import HERE, NOW, Desk, token_of
from privacy.desk.doing import HERE as BY_FORM
from privacy.desk.doing import Asked, do
from privacy.errors import PrivacyError
from privacy.identity import Candidate, Question
from privacy.rights import Evidence, EvidenceKind, Ground, Right
from privacy.rights.by_hand import settle
from privacy.rights.deeds import Deed, allowed, following
from privacy.rights.house import House
from privacy.rights.payload import Act
from privacy.sources.base import Identifier, Subject

ANNA, BEN = Identifier("email", "anna@a.example"), Identifier("shop.customer_id", 4711)
SEEN = Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport, at the counter")
WHO = Subject(1, (ANNA,))
QUESTION = Question((Candidate(1, (ANNA,)), Candidate(2, (BEN,))), ())

ALWAYS = {Deed.EXTEND, Deed.REFUSE, Deed.LETTER, Deed.PROVE}
COPY = ALWAYS | {Deed.START, Deed.ASK}
STOPPED = {Deed.LIFT, Deed.CONFIRM}

Way = Callable[[House, str], None]


def begun(house: House, number: str) -> None:
    house.register.begin(number, "r1")


def resolved(house: House, number: str) -> None:
    begun(house, number)
    house.register.resolved(number, WHO, run="r1")


def undecided(house: House, number: str) -> None:
    begun(house, number)
    house.register.undecided(number, QUESTION, run="r1")


def sealed(house: House, number: str, left_out: dict[str, int] | None = None) -> None:
    resolved(house, number)
    house.register.sealed(
        number, run="r1", path=f"{number}.age", inner_sha256="1" * 64, outer_sha256="2" * 64,
        counts={"shop.customers": 1}, left_out=left_out,
    )  # fmt: skip


def sealed_with_gaps(house: House, number: str) -> None:
    sealed(house, number, {"redacted": 2})


def proven(house: House, number: str) -> None:
    house.register.prove(number, SEEN, "desk")


def acted(house: House, number: str) -> None:
    proven(house, number)
    house.register.acted(number, Act(author="desk", at=house.clock.now(), counts={"deleted": 1}))


def partly(house: House, number: str) -> None:
    proven(house, number)
    house.register.acted(number, Act(author="desk", at=house.clock.now(), counts={"deleted": 1}), partly=True)


def refused(house: House, number: str) -> None:
    house.register.refuse(number, Ground.WITHDRAWN, "desk")


def after(*ways: Way) -> Way:
    def all_of_them(house: House, number: str) -> None:
        for way in ways:
            way(house, number)

    return all_of_them


def nothing(house: House, number: str) -> None:
    pass


CASES: dict[str, tuple[Right, Way, set[Deed], Deed | None]] = {
    "a copy": (Right.ACCESS, nothing, COPY, Deed.START),
    "a copy that is on its way": (Right.ACCESS, begun, COPY, Deed.PROVE),
    "a copy that several fit": (Right.ACCESS, undecided, COPY - {Deed.PROVE} | {Deed.DECIDE}, Deed.DECIDE),
    "a copy that is sealed": (Right.PORTABILITY, sealed, COPY, Deed.PROVE),
    "a copy to look at": (
        Right.ACCESS, after(sealed_with_gaps, proven), COPY | {Deed.REVIEW}, Deed.REVIEW,
    ),
    "a copy to release": (Right.ACCESS, after(sealed, proven), COPY | {Deed.RELEASE}, Deed.RELEASE),
    "a copy that is released": (
        Right.ACCESS, after(sealed, proven, lambda h, n: h.register.release(n, "desk") and None), {Deed.DELIVER},
        Deed.DELIVER,
    ),
    "a copy that is refused": (Right.ACCESS, refused, {Deed.LETTER}, Deed.LETTER),
    "an erasure": (Right.ERASURE, nothing, ALWAYS | {Deed.START}, Deed.PROVE),
    "an erasure that is proven": (Right.ERASURE, proven, ALWAYS | {Deed.START}, Deed.START),
    "an erasure that several fit": (
        Right.ERASURE, undecided, ALWAYS - {Deed.PROVE} | {Deed.START, Deed.DECIDE}, Deed.DECIDE,
    ),
    "an erasure that waits": (
        Right.ERASURE, partly, {Deed.START, Deed.TELL, Deed.LETTER, Deed.PROVE, Deed.EXTEND}, Deed.TELL,
    ),
    "an erasure that is done": (
        Right.ERASURE, acted, {Deed.START, Deed.TELL, Deed.LETTER, Deed.PROVE, Deed.EXTEND}, Deed.TELL,
    ),
    "a rectification": (Right.RECTIFICATION, nothing, ALWAYS | {Deed.START, Deed.CORRECT}, Deed.CORRECT),
    "a restriction": (Right.RESTRICTION, nothing, ALWAYS | {Deed.START}, Deed.START),
    "a restriction that stands": (
        Right.RESTRICTION, acted, STOPPED | {Deed.START, Deed.PROVE, Deed.LETTER, Deed.EXTEND}, Deed.CONFIRM,
    ),
    "an objection": (Right.OBJECTION, nothing, ALWAYS | {Deed.START, Deed.UPHOLD, Deed.REJECT, Deed.CONFIRM}, Deed.START),
    "an objection to weigh": (
        Right.OBJECTION, resolved, ALWAYS | {Deed.START, Deed.UPHOLD, Deed.REJECT, Deed.CONFIRM}, Deed.UPHOLD,
    ),
    "an objection that is rejected": (
        Right.OBJECTION,
        lambda h, n: h.register.refuse(n, Ground.COMPELLING, "desk", because="a claim") and None,
        {Deed.REJECT}, Deed.REJECT,
    ),
    "a complaint": (Right.COMPLAINT, nothing, ALWAYS | {Deed.SETTLE}, Deed.SETTLE),
    "a complaint that is answered": (Right.COMPLAINT, lambda h, n: settle(h, n, "desk") and None, set(), None),
}  # fmt: skip

TYPED = {
    "kind": "document", "seen": "a passport", "person": "1", "to": "x", "fact": "phone", "ground": "withdrawn",
    "because": "so", "word": "go on", "channel": "email", "letter": "receipt", "by_post": "1",
}  # fmt: skip
GATED = (
    Deed.DECIDE, Deed.CORRECT, Deed.PROVE, Deed.RELEASE, Deed.UPHOLD, Deed.REJECT, Deed.SETTLE, Deed.LIFT,
    Deed.UNLIFT, Deed.TELL, Deed.EXTEND, Deed.REFUSE,
)  # fmt: skip
"""What the library itself refuses where it is not offered; the others are safe to repeat."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One installation for all cases: each has a request of its own."""
    return Desk(tmp_path_factory.mktemp("desk"))


def made(desk: Desk, case: str) -> str:
    right, way, _, _ = CASES[case]
    number = desk.house.register.receive(right, [ANNA], author="desk", received_at=NOW - timedelta(days=3)).number
    way(desk.house, number)
    return number


@pytest.mark.parametrize("case", CASES)
def test_the_page_has_the_buttons_that_the_state_allows_and_one_of_them_first(shared: Desk, case: str) -> None:
    desk = shared
    _, _, expected, first = CASES[case]
    number = made(desk, case)
    found, payload = desk.house.register.get(number), desk.house.register.open(number)
    there = allowed(desk.house, found, payload)
    assert set(there) == expected
    assert following(found, payload, there) is first
    text = desk.as_("operator").get(f"/requests/{number}").text
    forms = re.findall(rf'action="/requests/{number}/(?:do/)?(\w+)"', text)
    assert sorted(forms) == sorted(deed.value for deed in expected if deed is not Deed.DELIVER)
    main = re.findall(rf'action="/requests/{number}/(?:do/)?(\w+)"[^§]*?<button class="main"', text)
    assert text.count('class="main"') + text.count("button main") == (0 if first is None else 1)
    assert main[:1] == forms[:1] if first not in (None, Deed.DELIVER) else main == []
    if forms and first is not Deed.DELIVER:
        assert forms[0] == first
    # A viewer sees the state, and nothing to press.
    assert "<form" not in desk.as_("viewer").get(f"/requests/{number}").text


QUICK = ("a copy that several fit", "an erasure that is done", "an objection that is rejected", "a complaint")
SLOW = pytest.mark.check("each case tries all deeds: half a second")


@pytest.mark.parametrize("case", [one if one in QUICK else pytest.param(one, marks=SLOW) for one in CASES])
def test_what_is_not_offered_is_refused_and_changes_nothing(shared: Desk, case: str) -> None:
    desk = shared
    number = made(desk, case)
    before = desk.house.register.open(number)
    for deed in GATED:
        if deed not in CASES[case][2]:
            with pytest.raises(PrivacyError):
                do(Asked(desk.house, number, TYPED, "desk"), deed)
    assert desk.house.register.open(number) == before


def test_every_deed_of_a_form_is_done_by_the_library_and_nothing_else_is_taken(desk: Desk) -> None:
    assert {*BY_FORM, Deed.START, Deed.DELIVER} == set(Deed)
    number = made(desk, "a copy")
    client = desk.as_("operator")
    token = token_of(client.get(f"/requests/{number}").text)
    for deed in ("start", "deliver", "anything"):
        answer = client.post(f"/requests/{number}/do/{deed}", data={"token": token}, headers={"Origin": HERE})
        assert answer.status_code == 404


def test_who_was_forgotten_has_a_page_without_buttons(desk: Desk) -> None:
    number = made(desk, "a copy that is refused")
    desk.house.register.forget(number)
    text = desk.as_("operator").get(f"/requests/{number}").text
    assert "whom it was about was forgotten" in text
    assert "<form" not in text
