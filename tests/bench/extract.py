"""One dataset of one subject out of SQLite, into Parquet and JSON: ``ours``, or ``pandas`` as a user would write it."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from harness import report

from privacy.bundle import PartWriter
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.sources import source_for
from privacy.sources.base import Identifier, Of, Selection, Subject

SYSTEM = """
system: shop
title: {nl: s, en: s}
source: sql
connection: shop
owner: o
identity: {kinds: {client: {title: {nl: k, en: c}, type: integer, person: true}}}
datasets:
  events:
    title: {nl: t, en: t}
    description: {nl: d, en: d}
    key: [id]
    subject: [client]
    purposes: [p]
    source: {nl: s, en: s}
    promise: X
    erasure: {do: delete}
    owner: o
    examples: [{shop.client: 1}, {shop.client: 2}]
    columns:
      id: {type: integer}
      client: {type: integer, identity: shop.client}
      at: {type: datetime, zone: UTC}
      amount: {type: "decimal(12,2)"}
      note: {type: text}
"""
SELECT = "SELECT id, client, at, amount, note FROM events"


def make(folder: Path, rows: int) -> None:
    """A table in which four of five rows are the subject's."""
    (folder / "sql/shop").mkdir(parents=True)
    (folder / "sql/shop/events.sql").write_text(SELECT)
    with sqlite3.connect(folder / "shop.db") as db:
        db.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, client INTEGER, at TEXT, amount TEXT, note TEXT)")
        db.executemany(
            "INSERT INTO events VALUES (?,?,?,?,?)",
            (
                (n, 2 if n % 5 == 0 else 1, f"2026-01-{n % 28 + 1:02d}T{n % 24:02d}:00:00.{n % 1_000_000:06d}Z",
                 f"{n % 9999}.{n % 100:02d}", f"regel {n} é")
                for n in range(rows * 5 // 4)
            ),
        )  # fmt: skip
        db.execute("CREATE INDEX events_client ON events (client)")


def ours(folder: Path, rows: int) -> None:
    """Through the source and the part writer, as the DAG does."""
    raw = yaml.safe_load(SYSTEM)
    for column in raw["datasets"]["events"]["columns"].values():
        column |= {"description": "d", "category": "user.unique_id", "provenance": "provided"}
    system = System.model_validate(raw)
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_SHOP": f"sqlite:///{folder}/shop.db"})
    source = source_for(system, connections, home=folder)
    selection = Selection("events", Of((Subject(1, (Identifier("shop.client", 1),)),)))
    with tempfile.TemporaryDirectory() as to:
        with PartWriter(Path(to) / "part", Ref(system, "events", system.datasets["events"])) as writer:
            for partition in source.partitions(selection):
                for batch in source.read(selection, partition):
                    writer.write(batch)
        if writer.part.records != rows:
            raise AssertionError(f"{writer.part.records} records instead of {rows}")


def with_pandas(folder: Path, rows: int) -> None:
    """read_sql, to_parquet, to_json: what a user would write."""
    with sqlite3.connect(folder / "shop.db") as db, tempfile.TemporaryDirectory() as to:
        frame = pd.read_sql(f"{SELECT} WHERE client = 1 ORDER BY id", db, parse_dates=["at"])
        pq.write_table(pa.Table.from_pandas(frame), f"{to}/data.parquet", compression="zstd")
        frame.to_json(f"{to}/data.json", orient="records", lines=True, date_format="iso", date_unit="us")
        if len(frame) != rows:
            raise AssertionError(f"{len(frame)} records instead of {rows}")


if __name__ == "__main__":
    how, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    report(lambda: {"ours": ours, "pandas": with_pandas}[how](folder, rows))
