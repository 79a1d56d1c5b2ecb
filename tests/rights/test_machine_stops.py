"""Whatever is done to a request that stops something, hold and stop are what its dates say, in every order of steps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest_stops import ADA, DOCUMENT, NOW, Shop, shop
from privacy.errors import BadInput, Refused
from privacy.rights import Act, Ground, Right, State
from privacy.rights.restricting import announce, lift_due
from privacy.rights.stopping import HOLDS

__all__ = ["shop"]

RIGHTS = (Right.RESTRICTION, Right.OBJECTION, Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL, Right.ERASURE)


class Stopped(RuleBasedStateMachine):
    """One request, any steps in any order; the machine keeps its own account of what has to be in force."""

    shop: Shop

    @initialize(right=st.sampled_from(RIGHTS))
    def receive(self, right: Right) -> None:
        self.shop.clock.set(NOW)
        self.register, self.right = self.shop.house.register, right
        self.number = self.shop.request(right, ADA)
        self.proven = self.refused = self.acted = self.answered = self.lifted = False
        self.day: date | None = None

    def attempt(self, call: Any) -> bool:
        try:
            call()
        except (Refused, BadInput):
            return False
        return True

    @rule(days=st.sampled_from([1, 6, 8, 40]))
    def time_passes(self, days: int) -> None:
        self.shop.later(days=days)

    @rule(run=st.sampled_from(["r1", "r2"]))
    def begin(self, run: str) -> None:
        self.attempt(lambda: self.register.begin(self.number, run))

    @rule()
    def prove(self) -> None:
        self.proven = self.attempt(lambda: self.register.prove(self.number, DOCUMENT, "desk")) or self.proven

    @rule(sure=st.sampled_from([False, False, True]), ground=st.sampled_from(Ground))
    def refuse(self, sure: bool, ground: Ground) -> None:
        if sure and self.attempt(lambda: self.register.refuse(self.number, ground, "desk")):
            assert not self.acted
            assert self.right in (Right.OBJECTION, Right.ERASURE) or ground in (Ground.IDENTITY, Ground.WITHDRAWN)
            self.refused = True

    @rule()
    def act(self) -> None:
        act = Act(author="desk", at=NOW, counts={"retained": 1})
        self.acted = self.attempt(lambda: self.register.acted(self.number, act)) or self.acted

    @rule()
    def answer(self) -> None:
        self.answered = self.attempt(lambda: self.register.answered(self.number, "desk")) or self.answered

    @rule()
    def say_that_it_may_go_on(self) -> None:
        if self.attempt(
            lambda: announce(
                self.shop.house, self.number, "ja", "desk", channel="post", evidence=DOCUMENT, by_post=True
            )
        ):
            assert self.acted
            if self.right is Right.RESTRICTION:
                self.day = (self.shop.clock.now() + timedelta(days=7)).date()
            else:
                self.lifted = True

    @rule()
    def change_their_mind(self) -> None:
        if self.attempt(lambda: self.register.keep_stop(self.number, "desk")):
            self.day = None

    @rule()
    def look_for_what_is_to_be_lifted(self) -> None:
        if self.number in lift_due(self.shop.house, author="start_requests"):
            assert self.day is not None, "lifted without their word"
            assert self.shop.clock.now().date() >= self.day, "lifted before the day that they were told"
            self.lifted = True

    @invariant()
    def hold_and_stop_are_what_has_to_be_in_force(self) -> None:
        over = self.refused or self.lifted
        held = not over and (self.right is Right.RESTRICTION or (self.right is Right.OBJECTION and not self.acted))
        kind = HOLDS.get(self.right)
        assert (kind is not None and self.number in self.shop.house.holds.kept(kind)) == held
        stopped = not over and (self.right is not Right.ERASURE or self.proven)
        purpose = "newsletter" if self.right in (Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL) else "order"
        if self.right is Right.ERASURE and self.answered:
            # It goes on without the request's number.
            assert self.number not in self.shop.house.stops.requests()
            assert self.shop.house.stops.active()
            return
        assert bool(self.shop.house.stops.active(number=self.number)) == stopped
        if stopped:
            assert "7310001" in self.shop.stopped(purpose)
        assert (self.shop.get(self.number).state is State.REFUSED) == self.refused

    def teardown(self) -> None:
        assert self.shop.house.verify().problems == ()


def test_no_sequence_of_steps_lets_a_stop_end_early_or_last_too_long(shop: Shop) -> None:
    class OfOneShop(Stopped):
        """Requests in a database that is made once."""

    OfOneShop.shop = shop
    effort = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(OfOneShop, settings=effort)
