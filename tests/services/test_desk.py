"""The desk in a live Airflow, in a real browser: as an operator and as nobody."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from conftest_airflow import PROJECT, Live, with_template
from conftest_browser import Browser, axe_source, browser, missing
from conftest_runs import EMAIL, Ferry
from privacy.orchestration.embedded import free_port
from privacy.orchestration.environment import Layout

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

AXE = """
return axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", ")));
"""
FRAME = "return document.querySelector('iframe')?.contentDocument?.body?.innerText ?? ''"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    ferry = Ferry(tmp_path_factory.mktemp("ferry"))
    layout = Layout(tmp_path_factory.mktemp("airflow"), PROJECT, free_port(), privacy=ferry.variables)
    with with_template(layout) as started:
        started.wait("export_subject", seconds=240)
        yield Live(ferry, started)


def asked(airflow: Live, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", airflow.airflow.layout.port, timeout=60)
    sent = {"Content-Type": "application/json", **headers}
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def go(browser: Browser, url: str) -> None:
    browser._ask("POST", f"{browser._session}/url", {"url": url})


def until(browser: Browser, script: str, wanted: str, seconds: float = 40) -> str:
    end = time.monotonic() + seconds
    found: Any = ""
    while time.monotonic() < end:
        found = browser.run(script)
        if wanted in found:
            return str(found)
        time.sleep(0.3)
    raise AssertionError(f"{wanted!r} does not stand in {found!r}")


def shot(browser: Browser, name: str) -> None:
    """Kept where ``DESK_SCREENSHOTS`` says."""
    import base64

    if folder := os.environ.get("DESK_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        picture = browser._ask("GET", f"{browser._session}/screenshot")
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture))


def test_an_operator_opens_privacy_in_airflow_and_starts_a_request_there(airflow: Live, browser: Browser) -> None:
    url, number = airflow.airflow.layout.url, airflow.ferry.request()
    for path in ("/privacy/requests", f"/privacy/requests/{number}", "/privacy/promises", "/privacy/desk.css"):
        assert asked(airflow, "GET", path)[0] == 401, path
    assert asked(airflow, "POST", f"/privacy/requests/{number}/start")[0] == 401
    password = json.loads(airflow.airflow.layout.passwords_file.read_text())["admin"]
    _, said = asked(airflow, "POST", "/auth/token", {"username": "admin", "password": password})
    token = json.loads(said)["access_token"]

    browser.size(1280, 900)
    go(browser, f"{url}/auth/login")
    cookie = {"name": "_token", "value": token, "path": "/", "httpOnly": True}
    browser._ask("POST", f"{browser._session}/cookie", {"cookie": cookie})
    go(browser, f"{url}/plugin/privacy")
    shown = until(browser, FRAME, number)
    assert "start the export" in shown
    assert EMAIL not in shown
    until(browser, "return document.body.innerText", "Privacy")
    assert not browser.run(
        "const d = document.querySelector('iframe').contentDocument.documentElement; return d.scrollWidth > d.clientWidth"
    )
    shot(browser, "airflow-requests")

    # Within the frame, as whoever works in Airflow does it.
    browser.run(f"document.querySelector('iframe').contentDocument.querySelector('a[href$=\"{number}\"]').click()")
    until(browser, FRAME, "Start export_subject")
    shot(browser, "airflow-request")
    browser.run("document.querySelector('iframe').contentDocument.querySelector('main form button').click()")
    until(browser, FRAME, "Started.")
    runs: list[Any] = []
    end = time.monotonic() + 20
    while not runs and time.monotonic() < end:
        headers = {"Authorization": f"Bearer {token}"}
        runs = json.loads(asked(airflow, "GET", "/api/v2/dags/export_subject/dagRuns", **headers)[1])["dag_runs"]
    assert [(run["conf"], run["triggering_user_name"]) for run in runs] == [({"request": number}, "admin")]

    for scheme in ("light", "dark"):
        browser.prefers(scheme)
        for name, path in (("requests", "requests"), ("request", f"requests/{number}"), ("promises", "promises")):
            go(browser, f"{url}/privacy/{path}")
            browser.log()
            browser.run(axe_source())
            assert browser.run(AXE) == [], (name, scheme)
            html = "const d = document.documentElement; return d.scrollWidth > d.clientWidth"
            assert not browser.run(html), (name, scheme)
            shot(browser, f"{name}-{scheme}")
    with suppress(AssertionError):
        airflow.wait(runs[0]["dag_run_id"], 90)
