"""Erasures that are partly done: what waited for an open order, a return or a hold goes as soon as it may."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import erase_tasks, tasks

DOC = """
### What it does

Each day it plans the erasures that are partly done anew, does what has become free, asks the stores again, and tells
the register; the last time, that all is done. Nobody is asked again about datasets that the approved plan named; a plan
that names another one waits for an answer (**Required Actions**).

Without such a request nothing is to be done, and its tasks are skipped. Beside them `check_register` looks whether
every erasure in the register can be read.

### When it fails

As `erase_subject`: the red task's log ends with a code, which that page explains. The next day's run tries again.
A red `check_register` names in its log the requests whose rows cannot be read: somebody may wait to be forgotten in
them. `privacy ledger verify` says what was altered; restore the row from a backup. Everybody else's erasure went on.
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
    erase_tasks.chain(daily=True)


finish_erasures()
