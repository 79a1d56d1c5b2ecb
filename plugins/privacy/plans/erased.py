"""Doing the plan of an erasure, and looking again: what is told to be gone, is gone; nobody is erased by half.

Each batch passes the gate of the holds. A database is one batch: all that an erasure changes in it, or nothing. What a
killed run has done is found gone, or set, by the next try, which goes on from there (edge case 13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from privacy.errors import Refused, Tampered
from privacy.holds import apply
from privacy.plans.approval import Answers
from privacy.plans.doing import CLOSING
from privacy.plans.erasing import located, unfinished, whose
from privacy.plans.erasure import Erasure, Fate, Part
from privacy.plans.means import Means
from privacy.plans.people import Key, rows_of
from privacy.plans.progress import Batch, Progress, Tally
from privacy.sources.base import Item, Of, Outcome, Redaction, Selection, Set, Status, Step, Subject
from privacy.sources.collecting import collecting_seldom
from privacy.sources.sql_stored import TOKEN

ANSWERS = Answers("erasure")
STARTED = "erasure.started"
"""Event of the ledger: changes begin."""

REVIEW = "review"
"""Why an item stays: a person has to look at it first."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it. :param stopped: it was asked to stop after a batch."""

    tally: Tally
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What the stores say after it was done.

    :param remaining: items that stayed, by why: ``held``, ``changed``, ``failed``, ``review``.
    :param new: records of the subjects that came after the plan and are to go too, by dataset.
    """

    remaining: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)


def opened(means: Means, run: str, subjects: Sequence[Subject]) -> tuple[Erasure, Path]:
    """The plan of a run, as the ledger has it, for these very people.

    :raises Tampered: it is not what was written. :raises Refused: ``erasure.other_plan``: not what the ledger has, or
        of somebody else.
    """
    folder = means.folder / run
    plan = Erasure.opened(folder, means.key)
    begun = means.ledger.entries(run=run, kind="run.begun")
    if not begun or begun[0].entry.get("plan_digest") != plan.digest or plan.subjects != whose(means, subjects):
        raise Refused(
            "erasure.other_plan", "The plan is not the one that the ledger has.", where=plan.request or run,
            advice="Start the erasure again: it makes a new plan.",
        )  # fmt: skip
    return plan, folder


@collecting_seldom()
def erase(
    means: Means, run: str, subjects: Sequence[Subject], *, actor: str, stop: Callable[[], bool] = lambda: False,
    still: Callable[[], None] = lambda: None,
) -> Done:  # fmt: skip
    """Do a run's plan, from where an earlier try came to. Whether it was approved, is for the caller to have asked.

    :param stop: asked after each batch. :param still: asked inside the gate before each batch; raises when whoever
        asked for it does not any more.
    :raises Refused: ``erasure.other_plan``, ``erasure.ended``, ``erasure.reopened``: before anything is changed, or
        between two batches.
    :raises Tampered: ``holds.altered``, ``plans.altered``; likewise.
    :raises RetryLater, Unreadable: a store cannot be asked; what is done is recorded.
    """
    plan, folder = opened(means, run, subjects)
    of = Of(tuple(subjects))
    means.holds.compared()
    _not_ended(means, plan)
    still()
    for system in dict.fromkeys(means.datamap[part.dataset].system.system for part in plan.parts):
        _finished_still(means, plan, of, system)
    again = bool(means.ledger.entries(run=run, kind=STARTED))
    if not again:
        means.ledger.event(STARTED, actor=actor, run=run, request=plan.request, digest=plan.digest)
    progress = Progress(folder, means.key)
    known = {(batch.step, batch.number): batch for batch in progress.batches()}
    stopped = False
    for number, unit in _units(plan, folder, means):
        if all((part, number) in known for part, _ in unit):
            continue
        if stopped := stop():
            break
        _not_ended(means, plan)
        for batch in _batch(means, plan, of, number, unit, again=again, still=still):
            progress.add(batch)
            known[batch.step, batch.number] = batch
    return Done(tally_of(plan, list(known.values())), stopped)


def tally_of(plan: Erasure, batches: Sequence[Batch]) -> Tally:
    """What came of the batches that are done: by the number of the part, as a text."""
    return Tally.of(batches, [str(number) for number in range(len(plan.parts))])


def look(means: Means, run: str, subjects: Sequence[Subject]) -> Looked:
    """Look again: nothing that was to go is there, nothing that was to be emptied says anything, but what was told.

    :raises Tampered: ``erasure.remaining`` (edge case 28). :raises RetryLater, Unreadable: a store cannot be asked.
    """
    plan, folder = opened(means, run, subjects)
    progress, of = Progress(folder, means.key), Of(tuple(subjects))
    stayed: dict[tuple[int, str], str] = {}
    for batch in progress.batches():
        stayed |= {(batch.step, key): why for key, why in batch.stayed.items()}
    planned: dict[int, dict[Key, Item]] = {}
    for number, item in plan.file(folder, means.key).items():
        planned.setdefault(number, {})[item.key] = item
    remaining: Counter[str] = Counter()
    untold: list[str] = []
    seen: dict[tuple[str, bool | None], list[Item]] = {}
    for number, part in enumerate(plan.parts):
        if part.change is None:
            continue
        mine = planned.get(number, {})
        there = list(_there(means, part, of, mine))
        if part.fate in (Fate.DELETED, Fate.SHARED):
            seen[part.dataset, part.shared] = there
        for item in there:
            why = stayed.get((number, progress.known(item.key)))
            if why is not None:
                remaining[why] += 1
            elif item.key in mine:
                # Also where its version is another one: a file that was rewritten and still has something of theirs.
                untold.append(part.dataset)
    if untold:
        names = ", ".join(dict.fromkeys(untold))
        raise Tampered(
            "erasure.remaining", f"{len(untold)} items of {names} are still what they were.",
            where=plan.request or run, advice="Look at the store: something brings them back, or keeps them.",
        )  # fmt: skip
    return Looked(dict(remaining), _come(means, plan, of, planned, seen))


def _come(
    means: Means, plan: Erasure, of: Of, planned: dict[int, dict[Key, Item]],
    seen: dict[tuple[str, bool | None], list[Item]],
) -> dict[str, int]:  # fmt: skip
    """What is to go and was in no plan: it came while an approval was awaited, or while the others went.

    Of what waits for something unfinished nothing is asked: it goes on waiting with the rest.

    :param seen: what was located before.
    """
    known: dict[str, set[Key]] = {}
    for number, items in planned.items():
        known.setdefault(plan.parts[number].dataset, set()).update(items)
    waiting = {part.dataset for part in plan.parts if part.fate is Fate.WAITING}
    found: Counter[str] = Counter()
    for ref in means.datamap:
        erasure = ref.dataset.erasure
        if erasure.do != "delete" or not ref.dataset.people or ref.dataset.delivery or ref.full in waiting:
            continue
        picks = (False, True)[: 1 + (erasure.shared is not None)] if ref.dataset.may_be_shared else (None,)
        for shared in picks:
            there = seen.get((ref.full, shared))
            for item in located(means, ref, of, shared=shared) if there is None else there:
                if item.key not in known.get(ref.full, ()):
                    found[ref.full] += item.records
    return dict(found)


def _there(means: Means, part: Part, of: Of, planned: dict[Key, Item]) -> Iterator[Item]:
    """The items of a part that are still to be done by what the store says now."""
    ref = means.datamap[part.dataset]
    change = part.change
    if part.fate in (Fate.DELETED, Fate.SHARED) or not isinstance(change, Set):
        yield from located(means, ref, of, shared=part.shared)
        return
    source = means.source(ref.system.system)
    undone = {
        tuple(row[name] for name in ref.dataset.key)
        for row in rows_of(source, Selection(ref.name, of, shared=part.shared))
        if not all(_is_set(row[name], value) for name, value in change.columns.items())
    }
    rows = ref.system.source == "sql"
    for item in located(means, ref, of, shared=part.shared):
        # Of a file it is the rows in it that are to be set; a row's key is its own.
        if item.key in planned and (item.key in undone if rows else undone):
            yield item


def _is_set(now: object, value: object) -> bool:
    if value is Redaction.UNIQUE:
        return isinstance(now, str) and now.startswith(TOKEN)
    if value is None or value is Redaction.NULL:
        return now is None
    return now == value


def _not_ended(means: Means, plan: Erasure) -> None:
    """A run that was ended by a later one, or by hand, changes nothing any more (edge case 36)."""
    if any(e.entry["kind"] in ("run.ended", CLOSING) for e in means.ledger.entries(run=plan.run)):
        raise Refused("erasure.ended", "The run has ended; what is left waits for the next one.", where=plan.run)


def _finished_still(means: Means, plan: Erasure, of: Of, system: str) -> None:
    """An order that was reopened, or disputed, since the plan was made needs what the plan would take (edge case 30).

    What markers name is planned and done at once, for many people: of those nothing is asked again.
    """
    if plan.request is None:
        return
    for name in dict.fromkeys(part.dataset for part in plan.parts if part.change is not None):
        ref = means.datamap[name]
        if ref.system.system == system and ref.dataset.erasure.wait_for and unfinished(means, ref, of):
            raise Refused(
                "erasure.reopened", "Something of theirs is unfinished that was not when the plan was made.",
                where=plan.request, advice="Start it again: the new plan lets what is needed for that wait.",
            )  # fmt: skip


Unit = list[tuple[int, list[Item]]]
"""Parts, by number, with the items of each that are done in one go."""


def _units(plan: Erasure, folder: Path, means: Means) -> Iterator[tuple[int, Unit]]:
    """A plan's items as they are done: of a database all at once; of one dataset the parts together, as a file is
    rewritten once for all of them; of a dataset with one part some items at a time.
    """
    parts = ((n, [item for _, item in its]) for n, its in groupby(plan.file(folder, means.key).items(), itemgetter(0)))
    for _, same in groupby(parts, lambda pair: _together(means, plan.parts[pair[0]].dataset)):
        unit = list(same)
        sql = means.datamap[plan.parts[unit[0][0]].dataset].system.source == "sql"
        if sql or len(unit) > 1:
            yield 0, unit
            continue
        ((number, items),) = unit
        for batch, start in enumerate(range(0, len(items), plan.batch_rows)):
            yield batch, [(number, items[start : start + plan.batch_rows])]


def _together(means: Means, dataset: str) -> str:
    """What is done in one go: the name of a database, or of a dataset."""
    system = means.datamap[dataset].system
    return system.system if system.source == "sql" else dataset


def _batch(
    means: Means, plan: Erasure, of: Of, number: int, unit: Unit, *, again: bool, still: Callable[[], None]
) -> list[Batch]:
    ref = means.datamap[plan.parts[unit[0][0]].dataset]
    steps = []
    for part_no, items in unit:
        part = plan.parts[part_no]
        dataset = means.datamap[part.dataset]
        change = part.change
        assert change is not None  # noqa: S101 - a part without a change has no items
        steps.append(Step(Selection(dataset.name, of, shared=part.shared), change, tuple(items)))

    def first() -> None:
        _not_ended(means, plan)
        still()
        _finished_still(means, plan, of, ref.system.system)

    source = means.source(ref.system.system)
    outcomes = iter(apply(source, steps, means.holds, request=plan.request, first=first))
    made = []
    for (part_no, items), step in zip(unit, steps, strict=True):
        batch = Batch(part_no, number)
        by_key = {o.key: o for o in (next(outcomes) for _ in step.items)}
        for item in items:
            _count(batch, item, by_key[item.key], again=again)
        made.append(batch)
    return made


def _count(batch: Batch, item: Item, outcome: Outcome, *, again: bool) -> None:
    """One item's outcome. What is gone, or not theirs any more, needs nothing: it is as it should be."""
    if outcome.status is Status.GONE:
        if again:
            batch.deleted, batch.bytes, batch.derived = batch.deleted + item.records, batch.bytes + item.bytes, True
        else:
            batch.gone += 1
    elif outcome.status is Status.HELD and outcome.reason == REVIEW:
        batch.stay(item, REVIEW, item.records)
    else:
        batch.count(item, outcome, again=again)


def found(means: Means, run: str, subjects: Sequence[Subject]) -> Tally:
    """What came of a run that died: as its batches were recorded, and of what was under way by what is not there now.

    :raises Tampered, Refused: as :func:`opened`. :raises RetryLater, Unreadable: a store cannot be asked.
    """
    plan, folder = opened(means, run, subjects)
    batches, of = Progress(folder, means.key).batches(), Of(tuple(subjects))
    done = {(batch.step, batch.number) for batch in batches}
    if not means.ledger.entries(run=run, kind=STARTED):
        return tally_of(plan, batches)
    for number, unit in _units(plan, folder, means):
        if all((part, number) in done for part, _ in unit):
            continue
        for part_no, items in unit:
            hand, planned = Batch(part_no, number), {item.key: item for item in items}
            there = {i.key: i for i in _there(means, plan.parts[part_no], of, planned) if i.key in planned}
            for key, item in planned.items():
                now = there.get(key)
                hand.deleted += item.records - min(now.records if now else 0, item.records)
            hand.derived = hand.deleted > 0
            batches.append(hand)
        break  # No later one has begun.
    return tally_of(plan, batches)
