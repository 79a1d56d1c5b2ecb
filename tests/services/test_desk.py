"""The desk in the Airflow that `make up` starts, in a real browser: as somebody who works there, and as nobody."""

from __future__ import annotations

import http.client

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest_browser import problems, wide
from services.desk_kit import Up, enter, shot, up

__all__ = ["up"]

pytestmark = pytest.mark.browser


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
