"""``make bench``: everything, in one run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from extract import make
from harness import Row, measure, write
from mail import search
from run import runs

HERE = Path(__file__).parent


def extraction() -> list[Row]:
    """400,000 rows of one dataset for one subject: seconds, memory; and whether 2 million need more memory."""
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        make(Path(small), 400_000)
        make(Path(large), 2_000_000)
        ours = measure(HERE / "extract.py", "ours", small, "400000")
        peer = measure(HERE / "extract.py", "pandas", small, "400000")
        many = measure(HERE / "extract.py", "ours", large, "2000000")
        peer_many = measure(HERE / "extract.py", "pandas", large, "2000000")
    name = "one dataset for one subject, SQLite to Parquet and JSON"
    row = "pandas read_sql, to_parquet, to_json"
    growth = many.peak_mib / ours.peak_mib
    return [
        Row(f"{name}: time", "400,000 rows", "s", round(ours.seconds, 2), round(peer.seconds, 2), row,
            round(ours.seconds / peer.seconds, 2), "at most 3 s", ours.seconds <= 3),
        Row(f"{name}: peak memory", "400,000 rows", "MiB", round(ours.peak_mib), round(peer.peak_mib), row,
            round(ours.peak_mib / peer.peak_mib, 2), "at most 400 MB", ours.peak_mib * 2**20 <= 400e6),
        Row(f"{name}: peak memory", "2,000,000 rows", "MiB", round(many.peak_mib), round(peer_many.peak_mib), row,
            round(many.peak_mib / peer_many.peak_mib, 2), "at most 1.1 times that of 400,000 rows", growth <= 1.1),
    ]  # fmt: skip


if __name__ == "__main__":
    rows = [*extraction(), *search(), *runs()]
    write(rows)
    for row in rows:
        sys.stdout.write(
            f"{'ok ' if row.met else 'NOT MET'} {row.name} ({row.size}): {row.ours} {row.unit}, {row.peer_name}: {row.peer}\n"
        )
    sys.exit(0 if all(row.met for row in rows) else 1)
