"""The steps of ``export_subjects`` as Airflow tasks; see :mod:`privacy.orchestration.tasks`.

Importing this module loads Airflow's SDK and nothing else; what a step needs is loaded when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, get_current_context, task

from privacy.errors import Refused
from privacy.numbers import PATTERN
from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.run_ids import member_run_id, run_id
from privacy.orchestration.tasks import actor_of, coded, failure, house, states

if TYPE_CHECKING:
    from privacy.orchestration.many import Many

REQUESTS = Param(
    default=[],
    type="array",
    items={"type": "string", "pattern": PATTERN},
    maxItems=10_000,
    title="Request numbers",
    description="As the register wrote them, e.g. AVG-2026-0042-9. None: all open ones of access and portability that "
    "have no bundle yet. Never a name or an address.",
)
"""What a DAG that serves many requests is started with."""

_STEPS = ["open_requests", "resolve_identities", "list_parts", "extract", "write_bundles"]


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def open_requests() -> list[list[int]]:
    """Take the requests over, each as a run of its own. They are told by their place in the list from here on."""
    from privacy.orchestration import many_steps

    return many_steps.open_requests(house(), this_run())


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def resolve_identities(chunk: list[int]) -> dict[str, int]:
    """Find every identifier of the people who ask. One who cannot be told from another waits for a decision."""
    from privacy.orchestration import many_steps

    return many_steps.resolve_identities(house(), this_run(), chunk)


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def list_parts() -> list[dict[str, Any]]:
    """List what there is to read, once for all."""
    from privacy.orchestration import many_steps

    return many_steps.list_parts(house(), this_run())


@task(pool=SEVERAL, map_index_template="{{ task.op_kwargs['unit']['name'] }}", multiple_outputs=False)
@coded
def extract(unit: dict[str, Any]) -> dict[str, Any]:
    """Read one unit once, and give each person what is theirs, into the folder of their own run."""
    from privacy.orchestration import many_parts

    return many_parts.extract(house(), this_run(), unit, attempt=get_current_context()["ti"].try_number)


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def write_bundles(chunk: list[int], parts: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Seal the bundles of some requests, and end their runs on the evidence of the sealed files."""
    from privacy.orchestration import many_steps

    return many_steps.write_bundles(house(), this_run(), parts, chunk)


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def record() -> dict[str, Any]:
    """End what has not ended, and tell which requests failed: then the run is red, and the bundles of others stay."""
    from privacy.orchestration import many_steps

    said = many_steps.record(house(), this_run(), failed=failure(_STEPS, states()))
    failed = sum(map(len, said["failed"].values())) + said["no_number"]
    print(f"{said['done']} of {said['done'] + failed} requests have their bundle")  # noqa: T201 - the task's log is where an operator reads it
    for code, numbers in sorted(said["failed"].items()):
        print(f"{code}: {len(numbers)}: {', '.join(numbers) or 'what was typed is no number'}")  # noqa: T201 - likewise
    if failed:
        raise Refused("export.some_failed", f"{failed} requests failed.")
    return said


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def empty_staging() -> dict[str, int]:
    """Remove what was read, whether the run ended well or not."""
    from privacy.orchestration import many_steps

    return many_steps.empty_staging(house(), this_run())


def chain() -> list[Any]:
    """The graph. :returns: what must have succeeded for the run to be green."""
    chunks = open_requests()
    resolved = resolve_identities.expand(chunk=chunks)
    units = list_parts()
    parts: Any = extract.expand(unit=units)
    bundles = write_bundles.partial(parts=parts).expand(chunk=chunks)
    recorded = record().as_teardown()
    empty = empty_staging().as_teardown()

    resolved >> units
    bundles >> recorded >> empty
    return [bundles, recorded, empty]


def this_run() -> Many:
    """The run that the present task belongs to."""
    from privacy.orchestration.many import Many

    context = get_current_context()
    dag_run, ti = context["dag_run"], context["ti"]
    cleared = getattr(dag_run, "clear_number", 0) or 0
    return Many(
        run_id(dag_run.dag_id, dag_run.run_id, cleared),
        tuple(map(str, context["params"]["requests"] or ())),
        actor_of(dag_run),
        partial(member_run_id, dag_run.dag_id, dag_run.run_id, cleared=cleared),
        last=ti.try_number > ti.max_tries,
    )
