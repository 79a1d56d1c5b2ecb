"""An export of a thousand people in one pass beside one person's: from logs without an index, and from a table.

``MANY_DAYS`` and ``MANY_LINES`` set the size of the logs. Everybody is seen on five days, three lines each, of which one
has an address alone: inside a visit of theirs that the shop knows (``visits``), or not known (``ids``).
"""

from __future__ import annotations

import gzip
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas  # noqa: F401 - pyarrow looks for it at its first array; it is part of the start-up
from harness import Row

from conftest_many import asked, begun
from conftest_runs import AGENT, Ferry
from privacy.orchestration import many_parts, many_steps
from privacy.settings import Settings
from privacy.sources.base import Identifier

PEOPLE, SEEN, TURNS = 1_000, 5, 3
DAYS, LINES = int(os.environ.get("MANY_DAYS", "10")), int(os.environ.get("MANY_LINES", "200000"))
FIRST = datetime(2026, 5, 1, tzinfo=UTC)


def _days(no: int) -> list[int]:
    return [(no + step * (DAYS // SEEN or 1)) % DAYS for step in range(SEEN)]


def _at(no: int, day: int) -> datetime:
    return FIRST + timedelta(days=day, hours=8, seconds=no * 36)


def _address(no: int) -> str:
    return f"203.0.{no // 250}.{no % 250}"


class Busy(Ferry):
    """The company with a thousand travellers, and logs in which they are a few lines of many."""

    def __init__(self, folder: Path, *, visits: bool) -> None:
        super().__init__(folder)
        with sqlite3.connect(self.database) as db:
            people = [(100_000 + no, f"reiziger{no}@veer.example", f"R{no}") for no in range(PEOPLE)]
            db.executemany("INSERT INTO travellers VALUES (?,?,?)", people)
            trips = [(1_000 + n, 100_000 + n % PEOPLE, None, "2.50", f"{FIRST:%FT%TZ}") for n in range(20 * PEOPLE)]
            db.executemany("INSERT INTO trips VALUES (?,?,?,?,?)", trips)
            known = [
                (1_000 + no * SEEN + n, 100_000 + no, f"dev-{no}", _address(no), AGENT, f"{at:%FT%TZ}", f"{at + timedelta(minutes=9):%FT%TZ}")
                for no in range(PEOPLE) for n, day in enumerate(_days(no)) for at in (_at(no, day),)
            ]  # fmt: skip
            db.executemany("INSERT INTO visits VALUES (?,?,?,?,?,?,?)", known if visits else [])
        for log in self.logs.iterdir():
            log.unlink()
        for day in range(DAYS):
            self._log(day)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, state=self.state, part_bytes=2**26)

    def _log(self, day: int) -> None:
        dice = random.Random(day)  # noqa: S311 - reproducible
        begin = FIRST + timedelta(days=day)
        found = [(n * 86_400 / LINES, f"198.51.{n % 200}.{n % 250}", 500_000 + dice.randrange(9_000) if n % 4 == 0 else "-",
                  f"d{dice.randrange(10**9)}") for n in range(LINES)]  # fmt: skip
        for no in (no for no in range(PEOPLE) if day in _days(no)):
            at = (_at(no, day) - begin).total_seconds()
            found += [(at + 1, _address(no), 100_000 + no, "-"), (at + 2, _address(no), "-", f"dev-{no}")]
            found.append((at + 3, _address(no), "-", "-"))
        found.sort()
        lines = [
            f'{ip} - {user} [{begin + timedelta(seconds=at):%d/%b/%Y:%H:%M:%S +0000}] "GET /kade/{n % 977}?van=mail HTTP/1.1" 200 '
            f'{n % 9_000} "https://zoek.example/{n % 77}" "{AGENT}" "{device}"\n'
            for n, (at, ip, user, device) in enumerate(found)
        ]
        path = self.logs / f"access-{begin:%F}.gz"
        path.write_bytes(gzip.compress("".join(lines).encode(), 1))
        stamp = (begin + timedelta(days=1)).timestamp()
        os.utime(path, (stamp, stamp))


def passed(busy: Busy, numbers: list[str], name: str) -> dict[str, Any]:
    """Seconds of each step for these requests, and how many log lines were found."""
    house, many, told = busy.house, asked(numbers, name), {}
    at = time.perf_counter()
    chunks, units = begun(house, many)
    told["begin"], at = time.perf_counter() - at, time.perf_counter()
    parts = []
    for dataset in dict.fromkeys(unit["dataset"] for unit in units):
        at, cpu = time.perf_counter(), time.process_time()
        parts += [many_parts.extract(house, many, unit) for unit in units if unit["dataset"] == dataset]
        told[dataset], told[f"{dataset} cpu"] = time.perf_counter() - at, time.process_time() - cpu
    told["lines"] = sum(part["records"] for part in parts if part["dataset"] == "quays.access")
    at = time.perf_counter()
    if os.environ.get("MANY_WRITE"):
        for chunk in chunks:
            many_steps.write_bundles(house, many, parts, chunk)
        told["write"] = time.perf_counter() - at
    many_steps.record(house, many, failed="bench.over")
    many_steps.empty_staging(house, many)
    return told


def rows() -> list[Row]:
    """One and 1,000 people, in turn: the best of a few each."""
    found = []
    for visits in (False, True):
        with tempfile.TemporaryDirectory() as name:
            busy = Busy(Path(name), visits=visits)
            numbers = [busy.request(Identifier("ferry.traveller", 100_000 + no)) for no in range(PEOPLE)]
            best: dict[int, dict[str, Any]] = {}
            for turn in range(2 * TURNS):
                count = (1, PEOPLE)[turn % 2]
                told = passed(busy, numbers[:count], f"turn-{turn}")
                if count not in best or told["quays.access"] < best[count]["quays.access"]:
                    best[count] = told
                print({k: round(v, 2) for k, v in told.items()}, file=sys.stderr)
            one, all_of = best[1], best[PEOPLE]
            ratio = all_of["quays.access"] / one["quays.access"]
            found.append(
                Row(f"export of 1,000 people at once: logs ({'visits' if visits else 'ids'})",
                    f"{DAYS} logs of {LINES:,} lines, {all_of['lines']:,} of theirs", "s", round(all_of["quays.access"], 2),
                    round(one["quays.access"], 2), "one person", round(ratio, 2), "at most 1.5 times one", ratio <= 1.5)
            )  # fmt: skip
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB", file=sys.stderr)
    return found


if __name__ == "__main__":
    for row in rows():
        print(row)
