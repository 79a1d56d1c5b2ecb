"""``make bench``: everything, in one run; ``LARGE=/some/folder`` the large shop too; ``ONLY="desk erasure"`` these parts."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import analytics
from erasure import erasure
from extract import make, make_postgres
from harness import Row, last_rows, median, merged, slower, write
from large import whole_shop
from log_index import logs
from mail import search
from many import rows as many
from purge import purge
from purge_servers import servers
from run import runs
from s3 import objects
from start import starts
from workers import workers

from desk import desk
from ledger import evidence
from services.postgres import postgres

HERE = Path(__file__).parent


def extraction() -> list[Row]:
    """400,000 rows of one dataset for one subject: seconds, memory; and whether 2 million need more memory."""
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        make(Path(small), 400_000)
        make(Path(large), 2_000_000)
        ours = median(HERE / "extract.py", "ours", small, "400000")
        peer = median(HERE / "extract.py", "pandas", small, "400000")
        many = median(HERE / "extract.py", "ours", large, "2000000")
        peer_many = median(HERE / "extract.py", "pandas", large, "2000000")
    name = "one dataset for one subject, SQLite to Parquet and JSON"
    row = "pandas read_sql, to_parquet, to_json"
    growth = many.peak_mib / ours.peak_mib
    return [
        Row(f"{name}: time", "400,000 rows", "s", round(ours.seconds, 2), round(peer.seconds, 2), row,
            round(ours.seconds / peer.seconds, 2), "at most 1.5 s", ours.seconds <= 1.5),
        Row(f"{name}: peak memory", "400,000 rows", "MiB", round(ours.peak_mib), round(peer.peak_mib), row,
            round(ours.peak_mib / peer.peak_mib, 2), "at most 250 MB", ours.peak_mib * 2**20 <= 250e6),
        Row(f"{name}: peak memory", "2,000,000 rows", "MiB", round(many.peak_mib), round(peer_many.peak_mib), row,
            round(many.peak_mib / peer_many.peak_mib, 2), "at most 1.1 times that of 400,000 rows", growth <= 1.1),
    ]  # fmt: skip


def extraction_from_a_server() -> list[Row]:
    """The same 400,000 rows out of PostgreSQL."""
    with tempfile.TemporaryDirectory() as name, postgres() as server:
        url = make_postgres(Path(name), server, 400_000)
        ours, peer = (median(HERE / "extract.py", how, name, "400000", url) for how in ("ours", "pandas"))
    what, row = "one dataset for one subject, PostgreSQL to Parquet and JSON", "pandas read_sql, to_parquet, to_json"
    return [
        Row(f"{what}: time", "400,000 rows", "s", round(ours.seconds, 2), round(peer.seconds, 2), row,
            round(ours.seconds / peer.seconds, 2), "at most 1.5 s", ours.seconds <= 1.5),
        Row(f"{what}: peak memory", "400,000 rows", "MiB", round(ours.peak_mib), round(peer.peak_mib), row,
            round(ours.peak_mib / peer.peak_mib, 2), "at most 250 MB", ours.peak_mib * 2**20 <= 250e6),
    ]  # fmt: skip


def year_of_events() -> list[Row]:
    """36.5 million analytics events in 365 Parquet files for one subject: seconds, and whether memory stays flat."""
    with tempfile.TemporaryDirectory() as folder:
        analytics.make(Path(folder))
        ours = median(HERE / "analytics.py", "two", folder, "365")
        plain = median(HERE / "analytics.py", "duckdb", folder, "365")
        tuned = median(HERE / "analytics.py", "arms", folder, "365")
        few = median(HERE / "analytics.py", "ours", folder, "60")
        year = median(HERE / "analytics.py", "ours", folder, "365")
    name = "analytics: one subject's events, Parquet to Parquet"
    row = "DuckDB, tuned by hand: a SELECT for each way to be theirs"
    return [
        Row(f"{name}: time", "365 days of 100,000, two cores", "s", round(ours.seconds, 2), round(plain.seconds, 2),
            "DuckDB, one WHERE with OR", round(ours.seconds / plain.seconds, 2), "at least as fast",
            ours.seconds <= plain.seconds),
        Row(f"{name}: time", "365 days of 100,000, two cores", "s", round(ours.seconds, 2), round(tuned.seconds, 2), row,
            round(ours.seconds / tuned.seconds, 2), "at most 2.5 times", ours.seconds <= 2.5 * tuned.seconds),
        Row(f"{name}: peak memory", "365 days of 100,000", "MiB", round(year.peak_mib), round(tuned.peak_mib), row,
            round(year.peak_mib / tuned.peak_mib, 2), "at most 1.1 times that of 60 days", year.peak_mib <= 1.1 * few.peak_mib),
    ]  # fmt: skip


PARTS: dict[str, Callable[[], list[Row]]] = {
    "extraction": extraction,
    "server": extraction_from_a_server,
    "events": year_of_events,
    "logs": logs,
    "many": many,
    "mail": search,
    "purge": purge,
    "erasure": erasure,
    "servers": servers,
    "objects": objects,
    "ledger": evidence,
    "desk": desk,
    "start": starts,
    "run": runs,
    "workers": workers,
}
"""What is measured, in the page's order; and ``large``, where ``LARGE`` says in which folder."""


def main(only: Sequence[str], large: str) -> int:
    """Measure some parts, or all: the rows of the others stay as they were, with the day on which they were measured.

    :returns: 1 when a target of what was measured is not met.
    """
    parts = PARTS | ({"large": lambda: whole_shop(Path(large))} if large else {})
    if unknown := sorted(set(only) - set(parts)):
        sys.stderr.write(f"No such part: {', '.join(unknown)}. There are: {', '.join(parts)}.\n")
        return 2
    now, today = list[Row](), f"{datetime.now(UTC):%Y-%m-%d}"
    for name in only or parts:
        for row in parts[name]():
            now.append(replace(row, part=name, on=today))
            sys.stdout.write(
                f"{'ok ' if row.met else 'NOT MET'} {row.name} ({row.size}): {row.ours} {row.unit}, {row.peer_name}: {row.peer}\n"
            )
            sys.stdout.flush()
    before = last_rows()
    for line in slower(before, now):
        sys.stdout.write(f"SLOWER {line}\n")
    write(merged(before, now, [*PARTS, "large"]))
    return 0 if all(row.met for row in now) else 1


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ONLY", "").split(), os.environ.get("LARGE", "")))
