"""A bundle on the desk of a live Airflow, in a real browser: looked at, downloaded, checked; closed to whoever may not."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyzipper

from conftest_airflow import PROJECT, Live, with_template
from conftest_browser import Browser, axe_source, browser, missing
from conftest_runs import EMAIL, Ferry
from privacy.orchestration import steps
from privacy.orchestration.embedded import free_port
from privacy.orchestration.environment import Layout
from privacy.orchestration.runs import Run
from privacy.rights import Evidence, EvidenceKind

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(missing()), reason=missing())]

FRAME = "document.querySelector('iframe').contentDocument"
TEXT = "return document.querySelector('iframe')?.contentDocument?.body?.innerText ?? ''"
AXE = """
return axe.run(document, {resultTypes: ["violations"]}).then((found) =>
  found.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", ")));
"""
REASON = "A customer says that this came from somebody else"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    ferry = Ferry(tmp_path_factory.mktemp("ferry"))
    variables = ferry.variables | {"PRIVACY_BUNDLE_READERS": "role:admin"}
    layout = Layout(tmp_path_factory.mktemp("airflow"), PROJECT, free_port(), privacy=variables)
    with with_template(layout) as started:
        started.wait("export_subject", seconds=240)
        yield Live(ferry, started)


def token(airflow: Live, user: str) -> str:
    password = json.loads(airflow.airflow.layout.passwords_file.read_text())[user]
    connection = http.client.HTTPConnection("127.0.0.1", airflow.airflow.layout.port, timeout=60)
    body = json.dumps({"username": user, "password": password})
    connection.request("POST", "/auth/token", body, {"Content-Type": "application/json"})
    return str(json.loads(connection.getresponse().read())["access_token"])


def status(airflow: Live, path: str, user: str | None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", airflow.airflow.layout.port, timeout=60)
    connection.request("GET", path, headers={"Cookie": f"_token={token(airflow, user)}"} if user else {})
    return connection.getresponse().status


def go(browser: Browser, url: str) -> None:
    browser._ask("POST", f"{browser._session}/url", {"url": url})


def until(browser: Browser, wanted: str, script: str = TEXT, seconds: float = 40) -> str:
    end, found = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        found = str(browser.run(script))
        if wanted in found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{wanted!r} does not stand in {found!r}")


def shot(browser: Browser, name: str) -> None:
    """Kept where ``DESK_SCREENSHOTS`` says."""
    import base64

    if folder := os.environ.get("DESK_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        picture = browser._ask("GET", f"{browser._session}/screenshot")
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture))


def clean(browser: Browser) -> None:
    """Nothing that a reader with a screen reader stumbles over; nothing beside the page."""
    browser.run(axe_source())
    assert browser.run(AXE) == []
    assert not browser.run("const d = document.documentElement; return d.scrollWidth > d.clientWidth")


def test_an_officer_opens_a_bundle_in_airflow_downloads_it_and_checks_it(
    airflow: Live, browser: Browser, tmp_path: Path
) -> None:
    ferry, house = airflow.ferry, airflow.ferry.house
    number = ferry.request()
    run = Run("r1", number, "officer")
    steps.open_request(house, run)
    steps.resolve_identity(house, run)
    steps.write_bundle(house, run, [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)])
    path = f"/privacy/requests/{number}/bundle"
    for deed in ("", "/report/README.html", "/file"):
        assert status(airflow, path + deed, None) == 401
        assert status(airflow, path + deed, "operator") == 403, "who may start the DAG is not of the group"
        assert status(airflow, path + deed, "admin") == 409, "nobody has proven to be the person"

    url = airflow.airflow.layout.url
    downloads = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser._ask("POST", f"{browser._session}/goog/cdp/execute", {"cmd": "Browser.setDownloadBehavior", "params": downloads})  # fmt: skip
    browser.size(1280, 900)
    go(browser, f"{url}/auth/login")
    cookie = {"name": "_token", "value": token(airflow, "admin"), "path": "/", "httpOnly": True}
    browser._ask("POST", f"{browser._session}/cookie", {"cookie": cookie})

    # In Airflow's own frame, which is a sandbox: what works alone may not work there.
    go(browser, f"{url}/plugin/privacy")
    until(browser, number)
    browser.run(f"{FRAME}.querySelector('a[href$=\"{number}\"]').click()")
    until(browser, "It is closed: nobody has proven to be the person.")
    browser.run(
        f"const d = {FRAME}; d.querySelector('.glass').open = true; d.querySelector('select[name=ground]').value = 'incident';"
        "d.querySelector('textarea').value = arguments[0]; d.querySelector('.glass button').click()",
        REASON,
    )
    shown = until(browser, "It is open for you until")
    assert REASON in shown
    assert "request glass broken" in shown
    shot(browser, "bundle-glass")

    browser.run(f"{FRAME}.querySelector('a[href$=\"/bundle\"]').click()")
    until(browser, "What was left out")
    # The report is of an origin of its own, so nothing here reads it; that it was given stands in the ledger.
    end = time.monotonic() + 20
    while "report" not in (said := [e.entry.get("reason") for e in house.ledger.entries(request=number)]):
        assert time.monotonic() < end, said
        time.sleep(0.2)
    assert browser.run(f"return {FRAME}.querySelector('iframe').contentDocument === null")
    assert EMAIL not in browser.run(TEXT)
    assert [line for line in browser.log() if "Content Security Policy" in line or "Refused" in line] == []
    shot(browser, "bundle-report")

    house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "officer")
    house.register.review(number, "officer")
    house.register.release(number, "officer")
    browser.run(f"{FRAME}.querySelector('a[href*=\"#bundle\"]').click()")
    until(browser, "Make an encrypted copy")
    browser.run(f"{FRAME}.querySelector('form[action$=\"/copy\"] button').click()")
    word = re.search(r"\b\w{4}-\w{4}-\w{4}-\w{4}\b", until(browser, "It is shown this once"))
    assert word is not None
    shot(browser, "bundle-passphrase")
    browser.run(f"{FRAME}.querySelector('a[download]').click()")
    got, end = tmp_path / f"{number}.zip", time.monotonic() + 30
    while not got.exists() and time.monotonic() < end:
        time.sleep(0.2)
    with pyzipper.AESZipFile(got) as archive:
        archive.extract(f"{number}.zip", tmp_path / "inner", pwd=word[0].encode())
    words = [
        str(Path(sys.executable).with_name("privacy")),
        "bundle",
        "check",
        str(tmp_path / "inner" / f"{number}.zip"),
    ]
    environment = {**os.environ, **ferry.variables}
    checked = subprocess.run(
        [*words, "--request", number], capture_output=True, text=True, env=environment, check=False
    )
    assert (checked.returncode, checked.stdout.strip()) == (0, "ok"), checked.stderr
    (down,) = [e.entry for e in house.ledger.entries(request=number, kind="bundle.downloaded")]
    assert (down["actor"], down["bytes"]) == ("admin", got.stat().st_size)
    assert house.verify().ok

    for scheme in ("light", "dark"):
        browser.prefers(scheme)
        for name, page in (("request", f"requests/{number}"), ("bundle", f"requests/{number}/bundle")):
            go(browser, f"{url}/privacy/{page}")
            clean(browser)
            shot(browser, f"{name}-of-a-bundle-{scheme}")
