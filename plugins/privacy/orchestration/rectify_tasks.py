"""A rectification as Airflow tasks: one chain; thin, and nothing leaves them but figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task

from privacy.orchestration.approving import AskOperator, Question
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import REASON, coded, house, this_run

STEPS = ("resolve", "plan", "approve", "rectify", "verify")
"""The steps of a rectification, in their order; ``record`` comes after them, whatever became of them."""

PATIENCE = timedelta(days=7)
"""How long an answer is awaited. The term of 30 days goes on meanwhile; without an answer the run is red."""


class Approval(AskOperator):
    """Asks whether the plan may be done; the values themselves are looked at on the command line."""

    def question(self) -> Question:
        """See :class:`AskOperator`."""
        from privacy.orchestration import rectify_steps

        subject, body = rectify_steps.asks(house(), this_run())
        return Question(subject, body, PATIENCE)

    def answered(self, *, approved: bool, by: str) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import rectify_steps

        rectify_steps.answered(house(), this_run(), approved=approved, by=by)

    def unanswered(self) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import rectify_steps

        rectify_steps.unanswered(house(), this_run())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def resolve() -> dict[str, int]:
    """Find every identifier of the person who asks. More than one person: it stops until somebody decides."""
    from privacy.orchestration import rectify_steps

    return rectify_steps.resolve(house(), this_run())


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def plan() -> dict[str, Any]:
    """Fix which records are changed, and which of the past get a supplementary statement. Changes nothing."""
    from privacy.orchestration import rectify_steps

    return rectify_steps.plan(house(), this_run())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def rectify() -> dict[str, Any]:
    """Do the plan that was approved, but for what is held by then."""
    from privacy.orchestration import rectify_steps

    return rectify_steps.rectify(house(), this_run())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def verify() -> dict[str, Any]:
    """Ask the stores again: everything that was planned says what it is to say."""
    from privacy.orchestration import rectify_steps

    return rectify_steps.verify(house(), this_run())


@task(pool=SEVERAL, do_xcom_push=False, trigger_rule="all_done")
@coded
def record() -> dict[str, str]:
    """Write into ledger and register how it ended. Red unless it is done, on the evidence."""
    from privacy.orchestration import rectify_steps

    return rectify_steps.record(house(), this_run(), _failed())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def tell() -> dict[str, bool]:
    """Tell the person, an e-mail address that was replaced, and the processors."""
    from privacy.orchestration import rectify_steps

    return rectify_steps.tell(house(), this_run())


def chain() -> None:
    """The graph of a rectification: resolve, plan, approve, rectify, verify, record, tell."""
    asked = Approval(task_id="approve", subject="May this be corrected?")
    resolve() >> plan() >> asked >> rectify() >> verify() >> record() >> tell()


def _failed() -> str | None:
    """The code of the first step that did not succeed; None: all did."""
    ti = get_current_context()["ti"]
    states: dict[str, Any] = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    for step in STEPS:
        state = states.get(step)
        if state == "success":
            continue
        said = ti.xcom_pull(task_ids=step, key=REASON)
        return str(said) if said else f"task.{step}.{state or 'never_ran'}"
    return None
