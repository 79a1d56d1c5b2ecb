"""Erasures that are partly done: what waited for an open order, a return or a hold goes as soon as it may."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import erase_tasks, tasks

DOC = """
### What it does

Each day it plans the erasures that are partly done anew, does what has become free, asks the stores again, and tells
the register; the last time, that all is done. Nobody is asked again about datasets that the approved plan named; a plan
that names another one waits for an answer (**Required Actions**).

Without such a request nothing is to be done, and its tasks are skipped.

### When it fails

As `erase_subject`: the red task's log ends with a code, which that page explains. The next day's run tries again.
"""


@dag(
    schedule="20 3 * * *",
    catchup=False,
    # A plan that waits for an answer keeps nobody else's erasure from being finished the next day.
    max_active_runs=8,
    tags=["rights", "erasure"],
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def finish_erasures() -> None:
    """Partly done in; done as far as may be now."""
    erase_tasks.chain()


finish_erasures()
