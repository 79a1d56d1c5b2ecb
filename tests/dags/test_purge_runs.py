"""Purges in a real Airflow: a chain a rule, an operator who is asked, and nothing green that did nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from conftest_airflow import Live
from conftest_runs import CANARIES
from privacy.errors import BadInput

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]

DAG = "purge_finished_purposes"
NOBODY_ELSES = 80_412_977
"""A traveller who asks for nothing: an open request would hold the rows (other tests share this Airflow)."""

STEPS = ("plan", "approve", "purge", "verify", "record")


@pytest.fixture(autouse=True)
def rows(live: Live) -> None:
    """Each test begins with the same rows, all of them long past their term but one of each."""
    with sqlite3.connect(live.ferry.database) as db:
        for name in ("ticket", "boarding"):
            db.execute(f"DELETE FROM {name}s")
            rows = [(n, NOBODY_ELSES, "2024-03-01T10:00:00Z" if n < 4 else "2999-01-01T00:00:00Z") for n in range(1, 5)]
            db.executemany(f"INSERT INTO {name}s VALUES (?, ?, ?)", rows)


def left(live: Live, table: str) -> int:
    with sqlite3.connect(live.ferry.database) as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def ends(live: Live, rule: str) -> list[tuple[str, str]]:
    """How the rule's runs ended, the last one last: status and reason."""
    runs = {e.entry["run"] for e in live.ferry.house.ledger.entries(kind="run.begun") if e.entry.get("rule") == rule}
    found = [e.entry for e in live.ferry.house.ledger.entries(kind="run.ended") if e.entry["run"] in runs]
    return [(str(e["status"]), str(e.get("reason", ""))) for e in found]


def chain(live: Live, run: str, rule: str) -> dict[str, str]:
    """The states of a rule's steps; its plan has its name, and one that never ran has its number alone."""
    tasks = live.api.tasks(DAG, run)
    (index,) = [t["map_index"] for t in tasks if t["task_id"] == "rule.plan" and t["rendered_map_index"] == rule]
    return {
        step: next(str(t["state"]) for t in tasks if (t["task_id"], t["map_index"]) == (f"rule.{step}", index))
        for step in STEPS
    }


SETTLED = 3.0
"""Seconds after which a question takes an answer: one in the very moment of the question is lost, and it asks again."""


def asked(live: Live, run: str) -> int:
    """Wait until an operator is asked, and the question has settled; the map index of the task that asks."""
    until, seen = time.monotonic() + 90, dict[tuple[int, int], float]()
    while time.monotonic() < until:
        for task in live.api.tasks(DAG, run):
            if task["task_id"] == "rule.approve" and task["state"] == "awaiting_input":
                index = int(task["map_index"])
                if time.monotonic() - seen.setdefault((index, task["try_number"]), time.monotonic()) > SETTLED:
                    return index
        time.sleep(0.2)
    raise AssertionError(live.states(run, DAG))


def decided(live: Live, run: str, decide: Callable[[int], object]) -> tuple[str, dict[str, str]]:
    """Answer the question, again should it be asked again, until the run is over; its state, and every task's."""
    until, seen = time.monotonic() + 180, dict[tuple[int, int], float]()
    while live.api.state(DAG, run) not in ("success", "failed"):
        assert time.monotonic() < until, live.states(run, DAG)
        for task in live.api.tasks(DAG, run):
            if task["task_id"] == "rule.approve" and task["state"] == "awaiting_input":
                key = (int(task["map_index"]), int(task["try_number"]))
                if time.monotonic() - seen.setdefault(key, time.monotonic()) > SETTLED:
                    seen[key] = time.monotonic()
                    with suppress(BadInput):
                        decide(key[0])
        time.sleep(0.2)
    return live.wait(run, dag=DAG)


