"""The replay of erasures as Airflow tasks: thin, and nothing leaves them but figures and codes."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, get_current_context, task

from privacy.orchestration import tasks
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import RETRIES, actor_of, coded, house

ARGUMENTS = RETRIES
"""For ``default_args``."""

PARAMS = {
    "dry_run": Param(False, type="boolean", title="Only look", description="Look who is back; change nothing."),
    "expected_digest": Param(
        None, type=["null", "string"], pattern="^[0-9a-f]{64}$", title="Expected digest",
        description="Of the plan as a dry run showed it: a plan over the guard needs it.",
    ),
}  # fmt: skip


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def replay() -> dict[str, Any]:
    """Look through every store, and erase again who is back. What an earlier try did is not done twice."""
    from privacy.orchestration.purges import stopping
    from privacy.orchestration.runs import code_version
    from privacy.rights.replaying import replay as again

    context = get_current_context()
    dag_run, params, ti = context["dag_run"], context["params"], context["ti"]
    # Each try is a run of its own in the ledger: what it finds is what the one before has left.
    own = tasks.run_id(dag_run.dag_id, f"{dag_run.run_id}\n{ti.try_number}", getattr(dag_run, "clear_number", 0) or 0)
    with stopping() as stop:
        found = again(
            house(), own, actor=actor_of(dag_run), code_version=code_version(),
            dry=bool(params["dry_run"]), expected=params["expected_digest"], stop=stop,
        )  # fmt: skip
    print(f"{found.people} people are back; {found.records} records; digest {found.digest or 'none'}")  # noqa: T201 - the task's log
    return found.as_json()
