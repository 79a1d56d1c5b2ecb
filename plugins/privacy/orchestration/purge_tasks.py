"""A purge as Airflow tasks: one linear chain a rule, mapped over the rules; thin, and nothing leaves them but figures.

By hand a purge is a dry run unless it is said otherwise; the scheduler's runs are real.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import Param, get_current_context, task, task_group
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowSkipException

from privacy.errors import BadInput
from privacy.orchestration import tasks
from privacy.orchestration.approving import AskOperator, Question
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.run_ids import rule_run_id
from privacy.orchestration.tasks import REASON, actor_of, coded, house

if TYPE_CHECKING:
    from airflow.sdk import XComArg

    from privacy.orchestration.purges import PurgeRun

STEPS = ("plan", "approve", "purge", "verify")
"""The steps of a rule, in their order; ``record`` comes after them, whatever became of them."""

NAMED = "{{ rule }}"
"""What the tasks of a rule are called in the grid: the rule's name, which each of them sets as it runs."""

ARGUMENTS: dict[str, Any] = tasks.RETRIES
"""For ``default_args`` of a purge's DAG."""

PARAMS = {
    "dry_run": Param(True, type="boolean", title="Only look", description="Plan and show; delete nothing."),
    "rules": Param(
        [], type="array", items={"type": "string"}, title="Rules", description="Of this purge; empty: all of them."
    ),
    "as_of": Param(
        None, type=["null", "string"], format="date-time", title="As of",
        description="Plan as of this moment, with its time zone; empty: now. Never in the future.",
    ),
    "expected_digest": Param(
        None, type=["null", "string"], pattern="^[0-9a-f]{64}$", title="Expected digest",
        description="Of the plan as a dry run showed it: another plan is refused. With one rule only.",
    ),
}  # fmt: skip


class Approval(AskOperator):
    """Asks an operator, if the rule's plan trips a guard; whatever they say, goes into the ledger from here."""

    def question(self) -> Question | None:
        """See :class:`AskOperator`; it is awaited at most until shortly before the rule's next run."""
        from privacy import plans
        from privacy.orchestration import purges

        here, run = house(), run_of()
        if run.dry:
            raise AirflowSkipException("A dry run asks nobody.")
        made, _ = plans.opened(here.means, run.id)
        if not made.tripped:
            return None
        now = here.clock.now()
        patience = purges.patience(here, run.rule, datetime.fromisoformat(made.as_of), now)
        body = purges.body(made, now, here.policy.zone, patience)
        return Question(f"{run.rule}: may {made.records} records be deleted?", body, patience)

    def answered(self, *, approved: bool, by: str) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import purges

        purges.answered(house(), run_of(), approved=approved, by=by)

    def unanswered(self) -> None:
        """See :class:`AskOperator`."""
        from privacy.orchestration import purges

        purges.unanswered(house(), run_of())


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def list_rules(purge: str) -> list[str]:
    """The rules to run: all of the purge, or those that were asked for."""
    from privacy.orchestration import purges

    params = get_current_context()["params"]
    found = purges.rules_of(house(), purge, list(params["rules"] or []))
    if params["expected_digest"] and len(found) != 1:
        raise BadInput("purge.one_rule", "An expected digest is of one rule.", advice="Name the rule under `rules`.")
    return found


@task(pool=SEVERAL, multiple_outputs=False, map_index_template=NAMED)
@coded
def plan(rule: str) -> dict[str, Any]:
    """Fix what goes, down to the last item, and see whether an operator has to be asked. Changes nothing."""
    from privacy.orchestration import purges

    return purges.plan(house(), run_of(rule))


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=NAMED)
@coded
def purge(rule: str) -> dict[str, Any]:
    """Delete what is planned, batch by batch, but for what is held by then."""
    from privacy.orchestration import purges

    return purges.purge(house(), real_run_of(rule))


@task(pool=SEVERAL, do_xcom_push=False, map_index_template=NAMED)
@coded
def verify(rule: str) -> dict[str, Any]:
    """Ask the stores again: nothing of the plan may be left but what was told to stay."""
    from privacy.orchestration import purges

    return purges.verify(house(), real_run_of(rule))


@task(pool=SEVERAL, do_xcom_push=False, trigger_rule="all_done", map_index_template=NAMED)
@coded
def record(rule: str) -> dict[str, str]:
    """Write into the ledger how the rule's run ended. Red unless it is done, on the evidence."""
    from privacy.orchestration import purges

    run = run_of(rule)
    return purges.record(house(), run, _failed(dry=run.dry))


def chain(purge_name: str) -> XComArg:
    """The graph of a purge: its rules, and for each of them plan, approve, purge, verify, record.

    :returns: its first task, for what comes before it.
    """

    @task_group(group_id="rule")
    def rule(rule: str) -> None:
        planned = plan(rule)
        done = purge(rule)
        (
            planned
            >> Approval(task_id="approve", subject="May this be deleted?", map_index_template=NAMED)
            >> done
            >> verify(rule)
            >> record(rule)
        )

    rules = list_rules(purge_name)
    rule.expand(rule=rules)
    return rules


def run_of(rule: str | None = None) -> PurgeRun:
    """The rule's run that the present task belongs to. What the task's own name in the grid is, is set here too."""
    from privacy.orchestration.purges import PurgeRun

    context = get_current_context()
    dag_run, params, ti = context["dag_run"], context["params"], context["ti"]
    if rule is None:
        listed = ti.xcom_pull(task_ids="list_rules")
        rule = str(list(listed)[int(ti.map_index or 0)])
    cast(dict[str, Any], context)["rule"] = rule
    scheduled = dag_run.run_type == DagRunType.SCHEDULED
    number = getattr(dag_run, "clear_number", 0) or 0
    as_of = None if scheduled or not params["as_of"] else _moment(str(params["as_of"]))
    return PurgeRun(
        id=rule_run_id(dag_run.dag_id, dag_run.run_id, rule, number),
        purge=dag_run.dag_id,
        rule=rule,
        actor=actor_of(dag_run),
        dry=False if scheduled else bool(params["dry_run"]),
        as_of=as_of,
        expected=None if scheduled else params["expected_digest"],
    )


def real_run_of(rule: str) -> PurgeRun:
    """The same, for a step that a dry run leaves out. :raises AirflowSkipException: it is a dry run."""
    run = run_of(rule)
    if run.dry:
        raise AirflowSkipException("A dry run changes nothing.")
    return run


def _moment(text: str) -> datetime:
    at: datetime | None = None
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
    if at is None or at.tzinfo is None:
        raise BadInput("purge.as_of", "This is no moment with a time zone.", advice="Write 2026-11-20T00:00:00+01:00.")
    return at


def _failed(*, dry: bool) -> str | None:
    """The code of the first step of this rule that did not succeed; None: all did."""
    ti = get_current_context()["ti"]
    states: dict[str, Any] = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    for step in STEPS[:1] if dry else STEPS:
        name = f"rule.{step}"
        state = states.get(f"{name}_{ti.map_index}")
        if state == "success":
            continue
        said = ti.xcom_pull(task_ids=name, key=REASON, map_indexes=ti.map_index)
        return str(said) if said else f"task.{step}.{state or 'never_ran'}"
    return None
