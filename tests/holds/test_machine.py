"""Holds and batches in any order, beside a model that knows what may go."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from conftest_holds import DATASETS, NUMBER, Memory, Place, person
from privacy.errors import Refused
from privacy.holds import Everything, HoldKind, Keys, apply
from privacy.sources.base import Status

PEOPLE = st.integers(1, 3)
SOME = st.none() | st.lists(st.sampled_from(DATASETS), min_size=1, max_size=2, unique=True)
KINDS = st.sampled_from(HoldKind)


class Purging(RuleBasedStateMachine):
    """Records are of three people; whatever is held when a batch runs stays, and everything else goes."""

    placed = Bundle("placed")

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.place = Place(Path(self.folder.name))
        self.shop = Memory()
        self.next = 0
        self.said: dict[str, tuple[object, tuple[str, ...], str | None]] = {}
        self.of_a_right: set[str] = set()

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(dataset=st.sampled_from(["profiles", "invoices"]), whose=PEOPLE)
    def arrive(self, dataset, whose):
        self.next += 1
        self.shop.rows[dataset][self.next] = whose

    @rule(target=placed, kind=KINDS, who=PEOPLE, datasets=SOME, request=st.sampled_from([None, NUMBER]))
    def hold_a_person(self, kind, who, datasets, request):
        id = self.place.holds.place(kind, person(who), datasets, ground="g", author="a", request=request)
        # Under its number alone: only the hold that keeps a request's records gives way to what is done for it.
        own = request if kind is HoldKind.REQUEST else None
        self.said[id] = (who, tuple(datasets or DATASETS), own)
        if request is not None and kind in (HoldKind.RESTRICTION, HoldKind.OBJECTION):
            self.of_a_right.add(id)
        return id

    @rule(target=placed, kind=KINDS, key=st.integers(1, 8), dataset=st.sampled_from(DATASETS))
    def hold_a_record(self, kind, key, dataset):
        id = self.place.holds.place(kind, Keys(((key,),)), [dataset], ground="g", author="a")
        self.said[id] = ((key,), (dataset,), None)
        return id

    @rule(target=placed, dataset=st.sampled_from(DATASETS))
    def hold_a_dataset(self, dataset):
        id = self.place.holds.place(HoldKind.SUSPENSION, Everything(), [dataset], ground="g", author="a")
        self.said[id] = (None, (dataset,), None)
        return id

    @rule(id=consumes(placed))
    def release(self, id):
        if id in self.of_a_right:
            # It ends with the person's own request, and stays in force.
            with pytest.raises(Refused):
                self.place.holds.release(id, author="a")
            return
        assert self.place.holds.release(id, author="a") == 1
        del self.said[id]

    @rule(id=placed, who=PEOPLE)
    def find_out_whose(self, id, who):
        if id in self.said and isinstance(self.said[id][0], int) and id not in self.of_a_right:
            self.place.holds.replace(person(who), id=id)
            self.said[id] = (who, *self.said[id][1:])

    @rule()
    def reopen(self):
        self.place = Place(Path(self.folder.name))

    @rule(datasets=st.lists(st.sampled_from(["profiles", "invoices"]), min_size=1, unique=True), own=st.booleans())
    def purge(self, datasets, own):
        request = NUMBER if own else None
        before = {name: dict(self.shop.rows[name]) for name in datasets}
        outcomes = apply(self.shop, self.shop.plan(*datasets), self.place.holds, request=request)
        left = {(name, key) for name in datasets for key in self.shop.rows[name]}
        assert left == {
            (name, key)
            for name, rows in before.items()
            for key, whose in rows.items()
            if self.held(f"shop.{name}", key, whose, request)
        }
        assert sum(o.status is Status.HELD for o in outcomes) == len(left)
        assert len(outcomes) == sum(map(len, before.values()))

    def held(self, dataset, key, whose, request):
        return any(
            dataset in datasets and what in (None, whose, (key,)) and (request is None or of != request)
            for what, datasets, of in self.said.values()
        )

    @invariant()
    def what_is_in_force_is_what_was_said(self):
        if hasattr(self, "place"):
            assert {hold.id for hold in self.place.holds.active()} == set(self.said)


TestPurging = Purging.TestCase
TestPurging.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
