"""A club of a few tables, just big enough for every rule of "Whose is it"."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.connections import EnvironmentConnections
from privacy.datamap.load import DataMap, load
from privacy.identity import Decision, Resolution, resolve
from privacy.sources import source_for
from privacy.sources.base import Identifier

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)

POLICY = """
controller: De Club
version: "1"
in_force: 2024-01-01
zone: Europe/Amsterdam
prefix: CLB
contact: {name: Bestuur, address: [Dorpsstraat 1], email: bestuur@club.example,
  authority: {nl: AP, en: AP}, authority_url: "https://ap.example"}
promises:
  KEEP: {title: {nl: k, en: k}, quote: q, kept_by: k, term: {condition: {nl: tot opzegging, en: until the end}}}
purposes: {membership: {title: {nl: lid, en: member}, basis: contract}}
categories: {user: {nl: Gegevens, en: Data}}
"""


def _dataset(name: str, subject: str, key: str, columns: dict[str, str], extra: str = "") -> str:
    lines = "".join(f"      {column}: {{{spec}}}\n" for column, spec in columns.items())
    return (
        f"  {name}:\n    title: {{nl: {name}, en: {name}}}\n    description: {{nl: d, en: d}}\n    table: {name}\n"
        f"    key: [{key}]\n    subject: [{subject}]\n    purposes: [membership]\n    source: {{nl: s, en: s}}\n"
        f"    promise: KEEP\n    erasure: {{do: delete}}\n    owner: o\n"
        "    examples: [{club.member: 1}, {club.member: 2}]\n"
        f"{extra}    columns:\n{lines}"
    )


def spec(type: str, identity: str | None = None) -> str:
    text = f"type: {type}, description: d, category: user.unique_id, provenance: provided"
    return text + (", zone: UTC" if type == "datetime" else "") + (f", identity: {identity}" if identity else "")


DATAMAP = (
    """
system: club
title: {nl: Club, en: Club}
source: sql
connection: club
owner: o
identity:
  kinds: {member: {title: {nl: lid, en: member}, type: integer, person: true}}
  edges:
    - {dataset: members, source: member, target: email, both: true, valid: [since, null]}
    - {dataset: old_emails, source: member, target: email, both: true, valid: [since, until]}
    - {dataset: members, source: merged_into, target: member, both: true}
    - {dataset: visits, source: member, target: device}
    - {dataset: visits, source: member, target: ip, window: [started, ended], agent: user_agent}
    - {dataset: visits, source: device, target: ip, window: [started, ended], agent: user_agent}
    - {dataset: orders, source: email, target: ip, window: [at, at], agent: user_agent, before: PT30M, after: PT30M}
datasets:
"""
    + _dataset("members", "member", "member", {"member": spec("integer", "club.member"), "email": spec("text", "email"),
        "since": spec("datetime"), "merged_into": spec("integer", "club.member")})
    + _dataset("old_emails", "member", "member, email", {"member": spec("integer", "club.member"),
        "email": spec("text", "email"), "since": spec("datetime"), "until": spec("datetime")})
    + _dataset("visits", "member, device", "visit", {"visit": spec("integer"), "member": spec("integer", "club.member"),
        "device": spec("text", "device_id"), "ip": spec("text", "ip"), "user_agent": spec("text"),
        "started": spec("datetime"), "ended": spec("datetime")})
    + _dataset("orders", "member, email", "no", {"no": spec("integer"), "member": spec("integer", "club.member"), "email": spec("text", "email"), "ip": spec("text", "ip"),
        "user_agent": spec("text"), "at": spec("datetime")})
)  # fmt: skip

SELECTED = {
    "members": "member, email, since, merged_into",
    "old_emails": "member, email, since, until",
    "visits": "visit, member, device, ip, user_agent, started, ended",
    "orders": "no, member, email, ip, user_agent, at",
}

TABLES = """
CREATE TABLE members (member INTEGER PRIMARY KEY, email TEXT, since TEXT, merged_into INTEGER);
CREATE TABLE old_emails (member INTEGER, email TEXT, since TEXT, until TEXT);
CREATE TABLE visits (visit INTEGER PRIMARY KEY, member INTEGER, device TEXT, ip TEXT, user_agent TEXT,
  started TEXT, ended TEXT);
CREATE TABLE orders (no INTEGER PRIMARY KEY, member INTEGER, email TEXT, ip TEXT, user_agent TEXT, at TEXT);
"""


class Club:
    """The club's database, filled by a test, and its resolver."""

    def __init__(self, folder: Path) -> None:
        home = folder / "home"
        files = {"policy/policy.yaml": POLICY, "datamap/club.yaml": DATAMAP}
        files |= {f"sql/club/{name}.sql": f"SELECT {columns} FROM {name}" for name, columns in SELECTED.items()}
        for name, text in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        self.map: DataMap = load(home)
        self.db = sqlite3.connect(folder / "club.db")
        self.db.executescript(TABLES)
        self._connections = EnvironmentConnections({"PRIVACY_CONNECTION_CLUB": f"sqlite:///{folder}/club.db"})

    def member(self, no: int, email: str, since: str = "2020-01-01T00:00:00Z", merged_into: int | None = None) -> None:
        self.db.execute("INSERT INTO members VALUES (?,?,?,?)", (no, email, since, merged_into))

    def moved(self, no: int, email: str, since: str, until: str) -> None:
        self.db.execute("INSERT INTO old_emails VALUES (?,?,?,?)", (no, email, since, until))

    def visit(self, member: int | None, device: str, ip: str, started: str, ended: str, agent: str = "A/1") -> None:
        row = (member, device, ip, agent, started, ended)
        self.db.execute("INSERT INTO visits (member,device,ip,user_agent,started,ended) VALUES (?,?,?,?,?,?)", row)

    def order(self, email: str, ip: str, at: str) -> None:
        """A guest's order."""
        self.db.execute("INSERT INTO orders (email,ip,user_agent,at) VALUES (?,?,?,?)", (email, ip, "A/1", at))

    def resolve(self, decision: Decision | None = None, **named: str | int) -> Resolution:
        self.db.commit()
        kinds = {"member": "club.member", "device": "device_id"}
        who = [Identifier(kinds.get(kind, kind), value) for kind, value in named.items()]

        def source_of(system: str):
            return source_for(self.map.systems[system], self._connections, home=self.map.home)

        return resolve(self.map, source_of, who, at=AT, decision=decision)


def values(resolution: Resolution, kind: str) -> list[tuple[str | int, bool]]:
    """(value, contested) of a kind."""
    return [(i.value, i.contested) for i in resolution.subject.identifiers if i.kind == kind]


@pytest.fixture
def club(tmp_path: Path) -> Club:
    return Club(tmp_path)


@pytest.fixture
def of_kind() -> Callable[[Resolution, str], list[tuple[str | int, bool]]]:
    return values
