"""A real Chromium, Debian's, driven by Playwright; and the accessibility checker that every page is held against."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

SETTINGS = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


def missing() -> str:
    """Why no page can be looked at here; empty: one can."""
    if not shutil.which("chromium"):
        return "no Chromium: apt-get install chromium, or make services"
    return "" if axe_source() else "no axe-core: pip install axe-core-python, or AXE_CORE=<path of axe.min.js>"


def axe_source() -> str:
    """The accessibility checker (axe-core), as its package or ``AXE_CORE`` has it."""
    if path := os.environ.get("AXE_CORE"):
        return Path(path).read_text()
    with suppress(ImportError):
        import axe_core_python

        return (Path(axe_core_python.__path__[0]) / "axe.min.js").read_text()
    return ""


def problems(tab: Page) -> list[str]:
    """What axe-core finds on the page that is open: each with its severity, its rule, and where."""
    tab.evaluate(axe_source() + "\nwindow.axe = axe; 0")
    found: list[str] = tab.evaluate(
        """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
             (v) => v.impact + " " + v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(", ")))"""
    )
    return found


def wide(tab: Page) -> bool:
    """Whether one has to scroll sideways."""
    found: bool = tab.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root, as CI is, Chromium has no sandbox of its own.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=SETTINGS, chromium_sandbox=False
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A window that knows nothing yet."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def console(tab: Page) -> list[str]:
    """What the page's console has said, errors of its scripts too."""
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda problem: said.append(str(problem)))
    return said
