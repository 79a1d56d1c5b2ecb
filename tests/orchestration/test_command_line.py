"""The command line reads the DAGs' connections from their file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import BadConfiguration
from privacy.orchestration.command_line import variables

PROJECT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "plugins"), **more}
    environment |= {"PRIVACY_HOME": str(PROJECT / "include"), "PRIVACY_STATE": str(folder / "state")}
    command = [sys.executable, "-m", "privacy.orchestration.command_line", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def test_a_command_has_the_connections_of_the_file_unless_the_environment_says_another(tmp_path: Path) -> None:
    file = tmp_path / "connections.json"
    ledger = f"sqlite:///{tmp_path}/elsewhere.db"
    file.write_text(
        json.dumps({"privacy_ledger": {"conn_type": "privacy", "extra": {"url": ledger}}, "others": "x://"})
    )
    done = run(tmp_path, f"--connections={file}", "--", "init", "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "elsewhere.db").is_file()
    done = run(
        tmp_path, f"--connections={file}", "--", "init", PRIVACY_CONNECTION_LEDGER=f"sqlite:///{tmp_path}/given.db"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "given.db").is_file()


def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    file = tmp_path / "connections.json"
    file.write_text("{}")
    done = run(tmp_path, f"--connections={file}", "--", "request", "show", "AVG-2026-0042-9")
    assert done.returncode == 1
    assert done.stderr.startswith("error: [")


@pytest.mark.parametrize(
    "content", [None, "[]", "{", '{"privacy_shop": "mysql://u:geheim@h/d"}', '{"privacy_shop": {}}']
)
def test_a_file_that_says_nothing_is_told_without_a_word_of_it(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "connections.json"
    if content is not None:
        file.write_text(content)
    done = run(tmp_path, f"--connections={file}", "--", "doctor")
    assert done.returncode == 1
    assert done.stderr.startswith("error: [connections.file]")
    assert "geheim" not in done.stderr + done.stdout


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["s3", "imaps"]), WORDS, st.booleans())
def test_every_extra_field_comes_back_out_of_the_url(scheme: str, value: str, more: bool) -> None:
    url = f"{scheme}://u:p@h/x" + ("?search=whole" if more else "")
    found = variables({"privacy_mail": {"extra": {"url": url, "ca_file": value}}})["PRIVACY_CONNECTION_MAIL"]
    assert dict(parse_qsl(urlsplit(found).query)) == ({"search": "whole"} if more else {}) | {"ca_file": value}


def test_a_database_s_url_stays_as_it_is_written() -> None:
    url = "postgresql://u:p@h:5432/d?sslmode=verify-full"
    found = variables({"privacy_shop": {"extra": {"url": url, "region": "eu-west-1"}}})
    assert found == {"PRIVACY_CONNECTION_SHOP": url}
    with pytest.raises(BadConfiguration):
        variables({"privacy_shop": {"conn_type": "mysql", "host": "h"}})
