"""``make demo`` with another shop than the jeweller's: it knows none. ``make up``: see ``tests/test_readme.py``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from conftest_airflow import PROJECT
from conftest_runs import CANARIES, Ferry

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "privacy.orchestration.run", *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Everything that runs because of it, now."""
    return psutil.Process(process.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not alive


@pytest.mark.check("make up, of the README's test, shows most of it")
def test_the_demo_goes_from_an_empty_folder_to_a_bundle_and_leaves_nothing_running(tmp_path: Path) -> None:
    ferry = Ferry(tmp_path / "company")
    demo = tmp_path / "demo"
    with start("demo", "--home", str(ferry.home), "--folder", str(demo)) as process:
        assert process.stdout is not None
        lines, running = [], []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "write_bundle" in line:
                running = below(process)
        errors = process.communicate(timeout=60)[1]
    said = "\n".join(lines)
    assert process.returncode == 0, (said, errors)
    # Watchdog, API server, scheduler with its 16 workers, DAG processor.
    assert len(running) > 19
    assert gone(running)
    path = Path(lines[-1].removeprefix("bundle: "))
    assert path.read_bytes().startswith(b"age-encryption.org/v1")
    assert demo in path.parents
    ended = [line.split()[1] for line in lines if re.match(r"  success ", line)]
    assert ended[:3] == ["open_request", "resolve_identity", "list_parts"]
    assert ended[-4:] == ["write_bundle", "record", "empty_staging", "done"]
    for text in ("extract [ferry.trips]", "datapackage.json", "ferry.trips", "chain verified", "status: done"):
        assert text in said
    # The demo itself shows nobody's data on the screen.
    assert [canary for canary in CANARIES if canary in said] == []


def test_a_demo_that_fails_says_why_and_ends_with_an_error(tmp_path: Path) -> None:
    ferry = Ferry(tmp_path / "company")
    (ferry.home / "demo" / "__main__.py").write_text("raise SystemExit('no ships today')")
    with start("demo", "--home", str(ferry.home), "--folder", str(tmp_path / "demo")) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert errors.splitlines()[0].startswith("error: [demo.seed]")
    assert "no ships today" in errors
