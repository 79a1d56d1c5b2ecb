"""A private server for a test: its own folder, its own loopback port, its own process group, and nothing left of it.

A server that is not installed is no reason to skip a test: :func:`program` fails and says what installs it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_DEBIAN = ("/usr/sbin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")


class Missing(AssertionError):
    """A server's program is not installed."""


def program(name: str) -> str:
    """Where a program is. :raises Missing: it is not installed; says what to do."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_DEBIAN)))
    if found is None:
        raise Missing(f"{name} is not installed: run `make services` (as root, or with sudo)")
    return found


def listening(port: int) -> Callable[[], bool]:
    """Whether somebody accepts connections on a loopback port."""

    def ask() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ask


class Process:
    """A started server.

    :param command: what starts it in the foreground; it gets a session of its own.
    :param folder: where it runs and where its output goes (``output.log``).
    """

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = folder / "output.log"
        self._command, self._folder, self._env = command, folder, env
        self.start()

    def start(self) -> None:
        """Start it (again, after :meth:`stop` or :meth:`kill`)."""
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self._command, cwd=self._folder, env=None if self._env is None else dict(self._env), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def ready(self, answers: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until it answers. :raises AssertionError: it ended, or did not answer in time; shows its last output."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.child.poll() is not None:
                break
            with suppress(Exception):
                if answers():
                    return
            time.sleep(0.05)
        raise AssertionError(f"{self._command[0]} does not answer:\n{self.log.read_text(errors='replace')[-3000:]}")

    def stop(self, seconds: float = 15) -> None:
        """End it and its children: asked first, then killed."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill it and its children at once, as a crash would."""
        self._signal(signal.SIGKILL)
        self.child.wait(15)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)


@contextmanager
def running(
    command: Sequence[str], folder: Path, answers: Callable[[], bool], *, env: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Iterator[Process]:  # fmt: skip
    """A server that answers, until the block ends.

    :param folder: made if need be.
    :param answers: whether it is ready; an exception counts as not yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = Process(command, folder, env)
    try:
        process.ready(answers, seconds)
        yield process
    finally:
        process.stop()
