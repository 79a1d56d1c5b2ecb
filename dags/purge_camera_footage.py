"""Camera footage past its 48 hours (promise CAM-48H): what the shop itself has of it."""

from __future__ import annotations

from airflow.sdk import dag

from privacy.orchestration import footage_tasks, purge_tasks
from privacy.orchestration.purge_doc import DOC


@dag(
    schedule="5 * * * *",
    catchup=False,
    max_active_runs=1,
    tags=["purge", "CAM-48H"],
    params=purge_tasks.PARAMS,
    default_args=purge_tasks.ARGUMENTS,
    doc_md=DOC,
)
def purge_camera_footage() -> None:
    """Still pictures, records of recordings, and the security company's lists, which are held against ours."""
    held = footage_tasks.follow_holds()
    held >> [footage_tasks.compare_lists(), purge_tasks.chain("purge_camera_footage")]


purge_camera_footage()
