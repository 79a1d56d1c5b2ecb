"""What was proven counts for whom it was proven of."""

from __future__ import annotations

import pytest

from conftest_rights import LONG_AGO
from privacy.errors import BadInput, Refused, RetryLater
from privacy.identity import Candidate, Decision, Question
from privacy.rights import Evidence, EvidenceKind, Ground, Right, State
from privacy.sources.base import Identifier, Subject

SHARED = Identifier("email", "home@h.example")
ANNA = (Identifier("shop.customer_id", 1), Identifier("email", "anna@a.example"))
BERT = (Identifier("shop.customer_id", 2), Identifier("email", "bert@b.example"))
QUESTION = Question((Candidate(1, ANNA), Candidate(2, BERT)), (SHARED,))
BY_ADDRESS = Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address="anna@a.example")
PASSPORT = Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport")


@pytest.fixture
def number(office):
    """A request that was decided to be Anna's."""
    number = office.receive(SHARED)
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    office.register.decide(number, Decision(ANNA), "desk")
    office.register.begin(number, "r2")
    office.register.resolved(number, Subject(1, ANNA), run="r2")
    return number


def sealed_for_bert(office, number):
    office.register.begin(number, "r3")
    office.register.resolved(number, Subject(1, BERT), run="r3")
    office.seal(number, "r3")


@pytest.mark.parametrize("evidence", [BY_ADDRESS, PASSPORT], ids=["address", "document"])
def test_what_was_proven_of_one_person_releases_nothing_of_another(office, number, evidence):
    """Edge case 22: the answer to whose it is was corrected after the proof."""
    assert office.register.prove(number, evidence, "desk").dates.proven_at
    office.register.decide(number, Decision(BERT), "desk")
    sealed_for_bert(office, number)
    assert office.register.get(number).state is State.SEALED
    assert office.register.open(number).proofs == ()
    with pytest.raises(Refused, match="not proven"):
        office.register.release(number, "desk")
    assert "request.unproven" in office.kinds(number)
    office.register.prove(number, PASSPORT, "desk")
    assert office.register.release(number, "desk").run == "r3"


def test_what_was_proven_counts_for_nobody_when_the_question_is_asked_again(office):
    """Edge case 22: proven after the first answer; the shop's records give rise to another question before the export."""
    number = office.receive(SHARED)
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    office.register.decide(number, Decision(ANNA), "desk")
    office.register.prove(number, PASSPORT, "desk")
    office.register.begin(number, "r2")
    office.register.undecided(number, QUESTION, run="r2")
    office.register.decide(number, Decision(BERT), "desk")
    sealed_for_bert(office, number)
    with pytest.raises(Refused, match="not proven"):
        office.register.release(number, "desk")


def test_a_document_that_was_seen_before_it_was_decided_whose_it_is_proves_nobody(office):
    """Nobody said whose passport it was: of the two who share the address, the other may have shown it."""
    number = office.receive(SHARED)
    office.register.prove(number, PASSPORT, "desk")
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    with pytest.raises(Refused, match="not decided yet"):
        office.register.prove(number, PASSPORT, "desk")
    office.register.decide(number, Decision(BERT), "desk")
    sealed_for_bert(office, number)
    with pytest.raises(Refused, match="not proven"):
        office.register.release(number, "desk")
    office.register.prove(number, PASSPORT, "desk")
    office.register.release(number, "desk")


def test_an_answer_that_comes_while_an_address_is_looked_up_makes_it_no_proof(office, number):
    """Edge case 13: two at once."""

    def meanwhile(*_):
        office.register.decide(number, Decision(BERT), "somebody else")
        return [(LONG_AGO, None)]

    office.register._addresses = meanwhile
    with pytest.raises(RetryLater, match="same moment"):
        office.register.prove(number, BY_ADDRESS, "desk")
    assert office.register.open(number).proofs == ()


def test_an_answer_says_which_addresses_it_is_about_and_keeps_that(office, number):
    """Edge case 19: it is an answer about these, and about no other that the person shares."""
    office.register.decide(number, Decision(ANNA, "theirs", about=(Identifier("email", "else@x.example"),)), "desk")
    assert office.register.decision(number) == Decision(ANNA, "theirs", about=(SHARED,))


LONG = "Anna de Vries, anna@a.example " * 100


@pytest.mark.parametrize(
    "step",
    [
        lambda r, n: r.refuse(n, Ground.OTHERS, "desk", because=LONG),
        lambda r, n: r.prove(n, Evidence.of(kind="document", seen=LONG), "desk"),
        lambda r, _: r.receive(Right.ACCESS, [SHARED], author="desk", name=["Anna"]),
        lambda r, _: r.receive(Right.ACCESS, [SHARED], author="desk", name="Anna", channel=None),
        lambda r, _: r.receive(Right.ACCESS, [Identifier("email", "Anna\udcff@a.example")], author="desk"),
        lambda r, _: r.receive(Right.ACCESS, [Identifier("shop.customer_id", 2**70)], author="desk", name="Anna"),
    ],
)
def test_a_text_that_cannot_be_recorded_is_refused_without_quoting_it(office, number, step):
    """Edge case 34, for what a person typed."""
    before = len(office.ledger.entries())
    with pytest.raises(BadInput) as refusal:
        step(office.register, number)
    assert refusal.value.code == "request.content"
    shown = str(refusal.value) + repr(refusal.value) + repr(refusal.value.__cause__)
    assert not refusal.value.__context__ or refusal.value.__suppress_context__
    assert "Anna" not in shown
    assert len(office.register.list()) == 1
    assert len(office.ledger.entries()) == before
