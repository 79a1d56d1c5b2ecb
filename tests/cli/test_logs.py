"""``privacy logs index``: the log index by hand."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conftest_runs import Ferry
from privacy.settings import settings


def run(*words: str) -> Result:
    from privacy.cli import app

    return CliRunner().invoke(app, ["logs", "index", *words])


@pytest.fixture
def ferry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ferry:
    made = Ferry(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    path = made.logs / "access.log.9.gz"
    path.write_bytes(gzip.compress(b"nothing of anybody\n"))
    old = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for each in made.logs.iterdir():
        os.utime(each, (old, old))
    return made


@pytest.mark.usefixtures("ferry")
def test_it_makes_what_is_missing_once_and_says_what_came_of_it() -> None:
    first, second = (json.loads(run("--json").stdout) for _ in range(2))
    assert [one["dataset"] for one in first] == ["quays.access"]
    assert first[0]["made"] == second[0]["there"] >= 1
    assert second[0]["made"] == 0
    assert run("quays.access").stdout.startswith("quays.access: ")
    assert "0 made" in run().stdout


@pytest.mark.usefixtures("ferry")
def test_logs_that_there_are_not_are_an_error_that_says_which_there_are() -> None:
    found = run("quays.acces")
    assert found.exit_code == 1
    assert "[logs.unknown]" in found.output
    assert "quays.access" in found.output


def test_a_log_that_cannot_be_read_is_told_of_and_the_command_fails(ferry: Ferry) -> None:
    """Edge case 8."""
    path = ferry.logs / "access.log.9.gz"
    path.write_bytes(path.read_bytes()[:-9])
    os.utime(path, (0, 0))
    found = run()
    assert found.exit_code == 1
    assert "1 UNREADABLE" in found.output
    assert "[index.unreadable]" in found.output
