"""The purges' schedules beside the promises: a run is never further from the next one than the policy says."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from croniter import croniter

from privacy.datamap.load import load
from privacy.retention.horizon import horizon

PROJECT = Path(__file__).parents[2]
POLICY = load(PROJECT / "include").policy
PURGES = sorted(POLICY.purges)


def dag(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"dag_{name}", PROJECT / "dags" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)()


@pytest.mark.parametrize("name", PURGES)
def test_the_longest_gap_between_two_runs_is_within_every_of_each_of_its_rules(name: str) -> None:
    found = dag(name)
    ticks, at, last = croniter(found.schedule, datetime(2024, 1, 1, tzinfo=UTC)), datetime.min.replace(tzinfo=UTC), None
    gap = timedelta(0)
    while at < datetime(2028, 3, 2, tzinfo=UTC):
        at = ticks.get_next(datetime)
        gap, last = max(gap, at - last if last else gap), at
    for rule in POLICY.purges[name].rules.values():
        term = POLICY.promises[rule.promise].term
        assert term is not None
        for kind in (term, *term.kinds.values()):
            assert kind.every is not None
            assert gap <= kind.every.longest, f"{name} runs every {gap}, {rule.promise} wants {kind.every}"


@pytest.mark.parametrize("name", PURGES)
def test_a_run_that_begins_ten_minutes_late_finds_nothing_past_its_limit(name: str) -> None:
    """Edge case 1: a scheduler starts nothing on the second, and a run takes its time."""
    found = dag(name)
    limited = [
        kind
        for rule in POLICY.purges[name].rules.values()
        if (term := POLICY.promises[rule.promise].term) is not None
        for kind in (term, *term.kinds.values())
        if kind.keep_at_most and not kind.keep_at_least
    ]
    ticks = croniter(found.schedule, datetime(2024, 2, 1, tzinfo=UTC))
    at = ticks.get_next(datetime)
    while limited and at < datetime(2024, 11, 5, tzinfo=UTC):
        after = ticks.get_next(datetime)
        for term in limited:
            late = horizon(term, after + timedelta(minutes=10), POLICY.zone).late
            assert late is not None
            assert late <= horizon(term, at, POLICY.zone).before, f"{term.keep_at_most}, run at {at}"
        at = after


@pytest.mark.parametrize("name", PURGES)
def test_one_run_at_a_time_and_none_is_made_up_for(name: str) -> None:
    """One that was missed is caught up with by the next: it takes everything that is due by then (edge case 6)."""
    found = dag(name)
    assert (found.max_active_runs, found.catchup) == (1, False)
    assert found.params["dry_run"] is True
    assert {rule.promise for rule in POLICY.purges[name].rules.values()} <= set(found.tags)


def test_every_purge_of_the_policy_has_a_dag_of_its_name() -> None:
    files = {file.stem for file in (PROJECT / "dags").glob("purge_*.py")}
    assert set(PURGES) <= files
