"""A bookshop with three readers, whose real exports are sealed, released, delivered and told of by real letters."""

from __future__ import annotations

import email
import shutil
import sqlite3
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import yaml

from conftest_demo import HOME
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.orchestration import steps
from privacy.orchestration.runs import Run
from privacy.rights import Evidence, EvidenceKind, Right
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ANNA, OLD_ANNA, BERT = "anna@a.example", "anna.oud@a.example", "bert@b.example"
GIFT = "gast@g.example"

POLICY = """
controller: De Boekwinkel
version: "1"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: BOEK
contact: {name: De Baas, address: [Dorpsstraat 1, 1234 AB Dorp], email: baas@boek.example,
  authority: {nl: Autoriteit Persoonsgegevens, en: Dutch Data Protection Authority}, authority_url: "https://ap.example"}
promises:
  KEEP: {title: {nl: k, en: k}, quote: q, kept_by: k, term: {condition: {nl: tot opzegging, en: until the end}}}
purposes: {books: {title: {nl: boeken, en: books}, basis: contract}}
categories: {user: {nl: Gegevens, en: Data}}
"""
TABLES = f"""
CREATE TABLE readers (reader INTEGER PRIMARY KEY, email TEXT, since TEXT, phone TEXT, street TEXT, language TEXT, notes TEXT);
CREATE TABLE old_emails (reader INTEGER, email TEXT, since TEXT, until TEXT);
CREATE TABLE loans (loan INTEGER PRIMARY KEY, reader INTEGER, email TEXT, phone TEXT, given_to INTEGER, at TEXT);
INSERT INTO readers VALUES
  (1, '{ANNA}', '2020-01-01T00:00:00Z', '+31 6 1234 5678', 'Kade 7', 'en', NULL),
  (2, '{BERT}', '2020-01-01T00:00:00Z', NULL, NULL, NULL, 'difficult'),
  (3, 'carla@c.example', '2026-09-15T00:00:00Z', '020 555 0103', NULL, 'nl', NULL);
INSERT INTO old_emails VALUES (3, 'carla.oud@c.example', '2019-01-01T00:00:00Z', '2026-09-15T00:00:00Z');
INSERT INTO loans VALUES (10, 1, NULL, '06 555 0110', 2, '2026-01-05T10:00:00Z'), (11, 1, NULL, NULL, NULL, '2026-02-05T10:00:00Z'),
  (12, 2, NULL, NULL, 1, '2026-02-06T10:00:00Z'), (13, NULL, '{GIFT}', '06 555 0113', NULL, '2025-02-05T10:00:00Z');
"""


def _column(
    type: str = "text", identity: str = "", category: str = "user.unique_id", **more: object
) -> dict[str, object]:
    found: dict[str, object] = {
        "type": type,
        "description": "d",
        "category": category,
        "provenance": "provided",
        **more,
    }
    return found | ({"identity": identity} if identity else {}) | ({"zone": "UTC"} if type == "datetime" else {})


def _dataset(table: str, key: list[str], columns: dict[str, object], **more: object) -> dict[str, object]:
    words = {"nl": "w", "en": "w"}
    return {
        "title": words, "description": words, "table": table, "key": key, "purposes": ["books"], "source": words,
        "promise": "KEEP", "erasure": {"do": "delete"}, "owner": "o", "columns": columns,
        "examples": [{"books.reader": 1}, {"books.reader": 2}], **more,
    }  # fmt: skip


