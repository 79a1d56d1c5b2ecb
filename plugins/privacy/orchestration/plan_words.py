"""A plan in figures and words, as plain values: for pages and tables. Counts and times of datasets, nobody's."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from privacy.plans import Plan


def rows(plan: Plan) -> list[dict[str, Any]]:
    """A row a step; see :func:`privacy.orchestration.overview.figures`."""
    found: list[dict[str, Any]] = []
    for step in plan.steps:
        kinds = ", ".join(step.kinds)
        name = step.dataset if not kinds else f"{step.dataset} ({'all but ' if step.others else ''}{kinds})"
        found.append(
            {
                "dataset": name,
                "before": step.before if step.follows is None else f"follows {step.follows}",
                "records": step.records,
                "items": step.items,
                "bytes": step.bytes,
                "oldest": step.oldest or "",
                "newest": step.newest or "",
                "held": ", ".join(f"{kind} {count}" for kind, count in step.held.items()),
                "stays": step.left,
            }
        )
    return found


def waits_until(plan: Plan, now: datetime, zone: str) -> str:
    """By when the promise is broken, and what there is besides: in words, in the shop's own time."""
    said = []
    if plan.breaks is not None:
        at = datetime.fromisoformat(plan.breaks)
        here = at.astimezone(ZoneInfo(zone))
        long = _long(abs((at - now).total_seconds()) / 3600)
        if at > now:
            said.append(f"Kept until {here:%Y-%m-%d %H:%M} ({long} from now); then the promise is broken.")
        else:
            said.append(f"Broken since {here:%Y-%m-%d %H:%M}: {plan.holds.late} records, late by {long}.")
    nobodys = sum(step.nobodys for step in plan.steps)
    if nobodys:
        names = ", ".join(step.dataset for step in plan.steps if step.nobodys)
        said.append(f"{nobodys} records of {names} follow nobody's record: no purge takes them, look whose they are.")
    if plan.holds.unreadable:
        said.append(
            f"{plan.holds.unreadable} records have a start that CANNOT BE READ: no purge ever takes them. "
            "Correct them, or `form` and `zone` of the column."
        )
    if bare := plan.holds.undated - nobodys - plan.holds.unreadable:
        said.append(
            f"{bare} records have no start: lines of a log are as old as their file, of others the term has not begun."
        )
    if plan.holds.future:
        said.append(f"{plan.holds.future} records say that they begin later than now.")
    return " ".join(said)


def _long(hours: float) -> str:
    """So long that a person can grasp it: in hours, and in days where those are many."""
    return f"{hours:.0f} hours" if hours < 240 else f"{hours / 24:.0f} days"
