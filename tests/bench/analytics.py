"""One subject out of a year of daily analytics exports in Parquet: ``ours``, in ``two`` processes, ``duckdb``, ``arms``.

The layout is GA4's: a file a day, 100,000 events in each, every event with eight parameters. Some days are the
subject's.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from harness import report

from privacy.connections import EnvironmentConnections
from privacy.datamap.models import System
from privacy.sources import records, source_for
from privacy.sources.base import Identifier, Of, Selection, Subject, schema_of

DAYS, EVENTS, OWN_EVERY = 365, 100_000, 30
FIRST = date(2025, 11, 25)
CUSTOMER, DEVICE, ADDRESS, AGENT = "5001", "1000012345.1700000001", "198.51.50.251", "Mozilla/5.0 (X11; Linux x86_64)"
PARAMS = (
    "page_location",
    "page_title",
    "page_referrer",
    "ip_address",
    "user_agent",
    "ga_session_id",
    "engagement_time_msec",
    "value",
)
VALUE = "record<string_value: text, int_value: integer, float_value: number, double_value: number>"

SYSTEM = f"""
system: analytics
title: {{nl: s, en: s}}
source: records
connection: analytics
owner: o
identity: {{kinds: {{customer: {{title: {{nl: k, en: c}}, type: integer, person: true}}}}}}
datasets:
  events:
    title: {{nl: t, en: t}}
    description: {{nl: d, en: d}}
    prefix: ga4/
    names: events_(?P<day>\\d{{8}})\\.parquet
    records: {{day: day}}
    key: [file, row]
    subject: [user_id, user_pseudo_id, ip_address]
    time: occurred_at
    starts: {{column: occurred_at}}
    purposes: [p]
    source: {{nl: s, en: s}}
    promise: X
    erasure: {{do: delete}}
    owner: o
    examples: [{{analytics.customer: 1}}, {{analytics.customer: 2}}]
    columns:
      file: {{type: text}}
      row: {{type: integer}}
      event_date: {{type: text}}
      occurred_at: {{type: datetime, zone: UTC, form: epoch_us, path: event_timestamp}}
      event_name: {{type: text}}
      event_params: {{type: "list<record<key: text, value: {VALUE}>>"}}
      user_id: {{type: text, identity: analytics.customer}}
      user_pseudo_id: {{type: text, identity: device_id}}
      ip_address: {{type: text, identity: ip, path: "event_params[?key=='ip_address'].value.string_value | [0]"}}
      user_agent: {{type: text, path: "event_params[?key=='user_agent'].value.string_value | [0]"}}
      geo: {{type: "record<country: text, city: text>"}}
"""


def make(folder: Path) -> None:
    """A year of files."""
    (folder / "ga4").mkdir(parents=True)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(_day, [(folder, n) for n in range(DAYS)], chunksize=8)


def _day(folder: Path, n: int) -> None:
    day = FIRST + timedelta(days=n)
    _write(folder / f"ga4/events_{day:%Y%m%d}.parquet", day, n, own=n % OWN_EVERY == 7)


def _write(path: Path, day: date, seed: int, *, own: bool) -> None:
    """A day's events in order of time; of the subject's day 100 of theirs by id, 20 by device, 20 by address."""
    dice = np.random.default_rng(seed)
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    times = np.sort(dice.integers(0, 86_400_000_000, EVENTS)) + midnight
    # The subject's ids lie among all others: no file is gone by for its least and greatest alone.
    ids = dice.integers(1_000, 9_000, EVENTS)
    users = np.where(dice.random(EVENTS) < 0.2, np.where(ids == int(CUSTOMER), 7_001, ids).astype(str), None).astype(
        object
    )
    devices = np.array([f"{n}.1700000000" for n in range(1_000_000_000, 1_000_020_000)], object)[
        dice.integers(0, 20_000, EVENTS)
    ]
    addresses = np.array([f"198.51.{a}.{b}" for a in range(100) for b in range(250)], object)[
        dice.integers(0, 25_000, EVENTS)
    ]
    agents = np.array([AGENT, *(f"Mozilla/5.0 (agent {n})" for n in range(50))], object)[dice.integers(0, 51, EVENTS)]
    if own:
        noon = int(np.searchsorted(times, midnight + 43_200_000_000))
        users[noon : noon + 300], devices[noon : noon + 300] = None, "1000012345.1700000002"
        users[noon : noon + 100] = CUSTOMER
        devices[noon + 100 : noon + 120] = DEVICE
        devices[noon + 120 : noon + 140] = None
        addresses[noon + 120 : noon + 140], agents[noon + 120 : noon + 140] = ADDRESS, AGENT
    pages = np.array([f"https://shop.example/ringen/{n}?utm_source=mail" for n in range(3_000)], object)[
        dice.integers(0, 3_000, EVENTS)
    ]
    strings = np.full((EVENTS, len(PARAMS)), None, object)
    strings[:, 0], strings[:, 1], strings[:, 2] = pages, "Ringen", "https://search.example/"
    strings[:, 3], strings[:, 4] = addresses, agents
    ints = np.zeros((EVENTS, len(PARAMS)), np.int64)
    ints[:, 5], ints[:, 6] = dice.integers(1, 2**40, EVENTS), dice.integers(1, 10_000, EVENTS)
    empty = np.ones((EVENTS, len(PARAMS)), bool)
    empty[:, 5:7] = False
    nothing = pa.nulls(EVENTS * len(PARAMS), pa.float64())
    value = pa.StructArray.from_arrays(
        [pa.array(strings.ravel(), pa.string()), pa.array(ints.ravel(), mask=empty.ravel()), nothing, nothing],
        ["string_value", "int_value", "float_value", "double_value"],
    )
    param = pa.StructArray.from_arrays(
        [pa.array(np.tile(np.array(PARAMS, object), EVENTS), pa.string()), value], ["key", "value"]
    )
    params = pa.ListArray.from_arrays(pa.array(np.arange(EVENTS + 1) * len(PARAMS), pa.int32()), param)
    geo = pa.StructArray.from_arrays([pa.array(["NL"] * EVENTS), pa.array(["Delft"] * EVENTS)], ["country", "city"])
    table = pa.table({
        "event_date": pa.array([f"{day:%Y%m%d}"] * EVENTS), "event_timestamp": pa.array(times),
        "event_name": pa.array(["page_view"] * EVENTS), "event_params": params, "user_id": pa.array(users, pa.string()),
        "user_pseudo_id": pa.array(devices, pa.string()), "geo": geo,
    })  # fmt: skip
    pq.write_table(table, path, row_group_size=EVENTS // 2)


def _visits() -> list[tuple[datetime, datetime]]:
    """The subject's visits: a few minutes after noon on their days."""
    days = [FIRST + timedelta(days=n) for n in range(7, DAYS, OWN_EVERY)]
    noons = [datetime(d.year, d.month, d.day, 12, tzinfo=UTC) for d in days]
    return [(noon, noon + timedelta(minutes=10)) for noon in noons]