def _system() -> dict[str, object]:
    reader, phone = _column("integer", "books.reader"), _column(category="user.contact.phone_number")
    notes = {"do": "redact", "ground": {"nl": "intern", "en": "internal"}}
    return {
        "system": "books", "title": {"nl": "b", "en": "b"}, "source": "sql", "connection": "books", "owner": "o",
        "identity": {
            "kinds": {"reader": {"title": {"nl": "lezer", "en": "reader"}, "type": "integer", "person": True}},
            "edges": [
                {"dataset": "readers", "source": "reader", "target": "email", "both": True, "valid": ["since", None]},
                {"dataset": "old_emails", "source": "reader", "target": "email", "both": True, "valid": ["since", "until"]},
            ],
        },
        "datasets": {
            "readers": _dataset("readers", ["reader"], {
                "reader": reader, "email": _column(identity="email"), "since": _column("datetime"), "phone": phone,
                "street": _column(category="user.contact.address.street"), "language": _column(), "notes": _column(access=notes),
            }, subject=["reader"]),
            "old_emails": _dataset("old_emails", ["reader", "email"], {
                "reader": reader, "email": _column(identity="email"), "since": _column("datetime"), "until": _column("datetime"),
            }, subject=["reader"]),
            "loans": _dataset("loans", ["loan"], {
                "loan": _column("integer"), "reader": reader, "email": _column(identity="email"), "phone": phone,
                "given_to": reader, "at": _column("datetime"),
            }, time="at", parties={
                "lender": {"subject": ["reader", "email"], "private": ["phone"]}, "friend": {"subject": ["given_to"]},
            }),
        },
    }  # fmt: skip


class Books:
    """The bookshop's installation, and what its people do."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.state = folder, folder / "home", folder / "state"
        columns = {
            "readers": "reader, email, since, phone, street, language, notes",
            "old_emails": "reader, email, since, until", "loans": "loan, reader, email, phone, given_to, at",
        }  # fmt: skip
        files = {"policy/policy.yaml": POLICY, "datamap/books.yaml": yaml.safe_dump(_system(), sort_keys=False)}
        files |= {f"sql/books/{name}.sql": f"SELECT {names} FROM {name}" for name, names in columns.items()}
        for name, text in files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        shutil.copytree(HOME / "templates/letters", self.home / "templates/letters")
        with sqlite3.connect(folder / "books.db") as db:
            db.executescript(TABLES)
        db.close()
        self.clock = FixedClock(NOW)
        self.urls = {"PRIVACY_CONNECTION_BOOKS": f"sqlite:///{folder}/books.db"}
        self.house = self.opened()
        self.house.found()

    def opened(self, **urls: str) -> House:
        return House(Settings(home=self.home, state=self.state), EnvironmentConnections(self.urls | urls), self.clock)

    def execute(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.folder / "books.db") as db:
            db.execute(statement, values)
        db.close()

    def asked(self, right: Right = Right.ACCESS, *named: str, **more: object) -> str:
        who = [
            Identifier("email", name) if "@" in name else Identifier("books.reader", int(name))
            for name in named or (ANNA,)
        ]
        return self.house.register.receive(right, who, author="desk", **more).number  # type: ignore[arg-type]

    def export(self, number: str, name: str = "r1") -> None:
        run = Run(name, number, "operator")
        steps.open_request(self.house, run)
        steps.resolve_identity(self.house, run)
        parts = [steps.extract(self.house, run, unit) for unit in steps.list_parts(self.house, run)]
        steps.write_bundle(self.house, run, parts)

    def prove(self, number: str, address: str | None = None) -> None:
        document = Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport, and the person in the picture")
        known = Evidence(kind=EvidenceKind.KNOWN_ADDRESS, address=address)
        self.house.register.prove(number, known if address else document, "desk")

    def released(self, *named: str, address: str | None = ANNA, right: Right = Right.ACCESS, **more: object) -> str:
        """A request whose bundle leaves nothing out, exported, proven and released."""
        number = self.asked(right, *named, **more)
        self.export(number)
        self.prove(number, address)
        if (bundle := self.house.register.bundle(number)) is not None and bundle.left_out:
            self.house.register.review(number, "desk")
        self.house.register.release(number, "desk")
        return number

    @property
    def letters(self) -> list[EmailMessage]:
        files = sorted((self.state / "outbox").glob("*.eml"), key=lambda f: f.stat().st_mtime_ns)
        return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[misc]

    def said(self, number: str, kind: str) -> list[dict[str, object]]:
        return [dict(e.entry) for e in self.house.ledger.entries(request=number, kind=kind)]


def plain(letter: EmailMessage) -> str:
    """A letter's text on one line."""
    return " ".join(letter.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]


def html(letter: EmailMessage) -> str:
    return str(letter.get_body(("html",)).get_content())  # type: ignore[union-attr]


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)
