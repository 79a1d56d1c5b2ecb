"""Both DAGs on a running Airflow: a task may not reach its database, and what it starts may."""

from __future__ import annotations

import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest_airflow import PROJECT, with_template
from conftest_own import Office
from privacy.orchestration.api import AirflowApi
from privacy.orchestration.embedded import free_port
from privacy.orchestration.environment import Layout

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]

DAGS = ("purge_bundles", "clean_airflow")


def ended(api: AirflowApi, dag: str, **conf: object) -> tuple[str, str, dict[str, str]]:
    """A run by hand: its id, its end, and the state of each task."""
    run = api.call("POST", f"/dags/{dag}/dagRuns", {"conf": conf, "logical_date": None})["dag_run_id"]
    until = time.monotonic() + 120
    while (state := api.state(dag, run)) not in ("success", "failed"):
        assert time.monotonic() < until, api.tasks(dag, run)
        time.sleep(0.3)
    states = {f"{t['task_id']} {t['rendered_map_index'] or ''}".strip(): t["state"] for t in api.tasks(dag, run)}
    return run, state, states


@pytest.mark.check("the steps' own tests show what they do")
def test_both_run_dry_by_hand_and_do_what_they_say_when_asked(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    office = Office(tmp_path / "company", now)
    old, waits = office.released(now - timedelta(days=40)), office.sealed(now - timedelta(days=200))
    dags = tmp_path / "dags"
    dags.mkdir()
    for name in DAGS:
        # By hand alone: a schedule that is due would run by itself at the start.
        text = (PROJECT / "dags" / f"{name}.py").read_text()
        schedule = next(line for line in text.splitlines() if line.strip().startswith("schedule="))
        (dags / f"{name}.py").write_text(text.replace(schedule, "    schedule=None,"))
    path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    privacy = office.variables | {name: str(Path(value).absolute()) for name, value in path.items()}
    layout = Layout(tmp_path / "airflow", PROJECT, free_port(), privacy=privacy, dags=dags)
    with with_template(layout) as airflow:
        for name in DAGS:
            airflow.wait(name, seconds=120)
        _, state, tasks = ended(airflow.api, "purge_bundles")
        assert (state, tasks["rule.purge bundles"], tasks["rule.record bundles"]) == ("success", "skipped", "success")
        assert office.bundled == {old, waits}, "by hand it only looks"
        first, state, tasks = ended(airflow.api, "purge_bundles", dry_run=False)
        assert (state, set(tasks.values())) == ("success", {"success"})
        assert office.bundled == {waits}
        _, state, tasks = ended(airflow.api, "purge_bundles", as_of=(now + timedelta(days=900)).isoformat())
        assert (state, tasks["rule.plan bundles"], tasks["rule.record bundles"]) == ("failed", "failed", "failed")

        long_ago = now - timedelta(days=200)
        logs = layout.folder / "logs" / "dag_id=purge_bundles" / f"run_id={first}"
        with sqlite3.connect(layout.folder / "airflow.db", timeout=30) as db:
            text = long_ago.strftime("%Y-%m-%d %H:%M:%S.%f")
            for table, columns in (("dag_run", "start_date, queued_at, created_at"), ("task_instance", "start_date")):
                sets = ", ".join(f"{column.strip()} = ?" for column in columns.split(","))
                values = [text] * (columns.count(",") + 1)
                db.execute(f"UPDATE {table} SET {sets} WHERE run_id = ?", [*values, first])
        for file in filter(Path.is_file, logs.rglob("*")):
            os.utime(file, (long_ago.timestamp(),) * 2)
        _, state, tasks = ended(airflow.api, "clean_airflow")
        assert (state, tasks["purge"], logs.exists()) == ("success", "skipped", True)
        _, state, tasks = ended(airflow.api, "clean_airflow", dry_run=False)
        assert (state, set(tasks.values()), logs.exists()) == ("success", {"success"}, False)
        with sqlite3.connect(layout.folder / "airflow.db", timeout=30) as db:
            assert db.execute("SELECT count(*) FROM dag_run WHERE run_id = ?", [first]).fetchone() == (0,)
            assert db.execute("SELECT count(*) FROM task_instance WHERE run_id = ?", [first]).fetchone() == (0,)
    office.at(now)
    done = [e.entry for e in office.house.ledger.entries(kind="run.ended") if e.entry.get("datasets")]
    assert [sorted(entry["datasets"]) for entry in done] == [
        ["own.bundles"],
        ["airflow.dag_run", "airflow.logs", "airflow.task_instance"],
    ]
    assert office.house.verify().ok
