"""A ferry company, just big enough for a whole export: a database, logs, two travellers, one shared address."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from privacy.clock import Clock
from privacy.connections import EnvironmentConnections
from privacy.rights import Right
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

EMAIL, NAME, IP, DEVICE, AGENT = (
    "wilhelmina.canary@veer.example",
    "Wilhelmina Kanarievogel",
    "203.0.113.77",
    "dev-canary-5501",
    "Canarybrowser/9",
)
NUMBER = 73_190_421
OTHER_EMAIL, OTHER_NUMBER = "piet.ander@veer.example", 55_012_388
SHARED = "samen.canary@veer.example"
CANARIES = (EMAIL, NAME, IP, DEVICE, str(NUMBER), OTHER_EMAIL, str(OTHER_NUMBER), SHARED)
"""What must never be seen outside of the shop, the register's sealed texts and the bundle."""

POLICY = """
controller: De Veerdienst
version: "7"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: VEER
contact: {name: Kantoor, address: [Kade 1], email: kantoor@veer.example,
  authority: {nl: AP, en: AP}, authority_url: "https://ap.example"}
promises:
  KEEP: {title: {nl: k, en: k}, quote: q, kept_by: k, term: {condition: {nl: tot opzegging, en: until the end}}}
  MONTH: {title: {nl: m, en: m}, quote: q, kept_by: k, term: {keep_at_most: P30D, every: P1D}}
purposes: {transport: {title: {nl: vervoer, en: transport}, basis: contract}}
categories: {user: {nl: Gegevens, en: Data}, system: {nl: Techniek, en: System}}
purges:
  purge_finished_purposes:
    title: {nl: k, en: m}
    rules:
      tickets: {promise: MONTH, datasets: [ferry.tickets]}
      boardings: {promise: MONTH, datasets: [ferry.boardings], guard: {at_least: 0, share: 0.1}}
"""
FORMAT = (
    r"(?P<ip>\S+) - (?P<user_id>\S+) \[(?P<at>[^\]]+)\] \"(?P<request>[^\"]*)\" (?P<status>\d+) (?P<size>\S+) "
    r"\"(?P<referer>[^\"]*)\" \"(?P<user_agent>[^\"]*)\" \"(?P<device_id>[^\"]*)\""
)
EXAMPLES = [{"ferry.traveller": NUMBER}, {"ferry.traveller": OTHER_NUMBER}]


def column(type: str, identity: str | None = None, **more: object) -> dict[str, object]:
    words = {"type": type, "description": "d", "category": "user.unique_id", "provenance": "provided", **more}
    return words | ({"identity": identity} if identity else {}) | ({"zone": "UTC"} if type == "datetime" else {})


def dataset(key: list[str], subject: list[str], columns: dict[str, object], **more: object) -> dict[str, object]:
    words = {"nl": "w", "en": "w"}
    return {"title": words, "description": words, "key": key, "subject": subject, "purposes": ["transport"],
        "source": words, "promise": "KEEP", "erasure": {"do": "delete"}, "owner": "o", "examples": EXAMPLES,
        "columns": columns, **more}  # fmt: skip


def ferry() -> dict[str, Any]:
    who = column("integer", "ferry.traveller")
    return {
        "system": "ferry", "title": {"nl": "v", "en": "f"}, "source": "sql", "connection": "ferry", "owner": "o",
        "identity": {
            "kinds": {"traveller": {"title": {"nl": "r", "en": "t"}, "type": "integer", "person": True}},
            "edges": [
                {"dataset": "travellers", "source": "traveller", "target": "email", "both": True},
                {"dataset": "visits", "source": "traveller", "target": "device_id"},
                {"dataset": "visits", "source": "traveller", "target": "ip", "window": ["began", "ended"], "agent": "agent"},
            ],
        },
        "datasets": {
            "travellers": dataset(["traveller"], ["traveller"], {"traveller": who, "email": column("text", "email"),
                "name": column("text")}, table="travellers",
                rectification={"current": {"name": "name"}}),
            "trips": dataset(["trip"], ["traveller", "email"], {"trip": column("integer"), "traveller": who,
                "email": column("text", "email"), "fare": column("decimal(10,2)"), "at": column("datetime")},
                table="trips", time="at"),
            "visits": dataset(["visit"], ["traveller"], {"visit": column("integer"), "traveller": who,
                "device_id": column("text", "device_id"), "ip": column("text", "ip"), "agent": column("text"),
                "began": column("datetime"), "ended": column("datetime")}, table="visits"),
            **{f"{name}s": dataset([name], ["traveller"], {name: column("integer"), "traveller": who,
                "at": column("datetime")}, table=f"{name}s", starts={"column": "at"}, promise="MONTH")
                for name in ("ticket", "boarding")},
        },
    }  # fmt: skip


def quays() -> dict[str, Any]:
    columns = {"file": column("text"), "line_number": column("integer"), "ip": column("text", "ip"),
        "user_id": column("integer", "ferry.traveller"), "at": column("datetime"), "request": column("text"),
        "status": column("integer"), "size": column("integer"), "referer": column("text"),
        "user_agent": column("text"), "device_id": column("text", "device_id"),
        "line": column("binary", original=True)}  # fmt: skip
    access = dataset(["file", "line_number"], ["user_id", "device_id", "ip"], columns, prefix="access/", format=FORMAT,
        time="at", starts={"column": "at"})  # fmt: skip
    return {"system": "quays", "title": {"nl": "k", "en": "q"}, "source": "weblogs", "connection": "quays",
        "owner": "o", "datasets": {"access": access}}  # fmt: skip


