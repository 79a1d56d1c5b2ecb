"""Doing a plan: batch by batch through the gate of the holds, and never anything that is not in it.

Files go before the rows that name them: where a follower is still there (it is held, was changed, failed, or has come
since the plan), everything of the people it belongs to that the plan comes to later stays, and the next run finds both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path

from privacy.datamap.load import Ref
from privacy.errors import Refused, RetryLater, Tampered, Unreadable
from privacy.holds import apply
from privacy.plans import eyes
from privacy.plans.followers import Leaders, leaders, located, numbered
from privacy.plans.making import rule_of, ways
from privacy.plans.means import Means
from privacy.plans.people import Key
from privacy.plans.plan import Plan
from privacy.plans.progress import Batch, Progress, Tally
from privacy.plans.transfer import Transferred, transfer
from privacy.retention.horizon import horizon
from privacy.sources.base import SUBJECT, Delete, Item, Of, Selection, Step, Subject
from privacy.sources.collecting import collecting_seldom

STARTED, ASKED, APPROVED, REFUSED, UNANSWERED, CLOSING = (
    f"purge.{word}" for word in ("started", "asked", "approved", "refused", "unanswered", "closing")
)
"""Events of the ledger about a run: changes begin; an operator is asked; what they said; no batch begins any more."""


AHEAD = timedelta(minutes=5)
"""So much the clocks of two machines may differ."""

LEFT = "transfer.left"
"""Why an item stays: what its person's other record needs of it does not stand there yet."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it.

    :param stopped: it was asked to stop after a batch; what is left waits for the next run.
    """

    tally: Tally
    stopped: bool


def opened(means: Means, run: str) -> tuple[Plan, Path]:
    """The plan of a run as it was recorded, every item of it.

    :raises Tampered: it is not what was written. :raises Refused: ``purge.other_plan``: not what the ledger has.
    """
    folder = means.folder / run
    plan = Plan.load(folder).checked(folder, means.key)
    if plan.run != run:
        # A dry run's plan of the same items has the same digest, and nobody was asked about it.
        raise Tampered(
            "plans.altered", "The plan is another run's.", where=plan.rule, advice="Start the purge again.",
        )  # fmt: skip
    begun = means.ledger.entries(run=run, kind="run.begun")
    if not begun or begun[0].entry.get("plan_digest") != plan.digest:
        raise Refused(
            "purge.other_plan", "The plan is not the one that the ledger has.", where=plan.rule,
            advice="Start the purge again: it makes a new plan.",
        )  # fmt: skip
    return plan, folder


def allowed(means: Means, plan: Plan) -> None:
    """Whether the plan may be done: it trips no guard, or an operator has approved this very plan.

    The ledger's word counts, whatever Airflow says (edge case 32): of a ledger that stands, and of entries that were
    signed for when they were written. Whoever can write into the table can chain an answer on, and cannot sign for it.

    :raises Refused: ``purge.refused``, ``purge.not_approved``, ``purge.four_eyes``.
    :raises Tampered: ``ledger.altered``.
    """
    there = means.ledger.entries(run=plan.run)
    entries = [e.entry for e in there]
    # What stands in a file may be changed by whoever can write there; that somebody was asked stands in the ledger.
    if not plan.tripped and not any(entry["kind"] == ASKED for entry in entries):
        return
    proof = means.ledger.verify()
    if not proof.ok:
        raise Tampered(
            "ledger.altered", "The ledger is not what was recorded; no answer in it counts.", where="ledger",
            advice="See: privacy ledger verify. Run nothing that deletes.",
        )  # fmt: skip
    if any(entry["kind"] == REFUSED for entry in entries):
        raise Refused("purge.refused", "An operator has refused this plan; nothing was deleted.", where=plan.rule)
    signed = [
        e.entry for e in there
        if e.seq <= proof.anchored and not any(first <= e.seq <= last for first, last in proof.recovered)
    ]  # fmt: skip
    approved = [
        e for e in signed if e["kind"] == APPROVED and e.get("digest") == plan.digest and e.get("rule") == plan.rule
    ]
    if not approved:
        raise Refused(
            "purge.not_approved", "Nobody has approved this plan; nothing was deleted.", where=plan.rule,
            advice="Answer the approval of the rule in Airflow, or start the purge again.",
        )  # fmt: skip
    if means.four_eyes:
        for entry in approved:
            eyes.check(means.ledger, plan.run, None, str(entry["actor"]), kind="purge")


@collecting_seldom()
def do(means: Means, run: str, *, actor: str, stop: Callable[[], bool] = lambda: False) -> Done:
    """Do a run's plan, from where an earlier try came to.

    :param stop: asked after each batch.
    :raises Refused: ``purge.other_plan``, ``purge.refused``, ``purge.not_approved``, ``purge.clock``, ``purge.ended``;
        before anything is changed, or between two batches.
    :raises Tampered: ``holds.altered``, ``ledger.altered``, ``plans.altered``; likewise.
    :raises RetryLater: ``purge.early``, likewise. :raises RetryLater, Unreadable: a store cannot be asked; what is done
        is recorded.
    """
    plan, folder = opened(means, run)
    allowed(means, plan)
    if datetime.fromisoformat(plan.as_of) > means.clock.now() + AHEAD:
        raise Refused(
            "purge.clock", "The plan is as of a moment that is yet to come: the clock was set back since.",
            where=plan.rule, advice="See which clock is right, then start the purge again: it makes a new plan.",
        )  # fmt: skip
    _kept_long_enough(means, plan)
    means.holds.compared()
    _not_ended(means, plan)
    if not means.ledger.entries(run=run, kind=STARTED):
        means.ledger.event(STARTED, actor=actor, run=run, rule=plan.rule, digest=plan.digest)
        again = False
    else:
        again = True
    progress = Progress(folder, means.key)
    known = {(batch.step, batch.number): batch for batch in progress.batches()}
    doing, stopped = _Doing(means, plan, moved(means, plan)), False
    for (step, number), items in batches_of(plan, folder, means):
        if (done := known.get((step, number))) is not None:
            doing.went(step, done)
            continue
        if stopped := stop():
            break
        _not_ended(means, plan)
        batch = doing.batch(step, number, items, again=again)
        progress.add(batch)
        doing.went(step, batch)
        known[step, number] = batch
        again = False  # Only one batch can have been under way.
        if means.pause:
            time.sleep(means.pause)
    return Done(tally_of(plan, list(known.values())), stopped)


def _kept_long_enough(means: Means, plan: Plan) -> None:
    """Whether what has to be kept for so long (``keep_at_least``) has been, by this machine's clock too.

    The one that made the plan may be ahead of it. A limit (``keep_at_most``) is no worse for being kept early.

    :raises RetryLater: ``purge.early``: that is to be seen in a moment, when this clock is as far.
    """
    _, rule = rule_of(means, plan.rule)
    bounds: dict[object, datetime] = {}
    for way in (way for full in rule.datasets for way in ways(means, rule, means.datamap[full])):
        if way.term.keep_at_least is not None:
            now = means.clock.now()
            bounds[way.ref.full, way.among] = horizon(way.term, now, means.datamap.policy.zone).before
    for step in plan.steps:
        bound = bounds.get((step.dataset, step.due.among))
        if bound is not None and step.due.before > bound:
            raise RetryLater(
                "purge.early", "By this machine's clock, the plan has records that have to be kept still.",
                where=plan.rule, advice="It is tried again. Set the clocks of all workers (NTP).",
            )  # fmt: skip


def moved(means: Means, plan: Plan, *, write: bool = True) -> Transferred:
    """Move what has to move elsewhere before the rest goes (promise APP-HIRED); nothing where no dataset says so.

    :param write: False: only look.
    """
    for step in plan.steps:
        if means.datamap[step.dataset].dataset.transfer is not None:
            return transfer(means, rule_of(means, plan.rule)[1], step.due, write=write)
    return Transferred()


def tally_of(plan: Plan, batches: Sequence[Batch]) -> Tally:
    """What came of the batches that are done."""
    return Tally.of(batches, [step.dataset for step in plan.steps])


def emptied(plan: Plan, tally: Tally, dataset: str) -> bool:
    """Whether the run itself has deleted all that it planned of a dataset, so that its store may have no file left.

    Otherwise a store without any file is one that is not mounted: what it had was not deleted, and comes back.
    """
    planned = sum(step.records for step in plan.steps if step.dataset == dataset)
    return 0 < planned <= tally.deleted.get(dataset, 0)


def _not_ended(means: Means, plan: Plan) -> None:
    """A run that was ended by a later one, or by hand, changes nothing any more (edge case 36)."""
    if any(e.entry["kind"] in ("run.ended", CLOSING) for e in means.ledger.entries(run=plan.run)):
        raise Refused("purge.ended", "The run has ended; what is left waits for the next one.", where=plan.rule)


def batches_of(plan: Plan, folder: Path, means: Means) -> Iterator[tuple[tuple[int, int], list[Item]]]:
    """A plan's items as they are done: the numbers of step and batch, and the items of each."""
    items = plan.file(folder, means.key).items()
    for step, of_step in groupby(items, key=lambda pair: pair[0]):
        rest, number = (item for _, item in of_step), 0
        while batch := list(islice(rest, plan.batch_rows)):
            yield (step, number), batch
            number += 1


