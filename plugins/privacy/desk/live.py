"""What runs of a rule now, step by step, as Airflow says; and what came of the run that somebody has just started."""

from __future__ import annotations

from dataclasses import dataclass

from privacy.desk import rule_runs
from privacy.desk.airflow import Airflow, Task, Underway
from privacy.desk.retention import Rule
from privacy.orchestration.run_ids import rule_run_id
from privacy.rights.house import House

STEPS = ("list_rules", "plan", "approve", "purge", "verify", "record")
"""The steps of a purge, in their order."""


@dataclass(frozen=True, slots=True)
class Now:
    """A run that has not ended, with the steps of the rule."""

    run: Underway
    steps: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """What runs now. :param over: the state of the run that is watched, once it has ended; empty: it has not.

    :param led_to: the ledger's id of what it was, a run or a dry run; empty: the ledger knows nothing of it.
    :param failed: the step of the rule that failed first; empty: none did. :param there: Airflow knows the run that is
        watched.
    """

    running: tuple[Now, ...]
    over: str = ""
    led_to: str = ""
    failed: str = ""
    there: bool = True


def live(airflow: Airflow, house: House, rule: Rule, watch: str = "") -> Live:
    """What runs of a rule now. :param watch: Airflow's id of a run whose end is told too; empty: of none."""
    found = [
        Now(run, _steps(airflow, rule, run.run)) for run in airflow.running(rule.dag)
        if not run.rules or rule.name in run.rules
    ]  # fmt: skip
    if not watch:
        return Live(tuple(found))
    progress = airflow.progress(rule.dag, watch)
    if progress is None or progress.running:
        return Live(tuple(found), there=progress is not None)
    id = rule_run_id(rule.dag, watch, rule.name)
    known = rule_runs.one(house.engine, id) is not None or rule_runs.look(house.engine, id) is not None
    broken = [task.name for task in _of(rule, progress.tasks) if task.state == "failed"]
    return Live(tuple(found), progress.state, id if known else "", broken[0] if broken else "")


def _steps(airflow: Airflow, rule: Rule, run: str) -> tuple[Task, ...]:
    progress = airflow.progress(rule.dag, run)
    return () if progress is None else _of(rule, progress.tasks)


def _of(rule: Rule, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks of one rule in the order of the steps; before the rules are told apart, all of them."""
    mine = [task for task in tasks if task.label in ("", rule.name) and task.name in STEPS]
    return tuple(sorted(mine, key=lambda task: STEPS.index(task.name)))
