"""``index_logfiles`` as Airflow tasks: what waits, and one task for each part of it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import RETRIES, coded, house

ARGUMENTS = RETRIES
"""For ``default_args``."""


@task(pool=SEVERAL, multiple_outputs=False)
@coded
def list_logs() -> list[dict[str, Any]]:
    """The logs that were closed since the last time, in parts of so many bytes. What was said of others goes."""
    from privacy.orchestration import index_steps

    found = index_steps.waiting(house())
    print(f"{sum(len(unit['keys']) for unit in found)} logs have no filter yet")  # noqa: T201 - the task's log
    if not found:
        raise AirflowSkipException("Every closed log has its filter.")
    return found


@task(pool=SEVERAL, do_xcom_push=False, map_index_template="{{ task.op_kwargs['unit']['name'] }}")
@coded
def index(unit: dict[str, Any]) -> None:
    """Read each of these logs once, and keep a filter over the identifiers in it. Red when one cannot be read."""
    from privacy.orchestration import index_steps

    found = index_steps.index(house(), unit["dataset"], unit["keys"])
    print(index_steps.line(unit["dataset"], found))  # noqa: T201 - the task's log is where an operator reads it
    index_steps.whole(found, unit["dataset"])


def chain() -> None:
    """The graph: list, index each part."""
    listed: Any = list_logs()
    index.expand(unit=listed)
