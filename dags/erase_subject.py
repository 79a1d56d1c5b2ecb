"""Erasure (art. 17 GDPR): everything of one data subject that may go goes; the rest is retained, with its ground."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import erase_tasks, tasks

DOC = """
### What it does

Plans what becomes of every record of the request's subject: it goes, is emptied of what is theirs, is retained by law
until a day, or waits for something unfinished (an open order). Shows that for approval (**Required Actions**), does it,
asks the stores again, and tells the register. Start it with the request's number once the identity is proven
(`privacy request prove`). What waits is done by `finish_erasures`, each day, without asking again.

### When it fails

The red task's log ends with a code; so does the ledger (`privacy ledger show --request NUMBER`). A run that died is
safe to start again: it goes on where it was. Nobody is told to be erased before all of it is.

| code | what to do |
|---|---|
| `request.number`, `request.unknown` | Look the number up: `privacy request list`. |
| `request.not_proven` | Record what proves the identity: `privacy request prove NUMBER`. |
| `request.answered`, `request.refused` | The request is closed; a new wish is a new request. |
| `request.superseded` | A later run, or a decision, has taken over. Nothing is lost. |
| `identity.ambiguous` | More than one person fits: `privacy request decide NUMBER`, then start it again. |
| `erasure.other_right` | The request asks for something else. |
| `erasure.refused`, `erasure.not_approved`, `erasure.unanswered` | Nobody approved the plan; nothing was changed. |
| `erasure.four_eyes` | Who registered or started it may not approve it too: start it again, let somebody else answer. |
| `erasure.nobody`, `request.not_resolved` | Nothing identifies anybody: correct what the request names. |
| `erasure.referenced`, `erasure.unfinished`, `sql.cascade` | The data map has to say what is done: its `erasure:`. |
| `erasure.reopened` | An order was opened, or disputed, since the plan: start it again. |
| `erasure.other_plan`, `erasure.ended`, `plans.altered` | Start it again: it makes a new plan. |
| `erasure.remaining` | Something is still there that was told to be gone: look at the store, start it again. |
| `erasure.not_begun`, `erasure.no_plan`, `task.*` | A task was killed or marked by hand; start it again. |
| `holds.altered`, `ledger.altered` | `privacy ledger verify`; run nothing that deletes. |
| `database.*`, `storage.*`, `mailbox.*`, `weblogs.*`, `records.*`, `files.*` | The store; then start it again. |
| `letters.*` | All is done but the letter: send it by post, `privacy request tell NUMBER --by-post`. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=4,
    tags=["rights", "erasure"],
    params={"request": tasks.REQUEST},
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def erase_subject() -> None:
    """Request number in; what may go, gone."""
    erase_tasks.chain()


erase_subject()
