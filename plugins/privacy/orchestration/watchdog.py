"""A process that starts others and outlives whoever asked for them, so that nothing is left running.

``python -m privacy.orchestration.watchdog PIPE PLAN`` starts every command of the plan, each in a session of its own,
and ends all of them, and whatever they started, when

* the pipe closes: the launcher ended, by itself, by Ctrl-C or by SIGKILL: the kernel closes its end in every case;
* the launcher's SIGTERM or SIGINT reaches the watchdog itself;
* one of the commands ends by itself.

The plan is JSON: ``[{"name": str, "argv": [str], "log": path, "after": path | null}]``. Needs Linux: orphaned
grandchildren come to the watchdog (a child subreaper), hence none can hide from it by a double fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

GRACE_SECONDS = 8.0
"""How long processes may take to end after SIGTERM before they are killed; ``PRIVACY_WATCHDOG_GRACE`` sets another."""

ENDED_WELL, ENDED_BADLY = 3, 1
"""Exit status when a command ended by itself, with status 0 and with another one; 0 when the watchdog was asked to."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(arguments: list[str]) -> int:
    """Run until the pipe closes; see the module.

    :param arguments: the pipe's descriptor (its reading end), and the plan.
    :returns: 0 when asked to end, :data:`ENDED_WELL` or :data:`ENDED_BADLY` when a command ended by itself.
    """
    pipe, plan = int(arguments[0]), json.loads(arguments[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    os.set_inheritable(pipe, False)

    def in_its_own_session() -> None:
        # Called between fork and exec: if even the watchdog is killed, its children get a SIGTERM.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    started: list[subprocess.Popen[bytes]] = []
    status = 0
    try:
        for command in plan:
            with Path(command["log"]).open("ab") as log:
                started.append(
                    subprocess.Popen(  # noqa: S603 - the launcher's own commands
                        command["argv"],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        preexec_fn=in_its_own_session,
                    )
                )
        while True:
            ready, _, _ = select.select([pipe, woken], [], [])
            if woken in ready:
                numbers = os.read(woken, 4096)
                if set(numbers) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
                    break
                codes = [process.returncode for process in started if process.poll() is not None]
                status = (ENDED_BADLY if any(codes) else ENDED_WELL) if codes else 0
                _reap({process.pid for process in started})
            if status or (pipe in ready and not os.read(pipe, 4096)):
                break
    finally:
        end_all(float(os.environ.get("PRIVACY_WATCHDOG_GRACE", GRACE_SECONDS)))
    return status


def end_all(grace: float = GRACE_SECONDS) -> None:
    """Ask every descendant of this process to end, then kill what is left."""
    me = psutil.Process()
    for process in me.children():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # A component's group: its own session, hence not ours.
            os.killpg(process.pid, signal.SIGTERM)
    until = time.monotonic() + grace
    while me.children(recursive=True) and time.monotonic() < until:
        _reap(set())
        time.sleep(0.05)
    while left := me.children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _reap(set())
        time.sleep(0.02)


def _reap(known: set[int]) -> None:
    """Collect orphans that ended (they are ours now); those of ``known`` are collected by their ``Popen``."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if process.pid not in known and process.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(process.pid, os.WNOHANG)


def plan_of(commands: list[dict[str, Any]]) -> str:
    """The plan as the watchdog's argument."""
    return json.dumps(commands)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
