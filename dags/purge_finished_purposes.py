"""Data whose purpose is over (promise PURPOSES): reviews, contests, surveys, personnel files."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="35 2 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "PURPOSES"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_finished_purposes() -> None:
    """What customers said of the shop; personnel files after the employment; vacancies."""
    purge_tasks.chain("purge_finished_purposes")


purge_finished_purposes()
