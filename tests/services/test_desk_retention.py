"""Retention and holds on the desk, in the Airflow that `make up` starts: what its own database says, and real purges."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from conftest_browser import problems, wide
from services.desk_kit import Up, enter, shot, up

__all__ = ["up"]

pytestmark = pytest.mark.browser
MINUTES = 180_000


def operator(tab: Page, up: Up, page: str) -> None:
    """Signed in, with a page of the desk itself."""
    enter(tab, up, "operator")
    tab.goto(f"{up.url}/privacy/{page}")


def ended(tab: Page) -> str:
    """Wait, as the page does by itself, until the run that was started has ended; the link to what it was."""
    link = tab.get_by_role("link", name="see what it has found")
    expect(link).to_be_visible(timeout=MINUTES)
    expect(tab.get_by_role("status")).not_to_contain_text("failed")
    return str(link.get_attribute("href"))


def said(tab: Page, name: str) -> str:
    """What a run's page says under a name."""
    return tab.locator(f"dt:text-is('{name}') + dd").inner_text().strip()


def count(text: str) -> int:
    """The first number of a text, as the browser's language writes it."""
    return int(re.sub(r"\D", "", text.split()[0]))


def sessions(up: Up) -> int:
    """How many the shop has."""
    with closing(sqlite3.connect(up.variables["PRIVACY_CONNECTION_SHOP"].removeprefix("sqlite:///"))) as shop:
        return int(shop.execute("SELECT count(*) FROM sessions").fetchone()[0])


def test_an_operator_looks_at_a_plan_and_that_very_plan_is_done(up: Up, tab: Page) -> None:
    before = sessions(up)
    operator(tab, up, "retention")
    row = tab.get_by_role("row").filter(has=tab.get_by_role("link", name="sessions", exact=True))
    # Airflow's own schedule: the DAG runs at night.
    expect(row.get_by_role("cell").nth(2)).to_contain_text(re.compile(r"\d+:\d+|paused"))
    row.get_by_role("link", name="sessions", exact=True).click()
    tab.get_by_role("button", name="Dry run").click()
    expect(tab.locator("#now")).to_contain_text(re.compile("A dry run (waits|is running)"), timeout=MINUTES)
    shot(tab, "retention-running")
    tab.goto(f"{up.url}{ended(tab)}")
    would = said(tab, "Would delete")
    shot(tab, "retention-plan")
    tab.get_by_role("button", name="Run exactly this plan").click()
    tab.goto(f"{up.url}{ended(tab)}")
    assert (said(tab, "Ended as"), said(tab, "Planned"), said(tab, "Failed")) == ("done", would, "0")
    # What the demo's open request asks for is held; at night Airflow has just deleted the rest by itself.
    deleted, held = (count(said(tab, name)) for name in ("Deleted", "Held"))
    assert deleted + held == count(would) > 0
    assert sessions(up) == before - deleted
    shot(tab, "retention-run")
    tab.get_by_role("link", name="Its receipt").click()
    tab.get_by_role("button", name="Make the receipt").click()
    with tab.expect_download(timeout=MINUTES) as receipt:
        tab.get_by_role("link", name="Download the receipt").click(timeout=MINUTES)
    assert "run.ended" in receipt.value.path().read_text()


def test_an_operator_holds_what_a_camera_recorded(up: Up, tab: Page) -> None:
    operator(tab, up, "holds/new?way=camera")
    tab.get_by_label("Camera").select_option(index=1)
    tab.get_by_label("From").fill("2026-01-01T00:00")
    tab.get_by_label("to", exact=True).fill("2100-01-01T00:00")
    tab.get_by_label("Ground").select_option("authority")
    tab.get_by_label("No: it is secret").check()
    tab.get_by_role("button", name="Count what it would keep").click()
    expect(tab.get_by_role("heading", name="It would keep now")).to_be_visible()
    shot(tab, "hold-counted")
    tab.get_by_role("button", name="Place the hold").click()
    expect(tab.get_by_role("status")).to_contain_text("It holds from now on")
    tab.get_by_role("button", name="They have confirmed it").click()
    expect(tab.get_by_text("confirmed").first).to_be_visible()
    shot(tab, "hold-confirmed")
    tab.get_by_label("Why it ends").select_option("given")
    tab.get_by_role("button", name="Release the hold").click()
    expect(tab.get_by_role("status")).to_contain_text("It was released on")


def test_its_pages_are_for_everybody_in_light_and_dark(up: Up, tab: Page) -> None:
    """axe-core finds nothing, and nobody has to scroll sideways at 1280 pixels."""
    operator(tab, up, "holds")
    pages = ["retention", "retention/rules/sessions", "retention/rules/staging", "holds", "disclosures"]
    pages += [f"holds/new?way={way}" for way in ("camera", "person", "record", "dataset")] + ["disclosures/new"]
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for page in pages:
            tab.goto(f"{up.url}/privacy/{page}")
            assert problems(tab) == [], (page, scheme)
            assert not wide(tab), (page, scheme)
            shot(tab, f"{re.sub(r'[^a-z]+', '-', page)}-{scheme}")
