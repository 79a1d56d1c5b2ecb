"""What asks for no copy: no sequence of calls leads to a state that must not be, of any right."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest_rights import ANNA, ANNA_NUMBER, NOW, SUBJECT, Office
from privacy.errors import BadInput, Refused
from privacy.identity import Candidate, Decision, Question
from privacy.rights import Act, Evidence, EvidenceKind, Ground, Right, State
from privacy.sources.base import Identifier

BERT = Identifier("shop.customer_id", 1002)
QUESTION = Question((Candidate(1, (ANNA_NUMBER,)), Candidate(2, (BERT,))), (ANNA,))
RUNS = st.sampled_from(["r1", "r2"])
ON_PROOF = (Right.ERASURE, Right.RECTIFICATION)


class Acts(RuleBasedStateMachine):
    """One request, any steps in any order; what was recorded is the judge of what may be."""

    office: Office

    @initialize(right=st.sampled_from([right for right in Right if not right.copies]))
    def receive(self, right):
        self.office.clock.set(NOW)
        self.register, self.right = self.office.register, right
        self.number = self.register.receive(right, (ANNA,), author="desk").number
        self.ended: State | None = None
        self.proven = self.asked = self.partly = self.acted = self.by_answer = False
        self.run: str | None = None

    def begun(self) -> bool:
        return self.partly or self.acted

    def attempt(self, call) -> bool:
        try:
            call()
        except (Refused, BadInput):
            return False
        assert self.ended is None, "a step was done to a closed request"
        return True

    @rule(days=st.sampled_from([-2, -1, 1, 20]))
    def time_passes_or_goes_back(self, days):
        self.office.clock.set(self.office.clock.now() + timedelta(days=days))

    @rule(run=RUNS)
    def begin(self, run):
        if self.attempt(lambda: self.register.begin(self.number, run)):
            self.run = run

    @rule(run=RUNS)
    def resolve(self, run):
        if self.attempt(lambda: self.register.resolved(self.number, SUBJECT, run=run)):
            assert run == self.run
            self.asked = False

    @rule(run=RUNS)
    def ask(self, run):
        if self.attempt(lambda: self.register.undecided(self.number, QUESTION, run=run)):
            assert not self.begun(), "asked whose it is after something was done"
            self.proven, self.by_answer, self.asked = self.proven and not self.by_answer, False, True

    @rule()
    def decide(self):
        if self.attempt(lambda: self.register.decide(self.number, Decision((ANNA_NUMBER,)), "desk")):
            assert not self.begun()
            self.run, self.by_answer, self.proven, self.asked = None, True, False, False

    @rule(kind=st.sampled_from(EvidenceKind))
    def prove(self, kind):
        known = kind is EvidenceKind.KNOWN_ADDRESS
        evidence = Evidence(kind=kind, seen="" if known else "seen", address=str(ANNA.value) if known else None)
        if self.attempt(lambda: self.register.prove(self.number, evidence, "desk")):
            self.proven = True

    @rule(run=st.none() | RUNS, partly=st.booleans(), count=st.integers(0, 3))
    def act(self, run, partly, count):
        act = Act(author="desk", at=self.office.clock.now(), digest="d" * 64, counts={"deleted": count})
        if self.attempt(lambda: self.register.acted(self.number, act, partly=partly, run=run)):
            assert run in (None, self.run), "a run that was overtaken was believed"
            assert self.proven or self.right not in ON_PROOF, "records were changed for whoever asked"
            assert not self.asked, "it was not decided whose it is"
            assert not (partly and self.acted)
            self.partly, self.acted = self.partly or partly, self.acted or not partly

    @rule()
    def answer(self):
        if self.attempt(lambda: self.register.answered(self.number, "desk")):
            assert self.acted, "told to be done before it was"
            self.ended = State.ANSWERED

    @rule(sure=st.sampled_from([False, False, True]))
    def refuse(self, sure):
        if sure and self.attempt(lambda: self.register.refuse(self.number, Ground.WITHDRAWN, "desk")):
            assert not self.begun(), "refused what was done"
            self.ended = State.REFUSED

    @rule(run=RUNS)
    def make_a_copy_of_it(self, run):
        assert not self.attempt(lambda: self.office.seal(self.number, run))
        assert not self.attempt(lambda: self.register.release(self.number, "desk"))

    @invariant()
    def the_dates_and_the_content_say_what_was_done(self):
        request, payload = self.register.get(self.number), self.register.open(self.number)
        dates = request.dates
        assert not dates.contradiction()
        assert (dates.partly_at is not None, dates.acted_at is not None) == (self.partly, self.acted)
        assert (payload.partly is not None, payload.act is not None) == (self.partly, self.acted)
        if self.ended is not None:
            assert request.state is self.ended
        elif self.acted or self.partly:
            assert request.state is (State.ACTED if self.acted else State.PARTLY_DONE)


def test_no_sequence_of_calls_leads_to_a_state_that_must_not_be(office):
    class OfOneOffice(Acts):
        """Requests in a database that is made once."""

    OfOneOffice.office = office
    effort = settings(max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(OfOneOffice, settings=effort)
