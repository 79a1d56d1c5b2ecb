"""A studio, just big enough for every kind of purge: cases with notes, scans and mail, sales of two kinds, logs.

Cases go two weeks after they were closed (promise CASE), and with them what follows them; sales after the fiscal term of
their kind (SALE); log lines after a year (LOG).
"""

from __future__ import annotations

import gzip
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from conftest_runs import FORMAT, column
from privacy import plans
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.orchestration import purges
from privacy.rights.house import House
from privacy.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

POLICY = """
controller: Het Atelier
version: "3"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: ATE
contact: {name: Kantoor, address: [Kade 1], email: kantoor@atelier.example,
  authority: {nl: AP, en: AP}, authority_url: "https://ap.example"}
promises:
  CASE: {title: {nl: c, en: c}, quote: q, kept_by: k, term: {keep_at_most: P14D, every: P1D}}
  SALE: {title: {nl: s, en: s}, quote: q, kept_by: k, term: {title: {nl: ver, en: far}, keep_at_least: P10Y, every: P1M,
    counts_from: end_of_financial_year,
    kinds: {domestic: {title: {nl: hier, en: here}, keep_at_least: P7Y, every: P1M, counts_from: end_of_financial_year}}}}
  LOG: {title: {nl: l, en: l}, quote: q, kept_by: k, term: {keep_at_most: P12M, every: P1D}}
purposes: {work: {title: {nl: werk, en: work}, basis: contract}}
categories: {user: {nl: Gegevens, en: Data}, system: {nl: Techniek, en: System}}
purges:
  purge_cases:
    title: {nl: Zaken, en: Cases}
    rules:
      cases: {promise: CASE, datasets: [scans.papers, post.letters, studio.notes, studio.cases]}
  purge_sales:
    title: {nl: Verkopen, en: Sales}
    rules:
      sales: {promise: SALE, datasets: [studio.sales]}
  purge_logs:
    title: {nl: Logfiles, en: Logfiles}
    rules:
      lines: {promise: LOG, datasets: [web.access]}
"""

WORDS = {"nl": "w", "en": "w"}


def dataset(
    promise: str, key: list[str], subject: object, columns: dict[str, object], **more: object
) -> dict[str, Any]:
    kind = "studio.case_no" if "case_no" in columns else "studio.client"
    examples = [{kind: 1}, {kind: 2}] if isinstance(subject, list) else []
    return {"title": WORDS, "description": WORDS, "key": key, "subject": subject, "purposes": ["work"],
        "source": WORDS, "promise": promise, "erasure": {"do": "delete"}, "owner": "o", "examples": examples,
        "columns": columns, **more}  # fmt: skip


def system(name: str, source: str, datasets: dict[str, object], **more: object) -> dict[str, Any]:
    return {
        "system": name,
        "title": WORDS,
        "source": source,
        "connection": name,
        "owner": "o",
        "datasets": datasets,
        **more,
    }


def studio() -> dict[str, Any]:
    case, client = column("integer", "studio.case_no"), column("integer", "studio.client")
    person = {"title": WORDS, "type": "integer", "person": True}
    return system("studio", "sql", {
        "cases": dataset("CASE", ["case_no"], ["case_no"], {"case_no": case, "email": column("text", "email"),
            "closed_at": column("datetime"), "note": column("text")}, table="cases", starts={"column": "closed_at"}),
        "notes": dataset("CASE", ["note_no"], ["case_no"], {"note_no": column("integer"), "case_no": case,
            "closed_at": column("datetime"), "text": column("text")}, table="notes", starts={"column": "closed_at"}),
        "sales": dataset("SALE", ["sale_no"], ["client"], {"sale_no": column("integer"), "client": client,
            "sold_on": column("date"), "kind": column("text")}, table="sales",
            starts={"column": "sold_on", "kind": "kind"}),
    }, identity={"kinds": {"case_no": person, "client": person}})  # fmt: skip


def scans() -> dict[str, Any]:
    columns = {"file": column("text"), "case_no": column("integer", "studio.case_no"), "name": column("text")}
    return system("scans", "files", {"papers": dataset("CASE", ["file"], ["case_no"], columns, prefix="cases/",
        names=r"(?P<case_no>\d+)/(?P<name>[^/]+)", follows="studio.cases")},
        excused=[{"name": "mounted", "why": "Tells an empty store from one that is not mounted."}])  # fmt: skip


