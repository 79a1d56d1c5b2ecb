"""Doing the plan of a correction, and looking again.

A database is one transaction. Each row is changed as it was located: one that was written to meanwhile is left alone
and told (edge case 14). What a killed run has done is found done by the next try (edge case 13).
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import orjson

from privacy.datamap.load import Ref
from privacy.holds import Wish, apply
from privacy.plans.approval import Answers
from privacy.plans.correction import Change, Plan, parsed
from privacy.plans.means import Means
from privacy.plans.people import rows_of
from privacy.sources.base import Item, Keeping, Of, Selection, Set, Status, Step, Subject

ANSWERS = Answers("rectify")

STARTED = "rectify.started"
"""Event of the ledger: changes begin."""


def digest(plan: Plan, secret: str) -> str:
    """What an operator approves: over every record, old and new value.

    :param secret: of the request. The digest is keyed, for a date or a name could be guessed from a plain one; with the
        request's content its key is gone.
    """
    return hmac.new(
        secret.encode(), orjson.dumps(plan.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS), sha256
    ).hexdigest()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it.

    :param counts: records by dataset that are as they are to be. :param left: those that are not, by why.
    """

    counts: dict[str, int]
    left: dict[str, int]


def do(means: Means, plan: Plan, subject: Subject, number: str, *, still: Callable[[], None] = lambda: None) -> Done:
    """Change what is planned, a database at a time, through the gate of the holds. Safe to repeat.

    Whether it may be done is for the caller to have asked.

    :param number: the request's. :param still: asked inside the gate; raises when the run may not go on.
    :raises RetryLater, Unreadable: a store cannot be asked; what was done before stays done.
    """
    counts: Counter[str] = Counter()
    left: Counter[str] = Counter()
    wish = Wish(subject, means.datamap)
    for system, steps in _units(means, plan, subject).items():
        outcomes = iter(apply(means.source(system), steps, means.holds, request=number, wish=wish, first=still))
        for step in steps:
            for _ in step.items:
                outcome = next(outcomes)
                if outcome.status is Status.DONE:
                    counts[f"{system}.{step.selection.dataset}"] += 1
                else:
                    left[outcome.status.value] += 1
    return Done(dict(counts), dict(left))


def look(means: Means, plan: Plan, subject: Subject) -> Done:
    """What the stores say now: every planned record reads as it is to be, or is gone, or is ``remaining``."""
    counts: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for full in plan.datasets:
        ref = means.datamap[full]
        there = {
            tuple(row[name] for name in ref.dataset.key): row
            for row in rows_of(means.source(ref.system.system), Selection(ref.name, Of((subject,))))
        }
        for change in (change for change in plan.changes if change.dataset == full):
            row = there.get(change.record)
            if row is None:
                left["gone"] += 1
            elif stands(ref, change, row):
                counts[full] += 1
            else:
                left["remaining"] += 1
    return Done(dict(counts), dict(left))


def stands(ref: Ref, change: Change, row: Mapping[str, Any]) -> bool:
    """Whether a record says what a change wants it to say."""
    columns = ref.dataset.columns
    return all(row[name] == parsed(cell.to, columns[name], cell.fact) for name, cell in change.cells.items())


def _units(means: Means, plan: Plan, subject: Subject) -> dict[str, list[Step]]:
    """The steps by system: records that get the same values are one step."""
    steps: dict[str, dict[tuple[str, bytes], Step]] = {}
    for change in plan.changes:
        ref = means.datamap[change.dataset]
        done = _set(ref, change)
        about = orjson.dumps([change.model_dump(mode="json", include={"cells", "moved", "at"})])
        here = steps.setdefault(ref.system.system, {})
        item = Item(change.record, change.version, 1, 0, None, True, "")
        step = here.get((change.dataset, about)) or Step(Selection(ref.name, Of((subject,))), done, ())
        here[change.dataset, about] = replace(step, items=(*step.items, item))
    return {system: list(found.values()) for system, found in steps.items()}


def _set(ref: Ref, change: Change) -> Set:
    columns = ref.dataset.columns
    values = {name: parsed(cell.to, columns[name], cell.fact) for name, cell in change.cells.items()}
    said, keep = ref.dataset.rectification, None
    for name in change.moved if said is not None else ():
        assert said is not None  # noqa: S101 - see the condition
        if name in said.since:
            values[said.since[name]] = change.at
        if (former := said.former.get(name)) is not None and change.cells[name].was is not None:
            keep = Keeping(former.to, former.copy_, {former.until: change.at}, former.number)
    return Set(values, keep)
