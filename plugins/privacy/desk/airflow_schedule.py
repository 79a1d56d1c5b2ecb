"""When Airflow's database says that DAGs run next, and which of their runs have not ended."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType

from privacy.desk.airflow import NextRun, Underway

AT_ONCE = 20
"""So many runs that have not ended are shown."""


def next_runs(dags: Collection[str]) -> dict[str, NextRun]:
    """See :meth:`privacy.desk.airflow.Airflow.next_runs`."""
    c = DagModel
    query = sa.select(c.dag_id, c.next_dagrun_create_after, c.is_paused).where(
        c.dag_id.in_(list(dags)), c.is_stale.is_(False)
    )
    with create_session() as session:
        return {str(r.dag_id): NextRun(r.next_dagrun_create_after, bool(r.is_paused)) for r in session.execute(query)}


def running(dag: str) -> tuple[Underway, ...]:
    """See :meth:`privacy.desk.airflow.Airflow.running`."""
    c: Any = DagRun  # whose column of states is none to a type checker
    columns = (c.run_id, c.state, c.run_type, c.triggering_user_name, c.start_date, c.conf)
    query = sa.select(*columns).where(c.dag_id == dag, c.state.in_(("queued", "running")))
    with create_session() as session:
        rows = session.execute(query.order_by(c.id.desc()).limit(AT_ONCE)).all()
    return tuple(_underway(row) for row in rows)


def _underway(row: Any) -> Underway:
    said = row.conf if isinstance(row.conf, dict) else {}
    # As the tasks take it: the scheduler's runs are real, and by hand it only looks unless it is told otherwise.
    scheduled = str(getattr(row.run_type, "value", row.run_type)) == DagRunType.SCHEDULED.value
    rules = said.get("rules")
    return Underway(
        str(row.run_id), str(getattr(row.state, "value", row.state)),
        "" if scheduled else str(row.triggering_user_name or ""), row.start_date,
        not scheduled and bool(said.get("dry_run", True)),
        tuple(str(rule) for rule in rules) if isinstance(rules, list) and not scheduled else (),
    )  # fmt: skip
