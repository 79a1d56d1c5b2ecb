"""Rectification (art. 16 GDPR): what is wrong about one data subject is corrected, wherever it stands currently."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import rectify_tasks, tasks

DOC = """
### What it does

Plans which of the subject's current records say the wrong value (`privacy request correct NUMBER --fact FACT --to -`),
and which records of the past do: invoices and orders are never altered, they get a supplementary statement. Asks for
approval (**Required Actions**; the values stand in `privacy request correction NUMBER --personal`, never here), changes
each record as it was planned, asks the stores again, tells the person, an e-mail address that was replaced, and the
processors. Start it with the request's number, again if need be: it goes on with what is left.

### When it fails

The red task's log ends with a code; so does the ledger (`privacy ledger show --request NUMBER`).

| code | what to do |
|---|---|
| `request.number`, `request.unknown` | Look the number up: `privacy request list`. |
| `request.not_proven` | Record what proves the identity: `privacy request prove NUMBER`. |
| `request.answered`, `request.acted`, `request.refused` | It is done or closed; a new wish is a new request. |
| `request.superseded`, `rectify.ended` | A later run took over, or the run was ended by hand. |
| `identity.ambiguous` | More than one person fits: `privacy request decide NUMBER`, then start it again. |
| `rectify.other_right`, `rectify.nothing_wanted` | Say what is wrong: `privacy request correct NUMBER`. |
| `rectify.several_values` | Say which value is wrong (`--was`), or in which record (`--row`). |
| `rectify.nowhere`, `rectify.row`, `rectify.nothing` | Nothing says that value: look with `--personal`, say it anew. |
| `rectify.fact`, `rectify.value`, `datamap.*`, `sql.*` | The data map or the table does not fit the value. |
| `rectify.refused`, `rectify.not_approved`, `rectify.unanswered` | Nobody approved the plan; nothing was changed. |
| `rectify.four_eyes` | Who registered or started it may not approve it too: start it again, let somebody else answer. |
| `rectify.held` | A suspension or another's request holds a record: `privacy hold list`; start it again after. |
| `rectify.changed`, `rectify.remaining` | Somebody changed a record meanwhile; start it again: it plans anew. |
| `rectify.gone` | Every record of the plan is gone since: look again, refuse the request if nothing is left. |
| `rectify.failed`, `database.*`, `connections.*` | The database; then start it again. |
| `rectify.other_plan`, `rectify.no_plan`, `rectify.not_begun`, `task.*` | Killed, or marked by hand; start it again. |
| `holds.altered`, `ledger.altered` | `privacy ledger verify`; change nothing before. |
| `letters.*` | The letter cannot go out: repair the connection `letters`, start it again. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=4,
    tags=["rights", "rectification"],
    params={"request": tasks.REQUEST},
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def rectify_subject() -> None:
    """Request number in; what was wrong, corrected."""
    rectify_tasks.chain()


rectify_subject()
