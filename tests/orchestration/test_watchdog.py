"""Every process that was started is gone when the launcher is: in the normal way, by Ctrl-C, by SIGKILL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from privacy.orchestration.embedded import Group, free_port

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
"""A component that does not end when it is asked to."""

FORKS_TWICE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""
"""A component whose grandchild left its session and its parent."""

LAUNCHER = """
import os, sys
from pathlib import Path
from privacy.orchestration.embedded import Group, end_on_sigterm
end_on_sigterm()
commands = {"a": [sys.executable, "-c", sys.argv[2]], "b": [sys.executable, "-c", sys.argv[3]]}
try:
    with Group(commands, logs=Path(sys.argv[1]), environment={**os.environ, "PRIVACY_WATCHDOG_GRACE": "0.5"}) as group:
        print(group.pid, flush=True)
        sys.stdin.read()
except KeyboardInterrupt:
    sys.exit(130)
"""


def launch(logs: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A launcher, and everything that runs because of it: watchdog, two components, a hidden grandchild."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(logs), STUBBORN, FORKS_TWICE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert launcher.stdout is not None
    watchdog = psutil.Process(int(launcher.stdout.readline()))
    # Until the orphan has come to the watchdog, and the one between them is gone.
    until = time.monotonic() + 20
    while len(watchdog.children()) != 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(watchdog.children()) == 3
    return launcher, [watchdog, *watchdog.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not alive


@pytest.mark.parametrize(
    ("ending", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
    ids=lambda value: str(value),
)
def test_nothing_is_left_when_the_launcher_is_ended_by_a_signal(
    tmp_path: Path, ending: signal.Signals, status: int
) -> None:
    """Ctrl-C, SIGTERM and SIGKILL of the launcher: the stubborn component and the hidden grandchild are gone too."""
    launcher, processes = launch(tmp_path)
    launcher.send_signal(ending)
    assert launcher.wait(20) == status
    assert gone(processes)


def test_nothing_is_left_when_the_launcher_ends_by_itself(tmp_path: Path) -> None:
    launcher, processes = launch(tmp_path)
    assert launcher.stdin is not None
    launcher.stdin.close()
    assert launcher.wait(20) == 0
    assert gone(processes)


def test_an_impatient_second_ctrl_c_leaves_nothing_either(tmp_path: Path) -> None:
    launcher, processes = launch(tmp_path)
    launcher.send_signal(signal.SIGINT)
    time.sleep(0.2)
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(20) == 130
    assert gone(processes)


def test_a_killed_watchdog_takes_its_components_along(tmp_path: Path) -> None:
    with Group(
        {"a": [sys.executable, "-c", "import time; time.sleep(600)"]}, logs=tmp_path, environment=dict(os.environ)
    ) as group:
        component = wait_for(lambda: psutil.Process(group.pid).children())
        os.kill(group.pid, signal.SIGKILL)
        assert gone(component)
        assert wait_for(lambda: [1] * (not group.alive))


def test_a_component_that_ends_by_itself_ends_the_group(tmp_path: Path) -> None:
    commands = {
        "short": [sys.executable, "-c", "import time; print('last words'); time.sleep(0.3)"],
        "long": [sys.executable, "-c", "import time; time.sleep(600)"],
    }
    with Group(commands, logs=tmp_path, environment=dict(os.environ)) as group:
        processes = wait_for(lambda: psutil.Process(group.pid).children())
        assert wait_for(lambda: [1] * (not group.alive))
        assert gone(processes)
        assert "last words" in group.last_words()


@pytest.mark.parametrize(("code", "well"), [(0, True), (7, False)])
def test_a_command_that_is_waited_for_says_how_it_ended(tmp_path: Path, code: int, well: bool) -> None:
    command = {"once": [sys.executable, "-c", f"raise SystemExit({code})"]}
    with Group(command, logs=tmp_path, environment=dict(os.environ)) as group:
        assert group.ended_well(seconds=30) is well


def test_a_free_port_can_be_listened_on_and_is_given_once_on_a_machine() -> None:
    ports = [free_port() for _ in range(200)]
    ask = "from privacy.orchestration.embedded import free_port; print(*(free_port() for _ in range(200)))"
    others = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    assert len({*ports, *map(int, others)}) == 400
    for port in ports[:3]:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", port))


def wait_for(what: Callable[[], list[psutil.Process]], seconds: float = 20) -> list[psutil.Process]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    return []
