"""A bookshop with a reading club: members, orders, consents, profiles; a household; a number that is in both systems."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest_runs import column
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.orchestration import purges, stop_steps
from privacy.orchestration.runs import Run
from privacy.orchestration.steps import resolve_identity
from privacy.rights import Evidence, EvidenceKind, Request, Right
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROJECT = Path(__file__).parents[1]

ADA, BEN = Identifier("books.member", 7_310_001), Identifier("books.member", 7_310_002)
ADA_CLUB = Identifier("club.reader", 7_310_001)
"""Another person: the same number in another system (edge case 31)."""
ADA_MAIL, BEN_MAIL = Identifier("email", "ada@lees.example"), Identifier("email", "ben@lees.example")
GUEST = Identifier("email", "gast@lees.example")
HOUSEHOLD = Identifier("email", "thuis@lees.example")
"""Members 7310003 and 7310004 both use it (edge case 19)."""
CANARIES = ("7310001", "ada@lees.example", "dev-ada-77", "Nee, bedankt")

POLICY: dict[str, Any] = {
    "controller": "De Boekenhoek", "version": "3", "in_force": "2024-01-01", "zone": "Europe/Amsterdam",
    "prefix": "BOEK",
    "contact": {"name": "Kantoor", "address": ["Kade 1"], "email": "kantoor@boek.example",
        "authority": {"nl": "AP", "en": "AP"}, "authority_url": "https://ap.example"},
    "promises": {
        "KEEP": {"title": {"nl": "k", "en": "k"}, "quote": "q", "kept_by": "k",
            "term": {"condition": {"nl": "tot opzegging", "en": "until the end"}}},
        "MONTH": {"title": {"nl": "m", "en": "m"}, "quote": "q", "kept_by": "k",
            "term": {"keep_at_most": "P30D", "every": "P1D"}},
        "GONE": {"title": {"nl": "m", "en": "m"}, "quote": "q", "kept_by": "k",
            "term": {"keep_at_most": "P2D", "every": "P1D"}},
        "R-RESTR": {"title": {"nl": "b", "en": "r"}, "quote": "q", "kept_by": "k"},
        "R-OBJ": {"title": {"nl": "b", "en": "o"}, "quote": "q", "kept_by": "k"},
    },
    "purposes": {
        "order": {"title": {"nl": "bestelling", "en": "order"}, "basis": "contract"},
        "study": {"title": {"nl": "onderzoek", "en": "study"}, "basis": "legitimate_interest"},
        "newsletter": {"title": {"nl": "nieuwsbrief", "en": "newsletter"}, "basis": "consent", "marketing": True},
        "campaigns": {"title": {"nl": "campagnes", "en": "campaigns"}, "basis": "consent", "marketing": True},
    },
    "categories": {"user": {"nl": "Gegevens", "en": "Data"}, "system": {"nl": "Techniek", "en": "System"}},
    "purges": {"purge_finished_purposes": {"title": {"nl": "k", "en": "m"}, "rules": {
        "orders": {"promise": "MONTH", "datasets": ["books.orders"]},
        "consents": {"promise": "GONE", "datasets": ["books.consents"]},
    }}},
}  # fmt: skip

SCHEMA = """
CREATE TABLE members (member INTEGER PRIMARY KEY, email TEXT, email_since TEXT);
CREATE TABLE orders (order_no INTEGER PRIMARY KEY, member INTEGER, email TEXT, at TEXT);
CREATE TABLE consents (consent_no INTEGER PRIMARY KEY, member INTEGER, email TEXT, given_at TEXT, withdrawn_at TEXT);
CREATE TABLE profiles (profile_no INTEGER PRIMARY KEY, member INTEGER, device_id TEXT, at TEXT);
CREATE TABLE readers (reader INTEGER PRIMARY KEY, email TEXT);
"""
WORDS = {"nl": "w", "en": "w"}


def _dataset(kind: str, key: str, subject: list[str], columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": WORDS, "description": WORDS, "key": [key], "subject": subject, "purposes": ["order"],
        "source": WORDS, "promise": "KEEP", "erasure": {"do": "delete"}, "owner": "o",
        "examples": [{kind: 1}, {kind: 2}], "columns": columns, **more}  # fmt: skip


def _books() -> dict[str, Any]:
    who, mail = column("integer", "books.member"), column("text", "email")
    at, device = column("datetime"), column("text", "device_id")
    kind = "books.member"
    return {
        "system": "books", "title": WORDS, "source": "sql", "connection": "books", "owner": "o",
        "identity": {
            "kinds": {"member": {"title": WORDS, "type": "integer", "person": True}},
            "edges": [
                {"dataset": "members", "source": "member", "target": "email", "both": True, "valid": ["email_since", None]},
                {"dataset": "profiles", "source": "member", "target": "device_id"},
            ],
        },
        "datasets": {
            "members": _dataset(kind, "member", ["member"], {"member": who, "email": mail, "email_since": at},
                table="members"),
            "orders": _dataset(kind, "order_no", ["member", "email"], {"order_no": column("integer"), "member": who,
                "email": mail, "at": at}, table="orders", time="at", starts={"column": "at"}, promise="MONTH"),
            "consents": _dataset(kind, "consent_no", ["member", "email"], {"consent_no": column("integer"),
                "member": who, "email": mail, "given_at": at, "withdrawn_at": at}, table="consents",
                purposes=["newsletter"], consent="consents", withdrawn="withdrawn_at", time="given_at",
                starts={"column": "withdrawn_at"}, promise="GONE"),
            "profiles": _dataset(kind, "profile_no", ["member", "device_id"], {"profile_no": column("integer"),
                "member": who, "device_id": device, "at": at}, table="profiles", purposes=["campaigns", "study"],
                consent="consents"),
        },
    }  # fmt: skip


def _club() -> dict[str, Any]:
    columns = {"reader": column("integer", "club.reader"), "email": column("text", "email")}
    return {
        "system": "club", "title": WORDS, "source": "sql", "connection": "club", "owner": "o",
        "identity": {
            "kinds": {"reader": {"title": WORDS, "type": "integer", "person": True}},
            "edges": [{"dataset": "readers", "source": "reader", "target": "email", "both": True}],
        },
        "datasets": {"readers": _dataset("club.reader", "reader", ["reader"], columns, table="readers")},
    }  # fmt: skip


class Shop:
    """The bookshop in one folder, with a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.clock, self.runs = folder, folder / "home", FixedClock(NOW), 0
        self.database = folder / "books.db"

    def make(self) -> None:
        """Everything in the folder."""
        selects = {
            "books/members": "SELECT member, email, email_since FROM members",
            "books/orders": "SELECT order_no, member, email, at FROM orders",
            "books/consents": "SELECT consent_no, member, email, given_at, withdrawn_at FROM consents",
            "books/profiles": "SELECT profile_no, member, device_id, at FROM profiles",
            "club/readers": "SELECT reader, email FROM readers",
        }
        for name, made in (("books", _books()), ("club", _club())):
            self._write(f"datamap/{name}.yaml", yaml.safe_dump(made, sort_keys=False))
        for name, text in selects.items():
            self._write(f"sql/{name}.sql", text)
        self.policy(POLICY)
        shutil.copytree(PROJECT / "include" / "templates" / "letters", self.home / "templates" / "letters")
        with sqlite3.connect(self.database) as db:
            db.executescript(SCHEMA)
            since = "2020-01-01T00:00:00Z"
            people = [(7_310_001, "ada@lees.example"), (7_310_002, "ben@lees.example"),
                (7_310_003, "thuis@lees.example"), (7_310_004, "thuis@lees.example")]  # fmt: skip
            db.executemany("INSERT INTO members VALUES (?, ?, ?)", [(*person, since) for person in people])
            db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", [
                (1, 7_310_001, None, self.ago(40)), (2, 7_310_002, None, self.ago(40)), (3, 7_310_001, None, self.ago(2)),
                (4, 7_310_003, None, self.ago(40)), (5, None, "gast@lees.example", self.ago(200)),
            ])  # fmt: skip
            db.executemany("INSERT INTO consents VALUES (?, ?, ?, ?, ?)", [
                (1, 7_310_001, None, self.ago(400), self.ago(300)), (2, 7_310_001, "ada@lees.example", self.ago(100), None),
                (3, None, "ada@lees.example", self.ago(90), None), (4, 7_310_002, None, self.ago(90), None),
            ])  # fmt: skip
            db.executemany("INSERT INTO profiles VALUES (?, ?, ?, ?)", [(1, 7_310_001, "dev-ada-77", self.ago(5))])
            db.execute("INSERT INTO readers VALUES (7310001, 'cor@lees.example')")
        self.house.found()

    def _write(self, name: str, text: str) -> None:
        (self.home / name).parent.mkdir(parents=True, exist_ok=True)
        (self.home / name).write_text(text)

    def policy(self, policy: dict[str, Any]) -> None:
        """Another policy from now on."""
        self._write("policy/policy.yaml", yaml.safe_dump(policy, sort_keys=False))
        self.fresh()

    def fresh(self) -> None:
        """Another process."""
        self.__dict__.pop("house", None)

    @staticmethod
    def ago(days: float) -> str:
        return (NOW - timedelta(days=days)).isoformat()

    def later(self, **more: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**more))

    @property
    def variables(self) -> dict[str, str]:
        """For a process that works with this shop."""
        return {
            "PRIVACY_HOME": str(self.home),
            "PRIVACY_STATE": str(self.folder / "state"),
            "PRIVACY_CONNECTION_BOOKS": f"sqlite:///{self.database}",
            "PRIVACY_CONNECTION_CLUB": f"sqlite:///{self.database}",
        }

    @cached_property
    def house(self) -> House:
        settings = Settings(home=self.home, state=self.folder / "state")
        return House(settings, EnvironmentConnections(self.variables), self.clock)

    def request(self, right: Right, *identifiers: Identifier, **more: Any) -> str:
        return self.house.register.receive(right, identifiers or (ADA,), author="desk", **more).number

    def get(self, number: str) -> Request:
        return self.house.register.get(number)

    def sql(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """On the shop's own database."""
        with sqlite3.connect(self.database) as db:
            return list(db.execute(text, values))

    def ledger(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """On the ledger's database, past all code."""
        with sqlite3.connect(self.folder / "state" / "ledger.db") as db:
            return list(db.execute(text, values))

    def stopped(self, purpose: str) -> set[str]:
        """Whom a system of the shop leaves out that asks the view for its own purpose alone."""
        return {v for (v,) in self.ledger("SELECT value FROM processing_stops WHERE purpose = ?", purpose)}

    def held(self) -> set[str]:
        """What is held now, by kind of hold."""
        return {
            f"{hold.kind.value} {i.value}"
            for hold in self.house.holds.active() if isinstance(hold.what, tuple)
            for subject in hold.what for i in subject.identifiers
        }  # fmt: skip

    def run(self, number: str) -> dict[str, str]:
        """The pipeline of a request, as Airflow has its steps one after the other."""
        self.runs += 1
        pipeline = self.get(number).right.pipeline or ""
        run, house = Run(f"run-{self.runs}", number, "schedule"), self.house
        stop_steps.open_request(house, run, pipeline)
        resolve_identity(house, run)
        stop_steps.act(house, run, pipeline)
        stop_steps.tell(house, run, pipeline)
        return stop_steps.record(house, run, pipeline, failed=None)

    def purge(self, rule: str) -> dict[str, Any]:
        """A rule of the purge; the ledger's entry of its end."""
        self.runs += 1
        run = purges.PurgeRun(f"purge-{self.runs}", "purge_finished_purposes", rule, "schedule")
        for step in (purges.plan, purges.purge, purges.verify):
            step(self.house, run)
        purges.record(self.house, run, None)
        (entry,) = self.house.ledger.entries(run=run.id, kind="run.ended")
        return dict(entry.entry)

    def letters(self, number: str) -> list[str]:
        """The kinds of the letters that went out for a request."""
        return [stub.kind for stub in self.house.register.open(number).letters]

    def kinds(self, number: str) -> list[str]:
        """The kinds of the ledger's entries about a request."""
        return [str(e.entry["kind"]) for e in self.house.ledger.entries(request=number)]


DOCUMENT = Evidence(kind=EvidenceKind.DOCUMENT, seen="passport")


@lru_cache(maxsize=1)
def _template() -> tempfile.TemporaryDirectory[str]:
    """Made once by each test process, copied for each test."""
    folder = tempfile.TemporaryDirectory(prefix="privacy-books-")
    made = Shop(Path(folder.name))
    made.make()
    made.house.engine.dispose()
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shutil.copytree(_template().name, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path)
