"""The Airflow that `make up` starts, and somebody who signs in to it and opens the desk."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from conftest_airflow import PROJECT, settle
from conftest_browser import missing
from privacy.orchestration.api import AirflowApi
from privacy.orchestration.embedded import free_port

SECONDS = 30_000
expect.set_options(timeout=SECONDS)


@dataclass(frozen=True)
class Up:
    """What `make up` started.

    :param passwords: of Airflow's users. :param number: of the request that it registered.
    :param variables: for the ``privacy`` command, as its ``env.sh`` has them.
    """

    url: str
    port: int
    passwords: dict[str, str]
    number: str
    variables: dict[str, str]

    def run(self, dag: str, user: str = "operator", seconds: float = 300) -> None:
        """Start a DAG in Airflow, and wait until it has ended."""
        api = AirflowApi(self.url, user, self.passwords[user])
        run, end = api.trigger(dag), time.monotonic() + seconds
        while api.state(dag, run) not in ("success", "failed"):
            assert time.monotonic() < end, dag
            time.sleep(0.5)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    assert not missing(), missing()
    folder, port = tmp_path_factory.mktemp("up") / "up", free_port()
    command = [sys.executable, "-m", "privacy.orchestration.run", "up", "--home", "include", "--folder", str(folder)]
    started = subprocess.Popen(
        [*command, "--port", str(port)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert started.stdout is not None
        said = []
        for line in started.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        found = re.search(r"request number (\S+)", "".join(said))
        assert found is not None, said
        passwords = json.loads((folder / "airflow" / "passwords.json").read_text())
        told = (shlex.split(line)[1].partition("=") for line in (folder / "env.sh").read_text().splitlines())
        variables = {name: value for name, _, value in told if name.startswith("PRIVACY_")}
        settle(folder / "state" / "ledger.db")
        yield Up(f"http://127.0.0.1:{port}", port, passwords, found[1], variables)
    finally:
        started.terminate()
        started.wait(60)


def enter(tab: Page, up: Up, user: str) -> FrameLocator:
    """Sign in to Airflow by its own form, and open Privacy by its navigation."""
    tab.goto(f"{up.url}/auth/login")
    tab.locator("input[name=username]").fill(user)
    tab.locator("input[name=password]").fill(up.passwords[user])
    tab.get_by_role("button", name=re.compile("sign in|log ?in", re.I)).click()
    tab.wait_for_url(lambda url: "/auth/login" not in url)
    tab.get_by_role("link", name="Privacy", exact=True).or_(
        tab.get_by_role("button", name="Privacy", exact=True)
    ).click()
    return tab.frame_locator("iframe")


def shot(tab: Page, name: str) -> None:
    """Kept where ``DESK_SCREENSHOTS`` says."""
    if folder := os.environ.get("DESK_SCREENSHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png")
