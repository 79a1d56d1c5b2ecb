"""The demo's purges: the first three of the policy, for real, with an operator's answers, and what the ledger says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from privacy.errors import GiveUp
from privacy.orchestration.api import OVER, AirflowApi

if TYPE_CHECKING:
    from privacy.rights.house import House

MOST = 3
_SECONDS = 180.0
_PATIENCE = 2.0
_APPROVAL = "rule.approve"


def purge(house: House, api: AirflowApi, say: Callable[[str], None]) -> None:
    """Start them one after the other, answer what they ask, and tell what went.

    :raises GiveUp: ``demo.failed``, ``airflow.too_slow``.
    """
    for name in list(house.policy.purges)[:MOST]:
        _until_there(api, name)
        run = api.trigger(name, dry_run=False)
        say(f"\ntriggered {name} through Airflow's API: {run}")
        state = _followed(api, name, run, say)
        for text in _told(house, name):
            say(text)
        if state != "success":
            raise GiveUp("demo.failed", f"{name} failed.", where=run)


def _until_there(api: AirflowApi, dag: str) -> None:
    until = time.monotonic() + _SECONDS
    while not api.has_dag(dag):
        if time.monotonic() > until:
            raise GiveUp("airflow.too_slow", "The DAG has not been parsed.", where=dag)
        time.sleep(0.25)


def _followed(api: AirflowApi, dag: str, run: str, say: Callable[[str], None]) -> str:
    """Wait for the run's end; approve what asks, after showing why."""
    until, asked = time.monotonic() + _SECONDS, dict[tuple[int, int], float]()
    while (state := api.state(dag, run)) not in OVER:
        if time.monotonic() > until:
            raise GiveUp("airflow.too_slow", "The run has not ended.", where=run)
        for task in api.tasks(dag, run):
            index, attempt = int(task["map_index"]), int(task["try_number"])
            if (task["task_id"], task["state"]) != (_APPROVAL, "awaiting_input"):
                continue
            # An answer in the very moment of the question is lost, and the task asks again.
            seen = asked.setdefault((index, attempt), time.monotonic())
            if 0 < seen < time.monotonic() - _PATIENCE:
                asked[index, attempt] = 0.0
                for reason in _why(api, dag, run, index):
                    say(f"  asks: {reason}")
                api.answer(dag, run, _APPROVAL, index, "Approve")
                say("  approved, as an operator would after reading the figures")
        time.sleep(0.25)
    return state


def _why(api: AirflowApi, dag: str, run: str, index: int) -> list[str]:
    found = api.call("GET", f"/dags/{dag}/dagRuns/~/hitlDetails?state=awaiting_input")["hitl_details"]
    bodies = [
        str(one["body"])
        for one in found
        if (one["task_instance"]["dag_run_id"], one["task_instance"]["map_index"]) == (run, index)
    ]
    return [line.removeprefix("* ") for body in bodies for line in body.splitlines() if line.startswith("* ")]


def _told(house: House, purge_name: str) -> list[str]:
    """The ledger's entry of each rule of the run that was last."""
    said: list[str] = []
    for rule in house.policy.purges[purge_name].rules:
        begun = [e for e in house.ledger.entries(kind="run.begun") if e.entry.get("rule") == rule]
        if not begun:
            raise GiveUp("demo.failed", "The ledger has no run of the rule.", where=rule)
        entry = begun[-1].entry
        (ended,) = house.ledger.entries(run=str(entry["run"]), kind="run.ended")
        said += _lines(rule, entry, ended.entry, ended.seq)
    return said


def _lines(rule: str, begun: dict[str, Any], ended: dict[str, Any], seq: int) -> list[str]:
    went = [f"{count['records']} {name}" for name, count in (ended.get("datasets") or {}).items() if count["records"]]
    kept = dict(ended.get("retained") or {}) | ({"held": ended["held"]} if ended.get("held") else {})
    said = [f"  {rule}: {ended['status']}, deleted {ended['deleted']} of {begun.get('candidates', '?')} records"]
    said += [f"    went: {', '.join(went)}"] if went else []
    said += [f"    stays: {', '.join(f'{count} {why}' for why, count in kept.items())}"] if kept else []
    said += [f"    late by {ended['late_by']}: {ended['late']} records"] if ended.get("late") else []
    said += [f"    without a start: {ended['undated']}"] if ended.get("undated") else []
    proof = f"{', '.join(begun.get('promises') or [])} {begun.get('limit')}"
    return [*said, f"    ledger entry {seq}: proves {proof}, oldest left {ended.get('oldest_remaining', 'none')}"]
