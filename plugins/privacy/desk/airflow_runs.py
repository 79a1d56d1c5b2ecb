"""Runs in Airflow's database: how far they are, and which was started for a request."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session

from privacy.desk.airflow import Progress, Task, labels

LOOKED_AT = 200
"""So many runs of a DAG are looked at, from the last back, for the one of a request."""


def progress(dag: str, run: str) -> Progress | None:
    """See :meth:`privacy.desk.airflow.Airflow.progress`."""
    ti: Any = TaskInstance  # whose column of states is none to a type checker
    columns = (ti.task_id, ti.map_index, ti.rendered_map_index, ti.state, ti.start_date, ti.end_date)
    query = sa.select(*columns).where(ti.dag_id == dag, ti.run_id == run)
    with create_session() as session:
        state = session.execute(sa.select(DagRun.state).where(DagRun.dag_id == dag, DagRun.run_id == run)).scalar()
        rows: list[Any] = list(session.execute(query)) if state is not None else []
    if state is None:
        return None
    # What has not begun has no moment: it comes last.
    rows = sorted(rows, key=lambda r: (r.start_date is None, r.start_date and r.start_date.timestamp(), r.map_index))
    named = labels((row.map_index, row.rendered_map_index) for row in rows)
    return Progress(dag, run, str(getattr(state, "value", state)), tuple(_task(row, named) for row in rows))


def latest(dag: str, request: str) -> str | None:
    """See :meth:`privacy.desk.airflow.Airflow.latest`."""
    query = sa.select(DagRun.run_id, DagRun.conf).where(DagRun.dag_id == dag).order_by(DagRun.id.desc())
    with create_session() as session:
        rows = session.execute(query.limit(LOOKED_AT)).all()
    return next((str(row.run_id) for row in rows if (row.conf or {}).get("request") == request), None)


def _task(row: Any, named: dict[int, str]) -> Task:
    label = named.get(row.map_index, str(row.map_index)) if row.map_index >= 0 else ""
    state = str(getattr(row.state, "value", row.state) or "none")
    return Task(str(row.task_id).rpartition(".")[2], label, state, row.start_date, row.end_date)
