"""A workshop of four tables with every type, two people in a row, and references between the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from privacy.connections import EnvironmentConnections
from privacy.datamap.models import System
from privacy.sources import source_for
from privacy.sources.base import Due, Identifier, Item, Of, Selection, Source, Step, Subject

SYSTEM = """
system: shop
title: {nl: s, en: s}
source: sql
connection: shop
owner: o
identity: {kinds: {client: {title: {nl: k, en: c}, type: integer, person: true}}}
datasets:
  clients:
    key: [client]
    subject: [client]
    table: clients
    starts: {column: since}
    columns:
      client: {type: integer, identity: shop.client}
      email: {type: text, identity: email}
      parent: {type: integer}
      since: {type: datetime, zone: UTC}
  orders:
    key: [year, number]
    parties:
      buyer: {subject: [client, email], private: [note]}
      receiver: {subject: [receiver_email], private: [receiver_email]}
    table: orders
    time: at
    starts: {column: at}
    columns:
      year: {type: integer}
      number: {type: text}
      client: {type: integer, identity: shop.client}
      email: {type: text, identity: email}
      receiver_email: {type: text, identity: email}
      at: {type: datetime, zone: Europe/Amsterdam}
      paid_ms: {type: datetime, zone: UTC, form: epoch_ms}
      price: {type: "decimal(20,4)"}
      big: {type: integer}
      drawing: {type: binary}
      tags: {type: list<text>}
      meta: {type: "record<fee: decimal(8,2), tries: integer>"}
      gift: {type: boolean}
      due: {type: date}
      note: {type: text}
  lines:
    key: [line]
    subject: [client]
    table: lines
    columns:
      line: {type: integer}
      client: {type: integer, identity: shop.client}
"""
SELECTS = {
    "clients": "SELECT client, email, parent, since FROM clients",
    "orders": "SELECT year, number, client, email, receiver_email, at, paid_ms, price, big, drawing, tags, meta, gift,"
    " due, note FROM orders;",
    "lines": "SELECT l.line, o.client FROM lines l JOIN orders o ON o.year = l.year AND o.number = l.number",
}
TABLES = """
CREATE TABLE clients (client INTEGER PRIMARY KEY, email TEXT, parent INTEGER REFERENCES clients, since TEXT);
CREATE TABLE orders (year INTEGER, number TEXT, client INTEGER REFERENCES clients, email TEXT, receiver_email TEXT,
  at TEXT, paid_ms INTEGER, price TEXT, big INTEGER, drawing BLOB, tags TEXT, meta TEXT, gift INTEGER,
  due TEXT, note TEXT,
  PRIMARY KEY (year, number));
CREATE TABLE lines (line INTEGER PRIMARY KEY, year INTEGER, number TEXT,
  FOREIGN KEY (year, number) REFERENCES orders(year, number) ON DELETE CASCADE);
"""


def system() -> System:
    """The data map's words that every dataset needs are filled in here."""
    raw = yaml.safe_load(SYSTEM)
    for dataset in raw["datasets"].values():
        dataset |= {"title": {"nl": "t", "en": "t"}, "description": {"nl": "d", "en": "d"}, "purposes": ["p"],
            "source": {"nl": "s", "en": "s"}, "promise": "X", "erasure": {"do": "delete"}, "owner": "o",
            "examples": [{"shop.client": 1}, {"shop.client": 2}]}  # fmt: skip
        for column in dataset["columns"].values():
            column |= {"description": "d", "category": "user.unique_id", "provenance": "provided"}
    return System.model_validate(raw)


class Shop:
    """The database, filled by a test, and its source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sql/shop").mkdir(parents=True)
        for name, text in SELECTS.items():
            self.select(name, text)
        self.db = sqlite3.connect(folder / "shop.db")
        self.db.executescript(TABLES)
        self.db.executemany(
            "INSERT INTO clients VALUES (?,?,?,?)",
            [(n, f"c{n}@a.example", None, "2024-01-01T00:00:00Z") for n in (1, 2, 3)],
        )

    def select(self, name: str, text: str) -> None:
        (self.folder / f"sql/shop/{name}.sql").write_text(text)

    def order(self, number: str, **values: object) -> None:
        row = {"year": 2026, "number": number, "at": "2026-05-01T10:00:00Z"} | values
        names = ", ".join(row)
        self.db.execute(f"INSERT INTO orders ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))

    def source(self, batch_rows: int = 10_000) -> Source:
        self.db.commit()
        connections = EnvironmentConnections({"PRIVACY_CONNECTION_SHOP": f"sqlite:///{self.folder}/shop.db"})
        return source_for(system(), connections, home=self.folder, batch_rows=batch_rows)

    def read(self, dataset: str, pick: Of | Due, batch_rows: int = 10_000) -> list[dict[str, object]]:
        source, selection = self.source(batch_rows), Selection(dataset, pick)
        rows: list[dict[str, object]] = []
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition):
                assert 0 < batch.num_rows <= batch_rows
                rows += batch.to_pylist()
        return rows

    def locate(self, dataset: str, pick: Of | Due) -> tuple[Item, ...]:
        source, selection = self.source(), Selection(dataset, pick)
        return tuple(item for p in source.partitions(selection) for item in source.locate(selection, p))

    def step(self, dataset: str, pick: Of | Due, change: object) -> Step:
        return Step(Selection(dataset, pick), change, self.locate(dataset, pick))

    def dump(self) -> list[str]:
        self.db.commit()
        return list(self.db.iterdump())


def of(*values: str | int, no: int = 1) -> Of:
    """One subject, by e-mail addresses and client numbers."""
    kinds = ("email", "shop.client")
    return Of((Subject(no, tuple(Identifier(kinds[isinstance(v, int)], v) for v in values)),))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.db.close()
