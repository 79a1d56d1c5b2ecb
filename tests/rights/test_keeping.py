"""The hold of an open request: it is there as long as the request is open, and no longer."""

from __future__ import annotations

import logging

import pytest

from conftest_rights import ANNA, ANNA_NUMBER, SUBJECT
from privacy.errors import AmbiguousIdentity, AskPerson, BadConfiguration, PrivacyError, RetryLater
from privacy.holds import HoldKind
from privacy.identity import Candidate, Decision, Question
from privacy.rights import Ground, State
from privacy.rights.keeping import Keeping
from privacy.sources.base import Identifier, Subject

BERT = Identifier("shop.customer_id", 1002)
QUESTION = Question((Candidate(1, (ANNA_NUMBER,)), Candidate(2, (BERT,))), (ANNA,))
MORE = {ANNA_NUMBER: Identifier("device_id", "anna's"), BERT: Identifier("device_id", "bert's")}


class Killed(BaseException):
    """The process ends here."""


def held(holds):
    return {i.value for hold in holds.active() for subject in hold.what for i in subject.identifiers}


def shared_by_two(_named, _at, decision):
    """Two people use the address; an answer says whose it is, and then more is known of that person."""
    if decision is None:
        problem = AmbiguousIdentity("identity.ambiguous", "two people")
        problem.question = QUESTION
        raise problem
    return Subject(1, (*decision.person, MORE[decision.person[0]]))


def test_from_its_arrival_everything_is_held_of_whom_a_request_is(office):
    """Edge case 29: rows that are kept by a customer number, of one who wrote from their address."""
    holds = office.real_holds(lambda *_: SUBJECT)
    number = office.receive()
    assert held(holds) == {ANNA.value, ANNA_NUMBER.value}
    assert office.register.resolution(number) is None, "whose it is, is for its export to find out"
    assert holds.kept() == {number}


def test_everything_is_held_of_everybody_whom_a_request_may_be_about(office):
    """Edge cases 19 and 29: an operator has to decide, and a purge does not wait for that."""
    holds = office.real_holds(shared_by_two)
    number = office.receive()
    everybody = {ANNA.value, ANNA_NUMBER.value, BERT.value, "anna's", "bert's"}
    assert held(holds) == everybody
    assert office.register.get(number).state is State.RECEIVED
    office.register.begin(number, "r1")
    assert held(holds) == everybody
    office.register.undecided(number, QUESTION, run="r1")
    assert held(holds) == everybody
    office.register.decide(number, Decision((BERT,)), "desk")
    assert held(holds) == {ANNA.value, BERT.value, "bert's"}
    office.register.begin(number, "r2")
    assert held(holds) == {ANNA.value, BERT.value, "bert's"}
    assert len(holds.active()) == 1


@pytest.mark.parametrize("problem", [BadConfiguration("database.absent", "no table"), KeyError("anna@a.example")])
def test_a_shop_that_cannot_be_asked_keeps_no_request_from_being_registered_and_held(office, caplog, problem):
    """Edge case 29."""

    def broken(*_):
        raise problem

    holds = office.real_holds(broken)
    with caplog.at_level(logging.WARNING):
        number = office.receive()
    assert held(holds) == {ANNA.value}
    assert number in caplog.text
    assert "anna" not in caplog.text
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    assert held(holds) == {ANNA.value, ANNA_NUMBER.value, BERT.value}


def test_a_request_of_which_not_everything_could_be_held_says_so(office, monkeypatch):
    holds = office.real_holds(lambda *_: SUBJECT)
    place = Keeping.place_request

    def once(self, number, subjects, **more):
        if len(subjects) > 1:
            raise RetryLater("database.busy", "busy")
        place(self, number, subjects, **more)

    monkeypatch.setattr(Keeping, "place_request", once)
    with pytest.raises(AskPerson, match="not all of its records"):
        office.receive()
    assert held(holds) == {ANNA.value}


@pytest.mark.parametrize("close", ["refuse", "seal"])
def test_a_request_is_closed_together_with_its_hold_or_not_at_all(office, monkeypatch, close):
    """Edge case 13: killed between the two, the hold stayed for ever."""
    holds = office.real_holds()
    number = office.receive()
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")

    def closing():
        return office.register.refuse(number, Ground.WITHDRAWN, "desk") if close == "refuse" else office.seal(number)

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Keeping, "release_request", die)
        with pytest.raises(Killed):
            closing()
    assert office.register.get(number).state is State.RECEIVED
    assert held(holds)
    assert closing().state in (State.REFUSED, State.SEALED)
    assert holds.active() == ()


