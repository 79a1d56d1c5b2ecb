"""Access and portability (art. 15 and 20 GDPR) for many at once: after a breach, or for a backlog, in one pass."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag

from privacy.orchestration import many_tasks, tasks

DOC = """
### What it does

What `export_subject` does, for up to 10,000 requests: every file and table is read once for all of them, and each gets
the bundle that a run of its own would give it, to the byte. Start it with request numbers, or with none: then for all
open requests of access and portability that have no bundle and wait for nobody's answer.

Each request is a run of its own in the ledger. One that cannot go on ends there with its code, and stops no other. The
run is red at its end if any failed; the log of `record` says how many, by code, and their numbers. What was sealed
stays.

### When it fails

Repair the cause, then **start a new run** with the numbers that failed (`record` names them; or with none: what has its
bundle is left alone). What may pass by itself is tried three times. Clearing single tasks ends in `staging.gone`.

| code | what to do |
|---|---|
| `export.some_failed` | The log of `record` says which, and why. `export_subject` explains the codes of each. |
| `export.nobody`, `export.none_left` | No request waits for its bundle; or all of them failed: see `record`. |
| `export.too_many` | At most 10,000 requests in one run: start another one with the others. |
| `export.anothers` | A source gave a row of somebody else. Nothing of it was written: a defect, report it. |
| `export.uncounted` | A source does not say whom it passed over: `docs/extending.md`; `export_subject` works. |
| `export.incomplete`, `run.*` | A task was marked by hand, so its part is missing: start it again. |
| `staging.*`, `storage.full` | Free space below `PRIVACY_STATE` or in the store of bundles; start a new run. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
| any other | Of a store or a file that all need: as in `export_subject`. |
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["rights", "access", "portability"],
    params={"requests": many_tasks.REQUESTS},
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def export_subjects() -> None:
    """Request numbers in, a sealed bundle each out."""
    many_tasks.chain() >> EmptyOperator(task_id="done")


export_subjects()
