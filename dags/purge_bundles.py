"""The project's own records past their terms: sealed bundles, staging, plans, deliveries, closed requests, letters."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import own_tasks

DOC = """
### What it does

For each of its rules (`policy/own.yaml`): **plan** what is past its term, **purge** it, **record** in the ledger. The
scheduler's runs are real. By hand it only looks, unless you untick `dry_run`: the figures stand in the log of `plan`.

| rule | what goes |
|---|---|
| `staging` | what runs left behind, when nobody has written into it for a day |
| `bundles` | sealed bundles after their request was released or refused; files that the register does not name |
| `deliveries` | what processors delivered for a closed request, unless its person is held |
| `requests` | key and content of closed requests: number, right and dates stay, the person is forgotten |
| `letters` | letters in an outbox folder |
| `plans` | sealed plans of runs that have ended |
| `markers` | markers of erasures, when no backup is older |
| `policy_letters` | digests of who was written to about a version of the policy |

What is kept for an open request is never touched. Only `done` in the ledger is green (`privacy ledger show --run ID`).

### When it fails

| code | what to do |
|---|---|
| `policy.own` | Write `policy/own.yaml`. |
| `purge.as_of`, `purge.unknown`, `purge.one_rule` | Correct the run's parameters. |
| `purge.other_digest` | There is something else to do than you saw. Make a new dry run. |
| `purge.remaining` | Something is still there that should be gone; nobody says why. Start it again, then look there. |
| `purge.not_begun`, `purge.ended`, `plans.altered` | The run has no plan any more; start it again. |
| `purge.stopped` | It was asked to stop; the next run goes on. |
| `bundle.missing` | An open request's bundle is not there: restore the file, or start the request's export again. |
| `bundle.other`, `bundle.kept`, `request.busy` | The request was changed in the same moment; start it again. |
| `request.open` | It was due, and is open again: a defect. Nothing was removed. |
| `request.*` (other), `keys.*` | The register is not what was recorded: `privacy ledger verify`. |
| `deliveries.not_gone`, `files.*`, `storage.*`, `connections.*` | A file or folder: look there. |
| `hold.*` | `privacy hold list`. |
| `staging.*` | Somebody writes there, or the disk is full; the next run looks again. |
| `run.lost` | An earlier run died; what it deleted was counted from what is left. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
| `task.*` | The task was killed or marked by hand; start it again. |
"""


@dag(
    schedule="45 3 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "REG"],
    params=own_tasks.PARAMS,
    default_args=own_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_bundles() -> None:
    """Bundles, staging, deliveries, closed requests, letters and plans."""
    own_tasks.chain()


purge_bundles()
