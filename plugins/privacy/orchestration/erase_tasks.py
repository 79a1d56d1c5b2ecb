"""An erasure as Airflow tasks: one linear chain a request; thin, and nothing leaves them but figures."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from privacy.orchestration import tasks
from privacy.orchestration.approving import AskOperator, Question
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import REASON, actor_of, coded, house

if TYPE_CHECKING:
    from airflow.sdk import XComArg

    from privacy.orchestration.runs import Run

STEPS = ("resolve", "plan", "approve", "erase", "verify")
"""The steps of an erasure, in their order; ``record`` comes after them, whatever became of them."""

NAMED = "{{ request_number }}"
"""What the tasks of a request are called in the grid: its number, which each of them sets as it runs."""

PATIENCE = timedelta(days=7)
"""How long an answer is awaited. The term of 30 days goes on meanwhile; without an answer the run is red."""


class Approval(AskOperator):
    """Asks whether the plan may be done; an earlier answer that covers it is not asked for again."""

    def question(self) -> Question | None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import erasures

        found = erasures.asks(house(), run_of())
        return None if found is None else Question(*found, PATIENCE)

    def answered(self, *, approved: bool, by: str) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import erasures

        erasures.answered(house(), run_of(), approved=approved, by=by)

    def unanswered(self) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import erasures

        erasures.unanswered(house(), run_of())


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def list_requests() -> list[str]:
    """The requests to go on with: the one that was asked for, or all that are partly done."""
    from privacy.orchestration import erasures

    wanted = get_current_context()["params"].get("request")
    if wanted is None:
        erasures.tell_left(house())
    found = erasures.requests(house(), wanted)
    if not found:
        raise AirflowSkipException("Nothing waits for an erasure to go on.")
    return found


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def check_register() -> None:
    """Red when a row of the register cannot be read: an erasure may wait in it. The others go on all the same."""
    from privacy.orchestration import erasures

    if broken := erasures.unreadable(house()):
        for problem in broken:
            print(f"{problem.where}: cannot be read [{problem.code}]")  # noqa: T201 - the task's log
        raise broken[0]


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=NAMED)
@coded
def resolve(number: str) -> dict[str, int]:
    """Find every identifier of the person who asks. More than one person: it stops until somebody decides."""
    from privacy.orchestration import erasures

    return erasures.resolve(house(), run_of(number))


@task(pool=SEVERAL, multiple_outputs=False, map_index_template=NAMED)
@coded
def plan(number: str) -> dict[str, Any]:
    """Fix what becomes of every record, down to the last item. Changes nothing."""
    from privacy.orchestration import erasures

    return erasures.plan(house(), run_of(number))


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=NAMED)
@coded
def erase(number: str) -> dict[str, Any]:
    """Do the plan, store by store, but for what is held by then."""
    from privacy.orchestration import erasures

    return erasures.erase(house(), run_of(number))


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=NAMED)
@coded
def verify(number: str) -> dict[str, Any]:
    """Ask the stores again: nothing of the plan may be left but what was told to stay."""
    from privacy.orchestration import erasures

    return erasures.verify(house(), run_of(number))


@task(pool=SEVERAL, do_xcom_push=False, trigger_rule="all_done", map_index_template=NAMED)
@coded
def record(number: str) -> dict[str, str]:
    """Write into ledger and register how it ended. Red unless it is done, on the evidence."""
    from privacy.orchestration import erasures

    return erasures.record(house(), run_of(number), _failed())


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=NAMED)
@coded
def tell(number: str) -> dict[str, bool]:
    """Write to the person what was done, what stays and why; when all is done, forget whom the request was about."""
    from privacy.orchestration import erasures

    return erasures.tell(house(), run_of(number))


def chain(*, daily: bool = False) -> XComArg:
    """The graph of an erasure: its requests, and for each resolve, plan, approve, erase, verify, record, tell.

    :param daily: of all requests, not of one: beside them it is told which cannot be read.
    """

    @task_group(group_id="request")
    def request(number: str) -> None:
        planned = plan(number)
        done = erase(number)
        (
            resolve(number)
            >> planned
            >> Approval(task_id="approve", subject="May this be erased?", map_index_template=NAMED)
            >> done
        )
        done >> verify(number) >> record(number) >> tell(number)

    found = list_requests()
    request.expand(number=found)
    if daily:
        check_register()
    return found


def run_of(number: str | None = None) -> Run:
    """The request's run that the present task belongs to. What the task is called in the grid is set here too."""
    from privacy.orchestration.runs import Run

    context = get_current_context()
    dag_run, ti = context["dag_run"], context["ti"]
    if number is None:
        listed = ti.xcom_pull(task_ids="list_requests")
        number = str(list(listed)[int(ti.map_index or 0)])
    cast(dict[str, Any], context)["request_number"] = number
    cleared = getattr(dag_run, "clear_number", 0) or 0
    own = tasks.run_id(dag_run.dag_id, f"{dag_run.run_id}\n{number}", cleared)
    return Run(own, number, actor_of(dag_run))


def _failed() -> str | None:
    """The code of the first step of this request that did not succeed; None: all did."""
    ti = get_current_context()["ti"]
    states: dict[str, Any] = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    for step in STEPS:
        name = f"request.{step}"
        state = states.get(f"{name}_{ti.map_index}")
        if state == "success":
            continue
        said = ti.xcom_pull(task_ids=name, key=REASON, map_indexes=ti.map_index)
        return str(said) if said else f"task.{step}.{state or 'never_ran'}"
    return None
