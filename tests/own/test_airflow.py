"""clean_airflow: Airflow's own metadata and logs, in a real migrated database of its own."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from conftest_airflow import PROJECT, with_template
from conftest_own import NOW, Office, ago
from privacy.errors import BadConfiguration, BadInput, Refused
from privacy.orchestration import own_airflow_steps as steps
from privacy.orchestration.environment import Layout
from privacy.orchestration.own_airflow_steps import Asking
from privacy.orchestration.purges import PurgeRun

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(120)]

ASKING = Asking("clean_airflow", "now")


class Metadata:
    """An Airflow's database and log folder, without its components."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder, PROJECT, 1)
        with_template(self.layout)
        self.database, self.logs = folder / "airflow.db", folder / "logs"

    def run(self, dag: str, run: str, state: str, at: datetime, *, scheduled: bool = False) -> Path:
        """A run with one task, an XCom, a line in the audit log, and a task log."""
        text = at.strftime("%Y-%m-%d %H:%M:%S.%f")
        with sqlite3.connect(self.database) as db:
            rows = {
                "dag_run": {"dag_id": dag, "run_id": run, "state": state, "run_type": "scheduled" if scheduled else "manual",
                    "start_date": text, "queued_at": text, "created_at": text, "run_after": text, "log_template_id": None},
                "task_instance": {"id": f"{dag}-{run}", "dag_id": dag, "run_id": run, "task_id": "t", "state": "success",
                    "start_date": text, "map_index": -1, "try_number": 1, "max_tries": 0, "pool": "default_pool",
                    "pool_slots": 1, "queue": "q", "priority_weight": 1, "hostname": "", "unixname": "", "executor_config": b""},
                "log": {"dttm": text, "dag_id": dag, "event": "trigger", "owner": "somebody"},
            }  # fmt: skip
            for table, row in rows.items():
                self._insert(db, table, row)
        path = self.logs / f"dag_id={dag}" / f"run_id={run}" / "task_id=t" / "attempt=1.log"
        path.parent.mkdir(parents=True)
        path.write_text("{}\n")
        os.utime(path, (at.timestamp(),) * 2)
        return path

    @staticmethod
    def _insert(db: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
        """One row, whatever else the table needs filled with nothing."""
        for _, name, kind, required, default, key in db.execute(f"PRAGMA table_info({table})"):
            if name not in row and required and default is None and not (key and "INT" in kind):
                row[name] = 0 if "INT" in kind or "BOOL" in kind else ""
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def count(self, table: str) -> int:
        with sqlite3.connect(self.database) as db:
            return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def runs(self) -> set[str]:
        with sqlite3.connect(self.database) as db:
            return {run for (run,) in db.execute("SELECT run_id FROM dag_run")}

    def tables(self) -> set[str]:
        with sqlite3.connect(self.database) as db:
            return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.fixture
def metadata(tmp_path: Path, office: Office, monkeypatch: pytest.MonkeyPatch) -> Metadata:
    made = Metadata(tmp_path / "airflow")
    url = f"sqlite:///{made.database}"
    monkeypatch.setenv("AIRFLOW_HOME", str(made.layout.folder))
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(made.logs))
    # As a task has it.
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
    monkeypatch.setattr(
        type(office), "variables", property(lambda self: {**Served_variables(self), "PRIVACY_CONNECTION_AIRFLOW": url})
    )
    office.at(NOW)
    made.run(ASKING.dag, ASKING.run, "running", NOW)
    return made


def Served_variables(office: Office) -> dict[str, str]:  # noqa: N802
    from conftest_deliveries import Served

    return Served.variables.fget(office)  # type: ignore[attr-defined]


def clean(office: Office, name: str = "c", **more: object) -> dict[str, object]:
    run = PurgeRun(name, steps.PIPELINE, steps.RULE, "schedule", **more)
    steps.plan(office.house, run, ASKING)
    steps.clean(office.house, run, ASKING)
    steps.record(office.house, run, ASKING, None)
    return dict(office.house.ledger.entries(run=name, kind="run.ended")[0].entry)


