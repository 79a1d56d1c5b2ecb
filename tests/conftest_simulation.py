"""The demo shop under a moving clock: what is in its stores by a plain look, when each record falls due, and the ticks.

Nothing here asks the pipelines what is there or due: rows are read with sqlite3, files as they are, and when a record
falls due the generator's answer sheet says.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from croniter import croniter

from conftest_demo import HOME, urls_of
from demo import make
from demo.terms import months_after
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import load
from privacy.rights.house import House
from privacy.settings import Settings

Thing = tuple[str, tuple[Any, ...], str]
"""A record: its dataset, what it is known by (its key; a line or event, which moves when a file is rewritten: its file
and its content), and a digest of all that it holds."""

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAGS = Path(__file__).parents[1] / "dags"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Look:
    """Everything that there is at one moment.

    :param things: the records. :param files: the files that hold several records, with their bytes' digests.
    """

    def __init__(self, shop: Path) -> None:
        self.things: Counter[Thing] = Counter()
        self.files: dict[str, str] = {}
        keys = json.loads((shop / "keys.json").read_text())
        for name in ("shop", "recruiting"):
            self._database(shop / f"{name}.db", name, keys)
        for system in ("weblogs", "analytics", "helpdesk"):
            for path in sorted((shop / system).rglob("*")):
                if path.is_file():
                    self._file(system, path, path.relative_to(shop / system).as_posix())
        for path in sorted((shop / "mail").rglob("*")):
            if path.is_file() and path.parent.name in ("cur", "new"):
                self._message(path, path.parents[1].relative_to(shop / "mail").as_posix())
        for system in ("camera", "dossiers", "deliveries"):
            for path in sorted((shop / system).rglob("*")):
                if path.is_file():
                    key = path.relative_to(shop / system).as_posix()
                    name = {"company": "company_lists"}.get(key.split("/")[0], key.split("/")[0])
                    self.things[f"{system}.{name}", (key,), digest(path.read_bytes())] += 1

    def _database(self, path: Path, system: str, keys: dict[str, list[str]]) -> None:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            for (table,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            ):
                rows = db.execute(f"SELECT * FROM {table}")
                names = [column[0] for column in rows.description]
                at = [names.index(column) for column in keys.get(f"{system}.{table}", names[:1])]
                for row in rows:
                    self.things[f"{system}.{table}", tuple(row[n] for n in at), repr(row)] += 1
        db.close()

    def _file(self, system: str, path: Path, key: str) -> None:
        content = path.read_bytes()
        self.files[f"{system}/{key}"] = digest(content)
        for dataset, ident, held in _records(system, key, digest(content), content):
            self.things[dataset, ident, held] += 1

    def _message(self, path: Path, folder: str) -> None:
        name = re.split(",S=|:2,", path.name)[0]
        self.things["mail", (folder, name), digest(path.read_bytes())] += 1


@lru_cache(maxsize=4096)
def _records(system: str, key: str, known: str, content: bytes) -> tuple[Thing, ...]:
    """The records of a file; read once for each content that it ever has."""
    del known
    plain = gzip.decompress(content) if key.endswith(".gz") else content
    if system == "weblogs":
        return tuple(("weblogs.access", (key, line), "") for line in plain.removesuffix(b"\n").split(b"\n"))
    if key.endswith(".parquet"):
        import io

        rows = pq.read_table(io.BytesIO(content)).to_pylist()
        return tuple(("analytics.ga4_events", (key, repr(row)), "") for row in rows)
    if system == "analytics":
        return tuple(("analytics.clicks", (key, line.decode()), "") for line in plain.splitlines())
    found = json.loads(plain)["conversations"]
    return tuple(("helpdesk.conversations", (one["id"],), f"{key} {json.dumps(one, sort_keys=True)}") for one in found)


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


def _dataset(name: str) -> set[str]:
    return {"mail.correspondence", "mail.administration", "mail.applications"} if name == "mail" else {name}


class Shop:
    """A tiny demo shop, its house, its clock, and what is known of it beforehand."""

    def __init__(self, folder: Path, seed: int, rows: int) -> None:
        self.folder, self.data = folder, folder / "shop"
        make(self.data, seed=seed, size="tiny")
        answers = json.loads((self.data / "answers.json").read_text())
        (self.data / "keys.json").write_text(json.dumps(answers["datasets"]))
        self.clock = FixedClock(START)
        urls = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls_of(self.data).items()}
        self.house = House(
            Settings(home=HOME, state=folder / "state", purge_rows=rows), EnvironmentConnections(urls), self.clock
        )
        self.house.found()
        self.due = Due()
        self._known(answers["terms"])
        self.purges = {name: croniter_of(DAGS / f"{name}.py") for name in load(HOME).policy.purges}

    def _known(self, terms: dict[str, list[list[Any]]]) -> None:
        look = {"weblogs.access": self._lines(), **self._events()}
        for name, records in terms.items():
            for *key, at, bound in records:
                ident: tuple[Any, ...] = tuple(key)
                if name in look:
                    ident = look[name][key[0], key[1]]
                place = name
                if name.startswith("mail."):
                    place, ident = "mail", self._message(*key)
                self.due.of[place, ident] = (moment(at), bound)

    def _lines(self) -> dict[tuple[str, int], tuple[str, bytes]]:
        found = {}
        for path in (self.data / "weblogs").rglob("access[-.]*"):
            key = path.relative_to(self.data / "weblogs").as_posix()
            content = path.read_bytes()
            for n, line in enumerate((gzip.decompress(content) if key.endswith(".gz") else content).split(b"\n"), 1):
                found[key, n] = (key, line)
        return found

    def _events(self) -> dict[str, dict[tuple[str, int], tuple[str, str]]]:
        found: dict[str, dict[tuple[str, int], tuple[str, str]]] = {"analytics.ga4_events": {}, "analytics.clicks": {}}
        for path in (self.data / "analytics").rglob("*.*"):
            key = path.relative_to(self.data / "analytics").as_posix()
            for n, (dataset, ident, _) in enumerate(_records("analytics", key, "", path.read_bytes()), 1):
                found[dataset][key, n] = ident
        return found

    def _message(self, folder: str, name: str) -> tuple[str, str]:
        """Where a message lies; of a folder that a pattern names only a digest is told."""
        for path in (self.data / "mail").rglob("*"):
            if path.is_file() and re.split(",S=|:2,", path.name)[0] == name:
                place = path.parents[1].relative_to(self.data / "mail").as_posix()
                known = "INBOX" if place == "." else place[1:].replace("Belgi&AOs-", "België")
                if "." in known:
                    known = f"{known.split('.')[0]}.* #{digest(known.encode())[:12]}"
                if known == folder:
                    return place, name
        raise AssertionError(f"no message in {folder}")

    def look(self) -> Look:
        return Look(self.data)

    def copy(self, to: Path) -> Path:
        return Path(shutil.copytree(self.data, to))

    # What arrives while the clock moves

    def visits(self, number: int, at: datetime) -> None:
        """A session, and a log of one file with a line: of now, or long past (edge case 10)."""
        with sqlite3.connect(self.data / "shop.db") as db:
            names = [c[1] for c in db.execute("PRAGMA table_info(sessions)")]
            row = dict(
                zip(names, db.execute("SELECT * FROM sessions LIMIT 1").fetchone() or [None] * len(names), strict=True)
            )
            row |= {"session_id": 900_000 + number, "started_at": millis(at), "ended_at": millis(at) + 180_000}
            row = {name: value for name, value in row.items() if name in names}
            marks = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO sessions ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        db.close()
        gone_by = moment(months_after(local_day(at), 12))
        self.due.of["shop.sessions", (900_000 + number,)] = (gone_by, "at_most")
        line = f'198.51.100.7 - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET /{number} HTTP/1.1" 200 5 "-" "x" "-"'.encode()
        key = f"nginx/access/access-late-{number}.gz"
        path = self.data / "weblogs" / key
        path.write_bytes(gzip.compress(line + b"\n"))
        self.due.of["weblogs.access", (key, line)] = (gone_by, "at_most")

    def picture(self, at: datetime) -> None:
        """A still picture of a camera."""
        key = f"thumbnails/ingang/{at:%Y%m%dT%H%M%SZ}.jpg"
        path = self.data / "camera" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff" + at.isoformat().encode())
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
    from zoneinfo import ZoneInfo

    return at.astimezone(ZoneInfo("Europe/Amsterdam")).date()