def wanted(days: int) -> int:
    """How many records are the subject's."""
    return 140 * len(range(7, days, OWN_EVERY))


def ours(folder: Path, days: int, workers: int = 1) -> None:
    """Through the source, into Parquet; partitions spread over workers as Airflow maps them."""
    raw = yaml.safe_load(SYSTEM)
    for column in raw["datasets"]["events"]["columns"].values():
        column |= {"description": "d", "category": "user.unique_id", "provenance": "observed"}
    system = System.model_validate(raw)
    assert records  # Imported before the clock starts.
    parts = [(system, folder, days, worker, workers) for worker in range(workers)]
    if workers == 1:
        found = _part(parts[0])
    else:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            found = sum(pool.map(_part, parts))
    if found != wanted(days):
        raise AssertionError(f"{found} records instead of {wanted(days)}")


def _part(asked: tuple[System, Path, int, int, int]) -> int:
    system, folder, days, worker, workers = asked
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_ANALYTICS": folder.as_uri()})
    source = source_for(system, connections, home=folder)
    known = [Identifier("analytics.customer", int(CUSTOMER)), Identifier("device_id", DEVICE)]
    known += [Identifier("ip", ADDRESS, low, high, agent=AGENT) for low, high in _visits()]
    selection = Selection("events", Of((Subject(1, tuple(known)),)))
    found, schema = 0, schema_of(system.datasets["events"])
    with tempfile.TemporaryDirectory() as to, pq.ParquetWriter(f"{to}/mine.parquet", schema, compression="zstd") as out:
        for partition in source.partitions(selection)[:days][worker::workers]:
            for batch in source.read(selection, partition):
                out.write_batch(batch)
                found += batch.num_rows
    return found


def with_duckdb(folder: Path, days: int, *, arms: bool = False) -> None:
    """The same question in SQL; what others did during a visit is not even asked.

    :param arms: one SELECT for each way to be theirs, all joined: of one WHERE with OR, as it is written first, DuckDB
        reads every parameter of every event.
    """
    files = sorted(str(path) for path in (folder / "ga4").iterdir())[:days]
    during = " OR ".join(
        f"event_timestamp BETWEEN {int(low.timestamp() * 1e6)} AND {int(high.timestamp() * 1e6)}"
        for low, high in _visits()
    )
    param = "list_filter(event_params, lambda p: p.key = '{}')[1].value.string_value"
    with duckdb.connect() as db, tempfile.TemporaryDirectory() as to:
        select = f"SELECT *, {param.format('ip_address')} AS ip_address FROM read_parquet($files, filename = true)"
        ways = [
            f"user_id = '{CUSTOMER}'",
            f"user_pseudo_id = '{DEVICE}' AND user_id IS NULL",
            f"""user_id IS NULL AND user_pseudo_id IS NULL AND ({during})
            AND {param.format("ip_address")} = '{ADDRESS}' AND {param.format("user_agent")} = '{AGENT}'""",
        ]
        asked = [f"{select} WHERE {way}" for way in ways] if arms else [f"{select} WHERE ({') OR ('.join(ways)})"]
        db.execute(f"CREATE TABLE mine AS {' UNION ALL '.join(asked)}", {"files": files})
        db.execute(f"COPY mine TO '{to}/mine.parquet' (COMPRESSION zstd)")
        found = db.execute("SELECT count(*) FROM mine").fetchone()
    if found != (wanted(days),):
        raise AssertionError(f"{found} records instead of {wanted(days)}")


if __name__ == "__main__":
    how, folder, days = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    work = {
        "ours": lambda: ours(folder, days),
        "two": lambda: ours(folder, days, 2),
        "duckdb": lambda: with_duckdb(folder, days),
        "arms": lambda: with_duckdb(folder, days, arms=True),
    }
    report(work[how])
