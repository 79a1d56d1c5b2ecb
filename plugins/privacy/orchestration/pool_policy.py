"""Airflow's policy for our mapped tasks: each in the pool of the store that it turns out to touch.

An entry point of the package (``airflow.policy``): every process of Airflow imports this, so that loads nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.policies import hookimpl

from privacy.orchestration.pools import SEVERAL, places

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy.orm import Session

_LISTS = {
    "extract": "list_parts",
    "index": "list_logs",
    **{f"rule.{step}": "list_rules" for step in ("plan", "purge", "verify", "record")},
}
"""Mapped task -> the task whose list it is mapped over. ``rule.approve`` waits for a person, and touches no store."""


@hookimpl
def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None) -> None:
    """Move a mapped task of ours into the pool of the store that it touches; Airflow calls this as it maps them.

    One of which this cannot be said stays in :data:`SEVERAL`, never without a bound.
    """
    listed = _LISTS.get(task_instance.task_id)
    if listed is None or dag_run is None or task_instance.map_index is None or task_instance.map_index < 0:
        return
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    known = _known()
    if session is None or not any(dag == task_instance.dag_id for dag, _ in known):
        return
    # Airflow is in the middle of a transaction: what it has begun must not be written by a question of ours.
    with session.no_autoflush:
        values = _listed(session, dag_run, listed)
        if task_instance.map_index < len(values):
            pool = known.get((task_instance.dag_id, values[task_instance.map_index]), SEVERAL)
            if pool in _existing(session):
                task_instance.pool = pool


@cache
def _known() -> dict[tuple[str, str], str]:
    """:func:`places` of this installation; after a change of its data map, the scheduler is started anew."""
    from privacy.datamap.load import load
    from privacy.errors import PrivacyError
    from privacy.settings import settings

    try:
        return places(load(settings().home))
    except (PrivacyError, OSError):
        return {}


_last: tuple[object, tuple[str, ...]] = (None, ())


def _listed(session: Session, dag_run: DagRun, task: str) -> tuple[str, ...]:
    """The names that a task of a run has listed, read once for all that is mapped over them."""
    global _last
    import sqlalchemy as sa
    from airflow.models.xcom import XComModel

    mine = (XComModel.dag_run_id == dag_run.id, XComModel.task_id == task, XComModel.key == "return_value")
    written = session.scalar(sa.select(XComModel.timestamp).where(*mine))
    key = (dag_run.id, task, written)
    if written is None:
        return ()
    if _last[0] != key:
        found: Any = XComModel.deserialize_value(session.execute(sa.select(XComModel.value).where(*mine)).one())
        _last = (key, tuple(str(one["dataset"] if isinstance(one, dict) else one) for one in found))
    return _last[1]


def _existing(session: Session) -> set[str]:
    import sqlalchemy as sa
    from airflow.models.pool import Pool

    return set(session.scalars(sa.select(Pool.pool)))
