"""Applications two weeks after rejection (APP-14D), the end of a consent (APP-CONSENT) or hiring (APP-HIRED)."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="55 1 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "APP-14D"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_applicant_files() -> None:
    """An application's files and mail, then its rows: what names a file goes after it."""
    purge_tasks.chain("purge_applicant_files")


purge_applicant_files()
