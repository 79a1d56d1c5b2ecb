"""A bundle on the desk of a live Airflow, in a real browser: looked at, downloaded, checked; closed to whoever may not."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyzipper
from playwright.sync_api import FrameLocator, Page, expect

from conftest_airflow import PROJECT, Live, with_template
from conftest_browser import missing, problems, wide
from conftest_runs import EMAIL, Ferry
from privacy.orchestration import steps
from privacy.orchestration.embedded import free_port
from privacy.orchestration.environment import Layout
from privacy.orchestration.runs import Run
from privacy.rights import Evidence, EvidenceKind

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

REASON = "A customer says that this came from somebody else"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    assert not missing(), missing()
    ferry = Ferry(tmp_path_factory.mktemp("ferry"))
    variables = ferry.variables | {"PRIVACY_BUNDLE_READERS": "role:admin"}
    layout = Layout(tmp_path_factory.mktemp("airflow"), PROJECT, free_port(), privacy=variables)
    with with_template(layout) as started:
        started.wait("export_subject", seconds=240)
        yield Live(ferry, started)


def password(airflow: Live, user: str) -> str:
    return str(json.loads(airflow.airflow.layout.passwords_file.read_text())[user])


def asked(airflow: Live, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", airflow.airflow.layout.port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def cookies(airflow: Live, user: str | None) -> dict[str, str]:
    """The session of a user, without a browser."""
    if user is None:
        return {}
    body = json.dumps({"username": user, "password": password(airflow, user)})
    _, said = asked(airflow, "POST", "/auth/token", body, **{"Content-Type": "application/json"})
    return {"Cookie": f"_token={json.loads(said)['access_token']}"}


def enter(tab: Page, airflow: Live, user: str) -> FrameLocator:
    """Sign in to Airflow by its own form, and open Privacy in its frame, which is a sandbox."""
    url = airflow.airflow.layout.url
    tab.goto(f"{url}/auth/login")
    tab.locator("input[name=username]").fill(user)
    tab.locator("input[name=password]").fill(password(airflow, user))
    tab.get_by_role("button", name=re.compile("sign in|log ?in", re.I)).click()
    tab.wait_for_url(lambda url: "/auth/login" not in url)
    tab.goto(f"{url}/plugin/privacy")
    return tab.frame_locator("iframe")


def shot(tab: Page, name: str) -> None:
    """Kept where ``DESK_SCREENSHOTS`` says."""
    if folder := os.environ.get("DESK_SCREENSHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png")


def exported(ferry: Ferry) -> str:
    """A request whose bundle is sealed, by the very steps of its DAG."""
    number = ferry.request()
    run = Run("r1", number, "officer")
    steps.open_request(ferry.house, run)
    steps.resolve_identity(ferry.house, run)
    parts = [steps.extract(ferry.house, run, unit) for unit in steps.list_parts(ferry.house, run)]
    steps.write_bundle(ferry.house, run, parts)
    return number


def test_an_officer_opens_a_bundle_in_airflow_downloads_it_and_checks_it(
    airflow: Live, tab: Page, console: list[str], tmp_path: Path
) -> None:
    ferry, house = airflow.ferry, airflow.ferry.house
    number = exported(ferry)
    for deed in ("", "/report/README.html", "/file"):
        # Whoever may start the DAG is not of the group; the group waits for a proof.
        for user, wanted in ((None, 401), ("operator", 403), ("admin", 409)):
            path = f"/privacy/requests/{number}/bundle{deed}"
            assert asked(airflow, "GET", path, **cookies(airflow, user))[0] == wanted, (path, user)

    desk = enter(tab, airflow, "admin")
    desk.get_by_role("link", name="Requests").click()
    desk.get_by_role("link", name=number).click()
    expect(desk.get_by_text("It is closed: nobody has proven to be the person.")).to_be_visible()
    glass = desk.locator("#bundle .glass")
    glass.get_by_text("Open it all the same").click()
    glass.get_by_label("Ground").select_option("incident")
    glass.get_by_label("Reason").fill(REASON)
    glass.get_by_role("button", name="Break the glass").click()
    expect(desk.get_by_text("It is open for you until")).to_be_visible()
    expect(desk.get_by_text(REASON)).to_be_visible()
    expect(desk.get_by_role("cell", name="request glass broken")).to_be_visible()
    shot(tab, "bundle-glass")

    console.clear()
    desk.get_by_role("link", name="Look at the report and the files").click()
    report = desk.frame_locator("iframe.report")
    expect(report.get_by_text(EMAIL).first).to_be_visible()
    # Its own script runs, and is of no origin: it reaches nothing of the desk.
    assert report.locator("body").evaluate("() => self.origin") == "null"
    expect(desk.get_by_role("heading", name="Files")).to_be_visible()
    assert [line for line in console if "Content Security Policy" in line or "Refused" in line] == []
    said = [e.entry.get("reason") for e in house.ledger.entries(request=number, kind="bundle.opened")]
    assert said == ["contents", "report"]
    shot(tab, "bundle-report")

    house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "officer")
    house.register.review(number, "officer")
    house.register.release(number, "officer")
    desk.get_by_role("link", name="Back to the request").click()
    desk.get_by_role("button", name="Make an encrypted copy").click()
    word = desk.locator(".passphrase code").inner_text()
    shot(tab, "bundle-passphrase")
    with tab.expect_download() as download:
        desk.get_by_role("link", name="Download the encrypted ZIP").click()
    got = tmp_path / download.value.suggested_filename
    download.value.save_as(got)
    assert got.name == f"{number}.zip"
    with pyzipper.AESZipFile(got) as archive:
        archive.extract(f"{number}.zip", tmp_path / "inner", pwd=word.encode())
    privacy = str(Path(sys.executable).with_name("privacy"))
    words = [privacy, "bundle", "check", str(tmp_path / "inner" / f"{number}.zip"), "--request", number]
    environment = {**os.environ, **ferry.variables}
    checked = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (checked.returncode, checked.stdout.strip()) == (0, "ok"), checked.stderr
    (down,) = [e.entry for e in house.ledger.entries(request=number, kind="bundle.downloaded")]
    assert (down["actor"], down["bytes"]) == ("admin", got.stat().st_size)
    assert house.verify().ok

    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for page in (f"requests/{number}", f"requests/{number}/bundle"):
            tab.goto(f"{airflow.airflow.layout.url}/privacy/{page}")
            assert problems(tab) == [], (page, scheme)
            assert not wide(tab), (page, scheme)
            shot(tab, f"{page.rpartition('/')[2].replace(number, 'request')}-of-a-bundle-{scheme}")
