"""One subject, or a thousand, in a year of daily web logs: with the log index and without, beside zgrep, rg, DuckDB.

``LOG_DAYS`` and ``LOG_LINES`` set the size (365 and 200,000: 3 GB, 19 GB uncompressed). The subject is seen on five
days. Every way has to find the very same lines.
"""

from __future__ import annotations

import gzip
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas  # noqa: F401 - pyarrow looks for it at its first array; it is part of the start-up
import yaml
from harness import Measured, Row, measure, median, report
from isal import igzip

from privacy.connections import EnvironmentConnections
from privacy.datamap.models import System
from privacy.sources import source_for
from privacy.sources.base import Identifier, Of, Partition, Selection, Subject
from privacy.sources.weblogs import WeblogSource
from privacy.sources.weblogs_ids_make import summed

DAYS, LINES = int(os.environ.get("LOG_DAYS", "365")), int(os.environ.get("LOG_LINES", "200000"))
RUNS, SEEN = 3, 5
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
CUSTOMER, DEVICE = 7654321, "5f2b9c1d0e8a4f7c9b3a6d5e1f0c2b4a"
NEEDLE = f" - {CUSTOMER} ["
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
)
SYSTEM = r"""
system: web
title: {nl: s, en: s}
source: weblogs
connection: web
owner: o
identity: {kinds: {customer: {title: {nl: k, en: c}, type: integer, person: true}}}
datasets:
  access:
    title: {nl: t, en: t}
    description: {nl: d, en: d}
    prefix: access/
    format: >-
      (?P<ip>\S+) - (?P<user_id>\S+) \[(?P<at>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<size>\d+|-)
      "(?P<referer>[^"]*)" "(?P<user_agent>[^"]*)" "(?P<device_id>[^"]*)"
    key: [file, line_number]
    subject: [user_id, device_id, ip]
    time: at
    starts: {column: at}
    purposes: [p]
    source: {nl: s, en: s}
    promise: X
    erasure: {do: delete}
    owner: o
    examples: [{web.customer: 1}, {web.customer: 2}]
    columns:
      file: {type: text}
      line_number: {type: integer}
      ip: {type: text, identity: ip}
      user_id: {type: integer, identity: web.customer}
      at: {type: datetime, zone: Europe/Amsterdam}
      request: {type: text}
      status: {type: integer}
      size: {type: integer}
      referer: {type: text}
      user_agent: {type: text}
      device_id: {type: text, identity: device_id}
      line: {type: binary, original: true}
"""


def make(folder: Path, days: int, lines: int) -> None:
    """The logs; the subject's are the first days, so that a tenth of them has the same."""
    (folder / "access").mkdir(parents=True)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(_day, [(folder, n, lines) for n in range(days)], chunksize=1)


