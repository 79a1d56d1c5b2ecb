"""The embedded Airflow: its components as processes of their own, started one by one, all gone at the end.

``airflow standalone`` leaves processes behind when it is ended; this does not: see
:mod:`privacy.orchestration.watchdog`, which holds whatever happens to the launcher.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from privacy.errors import GiveUp
from privacy.orchestration.api import AirflowApi
from privacy.orchestration.environment import Layout, variables
from privacy.orchestration.watchdog import ENDED_WELL, GRACE_SECONDS, plan_of

COMPONENTS = {
    # The logs that tasks write are read from the disk by the API server of the same machine.
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}
"""What a run needs; no DAG defers or has a deadline yet, hence no triggerer."""


class Group:
    """Commands that run until the ``with`` block ends, however it ends, SIGKILL of this process included.

    :param commands: name -> command line.
    :param logs: the folder for ``<name>.log``.
    """

    def __init__(self, commands: dict[str, list[str]], *, logs: Path, environment: dict[str, str]) -> None:
        self._commands, self._logs, self._environment = commands, logs, environment
        self._pipe: int | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        plan = plan_of(
            [{"name": n, "argv": argv, "log": str(self._logs / f"{n}.log")} for n, argv in self._commands.items()]
        )
        reading, self._pipe = os.pipe()
        try:
            self._watchdog = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "privacy.orchestration.watchdog", str(reading), plan],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[reading],
                start_new_session=True,
            )
        finally:
            os.close(reading)
        return self

    @property
    def alive(self) -> bool:
        """Whether every command still runs."""
        return self._watchdog is not None and self._watchdog.poll() is None

    @property
    def pid(self) -> int:
        """The watchdog's process id; 0 before the block begins."""
        return self._watchdog.pid if self._watchdog is not None else 0

    def ended_well(self, *, seconds: float) -> bool:
        """Wait until a command ends by itself; whether its exit status was 0."""
        if self._watchdog is None:
            return False
        try:
            return self._watchdog.wait(seconds) == ENDED_WELL
        except subprocess.TimeoutExpired:
            return False

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C must not leave what the first one was about to end.
        before = _ignore_interrupts()
        try:
            if self._pipe is not None:
                os.close(self._pipe)
                self._pipe = None
            if self._watchdog is not None:
                self._watchdog.wait(GRACE_SECONDS + 30)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def last_words(self, lines: int = 15) -> str:
        """The ends of the logs, for whoever has to find out why one ended."""
        found = []
        for name in self._commands:
            with contextlib.suppress(OSError):
                text = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()[-lines:]
                found.append("\n".join([f"--- {name}", *text]))
        return "\n".join(found)


class EmbeddedAirflow:
    """A whole Airflow in one folder, while the ``with`` block lasts.

    :param layout: where it is and what it serves.
    :param say: told about every step, one short line each.
    """

    def __init__(self, layout: Layout, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.layout = layout
        self._say = say
        self._environment = variables(layout)
        # Through the interpreter: a script's first line may be longer than the kernel reads, in a deep folder.
        airflow = [sys.executable, "-m", "airflow"]
        commands = {name: [*airflow, *arguments] for name, arguments in COMPONENTS.items()}
        self.group = Group(commands, logs=layout.folder / "components", environment=self._environment)

    @property
    def api(self) -> AirflowApi:
        """Signed in as the administrator."""
        password = json.loads(self.layout.passwords_file.read_text())["admin"]
        return AirflowApi(self.layout.url, "admin", password)

    def __enter__(self) -> Self:
        self.migrate()
        self._say("starting Airflow: " + ", ".join(COMPONENTS))
        self.group.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._say("stopping Airflow")
        finally:
            # Also when nobody listens any more: the terminal was closed.
            self.group.__exit__(kind, problem, trace)

    def migrate(self) -> None:
        """Make or migrate the metadata database.

        :raises GiveUp: ``airflow.migrate``.
        """
        self._say("preparing Airflow's database")
        logs = self.layout.folder / "components"
        migrate = {"migrate": [sys.executable, "-m", "airflow", "db", "migrate"]}
        with Group(migrate, logs=logs, environment=self._environment) as group:
            if not group.ended_well(seconds=300):
                raise GiveUp("airflow.migrate", "Airflow's database cannot be prepared.", where=str(logs))

    def wait(self, *dags: str, seconds: float = 90) -> None:
        """Wait until Airflow answers, its parts are healthy, and these DAGs are parsed.

        :raises GiveUp: ``airflow.ended``, ``airflow.not_ready`` (a DAG that does not parse, above all).
        """
        api, until = self.api, time.monotonic() + seconds
        ready = False
        while time.monotonic() < until:
            if not self.group.alive:
                raise GiveUp("airflow.ended", "Airflow ended by itself.", where=str(self.layout.folder / "components"))
            # Asking the execution API first makes it now, and not during the first task, which would wait for it.
            ready = ready or (api.warm() and api.healthy())
            if ready and all(api.has_dag(dag) for dag in dags):
                return
            time.sleep(0.2)
        why = "; ".join(api.import_errors()) if ready else "a component is not healthy"
        raise GiveUp(
            "airflow.not_ready",
            f"Airflow was not ready within {seconds:.0f} s: {why}.",
            where=str(self.layout.folder / "components"),
        )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no other process is given here while this one lives.

    Not one of the system's choice: until a server listens on such a one, anybody's next connection may be given it.
    """
    while True:
        port = secrets.choice(_PORTS)
        # Linux's abstract names are no files: this one is free again when the last process that holds it is gone.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0privacy.port.{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
        else:
            _CLAIMS.append(claim)
            return port


_PORTS = range(10_000, 32_768)
"""Below those that Linux gives to connections: ``/proc/sys/net/ipv4/ip_local_port_range``."""
_CLAIMS: list[socket.socket] = []


def end_on_sigterm() -> None:
    """Let SIGTERM and SIGHUP end this process like Ctrl-C, through its ``with`` blocks.

    Ctrl-C too: a shell that starts it in the background (``make demo &``) has it ignored.
    """

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _ignore_interrupts() -> dict[int, signal.Handlers | Callable[[int, FrameType | None], object] | int | None]:
    try:
        return {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    except ValueError:  # not in the main thread, hence never interrupted
        return {}
