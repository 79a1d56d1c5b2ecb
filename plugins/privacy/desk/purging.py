"""Purges from the desk: what a DAG is started with, the plan that was looked at, and that plan alone.

A plan that was looked at is done by its moment and its digest: whatever has changed since makes another plan, which the
DAG refuses (:func:`privacy.orchestration.purges.plan`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from privacy import plans
from privacy.desk.retention import Rule
from privacy.desk.rule_runs import Look
from privacy.errors import PrivacyError, Refused
from privacy.ledger import Recorded
from privacy.orchestration.plan_words import rows, waits_until
from privacy.plans import Plan
from privacy.plans.plan import PLAN
from privacy.rights.house import House

_RUN = re.compile(r"[0-9A-Za-z_-]{1,100}")

ANSWERS = (plans.ASKED, plans.APPROVED, plans.REFUSED, plans.UNANSWERED)
"""The ledger's events of a question to an operator, and of its answer."""


def look(rule: Rule, now: datetime) -> dict[str, object]:
    """What a rule's DAG is started with to plan it and to delete nothing. :param now: aware."""
    return {"dry_run": True, "as_of": now.isoformat(), **_only(rule)}


def at_once(rule: Rule) -> dict[str, object]:
    """What a rule's DAG is started with to delete what is past its term when it runs."""
    return {"dry_run": False, **_only(rule)}


def exactly(house: House, rule: Rule, seen: Look, digest: str) -> dict[str, object]:
    """What a rule's DAG is started with to do the plan that was looked at, or nothing.

    :param seen: the dry run, by the ledger's word. :param digest: of the plan that stood on the page.
    :raises Refused: ``purge.other_digest``: another plan has taken its place; ``purge.no_plan``: it was swept.
    :raises Tampered: ``plans.altered``.
    """
    made = plan_of(house, seen.run)
    if made is None or rule.own:
        raise Refused(
            "purge.no_plan", "The plan is not kept any more; nothing was started.", where=rule.name,
            advice="Make a new dry run.",
        )  # fmt: skip
    if {seen.digest, digest} != {made.digest} or made.rule != rule.name:
        raise Refused(
            "purge.other_digest", "That is not the plan which was looked at; nothing was started.", where=rule.name,
            advice="Make a new dry run.",
        )  # fmt: skip
    return {"dry_run": False, "as_of": made.as_of, "expected_digest": made.digest, **_only(rule)}


def plan_of(house: House, run: str) -> Plan | None:
    """The plan of a run, its figures held against its mark; None: it was swept, or there never was one.

    :raises Tampered: ``plans.altered``.
    """
    folder = house.settings.plans / run
    if not _RUN.fullmatch(run) or not (folder / PLAN).is_file():
        return None
    return Plan.load(folder).believed(house.key)


def figures(plan: Plan) -> list[dict[str, Any]]:
    """A row a step of a plan: counts and times of datasets, nobody's."""
    return rows(plan)


def sentences(plan: Plan, now: datetime, zone: str) -> str:
    """By when the promise is broken, and what there is besides, in words."""
    return waits_until(plan, now, zone)


def answers(entries: list[Recorded]) -> list[dict[str, Any]]:
    """The question to an operator and its answer, of a run's entries."""
    return [
        {"what": str(e.entry["kind"]), "at": datetime.fromisoformat(str(e.entry["at"])), "by": str(e.entry["actor"]),
         "digest": str(e.entry.get("digest", ""))}
        for e in entries if e.entry["kind"] in ANSWERS
    ]  # fmt: skip


def guards(entries: list[Recorded], plan: Plan | None) -> tuple[str, ...]:
    """The guards that a plan is over, with their figures; of a plan that was swept, that there were some."""
    if plan is not None:
        return plan.tripped
    asked = any(e.entry["kind"] == plans.ASKED for e in entries)
    return ("it was over a guard; the plan with the figures is not kept any more",) if asked else ()


def kept_plan(house: House, run: str) -> tuple[Plan | None, str]:
    """The plan of a run for its page, and why it cannot be shown; empty: it can, or was swept."""
    try:
        return plan_of(house, run), ""
    except PrivacyError as problem:
        return None, problem.message


def _only(rule: Rule) -> dict[str, object]:
    return {} if rule.alone else {"rules": [rule.name]}
