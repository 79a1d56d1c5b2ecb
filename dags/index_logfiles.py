"""The log index (LOG-12M): each log that was rotated is read once, so that an export reads only those it needs."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import index_tasks

DOC = """
### What it does

For each compressed log that nobody writes any more it keeps a small filter over the identifiers in it (customer,
device, IP address), under a key of this installation: who has the index alone learns nobody from it. An export, an
erasure or a correction then reads only the logs that may hold something of the person. A filter that is missing, stale
or damaged, or was made with another key, means that the log is read: the index may be deleted at any time, and changes
no result.

A filter goes with its log: a purge or an erasure that removes or rewrites a log drops it, and this run makes it anew.
What is said of logs that somebody else removed goes here too. `privacy logs index` does the same by hand.

### When it fails

| code | what to do |
|---|---|
| `index.unreadable` | Logs cannot be read; exports fail on them too. The log of `index` says how many and why. |
| `weblogs.rotated` | Logs were renamed again and again meanwhile; it is tried again. |
| `weblogs.no_index` | The master key cannot be read: `PRIVACY_KEY_FILE`. |
| `storage.*`, `connections.*` | The folder or bucket of the logs cannot be reached: correct the connection. |
| `datamap.*`, `settings.*` | Correct what the message names. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    # After the night's rotation, before the purge at 01:15.
    schedule="45 0 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["index", "LOG-12M"],
    default_args=index_tasks.ARGUMENTS,
    doc_md=DOC,
)
def index_logfiles() -> None:
    """Filters for the logs that were closed since the last run."""
    index_tasks.chain()


index_logfiles()
