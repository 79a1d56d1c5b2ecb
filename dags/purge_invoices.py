"""Invoices after the fiscal term of their kind (promise INV-STAT), never early."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="45 2 1 * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "INV-STAT"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_invoices() -> None:
    """Invoices with the orders, lines, payments and returns that belong to them."""
    purge_tasks.chain("purge_invoices")


purge_invoices()
