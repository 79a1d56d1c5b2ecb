"""One dataset of one subject out of a database, into Parquet and JSON: ``ours``, or ``pandas`` as a user would write it.

The database is SQLite's file in the folder, or what the third argument is the URL of.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
import yaml
from harness import report

from privacy.bundle import PartWriter
from privacy.connections import EnvironmentConnections
from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.sources import source_for
from privacy.sources.base import Identifier, Of, Selection, Subject
from services.postgres import Postgres

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


def make_postgres(folder: Path, server: Postgres, rows: int) -> str:
    """The same table on a server, and what its SELECT is; its URL."""
    url = server.create("events")
    with server.admin("events") as raw:
        raw.execute(
            "CREATE TABLE events (id integer PRIMARY KEY, client integer, at timestamptz, amount numeric(12,2), note text)"
        )
        raw.execute(
            "INSERT INTO events SELECT n, CASE WHEN n % 5 = 0 THEN 2 ELSE 1 END, make_timestamptz(2026, 1, n % 28 + 1, n % 24, 0, "
            "(n % 1000000) / 1e6, 'UTC'), (n % 9999) + (n % 100) / 100.0, 'regel ' || n || ' é' FROM "
            f"generate_series(0, {rows * 5 // 4 - 1}) AS n"
        )
        raw.execute("CREATE INDEX events_client ON events (client)")
        raw.execute("GRANT SELECT ON events TO owner, reader")
        raw.execute("ANALYZE events")
    (folder / "sql/shop").mkdir(parents=True)
    (folder / "sql/shop/events.sql").write_text(SELECT)
    return url


def ours(folder: Path, rows: int, url: str) -> None:
    """Through the source and the part writer, as the DAG does."""
    raw = yaml.safe_load(SYSTEM)
    for column in raw["datasets"]["events"]["columns"].values():
        column |= {"description": "d", "category": "user.unique_id", "provenance": "provided"}
    system = System.model_validate(raw)
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_SHOP": url})
    source = source_for(system, connections, home=folder)
    selection = Selection("events", Of((Subject(1, (Identifier("shop.client", 1),)),)))
    with tempfile.TemporaryDirectory() as to:
        with PartWriter(Path(to) / "part", Ref(system, "events", system.datasets["events"])) as writer:
            for partition in source.partitions(selection):
                for batch in source.read(selection, partition):
                    writer.write(batch)
        if writer.part.records != rows:
            raise AssertionError(f"{writer.part.records} records instead of {rows}")


def with_pandas(_folder: Path, rows: int, url: str) -> None:
    """read_sql, to_parquet, to_json: what a user would write."""
    with sa.create_engine(url).connect() as db, tempfile.TemporaryDirectory() as to:
        frame = pd.read_sql(sa.text(f"{SELECT} WHERE client = 1 ORDER BY id"), db, parse_dates=["at"])
        pq.write_table(pa.Table.from_pandas(frame), f"{to}/data.parquet", compression="zstd")
        frame.to_json(f"{to}/data.json", orient="records", lines=True, date_format="iso", date_unit="us")
        if len(frame) != rows:
            raise AssertionError(f"{len(frame)} records instead of {rows}")


if __name__ == "__main__":
    how, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    url = sys.argv[4] if len(sys.argv) > 4 else f"sqlite:///{folder}/shop.db"
    report(lambda: {"ours": ours, "pandas": with_pandas}[how](folder, rows, url))
