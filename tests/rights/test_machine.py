"""No sequence of calls leads to a state that must not be."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest_rights import ANNA, ANNA_NUMBER, NOW, SUBJECT, Office
from privacy.errors import BadInput, Refused
from privacy.identity import Candidate, Decision, Question
from privacy.rights import Evidence, EvidenceKind, Ground, Necessity, State
from privacy.rights.payload import Delivery, Stub
from privacy.sources.base import Identifier, Subject

BERT = Identifier("shop.customer_id", 1002)
QUESTION = Question((Candidate(1, (ANNA_NUMBER,)), Candidate(2, (BERT,))), (ANNA,))
RUNS = st.sampled_from(["r1", "r2"])


class Requests(RuleBasedStateMachine):
    """One request, any steps in any order; what was recorded is the judge of what may be."""

    office: Office

    @initialize()
    def receive(self):
        self.office.clock.set(NOW)
        self.register = self.office.register
        self.number = self.office.receive()
        self.ended: State | None = None
        self.proven = self.sealed = self.answered = self.looked = False
        self.left = 0
        self.run: str | None = None
        self.most = 0

    def attempt(self, call) -> bool:
        try:
            call()
        except (Refused, BadInput):
            return False
        assert self.ended is None, "a step was done to a closed request"
        return True

    @rule(days=st.sampled_from([-2, -1, 1, 2, 20]))
    def time_passes_or_goes_back(self, days):
        self.office.clock.set(self.office.clock.now() + timedelta(days=days))

    @rule(run=RUNS)
    def begin(self, run):
        if self.attempt(lambda: self.register.begin(self.number, run)):
            self.run = run

    @rule(run=RUNS, subject=st.sampled_from([SUBJECT, Subject(1, (BERT,))]))
    def resolve(self, run, subject):
        before = self.register.resolution(self.number)
        if self.attempt(lambda: self.register.resolved(self.number, subject, run=run)):
            assert run == self.run
            assert before in (None, subject)

    @rule(run=RUNS)
    def ask(self, run):
        if self.attempt(lambda: self.register.undecided(self.number, QUESTION, run=run)):
            assert run == self.run
            assert not self.sealed
            # What was proven of whoever an answer named, is proven of nobody when it is asked again.
            self.proven, self.answered = self.proven and not self.answered, False

    @rule(person=st.sampled_from([ANNA_NUMBER, BERT, ANNA]))
    def decide(self, person):
        if self.attempt(lambda: self.register.decide(self.number, Decision((person,)), "desk")):
            assert person != ANNA
            assert not self.sealed
            self.run, self.answered, self.proven = None, True, False

    @rule(run=RUNS, records=st.integers(0, 3), outer=st.sampled_from("ab"), left=st.integers(0, 1))
    def seal(self, run, records, outer, left):
        before = self.register.bundle(self.number)
        if self.attempt(lambda: self.office.seal(self.number, run, outer * 64, left, shop_orders=records)):
            assert run == self.run
            assert records >= self.most
            self.sealed, self.most, self.left = True, records, left
            # Who looked, looked at the bundle that was there then.
            self.looked = self.looked and self.register.bundle(self.number) == before

    @rule()
    def review(self):
        if self.attempt(lambda: self.register.review(self.number, "desk")):
            assert self.sealed, "looked at nothing"
            self.looked = True

    @rule()
    def export(self):
        """The steps of a run that goes well, so that late states are met often."""
        self.begin("r1")
        self.resolve("r1", SUBJECT)
        self.seal("r1", 3, "a", 0)
        self.release()

    @rule(kind=st.sampled_from(EvidenceKind))
    def prove(self, kind):
        known = kind is EvidenceKind.KNOWN_ADDRESS
        evidence = Evidence(kind=kind, seen="" if known else "seen", address=str(ANNA.value) if known else None)
        if self.attempt(lambda: self.register.prove(self.number, evidence, "desk")):
            self.proven = True

    @rule()
    def release(self):
        if self.attempt(lambda: self.register.release(self.number, "desk")):
            assert self.proven, "released without proof"
            assert self.sealed, "released without a bundle"
            assert self.looked or not self.left, "released although nobody looked at what is left out"
            self.ended = State.RELEASED

    @rule(again=st.booleans())
    def deliver(self, again):
        wanted = Delivery(how="attachment", passphrase="p", passphrase_by="phone")
        before = self.register.open(self.number).delivery
        try:
            begun = self.register.delivering(self.number, wanted, "desk", again=again)
        except Refused:
            assert self.ended is not State.RELEASED or (before is not None and not again)
            return
        assert self.ended is State.RELEASED, "delivered before it was released"
        assert begun.no == (before.no + 1 if before else 1)
        self.register.delivered(self.number, begun, "desk")
        assert self.register.open(self.number).delivery.passphrase == ""

    @rule(kind=st.sampled_from(["receipt", "answer"]))
    def write(self, kind):
        """In every state, closed ones too."""
        stub = Stub(id=f"{kind}-1", kind=kind, at=NOW, digest="d", channel="post")
        assert self.register.wrote(self.number, stub, "desk") == stub
        assert len(self.register.open(self.number).letters) <= 2

    @rule(ground=st.sampled_from(Necessity))
    def extend(self, ground):
        before = self.register.get(self.number)
        if self.attempt(lambda: self.register.extend(self.number, ground, "desk", to=None)):
            assert before.dates.extended_at is None, "extended twice"
            assert self.office.clock.now().date() <= before.due, "extended after the first term"
            assert 56 <= (self.register.get(self.number).due - before.due).days <= 62

    @rule(sure=st.sampled_from([False, False, True]))
    def refuse(self, sure):
        # A request that is refused early teaches little about the later states.
        if sure and self.attempt(lambda: self.register.refuse(self.number, Ground.WITHDRAWN, "desk")):
            self.ended = State.REFUSED

    @rule()
    def open_the_bundle(self):
        if self.attempt_open():
            assert self.ended is State.RELEASED

    def attempt_open(self) -> bool:
        try:
            self.register.identity(self.number)
        except Refused:
            return False
        return True

    @invariant()
    def the_dates_and_the_content_say_what_was_done(self):
        request, payload = self.register.get(self.number), self.register.open(self.number)
        dates = request.dates
        assert not dates.contradiction()
        assert (dates.sealed_at is not None, dates.proven_at is not None) == (self.sealed, self.proven)
        assert (dates.reviewed_at is not None) == self.looked
        if self.ended is not None:
            assert request.state is self.ended
        # An open request that is not exported yet is always held, and a closed one never.
        held = self.number in self.office.holds.by_request
        assert held == (self.ended is None and not self.sealed)
        if payload.bundle is not None:
            assert payload.bundle.counts == {"shop.orders": self.most}


def test_no_sequence_of_calls_leads_to_a_state_that_must_not_be(office):
    class OfOneOffice(Requests):
        """Requests in a database that is made once."""

    OfOneOffice.office = office
    effort = settings(max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(OfOneOffice, settings=effort)