@pytest.mark.check("a database of Airflow of its own; tests/own shows the same of the other own records")
def test_old_runs_and_logs_go_young_and_waiting_ones_stay(office: Office, metadata: Metadata) -> None:
    old = metadata.run("export_subject", "old", "success", ago(200))
    young = metadata.run("export_subject", "young", "failed", ago(10))
    waits = metadata.run("purge_logfiles", "waits", "running", ago(150))
    before = metadata.run("purge_logfiles", "before", "success", ago(180))
    after = metadata.run("purge_logfiles", "after", "success", ago(140))
    tables = metadata.tables()
    run = PurgeRun("dry", steps.PIPELINE, steps.RULE, "desk", dry=True)
    shown = steps.plan(office.house, run, ASKING)
    assert shown["tables"]["dag_run"] == 2
    assert metadata.runs() == {"now", "old", "young", "waits", "before", "after"}, "a dry run changes nothing"
    said = clean(office)
    assert metadata.runs() == {"now", "young", "waits", "after"}, "what came after the one that waits waits with it"
    assert not old.exists()
    assert not old.parents[1].exists()
    assert not before.exists()
    assert young.exists()
    assert waits.exists()
    assert not after.exists(), "the log of a run that has ended"
    assert said["status"] == "done"
    assert said["datasets"]["airflow.dag_run"]["records"] == 2
    assert said["datasets"]["airflow.logs"] == {"records": 3, "bytes": 9}
    assert said["retained"] == {"waiting": 1}
    assert metadata.count("task_instance") == 4
    assert metadata.tables() == tables, "no archive"
    assert office.house.verify().ok


def test_another_database_is_no_success(office: Office, metadata: Metadata) -> None:
    """Edge case 28: an empty database that was found by accident has nothing to clean."""
    run = PurgeRun("x", steps.PIPELINE, steps.RULE, "schedule")
    with pytest.raises(BadConfiguration) as found:
        steps.plan(office.house, run, Asking("clean_airflow", "elsewhere"))
    assert found.value.code == "airflow.other_database"
    with pytest.raises(Refused):
        steps.record(office.house, run, ASKING, found.value.code)
    assert metadata.runs() == {"now"}


@pytest.mark.check("each of its looks starts Python anew; tests/own shows the same of the other own records")
def test_a_run_that_died_is_ended_by_the_next(office: Office, metadata: Metadata) -> None:
    """Edge case 13."""
    metadata.run("export_subject", "old", "success", ago(200))
    dead = PurgeRun("dead", steps.PIPELINE, steps.RULE, "schedule")
    steps.plan(office.house, dead, ASKING)
    steps.clean(office.house, dead, ASKING)
    said = clean(office, "next")
    ended = office.house.ledger.entries(run="dead", kind="run.ended")[0].entry
    assert (ended["reason"], ended["derived"], ended["datasets"]["airflow.dag_run"]["records"]) == ("run.lost", True, 1)
    assert said["deleted"] == 0


@pytest.mark.check("each of its looks starts Python anew; tests/own shows the same of the other own records")
def test_marked_by_hand_is_not_done(office: Office, metadata: Metadata) -> None:
    """Edge case 36."""
    metadata.run("export_subject", "old", "success", ago(200))
    run = PurgeRun("hand", steps.PIPELINE, steps.RULE, "schedule")
    steps.plan(office.house, run, ASKING)
    with pytest.raises(Refused) as found:
        steps.record(office.house, run, ASKING, None)
    assert found.value.code == "purge.remaining"
    assert "old" in metadata.runs()


def test_not_as_of_the_future(office: Office, metadata: Metadata) -> None:  # noqa: ARG001
    run = PurgeRun("f", steps.PIPELINE, steps.RULE, "desk", as_of=NOW + timedelta(days=1))
    with pytest.raises(BadInput):
        steps.plan(office.house, run, ASKING)
    assert json.dumps([e.entry["kind"] for e in office.house.ledger.entries()]) == "[]"
