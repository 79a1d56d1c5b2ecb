"""An operator's day, in a real browser, in the Airflow that `make up` starts: no shell, and no id typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import pyzipper
from playwright.sync_api import FrameLocator, Locator, Page, expect

from services.desk_kit import Up, enter, shot, up

__all__ = ["up"]

pytestmark = pytest.mark.browser
COPY, GONE = "1003", "1012"
"""Customers of the demo shop."""

LONG = 300_000
"""Milliseconds that a run may take on a busy machine."""


def menu(desk: FrameLocator, page: str) -> Locator:
    """A page's name in the desk's own navigation."""
    return desk.locator("header nav").get_by_role("link", name=page, exact=True)


def register(desk: FrameLocator, right: str, customer: str) -> str:
    """Register a request by its form. :returns: its number."""
    menu(desk, "Requests").click()
    desk.get_by_role("link", name="New request").click()
    # The list has a field of that name too.
    expect(desk.get_by_role("heading", level=1)).to_have_text("New request")
    desk.get_by_label("Right").select_option(right)
    desk.get_by_label("Kind 2").select_option(label="Customer number (Web shop)")
    desk.get_by_label("Value 2").fill(customer)
    desk.get_by_role("button", name="Register it").click()
    expect(desk.get_by_role("status").first).to_contain_text("is registered. The answer is due on")
    return desk.get_by_role("heading", level=1).inner_text()


def prove(desk: FrameLocator) -> None:
    """Record what proves the identity: the next step, or one of the others."""
    name = "Record the proof"
    closed = desk.locator("details.deeds").filter(has=desk.get_by_text(name, exact=True).first)
    if closed.count():
        closed.locator("summary").click()
    desk.get_by_label("What proves it").select_option("document")
    desk.get_by_label("What was seen, in words").fill("a passport, and the person is the one in the picture")
    desk.get_by_role("button", name=name).click()
    expect(desk.get_by_role("definition").filter(has_text="a passport, and the person")).to_be_visible()


def news(desk: FrameLocator, said: str) -> None:
    """Watch a run until its page says so by itself, and load what is new."""
    expect(desk.locator("#progress").get_by_role("status")).to_contain_text(said, timeout=LONG)
    desk.get_by_role("link", name="Show the request as it is now").click()


def ran(desk: FrameLocator, dag: str) -> None:
    """Watch a run to its end."""
    news(desk, "It has ended.")
    expect(desk.locator("#progress")).to_contain_text(re.compile(rf"{dag}:\s*success"))


def test_a_copy_is_asked_for_proven_made_looked_at_released_and_handed_over(up: Up, tab: Page, tmp_path: Path) -> None:
    """Promises R-ACCESS, ID-KNOWN and R-30D."""
    desk = enter(tab, up, "operator")
    number = register(desk, "access", COPY)
    desk.get_by_role("button", name="Start export_subject").click()
    ran(desk, "export_subject")
    shot(tab, "day-1-exported")
    expect(desk.get_by_text("It is closed: nobody has proven to be the person.")).to_be_visible()
    prove(desk)

    desk.get_by_role("link", name="Look at the report and the files").click()
    report = desk.frame_locator("iframe.report")
    expect(report.get_by_role("heading", level=1)).to_be_visible()
    shot(tab, "day-2-report")
    desk.get_by_role("link", name="Back to the request").click()
    for step in ("I have looked at it", "Release the bundle"):
        expect(desk.locator("section.next")).to_contain_text(step)
        desk.get_by_role("button", name=step).click()
    expect(desk.get_by_text("released", exact=True).first).to_be_visible()
    desk.get_by_role("button", name="Make an encrypted copy").click()
    word = desk.locator(".passphrase code").inner_text()
    with tab.expect_download() as download:
        desk.get_by_role("link", name="Download the encrypted ZIP").click()
    got = tmp_path / "copy.zip"
    download.value.save_as(got)
    with pyzipper.AESZipFile(got) as archive:
        archive.extract(f"{number}.zip", tmp_path, pwd=word.encode())
    privacy = str(Path(sys.executable).with_name("privacy"))
    words = [privacy, "bundle", "check", str(tmp_path / f"{number}.zip"), "--request", number]
    checked = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **up.variables}, check=False)
    assert (checked.returncode, checked.stdout.strip()) == (0, "ok"), checked.stderr


def test_somebody_is_forgotten_after_an_operator_has_read_the_plan_and_approved_it(up: Up, tab: Page) -> None:
    """Promise R-ERASE."""
    desk = enter(tab, up, "operator")
    number = register(desk, "erasure", GONE)
    prove(desk)
    desk.get_by_role("button", name="Start erase_subject").click()
    news(desk, "A question waits for an answer.")
    question = desk.locator("section.card").filter(has=desk.get_by_role("button", name="Approve"))
    expect(question).to_contain_text("shop.customers")
    shot(tab, "day-3-plan")
    # The same question waits under Approvals.
    menu(desk, "Approvals").click()
    approval = desk.locator("section.card").filter(has_text=number)
    approval.get_by_role("button", name="Approve").click()
    expect(desk.get_by_role("status").first).to_be_visible()
    menu(desk, "Requests").click()
    desk.get_by_role("link", name=number).click()
    ran(desk, "erase_subject")
    shot(tab, "day-4-erased")
    menu(desk, "Requests").click()
    row = desk.get_by_role("row").filter(has=desk.get_by_role("link", name=number))
    expect(row).to_contain_text(re.compile("answered|partly done"))


def test_a_purge_runs_and_its_promise_turns_green(up: Up, tab: Page) -> None:
    """Promise INV-STAT: green on proof alone, once its rule has run and somebody has verified the ledger."""
    desk = enter(tab, up, "operator")
    assert colour(desk, "INV-STAT") == "amber"
    menu(desk, "Retention").click()
    desk.get_by_role("link", name="invoices", exact=True).click()
    desk.get_by_text("Run now").click()
    desk.get_by_role("button", name="Run invoices now").click()
    ended = desk.get_by_role("status").filter(has_text="has ended")
    asked = desk.get_by_role("link", name="It waits for an answer")
    expect(ended.or_(asked).first).to_be_visible(timeout=LONG)
    if asked.count():
        asked.click()
        desk.locator("section.card").filter(has_text="invoices").get_by_role("button", name="Approve").click()
        expect(desk.get_by_role("status").first).to_be_visible()
        menu(desk, "Retention").click()
        row = desk.get_by_role("row").filter(has=desk.get_by_role("link", name="invoices", exact=True))
        expect(row).to_contain_text("done")
    shot(tab, "day-5-purged")
    up.run("verify_evidence")
    assert colour(desk, "INV-STAT") == "green"
    shot(tab, "day-6-promises")


def colour(desk: FrameLocator, promise: str) -> str:
    menu(desk, "Promises").click()
    item: Locator = desk.locator("ul.promises li").filter(has=desk.locator(f"small:text-is('{promise}')"))
    return item.locator(".tag").first.inner_text()
