"""Every ten minutes: what a registered request asks for is started, without anybody's pressing a button."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import start_tasks, tasks

DOC = """
### What it does

Starts `export_subject`, `restrict_subject` and `object_subject` for requests that have arrived and that no run has
begun, and `erase_subject` and `rectify_subject` for those whose identity is proven. One that failed is started again
after an hour, then after two, four ... and at last once a day; after ten minutes first where what it read was moved, or
purged, meanwhile. `watch_deadlines` shows it meanwhile. Besides it opens the erasure that a client's notice asks for,
and lifts restrictions on the day that the person was told.

The DAGs that it starts have to be switched on: a run of one that is paused waits.

### When it fails

| code | what to do |
|---|---|
| `start.not_taken` | Airflow did not take a run: is the DAG there? The red `start` says which. |
| `letters.*` | A letter of `tidy` cannot be sent: repair it; the next run sends it. |
| `request.*`, `ledger.*` | A row of the register cannot be read: `privacy ledger verify`. |
| `connections.*`, `database.*`, `keys.*`, `settings.*` | Correct what Airflow's connections and variables say. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    schedule="*/10 * * * *",
    catchup=False,
    max_active_runs=1,
    tags=["rights", "R-30D"],
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def start_requests() -> None:
    """What waits in; runs out."""
    start_tasks.chain()


start_requests()