def post() -> dict[str, Any]:
    address = column("list<text>", "email")
    columns = {"folder": column("text"), "message": column("text"), "received_at": column("datetime"),
        "sender": address, "to": column("list<text>", "email")}  # fmt: skip
    made = dataset("CASE", ["folder", "message"], None, columns, time="received_at", follows="studio.cases",
        mailbox={"folders": ["Zaken"], "staff": ["atelier.example"]},
        parties={"sender": {"subject": ["sender"]}, "to": {"subject": ["to"]}},
        examples=[{"email": "anna@post.example"}, {"email": "bram@post.example"}])  # fmt: skip
    made.pop("subject")
    return system("post", "mailbox", {"letters": made})


def web() -> dict[str, Any]:
    columns = {"file": column("text"), "line_number": column("integer"), "ip": column("text", "ip"),
        "user_id": column("integer", "studio.client"), "at": column("datetime"), "request": column("text"),
        "status": column("integer"), "size": column("integer"), "referer": column("text"),
        "user_agent": column("text"), "device_id": column("text", "device_id"),
        "line": column("binary", original=True)}  # fmt: skip
    return system("web", "weblogs", {"access": dataset("LOG", ["file", "line_number"], ["user_id", "device_id", "ip"],
        columns, prefix="access/", format=FORMAT, time="at", starts={"column": "at"})})  # fmt: skip


SCHEMA = """
CREATE TABLE cases (case_no INTEGER PRIMARY KEY, email TEXT, closed_at TEXT, note TEXT);
CREATE TABLE notes (note_no INTEGER PRIMARY KEY, case_no INTEGER NOT NULL REFERENCES cases, text TEXT);
CREATE TABLE sales (sale_no INTEGER PRIMARY KEY, client INTEGER, sold_on TEXT, kind TEXT);
"""

SELECTS = {
    "cases": "SELECT case_no, email, closed_at, note FROM cases",
    "notes": "SELECT n.note_no, n.case_no, c.closed_at, n.text FROM notes AS n JOIN cases AS c ON c.case_no = n.case_no",
    "sales": "SELECT sale_no, client, sold_on, kind FROM sales",
}


