"""Log lines and sessions past their 12 months (promise LOG-12M): planned, guarded, deleted, verified, recorded."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="15 1 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "LOG-12M"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_logfiles() -> None:
    """The web server's log lines (whole files removed, straddling ones rewritten) and the shop's sessions."""
    purge_tasks.chain("purge_logfiles")


purge_logfiles()
