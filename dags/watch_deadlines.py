"""Each morning: which answers are due soon, or late? Told 7 and 2 days before, on the day, after; red where late."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import deadline_tasks


@dag(
    # Before anybody comes to work, and every day: a term counts days.
    schedule="20 4 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["rights", "R-30D"],
    default_args=deadline_tasks.ARGUMENTS,
    doc_md=deadline_tasks.DOC,
)
def watch_deadlines() -> None:
    """Green: no answer is late."""
    deadline_tasks.watch()


watch_deadlines()
