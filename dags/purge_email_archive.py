"""The e-mail archive (promise MAIL-STAT): statutory mail after the fiscal term, other mail after its stated limit."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="15 2 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "MAIL-STAT"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_email_archive() -> None:
    """Mail of the administration and letters; other mail, helpdesk conversations and contact messages."""
    purge_tasks.chain("purge_email_archive")


purge_email_archive()
