"""``notify_policy_change`` as Airflow tasks: thin, and nothing leaves them but figures and codes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from privacy.orchestration import tasks
from privacy.orchestration.approving import AskOperator, Question
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import REASON, RETRIES, actor_of, coded, house

if TYPE_CHECKING:
    from privacy.orchestration.policy_steps import PolicyRun

STEPS = ("plan", "approve", "write")
"""In their order; ``record`` comes after them, whatever became of them."""

ARGUMENTS = RETRIES
"""For ``default_args``."""

PATIENCE = timedelta(days=14)
"""How long an answer is awaited; a statement is not changed overnight."""

PARAMS = {
    "dry_run": Param(True, type="boolean", title="Only look", description="Compare and count; write to nobody."),
    "resend_unclear": Param(
        False, type="boolean", title="Send again what is unclear",
        description="Letters that were under way to the mail server when a run died: they may come twice.",
    ),
}  # fmt: skip


class Approval(AskOperator):
    """Asks an operator whether people may be told of these changes; nobody is asked where nothing has changed."""

    def question(self) -> Question | None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import policy_steps

        found = policy_steps.asks(house(), real_run())
        return None if found is None else Question(*found, PATIENCE)

    def answered(self, *, approved: bool, by: str) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import policy_steps

        policy_steps.answered(house(), run_of(), approved=approved, by=by)

    def unanswered(self) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import policy_steps

        policy_steps.unanswered(house(), run_of())


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def plan() -> dict[str, Any]:
    """Compare the policy with the version in force, and count whom it concerns. Changes nothing."""
    from privacy.orchestration import policy_steps

    return policy_steps.plan(house(), run_of())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def write() -> dict[str, int]:
    """Write to everybody, from where an earlier try came to; nobody twice."""
    from privacy.orchestration import policy_steps
    from privacy.orchestration.purges import stopping

    run, again = real_run(), bool(get_current_context()["params"]["resend_unclear"])
    with stopping() as stop:
        return policy_steps.write(house(), run, stop=stop, resend=again)


@task(pool=SEVERAL, do_xcom_push=False, trigger_rule="all_done")
@coded
def record() -> dict[str, Any]:
    """Write into the ledger how the run ended. Red unless everybody was written to, on the evidence."""
    from privacy.orchestration import policy_steps

    run = run_of()
    return policy_steps.record(house(), run, _failed(dry=run.dry))


def chain() -> None:
    """The graph: plan, approve, write, record."""
    plan() >> Approval(task_id="approve", subject="May people be told of this change?") >> write() >> record()


def run_of() -> PolicyRun:
    """The run that the present task belongs to."""
    from privacy.orchestration.policy_steps import PolicyRun

    context = get_current_context()
    dag_run = context["dag_run"]
    own = tasks.run_id(dag_run.dag_id, dag_run.run_id, getattr(dag_run, "clear_number", 0) or 0)
    return PolicyRun(own, actor_of(dag_run), bool(context["params"]["dry_run"]))


def real_run() -> PolicyRun:
    """The same, for a step that a dry run leaves out. :raises AirflowSkipException: it is a dry run."""
    run = run_of()
    if run.dry:
        raise AirflowSkipException("A dry run changes nothing.")
    return run


def _failed(*, dry: bool) -> str | None:
    """The code of the first step that did not succeed; None: all did."""
    ti = get_current_context()["ti"]
    states: dict[str, Any] = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    for step in STEPS[:1] if dry else STEPS:
        state = states.get(step)
        if state == "success":
            continue
        said = ti.xcom_pull(task_ids=step, key=REASON)
        return str(said) if said else f"task.{step}.{state or 'never_ran'}"
    return None