@pytest.mark.parametrize("step", ["begin", "resolved", "undecided"])
def test_a_request_that_is_closed_while_its_hold_is_placed_leaves_none_behind(office, monkeypatch, step):
    """Edge case 13: two at once."""
    holds = office.real_holds()
    number = office.receive()
    office.register.begin(number, "r1")
    holds.release(request=number, author="desk")
    place = Keeping.place_request

    def late(self, *args, **more):
        office.register.refuse(number, Ground.WITHDRAWN, "somebody else")
        place(self, *args, **more)

    monkeypatch.setattr(Keeping, "place_request", late)
    if step == "begin":
        office.register.begin(number, "r1")
    elif step == "resolved":
        office.register.resolved(number, SUBJECT, run="r1")
    else:
        office.register.undecided(number, QUESTION, run="r1")
    assert office.register.get(number).state is State.REFUSED
    assert holds.active() == ()


def test_a_legal_hold_under_a_request_s_number_is_neither_changed_nor_ended_by_that_request(office):
    """Edge case 15."""
    holds = office.real_holds()
    number = office.receive()
    other = Subject(1, (Identifier("shop.customer_id", 9),))
    id = holds.place(HoldKind.SUSPENSION, other, ["shop.orders"], ground="court", author="lawyer", request=number)
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")
    assert [(h.kind, h.what) for h in holds.active()] == [
        (HoldKind.SUSPENSION, (other,)), (HoldKind.REQUEST, (SUBJECT,)),
    ]  # fmt: skip
    office.seal(number)
    assert [h.id for h in holds.active()] == [id]


def test_the_export_of_a_request_places_its_hold_where_only_a_legal_one_is_left(office):
    holds = office.real_holds()
    number = office.receive()
    holds.release(request=number, author="desk")
    holds.place(HoldKind.SUSPENSION, SUBJECT, ["shop.orders"], ground="court", author="lawyer", request=number)
    assert office.register.not_held(office.register.list()) == {number}
    office.register.begin(number, "r1")
    assert holds.kept() == {number}


def test_a_hold_that_is_wide_enough_already_waits_for_no_batch(office, monkeypatch):
    holds = office.real_holds()
    number = office.receive()
    office.register.begin(number, "r1")
    office.register.resolved(number, SUBJECT, run="r1")

    def no_lock(*_):
        raise PrivacyError("x", "the gate was asked for")

    monkeypatch.setattr("privacy.holds.Holds._alone", no_lock)
    office.register.begin(number, "r2")
    office.register.resolved(number, SUBJECT, run="r2")
    assert held(holds) == {ANNA.value, ANNA_NUMBER.value}


def test_what_was_held_is_not_let_go_when_the_shop_cannot_be_asked(office):
    """Edge case 29: the decision comes while the database is down; the device and its log lines stay held."""
    down = []

    def resolver(*_):
        if down:
            raise OSError
        return SUBJECT

    holds = office.real_holds(resolver)
    number = office.receive()
    office.register.begin(number, "r1")
    office.register.undecided(number, QUESTION, run="r1")
    before = held(holds)
    assert {i.value for i in SUBJECT.identifiers} <= before
    down.append(1)
    office.register.decide(number, Decision((BERT,)), "desk")
    assert before | {BERT.value} <= held(holds)


def test_a_hold_that_was_placed_by_half_is_whole_after_the_next_start(office, monkeypatch):
    """Edge case 13: killed between what was named and what the shop knows."""
    holds = office.real_holds(lambda *_: SUBJECT)
    place = Keeping.place_request

    def once(self, number, subjects, **more):
        if len(subjects) > 1:
            raise RetryLater("database.busy", "busy")
        place(self, number, subjects, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Keeping, "place_request", once)
        with pytest.raises(AskPerson) as caught:
            office.receive()
    assert held(holds) == {ANNA.value}
    office.register.hold(caught.value.where, author="desk")
    assert {i.value for i in SUBJECT.identifiers} <= held(holds)
