"""Access and portability (art. 15 and 20 GDPR): everything the shop holds on one data subject, as a sealed bundle."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag

from privacy.orchestration import tasks

DOC = """
### What it does

Makes the sealed bundle of one request of the register, from arrival on: nobody can open it before the identity is
proven and the bundle is released (`privacy request prove`, `review` where something is left out, `release`). Start it
with the request's number, again and again if need be: unchanged data gives the same bundle, and an earlier one is never
replaced by less.

### When it fails

The red task's log ends with a code; so does the ledger (`privacy ledger show --request NUMBER`). What may pass by
itself is tried three times. Repair the cause, then **start a new run** with the same number: parts that were read are
removed at the end of every run, so clearing single tasks ends in `staging.gone`.

| code | what to do |
|---|---|
| `request.number`, `request.unknown` | Look the number up: `privacy request list`. |
| `request.released`, `request.refused` | The request is closed; a new wish is a new request. |
| `identity.ambiguous` | More than one person fits: `privacy request decide NUMBER`, then start it again. |
| `request.superseded`, `run.*` | A later run took over, or a task was marked by hand, or Airflow lost the run. |
| `export.incomplete` | A task was marked as successful by hand, so its part is missing; start the export again. |
| `export.delivery_changed` | What a processor delivered changed while it was read; start the export again. |
| `export.moved` | Staff moved the person's mail to another folder while it was read; start the export again. |
| `connections.*`, `database.missing`, `keys.*`, `settings.*` | Correct what Airflow's connections and variables say. |
| `datamap.*`, `policy.*`, `export.nothing_to_read` | `privacy datamap check` names file, dataset and key. |
| `database.busy`, `storage.busy` | The store did not answer three times; start it again when it does. |
| `weblogs.*`, `storage.*`, `sql.*` | A file or table cannot be read whole; nothing was exported without it. |
| `staging.full`, `storage.full` | Free space below `PRIVACY_STATE` or in the store of bundles. |
| `staging.*` | Another task has emptied or still writes the run's folder; start a new run. |
| `bundle.smaller` | An earlier bundle of this request holds more; that one stays. |
| `bundle.altered` | The sealed file is not what was written: `privacy ledger verify`, then start it again. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
| `task.*` | The task was killed or marked by hand; start it again. |
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=4,
    tags=["rights", "access", "portability"],
    params={"request": tasks.REQUEST},
    default_args=tasks.RETRIES,
    doc_md=DOC,
)
def export_subject() -> None:
    """Request number in, sealed bundle out."""
    opened = tasks.open_request()
    resolved = tasks.resolve_identity()
    units = tasks.list_parts()
    parts = tasks.extract.expand(unit=units)
    bundle = tasks.write_bundle(parts)
    record = tasks.record(["open_request", "resolve_identity", "list_parts", "extract", "write_bundle"]).as_teardown()
    empty = tasks.empty_staging().as_teardown()

    opened >> resolved >> units
    bundle >> record >> empty
    [bundle, record, empty] >> EmptyOperator(task_id="done")


export_subject()
