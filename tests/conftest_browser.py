"""A real Chromium, asked over WebDriver's HTTP (https://www.w3.org/TR/webdriver2/): no library in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest


def missing() -> str:
    """Why no page can be looked at here; empty: one can."""
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        return "no Chromium: apt-get install chromium chromium-driver"
    return "" if axe_source() else "no axe-core: pip install axe-core-python, or AXE_CORE=<path of axe.min.js>"


def axe_source() -> str:
    """The accessibility checker (axe-core), as its package or ``AXE_CORE`` has it."""
    if path := os.environ.get("AXE_CORE"):
        return Path(path).read_text()
    with suppress(ImportError):
        import axe_core_python

        return (Path(axe_core_python.__path__[0]) / "axe.min.js").read_text()
    return ""


class Browser:
    """One window."""

    def __init__(self, port: int, profile: Path) -> None:
        self._port = port
        self._session = ""
        options = {
            "binary": shutil.which("chromium"),
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"],
        }  # fmt: skip
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def open(self, page: Path) -> None:
        self._ask("POST", f"{self._session}/url", {"url": page.as_uri()})

    def size(self, width: int, height: int) -> None:
        self._ask("POST", f"{self._session}/window/rect", {"width": width, "height": height})

    def prefers(self, scheme: str) -> None:
        """Light or dark, as the reader's machine says."""
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        command = {"cmd": "Emulation.setEmulatedMedia", "params": media}
        self._ask("POST", f"{self._session}/goog/cdp/execute", command)

    def run(self, script: str, *arguments: object) -> Any:
        """A function's body, run in the page: beside its policy, which binds the page's own scripts."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def log(self) -> list[str]:
        """What the console has said since it was last asked."""
        return [e["message"] for e in self._ask("POST", f"{self._session}/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._ask("DELETE", self._session)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)["value"]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert driver.stdout is not None
        line = next(line for line in driver.stdout if "started successfully on port" in line)
        made = Browser(int(line.rsplit(" ", 1)[1].strip(" .\n")), tmp_path_factory.mktemp("profile"))
        yield made
        made.close()
    finally:
        driver.terminate()
        with suppress(subprocess.TimeoutExpired):
            driver.wait(5)
        if driver.poll() is None:
            driver.kill()
        time.sleep(0)
