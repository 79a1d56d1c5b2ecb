"""``purge_bundles`` and ``clean_airflow`` as Airflow tasks: thin, and nothing leaves them but figures and codes.

By hand they are dry runs unless it is said otherwise; the scheduler's runs are real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from privacy.errors import BadInput
from privacy.orchestration import purge_tasks
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.purge_tasks import real_run_of, run_of
from privacy.orchestration.tasks import REASON, coded, house

if TYPE_CHECKING:
    from privacy.orchestration.own_airflow_steps import Asking

STEPS = ("plan", "purge")
"""The steps of a rule, in their order; ``record`` comes after them, whatever became of them."""

ARGUMENTS = purge_tasks.ARGUMENTS
PARAMS = purge_tasks.PARAMS
ONE = {name: param for name, param in PARAMS.items() if name != "rules"}
"""Params of a DAG with one rule."""


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def list_rules() -> list[str]:
    """The rules to run: all, or those that were asked for."""
    from privacy.orchestration import own_steps

    params = get_current_context()["params"]
    found = own_steps.rules_of(house(), list(params["rules"] or []))
    if params["expected_digest"] and len(found) != 1:
        raise BadInput("purge.one_rule", "An expected digest is of one rule.", advice="Name the rule under `rules`.")
    return found


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=purge_tasks.NAMED)
@coded
def plan(rule: str) -> dict[str, Any]:
    """Fix what goes. Changes nothing."""
    from privacy.orchestration import own_steps

    return own_steps.plan(house(), run_of(rule))


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=purge_tasks.NAMED)
@coded
def purge(rule: str) -> dict[str, Any]:
    """Remove what is planned, one by one, but for what is held or in use by then."""
    from privacy.orchestration import own_steps
    from privacy.orchestration.purges import stopping

    run = real_run_of(rule)
    with stopping() as stop:
        return own_steps.purge(house(), run, stop)


@task(pool=SEVERAL, do_xcom_push=False, trigger_rule="all_done", map_index_template=purge_tasks.NAMED)
@coded
def record(rule: str) -> dict[str, Any]:
    """Write into the ledger how the rule's run ended. Red unless it is done, on the evidence."""
    from privacy.orchestration import own_steps

    run = run_of(rule)
    return own_steps.record(house(), run, _failed("rule.{}", dry=run.dry))


def chain() -> None:
    """The graph of ``purge_bundles``: its rules, and for each of them plan, purge, record."""

    @task_group(group_id="rule")
    def rule(rule: str) -> None:
        plan(rule) >> purge(rule) >> record(rule)

    rule.expand(rule=list_rules())


@task(pool=SEVERAL, task_id="plan", do_xcom_push=False)
@coded
def plan_airflow() -> dict[str, Any]:
    """Count what is past its term. Changes nothing."""
    from privacy.orchestration import own_airflow_steps

    return own_airflow_steps.plan(house(), run_of("airflow"), _asking())


@task(pool=SEVERAL, task_id="purge", do_xcom_push=False)
@coded
def purge_airflow() -> dict[str, Any]:
    """Remove it, without Airflow's archive tables."""
    from privacy.orchestration import own_airflow_steps

    run = run_of("airflow")
    if run.dry:
        raise AirflowSkipException("A dry run changes nothing.")
    return own_airflow_steps.clean(house(), run, _asking())


@task(pool=SEVERAL, task_id="record", do_xcom_push=False, trigger_rule="all_done")
@coded
def record_airflow() -> dict[str, Any]:
    """Write into the ledger how the run ended. Red unless it is done, on the evidence."""
    from privacy.orchestration import own_airflow_steps

    run = run_of("airflow")
    return own_airflow_steps.record(house(), run, _asking(), _failed("{}", dry=run.dry))


def chain_airflow() -> None:
    """The graph of ``clean_airflow``: plan, purge, record."""
    plan_airflow() >> purge_airflow() >> record_airflow()


def _asking() -> Asking:
    from privacy.orchestration.own_airflow_steps import Asking

    ti = get_current_context()["ti"]
    return Asking(ti.dag_id, ti.run_id)


def _failed(name: str, *, dry: bool) -> str | None:
    """The code of the first step that did not succeed; None: all did.

    :param name: how the steps' tasks are called.
    """
    ti = get_current_context()["ti"]
    states: dict[str, Any] = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    mapped = ti.map_index is not None and ti.map_index >= 0
    for step in STEPS[:1] if dry else STEPS:
        task_id = name.format(step)
        state = states.get(f"{task_id}_{ti.map_index}" if mapped else task_id)
        if state == "success":
            continue
        said = (
            ti.xcom_pull(task_ids=task_id, key=REASON, map_indexes=ti.map_index)
            if mapped
            else ti.xcom_pull(task_ids=task_id, key=REASON)
        )
        return str(said) if said else f"task.{step}.{state or 'never_ran'}"
    return None
