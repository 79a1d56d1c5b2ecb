"""Questions to operators in Airflow's database, answered by Airflow's own code: one row, wherever it is answered."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import sqlalchemy as sa
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.models.dag import DagTag
from airflow.models.hitl import HITLDetail
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from fastapi import HTTPException

from privacy.desk.access import User
from privacy.desk.airflow import Question
from privacy.errors import Refused

OURS = ("rights", "purge")
"""Tags of the project's DAGs that ask."""

_WAITING = (TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED)
_SAID = {
    403: ("airflow.not_yours", "Airflow does not let you answer this."),
    404: ("airflow.no_question", "The question does not wait any more."),
    409: ("airflow.answered", "Somebody has answered it in the meantime; nothing was changed."),
}


def waiting() -> tuple[Question, ...]:
    """See :meth:`privacy.desk.airflow.Airflow.questions`."""
    ours = sa.select(DagTag.dag_id).where(DagTag.name.in_(OURS))
    query = (
        sa.select(
            TaskInstance.id, TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, HITLDetail.subject,
            HITLDetail.body, HITLDetail.created_at, HITLDetail.options,
        )
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.state.in_(_WAITING), HITLDetail.responded_at.is_(None), TaskInstance.dag_id.in_(ours))
        .order_by(HITLDetail.created_at)
        .limit(200)
    )  # fmt: skip
    with create_session() as session:
        rows = session.execute(query).all()
    return tuple(
        Question(
            str(row.id), row.dag_id, row.run_id, row.task_id, str(row.subject).partition(":")[0], row.subject,
            row.body or "", row.created_at, tuple(row.options),
        )
        for row in rows
    )  # fmt: skip


def answer(question: Question, option: str, user: User) -> None:
    """See :meth:`privacy.desk.airflow.Airflow.answer`."""
    with create_session() as session:
        found = session.get(TaskInstance, UUID(question.id))
        if found is None or found.state not in _WAITING:
            raise _refused(404, question)
        index, known = found.map_index, cast(BaseUser, user.known)
        try:
            update_hitl_detail(
                dag_id=question.dag, dag_run_id=question.run, task_id=question.task, map_index=index,
                update_hitl_detail_payload=UpdateHITLDetailPayload(chosen_options=[option]), user=known,
                session=session,
            )  # fmt: skip
        except HTTPException as problem:
            session.rollback()
            code = problem.status_code
        else:
            # As Airflow's own route does it.
            session.add(Log(
                event="update_hitl_detail", owner=user.name, owner_display_name=user.name, dag_id=question.dag,
                task_id=question.task, run_id=question.run, map_index=index, extra='{"via": "privacy desk"}',
            ))  # fmt: skip
            session.commit()
            return
    raise _refused(code, question)


def _refused(status: int, question: Question) -> Refused:
    code, message = _SAID.get(status, ("airflow.no_answer", "Airflow does not take this answer."))
    return Refused(code, message, where=question.dag, advice="Look under Required Actions in Airflow.")


__all__ = ["answer", "waiting"]
