"""Each night, and after a backup was restored: who was erased before and is back, is erased again (R-ERASE)."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import replay_tasks

DOC = """
### What it does

Holds what stands in every store against the markers of erasures (keyed digests; no name): a restored backup, a log that
arrived late, a processor's new dump may bring somebody back. Their records of before the erasure are erased again, at
once: the erasure was approved when they asked. What is newer stays. Logs that did not change since are not read again.

Start it by hand right after a backup was restored, before anybody works with it. It is a real run unless you tick
`dry_run`. A plan over the guard (a fifth of all records) is refused until it is started with the digest of its dry run.

### When it fails

| code | what to do |
|---|---|
| `replay.too_many`, `replay.other_digest` | Look at a dry run; start it with that plan's digest if it is right. |
| `replay.stopped` | It was asked to stop; the next run goes on. |
| `markers.altered`, `ledger.altered`, `holds.altered` | `privacy ledger verify`; run nothing that deletes. |
| `erasure.remaining` | Something is still there that was told to be gone: look at the store, start it again. |
| `erasure.referenced`, `erasure.unfinished`, `sql.cascade` | The data map has to say what is done: its `erasure:`. |
| `run.lost` | An earlier run died; what it deleted was counted from what it recorded. |
| `plans.altered`, `erasure.other_plan`, `erasure.ended` | Start it again: it makes a new plan. |
| `database.*`, `storage.*`, `mailbox.*`, `weblogs.*`, `records.*`, `files.*` | The store; then start it again. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    # After the night's purges and unfinished erasures.
    schedule="40 4 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["rights", "erasure", "R-ERASE"],
    params=replay_tasks.PARAMS,
    default_args=replay_tasks.ARGUMENTS,
    doc_md=DOC,
)
def replay_erasures() -> None:
    """Green: nobody who was erased is back."""
    replay_tasks.replay()


replay_erasures()
