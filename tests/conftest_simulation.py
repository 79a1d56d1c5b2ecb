"""The demo shop under a moving clock: when each record falls due, what arrives meanwhile, and the ticks.

Nothing here asks the pipelines what is there or due: what is there is looked at plainly, and when a record falls due the
generator's answer sheet says.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from conftest_demo import HOME
from conftest_look import Files, Look, Place, Thing, digest, records
from demo import make
from demo.terms import months_after
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import load
from privacy.rights.house import House
from privacy.settings import Settings

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAGS = Path(__file__).parents[1] / "dags"


@dataclass
class Due:
    """When records fall due, by the answer sheet and by the simulation's own arrivals.

    :param of: (dataset, ident) -> (the instant or None, ``at_most`` or ``at_least``).
    """

    of: dict[tuple[str, tuple[Any, ...]], tuple[datetime | None, str]] = field(default_factory=dict)

    def __getitem__(self, thing: Thing) -> tuple[datetime | None, str]:
        return self.of.get((thing[0], thing[1]), (None, ""))

    def instants(self, datasets: set[str]) -> list[datetime]:
        """All of these datasets, in order."""
        return sorted({at for (name, _), (at, _) in self.of.items() if at is not None and _dataset(name) & datasets})

    def by(self, as_of: datetime, ahead: timedelta, *datasets: str) -> set[tuple[str, tuple[Any, ...]]]:
        """What of these datasets a run takes, as (dataset, ident): statutory records that are due by then, others that
        fall due before the next run.
        """
        return {
            thing
            for thing, (at, bound) in self.of.items()
            if at is not None
            and at <= as_of + (ahead if bound == "at_most" else timedelta())
            and of(thing, {*datasets})
        }

    @classmethod
    def of_made(cls, data: Path) -> Due:
        """By the answer sheet of a made shop, before anything in it changes."""
        found, sheet = cls(), json.loads((data / "answers.json").read_text())["terms"]
        look = {"weblogs.access": _lines(data), **_events(data)}
        messages = {(_told(folder), name): (folder, name) for folder, name, _ in Files(data).messages()}
        for name, rows in sheet.items():
            for *key, at, bound in rows:
                place, ident = name, tuple(key)
                if name in look:
                    ident = look[name][key[0], key[1]]
                if name.startswith("mail."):
                    place, ident = "mail", messages[key[0], key[1]]
                found.of[place, ident] = (moment(at), bound)
        return found


def of(thing: tuple[Any, ...], datasets: set[str]) -> bool:
    """Whether a record is of one of these datasets: a message's folder says of which."""
    if thing[0] != "mail":
        return thing[0] in datasets
    folder = thing[1][0].lstrip(".").split(".")[0]
    name = {"Sollicitaties": "applications", "Administratie": "administration"}.get(folder, "correspondence")
    return f"mail.{name}" in datasets


def _dataset(name: str) -> set[str]:
    return {"mail.correspondence", "mail.administration", "mail.applications"} if name == "mail" else {name}


def _lines(data: Path) -> dict[tuple[str, int], tuple[str, bytes]]:
    found = {}
    for path in (data / "weblogs").rglob("access[-.]*"):
        key = path.relative_to(data / "weblogs").as_posix()
        content = path.read_bytes()
        for n, line in enumerate((gzip.decompress(content) if key.endswith(".gz") else content).split(b"\n"), 1):
            found[key, n] = (key, line)
    return found


def _events(data: Path) -> dict[tuple[str, int], tuple[Any, ...]]:
    found: dict[str, Any] = {"analytics.ga4_events": {}, "analytics.clicks": {}}
    for key, content in Files(data).objects("analytics"):
        for n, (dataset, ident, _) in enumerate(records("analytics", key, content), 1):
            found[dataset][key, n] = ident
    return found


def _told(place: str) -> str:
    """What the sheet calls a Maildir's folder; of one that a pattern names only a digest is told."""
    known = "INBOX" if place == "." else place[1:].replace("Belgi&AOs-", "België")
    return f"{known.split('.')[0]}.* #{digest(known.encode())[:12]}" if "." in known else known


class Shop:
    """A tiny demo shop, its house, its clock, and what is known of it beforehand.

    :param installed: puts the made shop where it is to lie; itself by default.
    """

    def __init__(self, folder: Path, seed: int, rows: int, installed: Callable[[Path], Place] = Files) -> None:
        data = folder / "shop"
        make(data, seed=seed, size="tiny")
        self.keys = json.loads((data / "answers.json").read_text())["datasets"]
        self.due = Due.of_made(data)
        self.place = installed(data)
        self.clock = FixedClock(START)
        self._settings = Settings(home=HOME, state=folder / "state", purge_rows=rows)
        self.house = self.opened()
        self.house.found()
        self.purges = {name: croniter_of(DAGS / f"{name}.py") for name in load(HOME).policy.purges}

    def opened(self) -> House:
        """The house anew: a process of its own has connections of its own."""
        urls = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in self.place.urls.items()}
        return House(self._settings, EnvironmentConnections(urls), self.clock)

    def look(self) -> Look:
        return Look(self.place, self.keys)

    # What arrives while the clock moves

    def visits(self, number: int, at: datetime) -> None:
        """A session, and a log of one file with a line: of now, or long past (edge case 10)."""
        session = {"session_id": 900_000 + number, "started_at": millis(at), "ended_at": millis(at) + 180_000}
        self.place.add("shop", "sessions", session)
        gone_by = moment(months_after(local_day(at), 12))
        self.due.of["shop.sessions", (900_000 + number,)] = (gone_by, "at_most")
        line = f'198.51.100.7 - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET /{number} HTTP/1.1" 200 5 "-" "x" "-"'.encode()
        key = f"nginx/access/access-late-{number}.gz"
        self.place.put("weblogs", key, gzip.compress(line + b"\n"))
        self.due.of["weblogs.access", (key, line)] = (gone_by, "at_most")

    def picture(self, at: datetime) -> None:
        """A still picture of a camera."""
        key = f"thumbnails/ingang/{at:%Y%m%dT%H%M%SZ}.jpg"
        self.place.put("camera", key, b"\xff\xd8\xff" + at.isoformat().encode())
        self.due.of["camera.thumbnails", (key,)] = (at + timedelta(hours=48), "at_most")


def croniter_of(file: Path) -> str:
    """The schedule that a DAG file says."""
    found = re.search(r'schedule="([^"]+)"', file.read_text())
    assert found is not None
    return found[1]


def ticks(schedule: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """When a DAG runs."""
    each = croniter(schedule, since)
    while (at := each.get_next(datetime)) < until:
        yield at


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def local_day(at: datetime) -> Any:
    return at.astimezone(ZoneInfo("Europe/Amsterdam")).date()
