"""The steps of ``restrict_subject`` and ``object_subject`` as Airflow tasks: nothing leaves but codes and counts."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import get_current_context, task

from privacy.errors import Refused
from privacy.orchestration import tasks
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import coded, failure, house, states, this_run

STEPS = ("open_request", "resolve_identity", "act", "tell")
"""The steps, in their order; ``record`` comes after them, whatever became of them."""


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def open_request() -> dict[str, str]:
    """Take the request over: earlier runs of it end here."""
    from privacy.orchestration import stop_steps

    return stop_steps.open_request(house(), this_run(), _pipeline())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def act() -> dict[str, int]:
    """Place what is missing, and hold that it is in force."""
    from privacy.orchestration import stop_steps

    return stop_steps.act(house(), this_run(), _pipeline())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def tell() -> dict[str, int]:
    """Tell the person: once."""
    from privacy.orchestration import stop_steps

    return stop_steps.tell(house(), this_run(), _pipeline())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def record() -> dict[str, str]:
    """Write into the ledger how the run ended: done only on the evidence."""
    from privacy.orchestration import stop_steps

    found = states()
    said = stop_steps.record(house(), this_run(), _pipeline(), failed=failure(list(STEPS), found))
    if said["status"] != "done" and found.get(STEPS[-1]) == "success":
        raise Refused("run.marked_by_hand", "The run failed, although a task was marked as successful.")
    return said


def chain() -> None:
    """The graph: open, find out whose it is, act, tell, record."""
    ended, told = record().as_teardown(), tell()
    open_request() >> tasks.resolve_identity() >> act() >> told >> ended
    [told, ended] >> EmptyOperator(task_id="done")


def _pipeline() -> str:
    dag: Any = get_current_context()["dag"]
    return str(dag.dag_id)