def test_by_hand_it_only_looks(live: Live) -> None:
    run = live.api.trigger(DAG)
    state, tasks = live.wait(run, dag=DAG)
    assert state == "success", tasks
    assert chain(live, run, "tickets") == dict(
        zip(STEPS, ("success", "skipped", "skipped", "skipped", "success"), strict=True)
    )
    assert (left(live, "tickets"), left(live, "boardings")) == (4, 4)
    # Each rule in the pool of its store, but for the question, which may wait for hours.
    pools = {(t["task_id"], t["pool"]) for t in live.api.tasks(DAG, run) if t["map_index"] >= 0}
    store = live.ferry.house.datamap["ferry.tickets"].system.connection
    assert pools == {(f"rule.{s}", "default_pool" if s == "approve" else f"privacy_{store}") for s in STEPS}


def test_one_rule_waits_for_an_operator_and_the_other_goes_on_and_what_they_approve_is_done(live: Live) -> None:
    run = live.api.trigger(DAG, dry_run=False)
    asked(live, run)
    until = time.monotonic() + 60
    while live.states(run, DAG).get("rule.record tickets") != "success":
        assert time.monotonic() < until, live.states(run, DAG)
        time.sleep(0.2)
    assert (left(live, "tickets"), left(live, "boardings")) == (1, 4)
    detail = live.api.call("GET", f"/dags/{DAG}/dagRuns/~/hitlDetails?state=awaiting_input")["hitl_details"][0]
    assert "3 records" in detail["body"]
    assert "share: 75%" in detail["body"]
    state, tasks = decided(live, run, lambda index: live.api.answer(DAG, run, "rule.approve", index, "Approve"))
    assert state == "success", tasks
    assert set(chain(live, run, "boardings").values()) == {"success"}
    assert left(live, "boardings") == 1
    assert ends(live, "boardings")[-1] == ("done", "")
    (approved,) = live.ferry.house.ledger.entries(kind="purge.approved")
    assert approved.entry["actor"] == "admin"
    assert live.ferry.house.ledger.verify().ok


def test_what_they_reject_stays_and_the_run_is_red(live: Live) -> None:
    """Edge case 32."""
    run = live.api.trigger(DAG, dry_run=False, rules=["boardings"])
    state, _ = decided(live, run, lambda index: live.api.answer(DAG, run, "rule.approve", index, "Reject"))
    assert (state, left(live, "boardings")) == ("failed", 4)
    assert chain(live, run, "boardings")["purge"] == "upstream_failed"
    assert ends(live, "boardings")[-1] == ("failed", "purge.refused")


def test_an_approval_that_is_marked_successful_by_hand_is_none(live: Live) -> None:
    """Edge cases 32 and 36: whoever may edit tasks turns the question green; the ledger has no answer."""
    run = live.api.trigger(DAG, dry_run=False, rules=["boardings"])
    place = f"/dags/{DAG}/dagRuns/{run.replace('+', '%2B').replace(':', '%3A')}/taskInstances/rule.approve"
    state, tasks = decided(
        live, run, lambda index: live.api.call("PATCH", f"{place}/{index}", {"new_state": "success"})
    )
    assert (state, left(live, "boardings")) == ("failed", 4), tasks
    assert chain(live, run, "boardings")["purge"] == "failed"
    assert ends(live, "boardings")[-1] == ("failed", "purge.not_approved")


def test_a_purge_without_its_plan_is_no_green_run(live: Live) -> None:
    """Edge case 28: a rule that the policy does not have."""
    run = live.api.trigger(DAG, dry_run=False, rules=["tickts"])
    state, tasks = live.wait(run, dag=DAG)
    assert (state, tasks["list_rules"]) == ("failed", "failed")
    assert left(live, "tickets") == 4


def test_nothing_that_airflow_or_the_ledger_wrote_names_anybody(live: Live) -> None:
    """After all of the above: no identifier in the metadata database, the task logs, or the components' output."""
    for name, content in live.everything_written():
        found = [canary for canary in (*CANARIES, str(NOBODY_ELSES)) if canary.encode() in content]
        assert not found, f"{name} names {len(found)} of them"
