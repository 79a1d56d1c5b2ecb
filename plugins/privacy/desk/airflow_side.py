"""The desk's side of Airflow: its auth manager, its runs and its questions."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.exceptions import DagNotFound
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from privacy.desk import airflow_questions, airflow_runs, airflow_schedule
from privacy.desk.access import Deed, User, names_of
from privacy.desk.airflow import NextRun, Progress, Question, Underway
from privacy.errors import Refused

_ASKED: dict[Deed, tuple[Literal["GET", "POST", "PUT"], DagAccessEntity | None]] = {
    "read": ("GET", None),
    "start": ("POST", DagAccessEntity.RUN),
    "answer": ("PUT", DagAccessEntity.HITL_DETAIL),
}
"""What Airflow's own routes ask for each deed."""


class AirflowGate:
    """:class:`privacy.desk.access.Gate` with Airflow's auth manager, whichever it is."""

    async def user(self, request: Request) -> User | None:
        """See :meth:`privacy.desk.access.Gate.user`: by Airflow's own cookie."""
        try:
            known = await get_user(request, None, None)
        except HTTPException:
            return None
        return User(str(known.get_id()), str(known.get_name()), known, await run_in_threadpool(_names, known))

    def may(self, user: User, deed: Deed, dag: str) -> bool:
        """See :meth:`privacy.desk.access.Gate.may`."""
        details = DagDetails(id=dag, team_name=DagModel.get_team_name(dag))
        method, entity = _ASKED[deed]
        return bool(
            get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user.known)
        )


def _names(known: Any) -> frozenset[str]:
    """By what a setting may mean a user: see :func:`privacy.desk.access.names_of`."""
    if conf.getboolean("core", "simple_auth_manager_all_admins", fallback=False):
        return frozenset()  # Nobody signs in, so a user is anybody: no name means them.
    return names_of(known, create_session)


def secret() -> str:
    """What forms are signed with: the secret that all API servers of this Airflow share."""
    return str(conf.get_mandatory_value("api", "secret_key"))


def project() -> Path:
    """The folder with ``dags/`` and, where they are installed, ``tests/``."""
    return Path(str(conf.get_mandatory_value("core", "dags_folder"))).parent


class LiveAirflow:
    """:class:`privacy.desk.airflow.Airflow` in the API server itself."""

    def start(self, dag: str, conf: dict[str, object], user: User) -> str:
        """See :meth:`privacy.desk.airflow.Airflow.start`."""
        from airflow.api.common.trigger_dag import trigger_dag

        try:
            run = trigger_dag(
                dag_id=dag,
                triggered_by=DagRunTriggeredByType.UI,
                triggering_user_name=user.name,
                conf=conf,
                replace_microseconds=False,
            )
        except (DagNotFound, ValueError):
            run = None
        if run is None:
            raise Refused(
                "airflow.no_dag", f"Airflow cannot start {dag} now.", where=dag,
                advice="Look at it in Airflow: is it there, and does it parse?",
            )  # fmt: skip
        return str(run.run_id)

    def progress(self, dag: str, run: str) -> Progress | None:
        """See :meth:`privacy.desk.airflow.Airflow.progress`."""
        return airflow_runs.progress(dag, run)

    def latest(self, dag: str, request: str) -> str | None:
        """See :meth:`privacy.desk.airflow.Airflow.latest`."""
        return airflow_runs.latest(dag, request)

    def questions(self) -> tuple[Question, ...]:
        """See :meth:`privacy.desk.airflow.Airflow.questions`."""
        return airflow_questions.waiting()

    def answer(self, question: Question, option: str, user: User) -> None:
        """See :meth:`privacy.desk.airflow.Airflow.answer`."""
        airflow_questions.answer(question, option, user)

    def next_runs(self, dags: Collection[str]) -> dict[str, NextRun]:
        """See :meth:`privacy.desk.airflow.Airflow.next_runs`."""
        return airflow_schedule.next_runs(dags)

    def running(self, dag: str) -> tuple[Underway, ...]:
        """See :meth:`privacy.desk.airflow.Airflow.running`."""
        return airflow_schedule.running(dag)
