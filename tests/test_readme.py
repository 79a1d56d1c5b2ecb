"""The README's commands, as a stranger types them: one after the other, on the demo shop and a real Airflow."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from conftest_airflow import settle
from privacy.orchestration.api import AirflowApi
from privacy.orchestration.embedded import free_port

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
SHOWN = "AVG-2026-0042-9"
"""The request number that stands in the README."""

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


@pytest.mark.parametrize("target", [c.split()[1] for c in commands() if c.startswith("make ")])
def test_every_make_target_of_the_readme_is_there(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=PROJECT, check=True, capture_output=True)


def test_every_request_number_that_we_show_has_its_check_digit() -> None:
    """A stranger types it as it stands, and should read that it is unknown, not that it is wrong."""
    from privacy.numbers import check

    texts = [README, *(p.read_text() for folder in ("dags", "plugins") for p in (PROJECT / folder).rglob("*.py"))]
    shown = {n for text in texts for n in re.findall(r"\bAVG-\d{4}-\d{4}-\d\b", text)}
    assert SHOWN in shown
    assert [check(number) for number in shown] == list(shown)


def test_every_path_that_the_readme_names_is_there() -> None:
    made = {"env.sh"}
    named = set(re.findall(r"`((?:include|docs|dags|plugins)/[\w./-]*|\.importlinter|CHANGELOG\.md)`", README))
    missing = [n for n in named if not (PROJECT / n).exists() and Path(n).name not in made]
    assert missing == []


def test_every_variable_that_the_readme_names_is_read_somewhere() -> None:
    code = "".join(p.read_text() for p in (PROJECT / "plugins").rglob("*.py"))
    from privacy.settings import Settings

    known = {f"PRIVACY_{name.upper()}" for name in Settings.model_fields}
    for name in set(re.findall(r"PRIVACY_[A-Z_]+[A-Z]", README)) - known - {"PRIVACY_CONNECTION"}:
        assert name in code or name.rpartition("_")[2] in ("URL", "USER", "PASSWORD"), name


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``make up``: where it wrote."""
    folder = tmp_path_factory.mktemp("readme")
    options = {"home": PROJECT / "include", "folder": folder / "up", "size": "tiny", "port": free_port()}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-m", "privacy.orchestration.run", "up", *words],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ctrl-C"):
            break
    running = psutil.Process(process.pid).children(recursive=True)
    assert len(running) > 19, said  # watchdog, API server, scheduler with its 16 workers, DAG processor
    _pause(folder, "purge_camera_footage")
    settle(folder / "up" / "state" / "ledger.db")
    yield folder
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert rest.splitlines()[-1] == "stopped; nothing is left running"
    assert psutil.wait_procs(running, timeout=20)[1] == []


def _pause(folder: Path, dag: str) -> None:
    """At the full hour it would empty the shop's cameras, of which the commands speak."""
    said = dict(line.partition("=")[::2] for line in shell(folder, "env").stdout.splitlines())
    api = AirflowApi(said["PRIVACY_AIRFLOW_URL"], said["PRIVACY_AIRFLOW_USER"], said["PRIVACY_AIRFLOW_PASSWORD"])
    api.call("PATCH", f"/dags/{dag}", {"is_paused": True})


def shell(folder: Path, command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    source = f"source {shlex.quote(str(folder / 'up' / 'env.sh'))}; "
    return subprocess.run(
        ["bash", "-c", source + command],
        cwd=folder,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.check("an Airflow and a shop of its own; its parts have tests of theirs")
def test_an_operator_who_follows_the_readme_hands_over_a_bundle(up: Path) -> None:
    ours = [c for c in commands() if c.startswith("privacy ") and "datamap" not in c]
    new = next(c for c in ours if c.startswith("privacy request new"))
    done = shell(up, new, "Anna de Vries\n")
    assert done.returncode == 0, done.stderr
    assert "export_subject started" in done.stdout
    number = done.stdout.split()[0]
    until = time.monotonic() + 120
    # In the database: a command every half second would take the time of the run that it waits for.
    with contextlib.closing(sqlite3.connect(up / "up" / "state" / "ledger.db")) as db:
        # Not any end: where `start_requests` starts it in the same moment, the later of two runs takes over.
        ended = "SELECT count(*) FROM ledger WHERE kind = 'request.sealed' AND request = ?"
        while not db.execute(ended, (number,)).fetchone()[0]:
            assert time.monotonic() < until
            time.sleep(0.5)
    assert "sealed at" in shell(up, f"privacy request show {number}").stdout
    for command in ours[ours.index(new) + 1 :]:
        done = shell(up, command.replace(SHOWN, number))
        # A shop that was made a minute ago has proven nothing yet, and its security company's list contradicts it.
        missing = command.startswith("privacy ledger evidence")
        assert done.returncode == int(missing), (command, done.stderr)
    assert (up / "opened" / "LEESMIJ.html").is_file()
    tree = blocks("text")[0]
    for name in re.findall(r"[\w-]+\.(?:html|json|parquet)", tree):
        assert list((up / "opened").rglob(name)), name
    assert list((up / "opened" / "data" / "weblogs" / "access").glob("*.log"))


@pytest.mark.check("as above")
def test_the_data_team_s_commands_do_what_they_say(up: Path) -> None:
    """How a table, a dump and a store are added: ``tests/docs/test_extending.py``."""
    number = shell(up, "privacy request new --email anna@voorbeeld.example").stdout.split()[0]
    for command in (c for c in commands() if c.startswith("privacy datamap")):
        done = shell(up, command.replace(SHOWN, number))
        assert done.returncode == 0, (command, done.stdout, done.stderr)