GENERATOR = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from conftest_runs import fill
to = Path(sys.argv[sys.argv.index("--to") + 1])
to.mkdir()
fill(to)
"""
"""The company's own ``demo``, as a shop's folder has one."""


def fill(to: Path) -> None:
    """The company's data: ``ferry.db``, and logs below ``quays/``."""
    with sqlite3.connect(to / "ferry.db") as db:
        db.executescript(
            "CREATE TABLE travellers (traveller INTEGER PRIMARY KEY, email TEXT, name TEXT);"
            "CREATE TABLE trips (trip INTEGER PRIMARY KEY, traveller INTEGER, email TEXT, fare TEXT, at TEXT);"
            "CREATE TABLE visits (visit INTEGER PRIMARY KEY, traveller INTEGER, device_id TEXT, ip TEXT, agent TEXT,"
            " began TEXT, ended TEXT);"
            "CREATE TABLE tickets (ticket INTEGER PRIMARY KEY, traveller INTEGER, at TEXT);"
            "CREATE TABLE boardings (boarding INTEGER PRIMARY KEY, traveller INTEGER, at TEXT);"
        )
        people = [(NUMBER, EMAIL, NAME), (OTHER_NUMBER, OTHER_EMAIL, "P"), (3, SHARED, "A"), (4, SHARED, "B")]
        db.executemany("INSERT INTO travellers VALUES (?,?,?)", people)
        trips = [(n, NUMBER if n % 2 else OTHER_NUMBER, None, f"{n}.50", "2026-05-01T10:00:00Z") for n in range(1, 6)]
        db.executemany("INSERT INTO trips VALUES (?,?,?,?,?)", trips)
        visit = (1, NUMBER, DEVICE, IP, AGENT, "2026-05-01T10:00:00Z", "2026-05-01T10:30:00Z")
        db.execute("INSERT INTO visits VALUES (?,?,?,?,?,?,?)", visit)
    logs = to / "quays" / "access"
    logs.mkdir(parents=True)
    for day in (1, 2, 3):
        stamp = f"{day:02d}/May/2026:10:05:00 +0000"
        lines = [
            f'{IP} - - [{stamp}] "GET /boot" 200 5 "-" "{AGENT}" "-"',
            f'198.51.100.4 - {NUMBER} [{stamp}] "GET /mijn" 200 5 "-" "{AGENT}" "{DEVICE}"',
            f'198.51.100.5 - {OTHER_NUMBER} [{stamp}] "GET /mijn" 200 5 "-" "x" "-"',
        ]
        path = logs / f"access-2026-05-{day:02d}.gz"
        path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
        at = datetime(2026, 5, day + 1, tzinfo=UTC).timestamp()
        os.utime(path, (at, at))


class Ferry:
    """The company in one folder: data, data map, state, and its house."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder, self.home, self.state, self.clock = folder, folder / "home", folder / "state", clock
        for name, text in (
            ("policy/policy.yaml", POLICY),
            ("datamap/ferry.yaml", yaml.safe_dump(ferry(), sort_keys=False)),
            ("datamap/quays.yaml", yaml.safe_dump(quays(), sort_keys=False)),
            ("sql/ferry/travellers.sql", "SELECT traveller, email, name FROM travellers"),
            ("sql/ferry/trips.sql", "SELECT trip, traveller, email, fare, at FROM trips"),
            ("sql/ferry/visits.sql", "SELECT visit, traveller, device_id, ip, agent, began, ended FROM visits"),
            ("sql/ferry/tickets.sql", "SELECT ticket, traveller, at FROM tickets"),
            ("sql/ferry/boardings.sql", "SELECT boarding, traveller, at FROM boardings"),
            ("demo/__main__.py", GENERATOR),
        ):
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        shutil.copytree(Path(__file__).parents[1] / "include/templates/letters", self.home / "templates/letters")
        self.database, self.logs = folder / "ferry.db", folder / "quays" / "access"
        fill(folder)
        self.house.found()

    @property
    def variables(self) -> dict[str, str]:
        """For a process that works with this company."""
        return {
            "PRIVACY_HOME": str(self.home),
            "PRIVACY_STATE": str(self.state),
            "PRIVACY_PART_BYTES": "100",
            "PRIVACY_CONNECTION_LEDGER": f"sqlite:///{self.state}/ledger.db",
            "PRIVACY_CONNECTION_BUNDLES": (self.state / "bundles").as_uri(),
            "PRIVACY_CONNECTION_FERRY": f"sqlite:///{self.database}",
            "PRIVACY_CONNECTION_QUAYS": (self.folder / "quays").as_uri(),
        }

    @cached_property
    def house(self) -> House:
        settings = Settings(home=self.home, state=self.state, part_bytes=100)
        return House(settings, EnvironmentConnections(self.variables), self.clock)

    def request(self, *identifiers: Identifier) -> str:
        named = identifiers or (Identifier("email", EMAIL),)
        return self.house.register.receive(Right.ACCESS, named, author="desk", name=NAME).number

    @property
    def staged(self) -> list[str]:
        """What lies in staging."""
        staging = self.state / "staging"
        return sorted(p.name for p in staging.iterdir()) if staging.is_dir() else []

    def kinds(self, number: str) -> list[tuple[str, str]]:
        """The ledger's entries about runs of a request: kind, and status or reason."""
        entries = [e.entry for e in self.house.ledger.entries(request=number)]
        runs = [e for e in entries if str(e["kind"]).startswith("run.")]
        return [(str(e["kind"]), str(e.get("reason") or e.get("status") or "")) for e in runs]
