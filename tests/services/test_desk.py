"""The desk in the Airflow that `make up` starts, in a real browser: as somebody who works there, and as nobody."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from conftest_airflow import PROJECT
from conftest_browser import chromium, missing, problems, tab, wide
from privacy.orchestration.embedded import free_port

__all__ = ["chromium", "tab"]

pytestmark = pytest.mark.browser
SECONDS = 30_000
expect.set_options(timeout=SECONDS)


@dataclass(frozen=True)
class Up:
    """What `make up` started. :param passwords: of Airflow's users. :param number: of the request that it registered."""

    url: str
    port: int
    passwords: dict[str, str]
    number: str


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    assert not missing(), missing()
    folder, port = tmp_path_factory.mktemp("up") / "up", free_port()
    command = [sys.executable, "-m", "privacy.orchestration.run", "up", "--home", "include", "--folder", str(folder)]
    started = subprocess.Popen(
        [*command, "--port", str(port)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
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
        yield Up(f"http://127.0.0.1:{port}", port, passwords, found[1])
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


def test_nobody_gets_anything_of_the_desk_from_airflow(up: Up) -> None:
    for method, path in (
        ("GET", "/privacy/requests"), ("GET", f"/privacy/requests/{up.number}"), ("GET", "/privacy/promises"),
        ("GET", "/privacy/desk.css"), ("POST", f"/privacy/requests/{up.number}/start"),
    ):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=60)
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == 401, path
        assert up.number not in answer.read().decode()


def test_an_operator_opens_privacy_in_airflow_and_starts_a_request_there(up: Up, tab: Page) -> None:
    desk = enter(tab, up, "operator")
    shot(tab, "airflow-first")
    desk.get_by_role("link", name="Requests").click()
    desk.get_by_role("link", name=up.number).click()
    desk.get_by_role("button", name="Start export_subject").click()
    expect(desk.get_by_role("status").first).to_contain_text("Started")
    shot(tab, "airflow-request")


def test_every_page_is_for_everybody_in_light_and_dark(up: Up, tab: Page) -> None:
    """axe-core finds nothing, and nobody has to scroll sideways at 1280 pixels."""
    enter(tab, up, "operator")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.goto(f"{up.url}/privacy/")
        pages = [str(link.get_attribute("href")) for link in tab.locator("header nav a").all()]
        assert len(pages) >= 2
        for page in [*pages, f"/privacy/requests/{up.number}"]:
            tab.goto(f"{up.url}{page}")
            assert problems(tab) == [], (page, scheme)
            assert not wide(tab), (page, scheme)
            shot(tab, f"{page.rsplit('/', 1)[1]}-{scheme}")


def test_a_viewer_sees_the_promises_and_can_start_nothing(up: Up, chromium: Browser) -> None:
    context = chromium.new_context()
    desk = enter(context.new_page(), up, "viewer")
    desk.get_by_role("link", name="Requests").click()
    desk.get_by_role("link", name=up.number).click()
    expect(desk.get_by_role("heading", name=up.number)).to_be_visible()
    assert desk.get_by_role("button").count() == 0
    context.close()
