"""What ``purge_camera_footage`` does beside its rule: holds on a span of time, and the security company's lists."""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context, task

from privacy.orchestration.pools import SEVERAL
from privacy.orchestration.tasks import coded, house


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def follow_holds() -> dict[str, int]:
    """Let holds on a camera's span of time cover recordings that became known since; before anything is planned."""
    from privacy.rights import footage

    return {"held": footage.follow(house(), actor=get_current_context()["dag"].dag_id)}


@task(pool=SEVERAL, do_xcom_push=False)
@coded
def compare_lists() -> dict[str, int]:
    """Hold the company's newest list against our records; what differs stands in the ledger, and in the evidence."""
    from privacy.rights import footage

    here = house()
    found = footage.contradictions(here, here.clock.now())
    new = footage.record(here, found, actor=get_current_context()["dag"].dag_id)
    said: dict[str, Any] = {one.code: one.count for one in found}
    for code, count in said.items():
        print(f"the company's list and our records differ: {code} {count}")  # noqa: T201 - the task's log
    return {"contradictions": len(found), "new": new}
