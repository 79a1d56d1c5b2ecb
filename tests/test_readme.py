"""The README's commands, as a stranger types them: one after the other, on the demo shop and a real Airflow."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

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
    missing = [n for n in named if not (PROJECT / n).exists() and Path(n).name not in made and "gift_cards" not in n]
    assert missing == []


def test_every_variable_that_the_readme_names_is_read_somewhere() -> None:
    code = "".join(p.read_text() for p in (PROJECT / "plugins").rglob("*.py"))
    from privacy.settings import Settings

    known = {f"PRIVACY_{name.upper()}" for name in Settings.model_fields}
    for name in set(re.findall(r"PRIVACY_[A-Z_]+[A-Z]", README)) - known - {"PRIVACY_CONNECTION"}:
        assert name in code or name.rpartition("_")[2] in ("URL", "USER", "PASSWORD"), name


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """``make up`` on a copy of the shop's folder: where it wrote, and the copy."""
    folder = tmp_path_factory.mktemp("readme")
    home = folder / "include"
    shutil.copytree(PROJECT / "include", home)
    words = ["up", "--home", str(home), "--folder", str(folder / "up"), "--size", "tiny", "--port", str(free_port())]
    process = subprocess.Popen(
        [sys.executable, "-m", "privacy.orchestration.run", *words], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ctrl-C"):
            break
    running = psutil.Process(process.pid).children(recursive=True)
    assert len(running) > 19, said  # watchdog, API server, scheduler with its 16 workers, DAG processor
    yield folder, home
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert rest.splitlines()[-1] == "stopped; nothing is left running"
    assert psutil.wait_procs(running, timeout=20)[1] == []


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


def test_an_operator_who_follows_the_readme_hands_over_a_bundle(up: tuple[Path, Path]) -> None:
    folder, _ = up
    ours = [c for c in commands() if c.startswith("privacy ") and "datamap" not in c]
    new = next(c for c in ours if c.startswith("privacy request new"))
    done = shell(folder, new, "Anna de Vries\n")
    assert done.returncode == 0, done.stderr
    assert "export started" in done.stdout
    number = done.stdout.split()[0]
    until = time.monotonic() + 120
    # In the database: a command every half second would take the time of the run that it waits for.
    with contextlib.closing(sqlite3.connect(folder / "up" / "state" / "ledger.db")) as db:
        while not db.execute("SELECT count(*) FROM ledger WHERE kind = 'run.ended'").fetchone()[0]:
            assert time.monotonic() < until
            time.sleep(0.5)
    assert "sealed at" in shell(folder, f"privacy request show {number}").stdout
    for command in ours[ours.index(new) + 1 :]:
        done = shell(folder, command.replace(SHOWN, number))
        assert done.returncode == 0, (command, done.stderr)
    assert (folder / "opened" / "LEESMIJ.html").is_file()
    tree = blocks("text")[0]
    for name in re.findall(r"[\w-]+\.(?:html|json|parquet)", tree):
        assert list((folder / "opened").rglob(name)), name
    assert list((folder / "opened" / "data" / "weblogs" / "access").glob("*.log"))


def test_the_data_team_adds_the_readme_s_table_with_yaml_and_sql_alone(up: tuple[Path, Path]) -> None:
    folder, home = up
    (create,) = [c for c in commands() if c.startswith("python3 ")]
    # The README's path is that of make up.
    assert shell(folder, create.replace(".state/up/", f"{folder}/up/")).returncode == 0
    with sqlite3.connect(folder / "up" / "shop" / "shop.db") as db:
        db.executemany(
            "INSERT INTO gift_cards VALUES (?,?,?,?,?)",
            [
                ("G-1", 1001, None, "25.00", "2026-05-01T10:00:00Z"),
                ("G-2", None, "ANNA@voorbeeld.example", "10.50", "2026-05-02T10:00:00Z"),
                ("G-3", 1002, "anna@voorbeeld.example", "99.00", "2026-05-03T10:00:00Z"),
            ],
        )
    check, new, again, tries = [c for c in commands() if c.startswith("privacy datamap")]
    found = shell(folder, check)
    assert found.returncode == 1
    assert "datamap.unclaimed" in found.stdout
    drafted = shell(folder, new)
    assert drafted.returncode == 0, drafted.stderr
    block, select = blocks("yaml")[0], blocks("sql")[0]
    # The finished block has the draft's shape: the same columns in the same order.
    columns = re.compile(r"^      (\w+): \{type:", re.MULTILINE)
    assert columns.findall(drafted.stdout) == columns.findall(block)
    shop = home / "datamap" / "shop.yaml"
    text = shop.read_text()
    assert text.count("\ndatasets:\n") == 1
    shop.write_text(text.replace("\ndatasets:\n", f"\ndatasets:\n{block}"))
    (home / "sql" / "shop" / "gift_cards.sql").write_text(select)
    found = shell(folder, again)
    assert found.returncode == 0, found.stdout + found.stderr
    number = shell(folder, "privacy request new --email anna@voorbeeld.example").stdout.split()[0]
    tried = shell(folder, tries.replace(SHOWN, number))
    # Hers by number and, as a guest in another case, by address; never what another customer's number stands on.
    assert "shop.gift_cards: 2 records" in tried.stdout, tried.stderr
