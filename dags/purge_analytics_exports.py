"""Analytics exports past their 12 months (promise LOG-12M), which are personal data: their addresses are whole."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="35 1 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "LOG-12M"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_analytics_exports() -> None:
    """The daily exports of events and clicks: whole files removed, straddling ones rewritten."""
    purge_tasks.chain("purge_analytics_exports")


purge_analytics_exports()
