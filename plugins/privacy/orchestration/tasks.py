"""The steps of ``export_subject`` as Airflow tasks: thin, and nothing leaves them but codes, counts and digests.

Importing this module loads Airflow's SDK and nothing else; what a step needs is loaded when it runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from airflow.sdk import Param, get_current_context, task
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowSkipException

from privacy.errors import GiveUp, PrivacyError, Refused
from privacy.numbers import PATTERN
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.run_ids import run_id as run_id

if TYPE_CHECKING:
    from privacy.orchestration.runs import Run
    from privacy.rights.house import House

P = ParamSpec("P")
R = TypeVar("R")

REASON = "reason"
"""The XCom key under which a task that fails leaves its code."""

REQUEST = Param(
    type="string",
    pattern=PATTERN,
    title="Request number",
    description="As the register wrote it, e.g. AVG-2026-0042-9. Never a name or an address.",
)
"""What a DAG that serves one request is started with."""

RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=15),
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule("privacy.errors.RetryLater", RetryAction.RETRY, timedelta(seconds=15))],
        default=RetryAction.FAIL,
    ),
    "show_return_value_in_logs": False,
}
"""For ``default_args``: what may work in a moment is tried again, everything else fails at once."""


# What nobody pulls is not pushed: it would be a call more to the API in every task, and it stands in the ledger.


def coded(step: Callable[P, R]) -> Callable[P, R]:
    """Let nothing leave a step but a code: Airflow logs what an exception says, and keeps it.

    Ours keep their class, which decides whether the step is tried again; anything else is ``unexpected.<Class>``.
    """

    @functools.wraps(step)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except AirflowSkipException:
            raise
        except PrivacyError as problem:
            made = type(problem)(problem.code, "See the DAG's documentation for this code.")
        except Exception as problem:  # noqa: BLE001 - whatever it is, its text may quote a person
            made = GiveUp(f"unexpected.{type(problem).__name__}", "See the DAG's documentation.", where=_place(problem))
        # Outside of the handler: the new error must not carry the old one, or its traceback, along.
        get_current_context()["ti"].xcom_push(key=REASON, value=made.code)
        raise made

    return wrapped


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def open_request() -> dict[str, Any]:
    """Take the request over: this run is the one that may seal its bundle. Earlier runs of it end here."""
    from privacy.orchestration import steps

    return steps.open_request(house(), this_run())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def resolve_identity() -> dict[str, int]:
    """Find every identifier of the person who asks. More than one person: it stops until somebody decides."""
    from privacy.orchestration import steps

    return steps.resolve_identity(house(), this_run())


@task(pool=SEVERAL)
@coded
def list_parts() -> list[dict[str, Any]]:
    """List what there is to read: one unit for each dataset, or for each group of its files."""
    from privacy.orchestration import steps

    return steps.list_parts(house(), this_run())


# One XCom: a dict would be pushed as a dozen, one call to the API each.
@task(pool=SEVERAL, map_index_template="{{ task.op_kwargs['unit']['name'] }}", multiple_outputs=False)
@coded
def extract(unit: dict[str, Any]) -> dict[str, Any]:
    """Read one unit for this person, into the run's own folder. Nothing that cannot be read is passed over."""
    from privacy.orchestration import steps

    return steps.extract(house(), this_run(), unit, attempt=get_current_context()["ti"].try_number)


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def write_bundle(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Put all parts together, seal them, and tell the register. Every unit must have its part."""
    from privacy.orchestration import steps

    return steps.write_bundle(house(), this_run(), parts)


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def record(before: list[str]) -> dict[str, Any]:
    """Write into the ledger how the run ended: done only on the evidence of the sealed file itself."""
    # `before`: the ids of the tasks that must have succeeded, in their order. A run that failed although the last of
    # them is green would turn green too, if this did not fail (edge case 36).
    from privacy.orchestration import ending

    found = states()
    said = ending.record(house(), this_run(), failed=failure(before, found))
    if said["status"] != "done" and found.get(before[-1]) == "success":
        raise Refused("run.marked_by_hand", "The run failed, although a task was marked as successful.")
    return said


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def empty_staging() -> dict[str, int]:
    """Remove what was read, whether the run ended well or not."""
    from privacy.orchestration import ending

    return ending.empty_staging(house(), this_run())


def house() -> House:
    """The shop's house, over Airflow's connections."""
    from privacy.orchestration.connections import AirflowConnections
    from privacy.rights.house import House
    from privacy.settings import settings

    return House(settings(), AirflowConnections())


def this_run() -> Run:
    """The run that the present task belongs to."""
    from privacy.orchestration.runs import Run

    context = get_current_context()
    dag_run = context["dag_run"]
    number = getattr(dag_run, "clear_number", 0) or 0
    own = run_id(dag_run.dag_id, dag_run.run_id, number)
    return Run(own, str(context["params"]["request"]), actor_of(dag_run))


def actor_of(dag_run: Any) -> str:
    """Who started a run, as the ledger names them: Airflow's user, or how else it came to be (``scheduled``)."""
    who = getattr(dag_run, "triggering_user_name", None) or str(getattr(dag_run.run_type, "value", dag_run.run_type))
    # The ledger takes no address; a user of Airflow may be called by one.
    return " at ".join(who.split("@"))[:200]


def states() -> dict[str, str]:
    """The states of this run's tasks, as Airflow has them now; a mapped one as ``<task>_<index>``."""
    ti = get_current_context()["ti"]
    found: dict[str, str] = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return found


def failure(tasks: list[str], states: dict[str, str]) -> str | None:
    """The code of the first of these tasks that did not succeed; None when all did."""
    ti = get_current_context()["ti"]
    for name in tasks:
        own = {key: state for key, state in states.items() if key == name or _is_mapped(key, name)}
        if own and all(state == "success" for state in own.values()):
            continue
        said = ti.xcom_pull(task_ids=[name], key=REASON)
        codes = [code for code in (said or []) if code]
        if codes:
            return str(codes[0])
        # It was killed, or marked by hand: it had no time to say why.
        ended = next((state for state in own.values() if state != "success"), None)
        return f"task.{name}.{ended or 'never_ran'}"
    return None


def _is_mapped(key: str, name: str) -> bool:
    head, _, index = key.rpartition("_")
    return head == name and index.isdigit()


def _place(problem: BaseException) -> str:
    """The last line of our own code that it went through: a place in a file, which says nothing of anybody."""
    place, trace = "", problem.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("privacy."):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
