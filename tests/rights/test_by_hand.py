"""What a person does that no pipeline does: a complaint that was looked into; the language that somebody wrote in."""

from __future__ import annotations

import pytest

from conftest_desk import Desk
from privacy.errors import BadInput, Refused
from privacy.identity import Candidate, Question
from privacy.rights import Right, State
from privacy.rights.by_hand import choose, send, settle
from privacy.rights.letter_kinds import Kind
from privacy.sources.base import Identifier

ANNA, BEN = Identifier("email", "anna@a.example"), Identifier("email", "ben@b.example")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def test_a_complaint_is_closed_when_whoever_complained_has_the_answer(desk: Desk) -> None:
    number = desk.house.register.receive(Right.COMPLAINT, [ANNA], author="desk").number
    assert settle(desk.house, number, "desk").state is State.ANSWERED
    assert [e.entry["kind"] for e in desk.house.ledger.entries(request=number)][-2:] == [
        "request.acted", "request.answered",
    ]  # fmt: skip
    with pytest.raises(Refused, match=r"request\.answered"):
        settle(desk.house, number, "desk")


@pytest.mark.parametrize("right", [right for right in Right if right is not Right.COMPLAINT])
def test_nothing_else_is_closed_by_a_word(desk: Desk, right: Right) -> None:
    number = desk.house.register.receive(right, [ANNA], author="desk").number
    with pytest.raises(Refused, match=r"request\.has_pipeline"):
        settle(desk.house, number, "desk")
    assert desk.house.register.get(number).dates.closed_at is None


def test_a_letter_is_in_the_language_of_the_request_whatever_the_shop_knows(desk: Desk) -> None:
    for language, word in (("en", "your request"), ("nl", "uw verzoek"), (None, "uw verzoek")):
        number = desk.house.register.receive(Right.ACCESS, [ANNA], author="desk", language=language).number
        sent = send(desk.house, number, Kind.RECEIPT, "desk")
        assert sent.content is not None
        assert word in sent.content.text
        assert word in desk.house.letters.preview(number, Kind.RECEIPT).text
    with pytest.raises(BadInput, match=r"request\.content"):
        desk.house.register.receive(Right.ACCESS, [ANNA], author="desk", language="fr")


def test_what_a_run_has_to_tell_is_no_letter_by_hand(desk: Desk) -> None:
    number = desk.house.register.receive(Right.ERASURE, [ANNA], author="desk").number
    for kind in (Kind.ERASURE, Kind.REFUSAL):
        with pytest.raises(Refused, match=r"letters\.not_by_hand"):
            send(desk.house, number, kind, "desk")


def test_only_a_candidate_of_the_question_is_chosen(desk: Desk) -> None:
    register = desk.house.register
    number = register.receive(Right.ACCESS, [ANNA], author="desk").number
    with pytest.raises(Refused, match=r"request\.no_question"):
        choose(desk.house, number, 1, "shared", "desk")
    register.begin(number, "r1")
    register.undecided(number, Question((Candidate(1, (ANNA,)), Candidate(2, (BEN,))), ()), run="r1")
    with pytest.raises(BadInput, match=r"request\.no_candidate"):
        choose(desk.house, number, 3, "shared", "desk")
    choose(desk.house, number, 2, "shared", "desk")
    decision = register.decision(number)
    assert decision is not None
    assert decision.person == (BEN,)
