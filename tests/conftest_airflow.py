"""A real Airflow for the tests: every component, on a copy of one migrated database."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path

import pytest
from filelock import FileLock

from conftest_runs import Ferry
from privacy.orchestration.api import AirflowApi
from privacy.orchestration.embedded import EmbeddedAirflow, free_port
from privacy.orchestration.environment import Layout

PROJECT = Path(__file__).parents[1]


def with_template(layout: Layout) -> EmbeddedAirflow:
    """An Airflow whose database is a copy of one that was migrated before, by whichever test process came first."""
    template = PROJECT / ".cache" / f"airflow-{version('apache-airflow')}.db"
    template.parent.mkdir(exist_ok=True)
    airflow = EmbeddedAirflow(layout)
    with FileLock(f"{template}.lock"):
        if not template.exists():
            airflow.migrate()
            part = template.with_suffix(".part")
            with sqlite3.connect(layout.folder / "airflow.db") as made, sqlite3.connect(part) as copy:
                made.backup(copy)
            part.rename(template)
        shutil.copyfile(template, layout.folder / "airflow.db")
    return airflow


class Live:
    """The ferry company on a running Airflow."""

    def __init__(self, ferry: Ferry, airflow: EmbeddedAirflow) -> None:
        self.ferry, self.airflow = ferry, airflow
        self.api: AirflowApi = airflow.api

    def run(self, number: str, seconds: float = 90) -> tuple[str, dict[str, str]]:
        """Trigger an export and wait: the run's state, and every task's."""
        run = self.api.trigger("export_subject", request=number)
        return self.wait(run, seconds)

    def wait(self, run: str, seconds: float = 90, dag: str = "export_subject") -> tuple[str, dict[str, str]]:
        until = time.monotonic() + seconds
        while (state := self.api.state(dag, run)) not in ("success", "failed"):
            assert time.monotonic() < until, self.states(run, dag)
            time.sleep(0.3)
        return state, self.states(run, dag)

    def states(self, run: str, dag: str = "export_subject") -> dict[str, str]:
        return {
            f"{t['task_id']} {t['rendered_map_index'] or ''}".strip(): str(t["state"]) for t in self.api.tasks(dag, run)
        }

    def everything_written(self) -> Iterator[tuple[str, bytes]]:
        """All that Airflow wrote: metadata database, task logs, the components' output."""
        with sqlite3.connect(self.airflow.layout.folder / "airflow.db") as db:
            yield "metadata database", "\n".join(db.iterdump()).encode()
        for folder, _, files in os.walk(self.airflow.layout.folder):
            for name in files:
                path = Path(folder) / name
                yield str(path.relative_to(self.airflow.layout.folder)), path.read_bytes()


def settle(ledger: Path, quiet: float = 8, seconds: float = 60) -> None:
    """Wait until no run of a schedule goes on: a new Airflow does at once what would have been done within the last
    tenth of a schedule's interval, so in the hours after the nightly purges those begin with it.

    :param ledger: of SQLite. :param quiet: so long nothing has begun.
    """
    until = time.monotonic() + seconds
    since, seen = time.monotonic(), -1
    asked = "SELECT count(*), total(kind = 'run.begun'), total(kind = 'run.ended') FROM ledger WHERE kind LIKE 'run.%'"
    with closing(sqlite3.connect(ledger)) as db:
        # One that asks an operator goes on for good: that one is not waited for longer.
        while time.monotonic() - since < quiet and time.monotonic() < until:
            found, begun, ended = db.execute(asked).fetchone()
            if found != seen or begun > ended:
                since, seen = time.monotonic(), found
            time.sleep(0.25)


class Kept:
    """One :class:`Live` for many files: started when somebody first needs it, until nobody does.

    It takes a sixth of a processor while it waits for work: others' tests must not wait for it.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._live: Live | None = None

    def get(self, factory: pytest.TempPathFactory) -> Live:
        """It, running."""
        if self._live is None:
            ferry = Ferry(factory.mktemp("ferry"))
            layout = Layout(factory.mktemp("airflow"), PROJECT, free_port(), privacy=ferry.variables)
            airflow = self._stack.enter_context(with_template(layout))
            airflow.wait("export_subject", seconds=180)
            self._live = Live(ferry, airflow)
        return self._live

    def stop(self) -> None:
        """End it; whoever needs one later gets another."""
        self._live = None
        self._stack.close()
