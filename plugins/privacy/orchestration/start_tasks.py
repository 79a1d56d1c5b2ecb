"""``start_requests`` as Airflow tasks: what waits, one start each, and what was started."""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import coded, house, states


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def tidy() -> dict[str, int]:
    """Open what a notice leads to, keep the list of stops up to the policy, lift what is to be lifted today."""
    from privacy.orchestration import starting

    return starting.tidy(house())


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def list_waiting() -> list[dict[str, str]]:
    """The requests that wait for their pipeline: name of the run, DAG, number."""
    from privacy.orchestration import starting

    found = [start.as_json() for start in starting.waiting(house())]
    if not found:
        raise AirflowSkipException("No request waits for its pipeline.")
    return found


@task(pool=SEVERAL, do_xcom_push=False, map_index_template="{{ task.op_kwargs['start']['run'] }}")
def start(start: dict[str, str]) -> None:
    """Let Airflow start one, as ``TriggerDagRunOperator`` does; a run of this name that is there already is left alone.

    That operator itself is not used: to import it loads SQLAlchemy into every parse of the DAG.
    """
    raise DagRunTriggerException(
        trigger_dag_id=start["dag"], dag_run_id=start["run"], conf={"request": start["number"]},
        reset_dag_run=False, skip_when_already_exists=True, wait_for_completion=False, allowed_states=[],
        failed_states=[], poke_interval=60, deferrable=False,
    )  # fmt: skip


@task(pool=SEVERAL, do_xcom_push=False, trigger_rule="all_done")
@coded
def note() -> int:
    """Write down which runs Airflow has. Red when it did not take one: a DAG that is missing, for instance."""
    from privacy.errors import GiveUp
    from privacy.orchestration import starting

    listed = list(get_current_context()["ti"].xcom_pull(task_ids="list_waiting") or [])
    found = states()
    took = [_took(found, no, len(listed)) for no in range(len(listed))]
    given = [starting.Start(**one) for one, there in zip(listed, took, strict=True) if there]
    new = starting.started(house(), given)
    if len(given) < len(listed):
        raise GiveUp("start.not_taken", f"Airflow did not take {len(listed) - len(given)} runs.")
    return new


def chain() -> None:
    """The graph: tidy; beside it: list, start each, note."""
    tidy()
    listed: Any = list_waiting()
    start.expand(start=listed) >> note()


def _took(states: dict[str, str], no: int, of: int) -> bool:
    """Whether Airflow has the run: it was made now, or was there."""
    own = states.get(f"start_{no}") or (states.get("start") if of == 1 else None)
    return own in ("success", "skipped")