def _day(folder: Path, n: int, lines: int) -> None:
    dice, at = random.Random(n), FIRST + timedelta(days=n)  # noqa: S311 - nothing secret is made
    people = [
        (f"{dice.randint(1, 223)}.{dice.randint(0, 255)}.{dice.randint(0, 255)}.{dice.randint(1, 254)}",
         dice.choice(["-"] * 4 + [str(dice.randint(100_000, 999_999))]), dice.choice(AGENTS), f"{dice.getrandbits(128):032x}")
        for _ in range(max(lines // 20, 1))
    ]  # fmt: skip
    own = {lines * k // 10 for k in range(1, 8)} if n < SEEN else set()
    made = []
    for i in range(lines):
        ip, user, agent, device = dice.choice(people)
        if i in own:
            user, device = str(CUSTOMER), DEVICE
        moment = at + timedelta(seconds=i * 86_400 // lines)
        made.append(
            f'{ip} - {user} [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /ringen/{dice.randint(1, 5000)} HTTP/2.0" 200 '
            f'{dice.randint(200, 60_000)} "https://shop.example/c/{dice.randint(1, 400)}" "{agent}" "{device}"\n'
        )
    path = folder / f"access/access-{at:%Y%m%d}.log.gz"
    path.write_bytes(gzip.compress("".join(made).encode(), 6))
    os.utime(path, ((at + timedelta(days=1)).timestamp(),) * 2)


def source(folder: Path, index: Path | None) -> WeblogSource:
    """The source over the logs; with an index, or without."""
    raw = yaml.safe_load(SYSTEM)
    for column in raw["datasets"]["access"]["columns"].values():
        column.update(description="d", category="user.device", provenance="observed")
    made = source_for(
        System.model_validate(raw), EnvironmentConnections({"PRIVACY_CONNECTION_WEB": folder.as_uri()}), home=folder,
        index=index, secret=lambda: b"k" * 32,
    )  # fmt: skip
    assert isinstance(made, WeblogSource)
    return made


ONE = Of((Subject(1, (Identifier("web.customer", CUSTOMER), Identifier("device_id", DEVICE))),))
THOUSAND = Of(
    (*ONE.subjects, *(
        Subject(n + 1, (Identifier("web.customer", 5_000_000 + n), Identifier("device_id", f"{n:032x}")))
        for n in range(1, 1_000)
    ))
)  # fmt: skip


def _read(folder: Path, index: Path | None, pick: Of, parts: list[Partition]) -> list[bytes]:
    selection, web = Selection("access", pick), source(folder, index)
    return [line for p in parts for batch in web.read(selection, p) for line in batch.column("line").to_pylist()]


def ours(folder: Path, index: Path | None, pick: Of, processes: int = 2) -> list[bytes]:
    """The lines, by two processes, as Airflow's tasks would be."""
    parts = source(folder, index).partitions(Selection("access", pick))
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        shares = [(folder, index, pick, parts[n::processes]) for n in range(processes)]
        found = pool.starmap(_read, shares, chunksize=1)
    return [line for one in found for line in one]


def decompressed(folder: Path) -> list[bytes]:
    """Decompressing alone, by two processes; it finds nothing."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(_decompress, sorted((folder / "access").iterdir()), chunksize=1)
    return []


def _decompress(path: Path) -> None:
    block = bytearray(2**20)
    with igzip.open(path, "rb") as file:
        while file.readinto(block):
            pass


def built(folder: Path, index: Path) -> list[bytes]:
    """The index, by two processes."""
    keys = [p.name for p in source(folder, index).unindexed("access")]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(_index, [(folder, index, keys[n::2]) for n in range(2)], chunksize=1)
    return []


def _index(folder: Path, index: Path, keys: list[str]) -> None:
    assert summed(source(folder, index).index("access", keys)).made == len(keys)


def peer(name: str, folder: Path) -> list[bytes]:
    """The lines by another program, on two cores."""
    files = sorted(map(str, (folder / "access").iterdir()))
    if name == "duckdb":
        with duckdb.connect(config={"threads": 2}) as db:
            found = db.execute(
                "SELECT line FROM read_csv(?, header=false, columns={'line': 'VARCHAR'}, delim='\\x01', quote='', "
                "escape='') WHERE contains(line, ?)", [files, NEEDLE],
            ).fetchall()  # fmt: skip
        return [line.encode() for (line,) in found]
    command = ["xargs", "-P2", "-n1", "zgrep", "-hF", "--", NEEDLE] if name == "zgrep" else ["rg"]
    if name == "rg":
        command = ["rg", "-zF", "-j2", "--no-filename", "--no-line-number", "--", NEEDLE, *files]
    done = subprocess.run(command, input="\n".join(files), capture_output=True, text=True, check=False)
    return [line.encode() for line in done.stdout.splitlines()]


def _median(which: str, *folders: Path) -> Measured:
    return median(Path(__file__), which, *map(str, folders), runs=RUNS)


def logs() -> list[Row]:
    """The rows; fewer days than a year make the peers' share smaller, and with it what is asked of the index."""
    with tempfile.TemporaryDirectory() as place:
        folder, index = Path(place) / "year", Path(place) / "index"
        make(folder, DAYS, LINES)
        tenth, short = Path(place) / "tenth", Path(place) / "short"
        (tenth / "access").mkdir(parents=True)
        for path in sorted((folder / "access").iterdir())[: max(DAYS // 10, SEEN)]:
            shutil.copy2(path, tenth / "access")
        stored = sum(p.stat().st_size for p in (folder / "access").iterdir())
        cold, many = _median("cold", folder), _median("thousand", folder)
        alone, grep, duck = (_median(name, folder) for name in ("decompress", "zgrep", "duckdb"))
        rg = _median("rg", folder) if shutil.which("rg") else None
        build = []
        for _ in range(RUNS):
            shutil.rmtree(index, ignore_errors=True)
            build.append(measure(Path(__file__), "build", str(folder), str(index)).seconds)
        measure(Path(__file__), "build", str(tenth), str(short))
        with_index = _median("indexed", folder, index)
        with_tenth = _median("indexed", tenth, short)
        size = sum(p.stat().st_size for p in index.rglob("*") if p.is_file())
    name, amount = "web logs, one subject", f"{DAYS} days of {LINES:,} lines, seen on {SEEN}, two cores"
    most = round(0.01 * max(1, 365 / DAYS), 4)
    peers = [("zgrep -F, two at once", grep), ("DuckDB, read_csv and contains", duck)]
    peers += [("rg -z", rg)] if rg else []
    taken = statistics.median(build)
    return [
        _row(f"{name}: with the index", amount, with_index, grep, "zgrep -F, two at once", most,
             f"at most {most} times: a hundredth at 365 days"),
        *(_row(f"{name}: without an index", amount, cold, other, what, 1 / 3.5, "at most 0.29 times") for what, other in peers),
        _row(f"{name}: without an index", amount, cold, alone, "decompressing alone", 2, "at most 2 times"),
        _row("web logs, 1,000 subjects at once: without an index", amount, many, cold, "one subject", 1.5, "at most 1.5 times"),
        _row("log index: made", amount, Measured(taken, 0), cold, "a cold read", 2, "at most 2 times"),
        _row(f"{name}: with the index, ten times the days", amount, with_index, with_tenth,
             f"{max(DAYS // 10, SEEN)} days", 1.5, "at most 1.5 times"),
        Row("log index: size", amount, "KiB", round(size / 1024), round(stored / 1024), "the logs as stored",
            round(size / stored, 4), "at most 0.03 times", size <= 0.03 * stored),
    ]  # fmt: skip


def _row(name: str, size: str, this: Measured, other: Measured, what: str, most: float, target: str) -> Row:
    ratio = this.seconds / other.seconds
    return Row(
        name, size, "s", round(this.seconds, 3), round(other.seconds, 3), what, round(ratio, 3), target, ratio <= most
    )


def main(which: str, folder: Path, index: Path | None) -> None:
    """One measurement; what is found has to be the same, whoever looks."""
    ways: dict[str, Callable[[], list[bytes]]] = {
        "cold": lambda: ours(folder, None, ONE),
        "indexed": lambda: ours(folder, index, ONE),
        "thousand": lambda: ours(folder, None, THOUSAND),
        "decompress": lambda: decompressed(folder),
        "build": lambda: built(folder, index or folder),
    }
    found: list[bytes] = []
    report(lambda: found.extend(ways[which]() if which in ways else peer(which, folder)))
    if which not in ("decompress", "build"):
        assert len(found) == 7 * SEEN
        digests = sha256(b"\n".join(sorted(found))).hexdigest()
        mark = folder / "found"
        assert mark.exists() is False or mark.read_text() == digests, "another way found other lines"
        mark.write_text(digests)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    else:
        for row in logs():
            sys.stdout.write(f"{'ok ' if row.met else 'NOT'} {row}\n")
