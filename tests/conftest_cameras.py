"""The shop's cameras, with recordings that a test puts there, the company's lists, and an outbox."""

from __future__ import annotations

import email
import json
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from conftest_demo import HOME
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.rights.house import House
from privacy.settings import Settings

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


class Cameras:
    """An installation on the shop's own data map, of whose systems only the cameras are there."""

    def __init__(self, folder: Path, home: Path = HOME) -> None:
        self.folder, self.state, self.home = folder / "camera", folder / "state", home
        for name in ("clips", "thumbnails", "company"):
            (self.folder / name).mkdir(parents=True)
        self.clock = FixedClock(NOW)
        self.house = self.opened()
        self.house.found()

    def opened(self) -> House:
        urls = {"PRIVACY_CONNECTION_CAMERA": self.folder.as_uri()}
        return House(Settings(home=self.home, state=self.state), EnvironmentConnections(urls), self.clock)

    def clip(self, camera: str, ago: timedelta, long: timedelta = 55 * MINUTE) -> str:
        begins = NOW - ago
        file = self.folder / "clips" / camera / f"{stamp(begins)}_{stamp(begins + long)}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
        return f"clips/{camera}/{file.name}"

    def picture(self, camera: str, ago: timedelta) -> str:
        file = self.folder / "thumbnails" / camera / f"{stamp(NOW - ago)}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\xff\xd8\xff\xe0")
        return f"thumbnails/{camera}/{file.name}"

    def listed(self, camera: str, ago: timedelta, state: str = "kept", **more: str) -> dict[str, Any]:
        begins = NOW - ago
        ends = begins + 55 * MINUTE
        return {"camera": camera, "from": begins.isoformat(), "to": ends.isoformat(), "state": state, **more}

    def company(self, *recordings: dict[str, Any], ago: timedelta = MINUTE, text: str | None = None) -> None:
        made = NOW - ago
        said = {"company": "c", "made_at": made.isoformat(), "recordings": list(recordings)}
        file = self.folder / "company" / f"list-{stamp(made)}.json"
        file.write_text(json.dumps(said) if text is None else text)

    @property
    def letters(self) -> list[EmailMessage]:
        files = sorted((self.state / "outbox").glob("*.eml"), key=lambda f: f.stat().st_mtime_ns)
        return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[misc]

    def kinds(self, start: str = "") -> list[str]:
        return [k for e in self.house.ledger.entries() if (k := str(e.entry["kind"])).startswith(start)]

    def execute(self, statement: str) -> None:
        with self.house.engine.begin() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture
def cameras(tmp_path: Path) -> Cameras:
    return Cameras(tmp_path)
