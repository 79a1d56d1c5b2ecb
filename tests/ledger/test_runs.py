"""Runs of rules: each in one, the last of a rule at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from conftest_ledger import migrated
from privacy.clock import FixedClock
from privacy.keys import MasterKey
from privacy.ledger import Ledger

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
def ledger(tmp_path, clock):
    return Ledger(migrated(tmp_path), MasterKey(b"k" * 32), tmp_path / "head.json", clock)


def begin(ledger, run, rule="x", **more):
    ledger.begin(run, pipeline="purge_x", rule=rule, actor="a", code_version="1", policy_version="1", **more)


def test_a_run_is_told_with_its_begin_and_its_end(ledger, clock):
    begin(
        ledger, "r", promises=["X-1", "X-2"], limit="P12M", as_of=NOW, bound=NOW - timedelta(days=365),
        plan_digest="d" * 64, candidates=7,
    )  # fmt: skip
    clock.set(NOW + timedelta(minutes=5))
    ledger.end(
        "r", status="done", actor="a", datasets={"s.d": {"records": 5, "bytes": 50}}, deleted=5, bytes=50, held=1,
        retained={"changed": 1}, oldest_remaining=NOW - timedelta(days=300), late=2, late_by="PT3H", undated=4,
        future=0, foreseen=6,
    )  # fmt: skip
    found = ledger.last("x")
    assert found is not None
    assert (found.run, found.first, found.last, found.done) == ("r", 1, 2, True)
    assert (found.begun_at, found.ended_at) == (NOW, NOW + timedelta(minutes=5))
    assert (found.promises, found.limit, found.bound) == (("X-1", "X-2"), "P12M", NOW - timedelta(days=365))
    assert (found.candidates, found.deleted, found.datasets, found.bytes) == (7, 5, {"s.d": (5, 50)}, 50)
    assert (found.held, found.retained, found.failed) == (1, {"changed": 1}, 0)
    assert (found.late, found.late_by, found.undated, found.future, found.foreseen) == (2, "PT3H", 4, 0, 6)
    assert found.oldest_remaining == NOW - timedelta(days=300)
    assert ledger.runs() == [found]


def test_the_last_run_of_a_rule_is_of_that_rule_ended_and_as_was_asked(ledger):
    assert ledger.last("x") is None
    for run, rule, status in (("1", "x", "done"), ("2", "x", "failed"), ("3", "y", "done"), ("4", "x", None)):
        begin(ledger, run, rule)
        if status:
            ledger.end(run, status=status, actor="a")
    last, done, stopped = ledger.last("x"), ledger.last("x", "done"), ledger.last("x", "stopped")
    assert (last and last.run, done and done.run, stopped) == ("2", "1", None)
    assert ledger.unended("x") == ["4"]


def test_runs_are_of_a_period_and_of_rules_alone(ledger, clock):
    ledger.begin("e", pipeline="export_subject", actor="a", code_version="1", policy_version="1")
    for day in range(4):
        clock.set(NOW + timedelta(days=day))
        begin(ledger, f"r{day}", "xy"[day % 2])
    ledger.end("r1", status="stopped", actor="a", reason="purge.stopped")
    found = ledger.runs(since=NOW + timedelta(days=1), until=NOW + timedelta(days=3))
    assert [(r.run, r.status, r.reason) for r in found] == [("r1", "stopped", "purge.stopped"), ("r2", "begun", "")]
    assert found[1].ended_at is None
    assert [r.run for r in ledger.runs("y")] == ["r1", "r3"]


def test_the_last_run_is_found_by_an_index(ledger):
    """A scan of a million entries takes a second, and a page asks it for every rule."""
    begin(ledger, "1")
    ledger.end("1", status="done", actor="a")
    seen: list[str] = []

    def look(connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            raw = connection.connection.driver_connection
            seen.extend(str(row[3]) for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    sa.event.listen(ledger._engine, "before_cursor_execute", look)
    ledger.last("x", "done")
    ledger.unended("x")
    assert seen
    assert not [step for step in seen if step.startswith("SCAN")]
    assert any("ledger_rule" in step for step in seen)
