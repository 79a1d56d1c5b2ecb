"""How a run of a rule begins and ends in the ledger, and on what evidence: the stores are asked again.

``done`` says that nothing of the plan is left but what is held, was changed meanwhile, or waits for such. A run that
died is ended by its own last step, or else by the next run. Of the one batch that was under way the stores are asked:
deleted is what was planned in it and is not there any more (edge case 13).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pydantic_core import to_jsonable_python

from privacy.errors import PrivacyError, RetryLater, Tampered, Unreadable
from privacy.plans.doing import CLOSING, LEFT, STARTED, batches_of, emptied, opened, tally_of
from privacy.plans.followers import leaders, located
from privacy.plans.making import rule_of
from privacy.plans.means import Means
from privacy.plans.plan import Picked, Plan
from privacy.plans.progress import Batch, Progress, Tally
from privacy.sources.base import Item, Selection, Surveying
from privacy.storage_errors import staging_full

_VERIFIED = "verified.json"


@dataclass(frozen=True, slots=True)
class Verified:
    """What the stores say after a plan was done.

    :param remaining: items of the plan that are still selected, and why they stayed: ``held``, ``changed``, ``failed``,
        ``waits``; ``untold``: nobody said that they would.
    :param new: items that are due and were not in the plan: they came meanwhile, and wait for the next one.
    :param oldest: the earliest start that is left in the rule's datasets (ISO 8601); None: none is.
    """

    remaining: dict[str, int] = field(default_factory=dict)
    new: int = 0
    oldest: str | None = None


def begin(means: Means, plan: Plan, *, actor: str, code_version: str) -> None:
    """Record in the ledger that a run of a rule begins, with its plan; before anything is changed. Safe to repeat."""
    means.ledger.begin(
        plan.run,
        pipeline=plan.purge,
        rule=plan.rule,
        actor=actor,
        code_version=code_version,
        policy_version=means.datamap.policy.version,
        promises=plan.promises,
        limit=plan.limit,
        as_of=datetime.fromisoformat(plan.as_of),
        bound=max(step.due.before for step in plan.steps),
        plan_digest=plan.digest,
        candidates=plan.records,
    )


def verify(means: Means, run: str) -> Verified:
    """Look again: what of the plan is still there, and whether somebody said why.

    :raises Tampered: ``purge.remaining``: items of the plan are still there although they were told to be gone (edge
        case 28). :raises RetryLater, Unreadable: a store cannot be asked.
    """
    plan, folder = opened(means, run)
    progress = Progress(folder, means.key)
    batches = progress.batches()
    tally = tally_of(plan, batches)
    stayed: dict[str, str] = {}
    for batch in batches:
        stayed |= {f"{batch.step}:{key}": why for key, why in batch.stayed.items()}
    remaining: Counter[str] = Counter()
    unknown: dict[str, int] = {}
    for number, step in enumerate(plan.steps):
        for item in _emptied(plan, step, tally, _there(means, step)):
            key = f"{number}:{progress.known(item.key)}"
            if key in stayed:
                remaining[stayed[key]] += 1
            else:
                unknown[key] = item.records
    planned = _planned(means, plan, folder, unknown)
    if planned:
        remaining["untold"] = len(planned)
    found = Verified(dict(remaining), len(unknown) - len(planned), _oldest(means, plan, tally))
    _write(folder, found)
    if planned:
        raise Tampered(
            "purge.remaining", f"{len(planned)} items are still there although they were told to be gone.",
            where=plan.rule, advice="Look at the store: something brings them back, or keeps them.",
        )  # fmt: skip
    return found


def finish(means: Means, run: str, *, actor: str, failed: str | None, stopped: bool = False) -> str:
    """Record in the ledger how a run of a rule ended: done only on the evidence. Safe to repeat.

    :param failed: the code of what failed; None: nothing did.
    :returns: the reason why it is not done; empty: it is.
    :raises RetryLater: a store cannot be asked now what a batch that was cut off has deleted.
    """
    ended = means.ledger.entries(run=run, kind="run.ended")
    if ended:
        entry = ended[0].entry
        return "" if entry["status"] == "done" else str(entry.get("reason") or entry["status"])
    try:
        plan, folder = opened(means, run)
    except PrivacyError as problem:
        if isinstance(problem, RetryLater):
            raise
        reason = failed or problem.code
        means.ledger.end(run, status="failed", actor=actor, reason=reason)
        return reason
    try:
        if failed and not stopped:
            _closing(means, run, plan.rule, actor)
        tally = _found(means, plan, folder)
    except RetryLater:
        raise
    except PrivacyError:
        # The run stands as failed; a store that cannot say more than was recorded is not to keep it open for ever.
        tally = tally_of(plan, Progress(folder, means.key).batches())
    seen = _read(folder)
    reason = failed or ("purge.stopped" if stopped else "")
    if not reason and seen is None:
        reason = "purge.not_verified"
    if not reason and tally.kept.get("failed"):
        reason = next(iter(tally.reasons), "failed")
    if not reason and seen is not None and seen.remaining.get("untold"):
        reason = "purge.remaining"
    if not reason and tally.kept.get(LEFT):
        reason = LEFT
    holds = plan.holds
    kept = Counter(tally.records)
    means.ledger.end(
        run,
        status="stopped" if reason == "purge.stopped" else "failed" if reason else "done",
        actor=actor,
        reason=reason or None,
        datasets={name: {"records": n, "bytes": tally.bytes[name]} for name, n in tally.deleted.items()},
        records=sum(tally.deleted.values()),
        bytes=sum(tally.bytes.values()),
        deleted=sum(tally.deleted.values()),
        held=kept.pop("held", 0),
        failed=kept.pop("failed", 0),
        retained=dict(kept),
        oldest_remaining=None if seen is None or seen.oldest is None else datetime.fromisoformat(seen.oldest),
        late=holds.late,
        late_by=to_jsonable_python(timedelta(minutes=round(plan.late_by / 60))) if holds.late else None,
        undated=holds.undated,
        unreadable=holds.unreadable or None,
        future=holds.future,
        foreseen=holds.foreseen,
        derived=True if tally.derived else None,
    )
    return reason


def close_lost(means: Means, rule: str, *, actor: str, but: str) -> list[str]:
    """End the runs of a rule that have begun and did not end: they died before they could say what they did.

    :param but: the run that asks.
    :returns: the runs that were ended.
    """
    begun = means.ledger.unended(rule)
    closed = []
    for run in begun:
        if run != but:
            _close(means, run, actor)
            closed.append(run)
    return closed


def _close(means: Means, run: str, actor: str) -> None:
    """End it with what it deleted; it may have died before it told of all of it.

    :raises Unreadable: a store has nothing at all, and the run had not deleted all of it: what is not mounted is not
        gone. The run stays open until the store says what is there.
    """
    tally = Tally.of([], [])
    if means.ledger.entries(run=run, kind=STARTED):
        try:
            plan, folder = opened(means, run)
        except Tampered:
            means.ledger.end(run, status="failed", actor=actor, reason="run.lost_plan", derived=True)
            return
        _closing(means, run, plan.rule, actor)
        tally = _found(means, plan, folder)
    if means.ledger.entries(run=run, kind="run.ended"):
        return  # Its own last step was quicker.
    means.ledger.end(
        run, status="failed", actor=actor, reason="run.lost", derived=True, deleted=sum(tally.deleted.values()),
        records=sum(tally.deleted.values()), bytes=sum(tally.bytes.values()),
        datasets={name: {"records": n, "bytes": tally.bytes[name]} for name, n in tally.deleted.items()},
    )  # fmt: skip


def _closing(means: Means, run: str, rule: str, actor: str) -> None:
    """No batch of the run begins any more, and none is under way: what it has deleted can be counted (edge case 36)."""
    kinds = {e.entry["kind"] for e in means.ledger.entries(run=run)}
    if STARTED in kinds and CLOSING not in kinds:
        means.holds.event(CLOSING, actor=actor, run=run, rule=rule)


def _found(means: Means, plan: Plan, folder: Path) -> Tally:
    """What came of a plan: as its batches were recorded, and of the one that was under way by what is not there now.

    No later one has begun. What is gone of them, somebody else has removed, or it is not due any more.
    """
    batches = Progress(folder, means.key).batches()
    tally, done = tally_of(plan, batches), {(batch.step, batch.number) for batch in batches}
    if not means.ledger.entries(run=plan.run, kind=STARTED):
        return tally
    for (number, batch), items in batches_of(plan, folder, means):
        if (number, batch) not in done:
            hand, planned = Batch(number, batch), {item.key: item for item in items}
            step = plan.steps[number]
            there = {i.key: i for i in _emptied(plan, step, tally, _there(means, step)) if i.key in planned}
            for key, item in planned.items():
                now = there.get(key)
                hand.deleted += item.records - min(now.records if now else 0, item.records)
                hand.bytes += item.bytes - min(now.bytes if now else 0, item.bytes)
            hand.derived = hand.deleted > 0
            return tally_of(plan, [*batches, hand])
    return tally


def _there(means: Means, step: Picked) -> Iterator[Item]:
    """The items that a step would pick now."""
    ref = means.datamap[step.dataset]
    source = means.source(ref.system.system)
    if step.follows is not None:
        leading = means.datamap[step.follows]
        lead = leaders(means, leading, step.due, ref.dataset)
        yield from located(source, ref.name, lead.of())
        return
    selection = Selection(ref.name, step.due)
    for partition in source.partitions(selection):
        yield from source.locate(selection, partition)


def _emptied(plan: Plan, step: Picked, tally: Tally, items: Iterator[Item]) -> Iterator[Item]:
    """The items; none where the store has no file any more, after the run itself has deleted all of it."""
    try:
        yield from items
    except Unreadable as problem:
        if not (problem.code.endswith(".no_files") and emptied(plan, tally, step.dataset)):
            raise


def _planned(means: Means, plan: Plan, folder: Path, keys: dict[str, int]) -> set[str]:
    """Which of these items the plan has."""
    if not keys:
        return set()
    known = Progress(folder, means.key).known
    items = plan.file(folder, means.key).items()
    return {key for number, item in items if (key := f"{number}:{known(item.key)}") in keys}


def _oldest(means: Means, plan: Plan, tally: Tally) -> str | None:
    """The earliest start that is left; a store that the run has emptied has none."""
    _, rule = rule_of(means, plan.rule)
    found: list[datetime] = []
    for full in rule.datasets:
        ref = means.datamap[full]
        source = means.source(ref.system.system)
        if ref.dataset.starts is not None and isinstance(source, Surveying):
            try:
                oldest = source.survey(ref.name, means.clock.now()).oldest
            except Unreadable as problem:
                if not (problem.code.endswith(".no_files") and emptied(plan, tally, full)):
                    raise
                oldest = None
            found += [oldest] if oldest is not None else []
    return min(found).isoformat() if found else None


def _write(folder: Path, found: Verified) -> None:
    try:
        (folder / _VERIFIED).write_text(json.dumps(asdict(found)))
    except OSError:
        raise staging_full("What was verified cannot be written.", folder) from None


def _read(folder: Path) -> Verified | None:
    try:
        return Verified(**json.loads((folder / _VERIFIED).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
