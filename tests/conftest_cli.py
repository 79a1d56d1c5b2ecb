"""A hair salon with two tables, and the `privacy` command run on it."""

from __future__ import annotations

import json
import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Any

import typer.testing
from typer.testing import CliRunner, Result

POLICY = """
controller: De Salon
version: "1"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: SAL
contact: {name: Salon, address: [Dorpsstraat 1], email: salon@salon.example,
  authority: {nl: AP, en: AP}, authority_url: "https://ap.example"}
promises:
  KEEP: {title: {nl: k, en: k}, quote: q, kept_by: k, term: {condition: {nl: tot opzegging, en: until the end}}}
purposes: {hair: {title: {nl: haar, en: hair}, basis: contract}}
categories: {user: {nl: Gegevens, en: Data}}
"""
DATASET = """
  {name}:
    title: {{nl: {name}, en: {name}}}
    description: {{nl: d, en: d}}
    table: {name}
    key: [{key}]
    subject: [{subject}]
    {time}
    purposes: [hair]
    source: {{nl: s, en: s}}
    promise: KEEP
    erasure: {{do: delete}}
    owner: o
    examples: [{{salon.guest: 1}}, {{salon.guest: 2}}]
    columns:
"""
COLUMN = "      {name}: {{type: {type}, description: d, category: user.unique_id, provenance: provided{more}}}\n"
SYSTEM = """
system: salon
title: {nl: Salon, en: Salon}
source: sql
connection: salon
owner: o
identity:
  kinds: {guest: {title: {nl: gast, en: guest}, type: integer, person: true}}
  edges:
    - {dataset: guests, source: guest, target: email, both: true, valid: [since, null]}
datasets:
"""
TABLES = """
CREATE TABLE guests (guest INTEGER PRIMARY KEY, email TEXT, since TEXT);
CREATE TABLE cuts (cut INTEGER PRIMARY KEY, guest INTEGER, email TEXT, at TEXT, hair TEXT);
INSERT INTO guests VALUES (1, 'anna@a.example', '2020-01-01T00:00:00Z'), (2, 'bert@b.example', '2020-01-01T00:00:00Z'),
  (3, 'house@h.example', '2020-01-01T00:00:00Z'), (4, 'House@h.example', '2021-01-01T00:00:00Z');
INSERT INTO cuts VALUES (10, 1, NULL, '2026-01-05T10:00:00Z', 'red'), (11, 1, NULL, '2026-02-05T10:00:00Z', NULL),
  (12, 2, NULL, '2026-02-05T10:00:00Z', 'blue'), (13, NULL, 'gast@g.example', '2025-02-05T10:00:00Z', 'green');
"""


def system() -> str:
    time = ", zone: UTC"
    columns = {
        "guests": [("guest", "integer", ", identity: salon.guest"), ("email", "text", ", identity: email"), ("since", "datetime", time)],
        "cuts": [("cut", "integer", ""), ("guest", "integer", ", identity: salon.guest"), ("email", "text", ", identity: email"),
            ("at", "datetime", time), ("hair", "text", "")],
    }  # fmt: skip
    heads = {
        "guests": DATASET.format(name="guests", key="guest", subject="guest", time=""),
        "cuts": DATASET.format(name="cuts", key="cut", subject="guest, email", time="time: at"),
    }
    return SYSTEM + "".join(
        heads[name] + "".join(COLUMN.format(name=c, type=t, more=more) for c, t, more in found)
        for name, found in columns.items()
    )


# Typer builds its commands anew for every invocation, which takes longer than most of them.
typer.testing._get_command = lru_cache(maxsize=None)(typer.testing._get_command)


class Salon:
    """The salon's folder, its database, and the command."""

    def __init__(self, folder: Path, monkeypatch: Any) -> None:
        from privacy.settings import settings

        self.folder, self.monkeypatch = folder, monkeypatch
        self.home, self.state = folder / "home", folder / "state"
        files = {"policy/policy.yaml": POLICY, "datamap/salon.yaml": system()}
        files["sql/salon/guests.sql"] = "SELECT guest, email, since FROM guests"
        files["sql/salon/cuts.sql"] = "SELECT cut, guest, email, at, hair FROM cuts"
        for name, text in files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        with sqlite3.connect(folder / "salon.db") as db:
            db.executescript(TABLES)
        db.close()
        self.environment = {
            "PRIVACY_HOME": str(self.home),
            "PRIVACY_STATE": str(self.state),
            "PRIVACY_CONNECTION_SALON": f"sqlite:///{folder}/salon.db",
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        for name in (
            "PRIVACY_KEY_FILE",
            "PRIVACY_CONNECTION_LEDGER",
            "PRIVACY_CONNECTION_BUNDLES",
            "PRIVACY_AIRFLOW_URL",
        ):
            monkeypatch.delenv(name, raising=False)
        settings.cache_clear()

    def execute(self, statement: str) -> None:
        with sqlite3.connect(self.folder / "salon.db") as db:
            db.execute(statement)
        db.close()

    def run(self, *words: str, read: str = "") -> Result:
        """One command; everything it says on both channels is in the result."""
        from privacy.cli import app

        return CliRunner().invoke(app, list(words), input=read)

    def good(self, *words: str, read: str = "") -> Any:
        """The JSON of a command that succeeds."""
        found = self.run(*words, "--json", read=read)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def error(self, *words: str, read: str = "") -> str:
        """The one line of a command that fails."""
        found = self.run(*words, read=read)
        assert found.exit_code == 1, found.output
        lines = found.stderr.splitlines()
        assert len(lines) == 1, found.stderr
        assert lines[0].startswith("error: [")
        return lines[0]

    def house(self) -> Any:
        from privacy.cli.common import workbench

        return workbench()

    def seal(self, number: str) -> None:
        """What the export's DAG does, with a stand-in for the bundle's content."""
        import hashlib

        house = self.house()
        house.register.begin(number, "r1")
        house.register.resolved(number, house.subject(number), run="r1")
        content = b"sealed " + number.encode()
        with house.bundles.write(f"{number}.zip.age") as file:
            file.write(content)
        digest = hashlib.sha256(content).hexdigest()
        house.register.sealed(
            number,
            run="r1",
            path=f"{number}.zip.age",
            inner_sha256="i" * 64,
            outer_sha256=digest,
            counts={"salon.cuts": 2},
        )
