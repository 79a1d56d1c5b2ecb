"""Restriction (art. 18 GDPR): the data of one data subject are kept, and not used, until that person lifts it."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import stop_tasks, tasks

DOC = """
### What it does

A restriction is always granted, and in force from its registration on: a hold keeps everybody's records whom it may be
about from every purge and erasure, and the list of stops (`privacy stop list`, the view `processing_stops`) tells the
shop's systems to leave the person alone. This run finds out whose it is, places what could not be placed then, and
tells the person. `start_requests` starts it by itself. Only the person lifts it: `privacy request lift NUMBER`.

### When it fails

The red task's log ends with a code; so does the ledger (`privacy ledger show --request NUMBER`). Repair the cause;
`start_requests` tries again, and a new run by hand with the same number is safe.

| code | what to do |
|---|---|
| `request.number`, `request.unknown` | Look the number up: `privacy request list`. |
| `request.answered`, `request.refused` | The request is closed; a new wish is a new request. |
| `identity.ambiguous` | More than one person fits. All are held, nobody is stopped: `privacy request decide NUMBER`. |
| `stops.other_right` | The request asks for something else. |
| `stops.nobody` | Nothing is the person's alone: ask for their customer number. |
| `stops.not_held`, `holds.*` | The hold is not there: `privacy ledger verify`, then start it again. |
| `letters.no_known_address` | Print the letter and post it: `privacy request confirm NUMBER --by-post`. |
| `letters.*` | The letter cannot be written or sent: repair it; the next run sends it. |
| `run.*`, `request.superseded`, `task.*` | Taken over, killed, or marked by hand; start it again. |
| `connections.*`, `database.*`, `keys.*`, `settings.*` | Correct what Airflow's connections and variables say. |
| `datamap.*`, `policy.*` | `privacy datamap check` names file, dataset and key. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=4,
    tags=["rights", "R-RESTR"],
    params={"request": tasks.REQUEST},
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def restrict_subject() -> None:
    """Request number in; in force, and the person told."""
    stop_tasks.chain()


restrict_subject()