class Studio:
    """The studio in one folder: data, data map, state, a clock that stands still, and its house.

    :param policy: another policy, or more of one.
    """

    def __init__(self, folder: Path, *, now: datetime = NOW, policy: str = POLICY, rows: int = 10_000) -> None:
        self._where(folder, now, rows)
        files = {"policy/policy.yaml": policy}
        files |= {
            f"datamap/{s['system']}.yaml": yaml.safe_dump(s, sort_keys=False)
            for s in (studio(), scans(), post(), web())
        }
        files |= {f"sql/studio/{name}.sql": text for name, text in SELECTS.items()}
        for name, text in files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        self.make()
        for place in (self.papers, self.letters, self.logs, *(self.letters.parent / n for n in ("new", "tmp"))):
            place.mkdir(parents=True)
        for name in ("cur", "new", "tmp"):
            (folder / "post" / name).mkdir()
        (folder / "scans" / "mounted").touch()
        self.house.found()

    def make(self) -> None:
        """The tables."""
        with sqlite3.connect(self.database) as db:
            db.executescript(SCHEMA)

    @classmethod
    def at(cls, folder: Path, *, now: datetime = NOW, rows: int = 10_000) -> Studio:
        """A studio that was made before, or copied."""
        made = cls.__new__(cls)
        made._where(folder, now, rows)
        return made

    def _where(self, folder: Path, now: datetime, rows: int) -> None:
        self.folder, self.home, self.state = folder, folder / "home", folder / "state"
        self.clock, self._rows = FixedClock(now), rows
        self.database, self.papers = folder / "studio.db", folder / "scans" / "cases"
        self.letters, self.logs = folder / "post" / ".Zaken" / "cur", folder / "web" / "access"

    @property
    def variables(self) -> dict[str, str]:
        """For a process that works with this studio."""
        return {
            "PRIVACY_HOME": str(self.home),
            "PRIVACY_STATE": str(self.state),
            "PRIVACY_PURGE_ROWS": str(self._rows),
            "PRIVACY_CONNECTION_STUDIO": f"sqlite:///{self.database}",
            **{f"PRIVACY_CONNECTION_{n.upper()}": (self.folder / n).as_uri() for n in ("scans", "post", "web")},
        }

    @cached_property
    def house(self) -> House:
        settings = Settings(home=self.home, state=self.state, purge_rows=self._rows)
        return House(settings, EnvironmentConnections(self.variables), self.clock)

    def sql(self, text: str, *rows: tuple[object, ...]) -> list[tuple[object, ...]]:
        """Run a statement on the studio's database, once for each row."""
        with sqlite3.connect(self.database) as db:
            db.execute("PRAGMA foreign_keys = ON")
            if not rows:
                return list(db.execute(text))
            db.executemany(text, rows)
        return []

    def case(self, number: int, email: str | None, closed: datetime | None, *, notes: int = 1, papers: int = 1) -> None:
        """A case, with notes, papers, and a letter from whoever it is about."""
        at = None if closed is None else closed.isoformat()
        self.sql("INSERT INTO cases VALUES (?, ?, ?, ?)", (number, email, at, f"note of {number}"))
        for n in range(notes):
            self.sql("INSERT INTO notes (case_no, text) VALUES (?, ?)", (number, f"{n}"))
        for n in range(papers):
            (self.papers / str(number)).mkdir(exist_ok=True)
            (self.papers / str(number) / f"paper-{n}.pdf").write_bytes(b"%PDF-1.4 " + bytes([n]) * 20)

    def letter(self, name: str, sender: str, to: str, text: str = "Dag") -> Path:
        """A message in the folder of cases."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, "Zaak"
        message["Date"], message["Message-ID"] = "Mon, 02 Nov 2026 10:00:00 +0000", f"<{name}@atelier.example>"
        message.set_content(text)
        path = self.letters / f"1793613600.{name}.host:2,S"
        path.write_bytes(message.as_bytes())
        return path

    def sale(self, *rows: tuple[int, int, str | None, str | None]) -> None:
        """Sales: number, client, day, kind."""
        self.sql("INSERT INTO sales VALUES (?, ?, ?, ?)", *rows)

    def log(self, name: str, *times: datetime) -> Path:
        """A log of a line a moment, last written to when it was last written to."""
        lines = [
            f'198.51.100.{n % 250} - {n % 9} [{at:%d/%b/%Y:%H:%M:%S %z}] "GET /{n}" 200 5 "-" "x" "-"\n'
            for n, at in enumerate(times)
        ]
        path, content = self.logs / name, "".join(lines).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        last = max(times).timestamp()
        os.utime(path, (last, last))
        return path

    # Runs

    def run(self, rule: str, name: str = "run", **more: Any) -> purges.PurgeRun:
        """A run of a rule, as Airflow would name it."""
        purge, _ = self.house.policy.rule(rule)
        return purges.PurgeRun(f"{name}-{rule}", purge, rule, "desk", **more)

    def purge(self, rule: str, name: str = "run", *, approve: bool = False, **more: Any) -> dict[str, Any]:
        """All steps of a rule, as Airflow has them one after the other; the ledger's entry of its end."""
        run = self.run(rule, name, **more)
        said = purges.plan(self.house, run)
        if said["tripped"] and approve:
            purges.answered(self.house, run, approved=True, by="chief")
        purges.purge(self.house, run)
        purges.verify(self.house, run)
        purges.record(self.house, run, None)
        return self.ended(run)

    def ended(self, run: purges.PurgeRun) -> dict[str, Any]:
        """How a run ended, as the ledger has it."""
        (entry,) = self.house.ledger.entries(run=run.id, kind="run.ended")
        return dict(entry.entry)

    def plan(self, run: purges.PurgeRun) -> plans.Plan:
        """The plan of a run."""
        return plans.Plan.load(self.house.means.folder / run.id)

    def everything(self) -> dict[str, bytes]:
        """Every byte that the studio has: rows of its tables, and files."""
        found = {}
        for table in ("cases", "notes", "sales"):
            for row in self.sql(f"SELECT * FROM {table}"):
                found[f"{table} {row[0]}"] = repr(row).encode()
        for place in ("scans", "post", "web"):
            for path in sorted((self.folder / place).rglob("*")):
                if path.is_file() and path.name != "mounted":
                    found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found


def days(n: float) -> datetime:
    """So many days before now."""
    return NOW - timedelta(days=n)
