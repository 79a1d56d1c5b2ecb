"""Airflow's own metadata and task logs past their term: counted, removed without an archive, recorded."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import own_tasks

DOC = """
### What it does

Removes Airflow's own metadata (`airflow db clean`, without its archive tables) and log files that are older than the
term in `policy/own.yaml` (`airflow`). Runs that have not ended stay whole. The scheduler's runs are real. By hand it
only looks, unless you untick `dry_run`: the figures stand in the log of `plan`.

Tasks may not reach Airflow's database. Where its URL stands in the environment alone, add the connection
`privacy_airflow` with that URL (extra field `url`).

### When it fails

| code | what to do |
|---|---|
| `policy.own` | Write `policy/own.yaml`. |
| `airflow.other_database` | Add the connection `privacy_airflow`: the database that was found is not this Airflow's. |
| `airflow.failed` | A table could not be cleaned: `airflow db clean --dry-run` on the scheduler's machine says which. |
| `purge.as_of`, `purge.other_digest` | Correct the run's parameters. |
| `purge.remaining` | Some of it is still there; start it again. |
| `purge.not_begun`, `purge.ended`, `plans.altered` | The run has no plan any more; start it again. |
| `run.lost` | An earlier run died; what it deleted was counted from what is left. |
| `unexpected.*` | A defect: the place in the code stands behind it; report both. |
| `task.*` | The task was killed or marked by hand; start it again. |
"""


@dag(
    schedule="30 4 * * 0",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "airflow"],
    params=own_tasks.ONE,
    default_args={**own_tasks.ARGUMENTS, "map_index_template": None},
    doc_md=DOC,
)
def clean_airflow() -> None:
    """Airflow's metadata and logs."""
    own_tasks.chain_airflow()


clean_airflow()
