"""Airflow's own metadata and logs, past a moment: counted or removed by ``airflow db clean``'s own function.

This module is run as a process of its own (``python -m``): Airflow lets no task near its database. It reads one JSON
object from its input and writes one to the file that this names: counts and moments only.

A run that has not ended is left whole, and so is what its DAG has from then on; other DAGs are cleaned all the same.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_LOGS = "logs"


def main() -> int:
    """Do what the input asks: ``before`` (ISO 8601), ``remove``, ``dag``, ``run``, ``out``. 2: another database."""
    wanted = json.load(sys.stdin)
    before = datetime.fromisoformat(wanted["before"]).astimezone(UTC)
    waiting = _waiting(wanted["dag"], wanted["run"])
    if waiting is None:
        return 2
    if wanted["remove"]:
        _clean(before, {dag: at for dag, at in waiting.items() if at < before})
    tables = dict(_tables(before, waiting))
    files, size = _logs(before, remove=wanted["remove"])
    tables[_LOGS] = files
    said = {"tables": tables, "bytes": size, "oldest": _oldest(), "waiting": sum(a < before for a in waiting.values())}
    Path(wanted["out"]).write_text(json.dumps(said))
    return 0


def _waiting(dag: str, run: str) -> dict[str, datetime] | None:
    """For each DAG with runs that have not ended, since when; None: the run that asks is not in this database."""
    import sqlalchemy as sa
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            if session.scalar(sa.select(DagRun.id).where(DagRun.dag_id == dag, DagRun.run_id == run)) is None:
                return None
            query = sa.select(DagRun).where(DagRun.state.in_(("queued", "running")))
            found: dict[str, datetime] = {}
            for there in session.scalars(query):
                moments = (there.created_at, there.queued_at, there.start_date)
                at = min((m for m in moments if m is not None), default=there.run_after)
                found[there.dag_id] = min(at, found.get(there.dag_id, at))
            return found
    except SQLAlchemyError:
        return None


def _clean(before: datetime, waiting: dict[str, datetime]) -> None:
    import pendulum
    from airflow.utils.db_cleanup import config_dict, run_cleanup

    def cleaned(until: datetime, **more: Any) -> None:
        run_cleanup(
            clean_before_timestamp=pendulum.instance(until), confirm=False, skip_archive=True,
            error_on_cleanup_failure=True, **more,
        )  # fmt: skip

    if not waiting:
        cleaned(before)
        return
    of_dags = _of_dags()
    others = [name for name in config_dict if name not in of_dags]
    for name in of_dags:
        # Cleaned along with these, a table without a DAG's name would be cleaned of what waits too, or fail.
        config = config_dict[name]
        config.dependent_tables = [other for other in config.dependent_tables or [] if other in of_dags]
    cleaned(before, table_names=of_dags, exclude_dag_ids=sorted(waiting))
    cleaned(min(waiting.values()), table_names=others)
    for dag, at in waiting.items():
        cleaned(at, table_names=of_dags, dag_ids=[dag])


def _of_dags() -> list[str]:
    """The tables whose rows are a DAG's. In 3.3.2, two are said to have a column that they have not."""
    import sqlalchemy as sa
    from airflow.utils.db_cleanup import config_dict
    from airflow.utils.session import create_session

    with create_session() as session:
        there = sa.inspect(session.get_bind())
        tables = set(there.get_table_names())
        return [
            name
            for name, config in config_dict.items()
            if config.dag_id_column is not None
            and name in tables
            and config.dag_id_column.name in {column["name"] for column in there.get_columns(name)}
        ]


def _tables(before: datetime, waiting: dict[str, datetime]) -> Iterator[tuple[str, int]]:
    """How many rows each table has that would go: Airflow's own question, asked once more."""
    import sqlalchemy as sa
    from airflow.utils.db_cleanup import _build_query, config_dict
    from airflow.utils.session import create_session

    waits, of_dags = {dag: at for dag, at in waiting.items() if at < before}, _of_dags()
    with create_session() as session:
        there = set(sa.inspect(session.get_bind()).get_table_names())
        for name, config in config_dict.items():
            if name not in there:
                continue
            calls: list[dict[str, Any]] = [{"clean_before_timestamp": before, "exclude_dag_ids": sorted(waits) or None}]
            if waits and name not in of_dags:
                calls = [{"clean_before_timestamp": min(waits.values())}]
            elif waits:
                calls += [{"clean_before_timestamp": at, "dag_ids": [dag]} for dag, at in waits.items()]
            count = 0
            for call in calls:
                query = _build_query(**config.__dict__, session=session, **call)
                count += session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
            yield name, count


def _oldest() -> str | None:
    import sqlalchemy as sa
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        at: datetime | None = session.scalar(sa.select(sa.func.min(DagRun.start_date)))
        return None if at is None else at.astimezone(UTC).isoformat()


def _logs(before: datetime, *, remove: bool) -> tuple[int, int]:
    """Files of logs that nobody wrote to since; those of runs that have not ended stay. How many are (or were) left."""
    from airflow.configuration import conf

    base = Path(conf.get_mandatory_value("logging", "base_log_folder"))
    spared = tuple(str(base / f"dag_id={dag}" / f"run_id={run}") + os.sep for dag, run in _unended())
    count, size = 0, 0
    for folder, _, names in os.walk(base, topdown=False):
        emptied = False
        for name in names:
            path = Path(folder) / name
            try:
                status = path.lstat()
                if status.st_mtime >= before.timestamp() or str(path).startswith(spared):
                    continue
                if remove:
                    path.unlink()
                    emptied = True
                else:
                    count, size = count + 1, size + status.st_size
            except FileNotFoundError:
                continue
        if remove and (emptied or "run_id=" in folder) and Path(folder) != base:
            _without(Path(folder), spared)
    return count, size


def _without(folder: Path, spared: tuple[str, ...]) -> None:
    """Remove a folder of logs that is empty now; one of a run that has not ended is about to be written to."""
    if not f"{folder}{os.sep}".startswith(spared) and not any(one.startswith(f"{folder}{os.sep}") for one in spared):
        try:
            folder.rmdir()
        except OSError:
            return


def _unended() -> list[tuple[str, str]]:
    import sqlalchemy as sa
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        query = sa.select(DagRun.dag_id, DagRun.run_id).where(DagRun.state.in_(("queued", "running")))
        return [(dag, run) for dag, run in session.execute(query)]


if __name__ == "__main__":
    sys.exit(main())
