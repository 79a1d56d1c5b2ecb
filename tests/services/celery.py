"""An Airflow as a shop runs it: metadata on PostgreSQL, CeleryExecutor on Redis, two workers with names of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from privacy.orchestration.api import OVER, AirflowApi
from privacy.orchestration.embedded import free_port
from privacy.orchestration.environment import Layout, variables
from services.postgres import Postgres
from services.redis import redis
from services.serving import Process

PROJECT = Path(__file__).parents[2]
WORKERS = ("w1@local", "w2@local")
AT_ONCE = 3
"""Tasks that a worker runs at the same time."""

HEARTBEAT = 15
"""Seconds without a sign of life after which a task is taken for dead; 300 by default."""

_COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}

_NAMING = """import os


def name() -> str:
    return os.environ.get("COMPONENT", "localhost")
"""


class CeleryAirflow:
    """Its components as processes; the workers can be frozen, killed and started again.

    :param layout: where it is. :param metadata: the URL of its database on PostgreSQL. :param broker: of Redis.
    """

    def __init__(self, layout: Layout, metadata: str, broker: str) -> None:
        self.layout = layout
        self.processes: dict[str, Process] = {}
        # Both workers are on this machine, and would have its name.
        (layout.folder / "config").mkdir(parents=True)
        (layout.folder / "config" / "worker_name.py").write_text(_NAMING)
        driver = metadata.replace("postgresql://", "postgresql+psycopg2://")
        self.environment = variables(layout) | {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "worker_name.name",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": driver,
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS": "privacy.orchestration.celery_settings.SETTINGS",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{driver}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(AT_ONCE),
            # No more than the workers can take: what waits in the queue for long is taken for lost, see below.
            "AIRFLOW__CORE__PARALLELISM": str(AT_ONCE * len(WORKERS)),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            # What a dead worker had taken from the queue and not begun, goes back there.
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "2",
            "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "5",
        }

    @cached_property
    def api(self) -> AirflowApi:
        """Signed in as the administrator."""
        import json

        return AirflowApi(self.layout.url, "admin", json.loads(self.layout.passwords_file.read_text())["admin"])

    def migrate(self) -> None:
        """Make the tables. :raises subprocess.CalledProcessError: with Airflow's own words in its output."""
        subprocess.run(self._airflow("db", "migrate"), env=self.environment, check=True, capture_output=True)

    def start(self, name: str) -> None:
        """Start a component, or a worker by its name, unless it runs."""
        if (known := self.processes.get(name)) is not None:
            known.start()
            return
        folder = self.layout.folder / "components" / name
        folder.mkdir(parents=True)
        arguments = _COMPONENTS.get(name) or ["celery", "worker", "-H", name, "--skip-serve-logs"]
        self.processes[name] = Process(self._airflow(*arguments), folder, self.environment | {"COMPONENT": name})

    def stop(self) -> None:
        """End every process: workers first, for they tell the API how their tasks end."""
        for name in sorted(self.processes, key=lambda name: name not in WORKERS):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                self.kill(name) if self.frozen(name) else self.processes[name].stop()

    def wait(self, *dags: str, seconds: float = 120) -> None:
        """Until Airflow answers, the DAGs are parsed, and both workers take tasks."""
        until, api = time.monotonic() + seconds, self.api
        ready: dict[str, Callable[[], bool]] = {
            "api": lambda: api.warm() and api.healthy(),
            **{dag: lambda dag=dag: api.has_dag(dag) for dag in dags},  # type: ignore[misc]
            **{name: lambda name=name: self.takes_tasks(name) for name in WORKERS},  # type: ignore[misc]
        }
        while ready:
            name, ask = next(iter(ready.items()))
            if ask():
                del ready[name]
                continue
            assert time.monotonic() < until, f"{name} is not ready: {self.words(name)}"
            for one, process in self.processes.items():
                assert process.child.poll() is None, f"{one} ended: {self.words(one)}"
            time.sleep(0.2)

    def takes_tasks(self, name: str) -> bool:
        """Whether the worker has said, since it was started last, that it waits for tasks."""
        text = self.processes[name].log.read_text(errors="replace")
        return " ready." in text.rpartition("-------------- celery@")[2] or f"{name} ready." in text[-4000:]

    def words(self, name: str) -> str:
        """What a component said last; of all when it has no such name."""
        chosen = [name] if name in self.processes else list(self.processes)
        return "\n".join(f"--- {n}\n{self.processes[n].log.read_text(errors='replace')[-1500:]}" for n in chosen)

    # A worker that dies

    def tree(self, name: str) -> list[psutil.Process]:
        """The worker and all that it started, its tasks too."""
        try:
            top = psutil.Process(self.processes[name].child.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def frozen(self, name: str) -> bool:
        """Whether it was stopped by :meth:`killed_while`."""
        return any(_status(process) == psutil.STATUS_STOPPED for process in self.tree(name))

    def kill(self, name: str) -> None:
        """SIGKILL to the worker, its pool and its tasks at once, as if its machine were gone."""
        there = self.tree(name)
        for process in there:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.processes[name].child.wait(15)
        _, alive = psutil.wait_procs(there, timeout=15)
        assert alive == []

    def killed_while(self, running: Callable[[], str | None], seconds: float = 90) -> str:
        """Kill the worker that ``running`` names, surely in the middle: it is frozen first, and asked for again.

        :param running: the name of a worker that is in the middle of what is to be hit; None: none is.
        :returns: the worker's name.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (name := running()) is None:
                time.sleep(0.02)
                continue
            there = self.tree(name)
            for process in there:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGSTOP)
            # What it had told the API before, has arrived by now.
            time.sleep(0.3)
            if running() == name:
                self.kill(name)
                return name
            for process in there:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)
        raise AssertionError("never in the middle")

    # Runs

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Its task instances as the API has them."""
        return list(self.api.tasks(dag, run))

    def over(
        self, dag: str, run: str, *, seconds: float = 480, asked: Callable[[dict[str, Any]], None] | None = None
    ) -> str:
        """Wait for a run's end: its state.

        :param asked: told of each task that waits for an operator, again and again until it does not.
        """
        until, api = time.monotonic() + seconds, self.api
        while (state := api.state(dag, run)) not in OVER:
            assert time.monotonic() < until, [(t["task_id"], t["state"]) for t in self.tasks(dag, run)]
            if asked is not None:
                for task in self.tasks(dag, run):
                    if task["state"] == "awaiting_input":
                        asked(task)
            time.sleep(0.3)
        return state

    def shares(self, dag: str, run: str, task: str) -> Mapping[str, int]:
        """How many of a mapped task's instances ran on each worker."""
        found: dict[str, int] = defaultdict(int)
        for one in self.tasks(dag, run):
            if one["task_id"] == task:
                found[str(one["hostname"])] += 1
        return found

    def _airflow(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]


def _status(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return str(process.status())
    return ""


@contextmanager
def celery_airflow(folder: Path, server: Postgres, privacy: Mapping[str, str], *dags: str) -> Iterator[CeleryAirflow]:
    """A whole one until the block ends, whatever happened in it.

    :param folder: of this Airflow alone. :param server: gets a database ``airflow``.
    :param privacy: ``PRIVACY_*``, as in :class:`Layout`. :param dags: that must be parsed before it begins.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(redis(folder / "redis"))
        layout = Layout(folder / "airflow", PROJECT, free_port(), privacy=privacy)
        airflow = CeleryAirflow(layout, server.create("airflow"), broker)
        airflow.migrate()
        stack.callback(airflow.stop)
        for name in (*_COMPONENTS, *WORKERS):
            airflow.start(name)
        airflow.wait(*dags)
        yield airflow