class _Doing:
    """What a plan's steps leave for the later ones to know."""

    def __init__(self, means: Means, plan: Plan, transferred: Transferred) -> None:
        self._means, self._plan = means, plan
        self._left = transferred.keys(means)
        self._waiting: list[Of] = []
        self._batches: list[Batch] = []
        self._at = -1
        self._lead: Leaders | None = None
        self._waits: set[Key] = set()

    def batch(self, number: int, batch: int, items: list[Item], *, again: bool) -> Batch:
        """Do a batch of a step."""
        self._turn(number)
        planned, ref = self._plan.steps[number], self._ref(number)
        source = self._means.source(ref.system.system)
        made = Batch(number, batch)
        todo = []
        left = self._left.get(ref.full, frozenset())
        for item in items:
            if item.key in left:
                made.stay(item, LEFT, item.records)
            elif item.key in self._waits:
                made.stay(item, "waits", item.records)
            else:
                todo.append(item)
        if not todo:
            return made
        pick = planned.due if self._lead is None else self._lead.of()
        beside = [*self._waiting, *([self._lead.rest] if self._lead is not None else [])]
        unit = [Step(Selection(ref.name, pick), Delete(), tuple(todo), reviewed=True)]
        # Asked again inside the gate: whoever ends the run counts what it has deleted, and waits for a batch in hand.
        outcomes = {
            o.key: o
            for o in apply(
                source, unit, self._means.holds, beside=[of for of in beside if of.subjects],
                first=lambda: _not_ended(self._means, self._plan),
            )
        }  # fmt: skip
        for item in todo:
            made.count(item, outcomes[item.key], again=again)
        return made

    def went(self, number: int, batch: Batch) -> None:
        """Know of a batch that is done, by this try or an earlier one."""
        self._turn(number)
        self._batches.append(batch)

    def _turn(self, number: int) -> None:
        """The next step begins: who waits because of the ones before."""
        if number == self._at:
            return
        for before in range(max(self._at, 0), number):
            # Also one of which nothing was planned: without the row nothing would ever find what has come since.
            if self._plan.steps[before].follows is not None and (keys := self._left_of(before)):
                self._waiting.append(self._people(before, keys))
        self._at, ref = number, self._ref(number)
        planned, source = self._plan.steps[number], self._means.source(ref.system.system)
        self._lead = None if planned.follows is None else self._leaders(number)
        self._waits = {item.key for of in self._waiting for item in located(source, ref.name, of)}

    def _left_of(self, number: int) -> set[Key]:
        """The followers that are still there, but for those that somebody is in too who is not due."""
        ref, lead = self._ref(number), self._leaders(number)
        source = self._means.source(ref.system.system)
        try:
            there = {item.key for item in located(source, ref.name, lead.of())}
        except Unreadable as problem:
            tally = tally_of(self._plan, self._batches)
            if not (problem.code.endswith(".no_files") and emptied(self._plan, tally, ref.full)):
                raise
            return set()
        return there - {item.key for item in located(source, ref.name, lead.rest)} if there else there

    def _people(self, number: int, keys: set[Key]) -> Of:
        """Whose the followers are that stay, with every identity that the records which they follow have."""
        ref, lead = self._ref(number), self._leaders(number)
        every = leaders(self._means, self._means.datamap[str(ref.dataset.follows)], self._plan.steps[number].due)
        of, found = lead.of(), set[Subject]()
        by_no = {subject.no: subject.identifiers for subject in of.subjects}
        selection, source = Selection(ref.name, of), self._means.source(ref.system.system)
        for partition in source.partitions(selection) if of.subjects else ():
            for batch in source.read(selection, partition):
                for row in batch.select([*ref.dataset.key, SUBJECT]).to_pylist():
                    if tuple(row[name] for name in ref.dataset.key) in keys:
                        mine = by_no[row[SUBJECT]]
                        found |= {s for s in every.due.values() if set(mine) <= set(s.identifiers)}
        return numbered(found)

    def _leaders(self, number: int) -> Leaders:
        ref, planned = self._ref(number), self._plan.steps[number]
        leading = self._means.datamap[str(planned.follows)]
        return leaders(self._means, leading, planned.due, ref.dataset)

    def _ref(self, number: int) -> Ref:
        return self._means.datamap[self._plan.steps[number].dataset]
