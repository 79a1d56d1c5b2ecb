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
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas  # noqa: F401 - pyarrow looks for it at its first array; it is part of the start-up
from harness import Row

from conftest_many import asked, begun
from conftest_runs import AGENT, Ferry
from privacy.connections import EnvironmentConnections
from privacy.orchestration import many_parts, many_steps
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

PEOPLE, SEEN, TURNS = 1_001, 5, 3
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

    @cached_property
    def house(self) -> House:
        settings = Settings(home=self.home, state=self.state)
        return House(settings, EnvironmentConnections(self.variables), self.clock)

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


class Pass:
    """A run of so many requests, begun and not written: its units can be read again and again."""

    def __init__(self, busy: Busy, numbers: list[str], name: str) -> None:
        self.busy, self.many = busy, asked(numbers, name)
        at = time.perf_counter()
        self.chunks, self.units = begun(busy.house, self.many)
        self.begin = time.perf_counter() - at
        self.best: dict[str, float] = {}
        self.parts: list[dict[str, Any]] = []

    def read(self, attempt: int) -> None:
        """Read all units: the best seconds of each dataset are kept."""
        self.parts = []
        for dataset in dict.fromkeys(unit["dataset"] for unit in self.units):
            at = time.perf_counter()
            mine = [unit for unit in self.units if unit["dataset"] == dataset]
            self.parts += [many_parts.extract(self.busy.house, self.many, unit, attempt=attempt) for unit in mine]
            self.best[dataset] = min(self.best.get(dataset, 1e9), time.perf_counter() - at)

    def write(self) -> float:
        """Seal all bundles. :returns: seconds."""
        at = time.perf_counter()
        for chunk in self.chunks:
            many_steps.write_bundles(self.busy.house, self.many, self.parts, chunk)
        said = many_steps.record(self.busy.house, self.many, failed=None)
        many_steps.empty_staging(self.busy.house, self.many)
        if said["failed"]:
            raise AssertionError(said)
        return time.perf_counter() - at

    def records(self, dataset: str) -> int:
        return sum(part["records"] for part in self.parts if part["dataset"] == dataset)


def measured(*, visits: bool) -> Row:
    """One and 1,000 people, in turn: the best of a few each."""
    with tempfile.TemporaryDirectory() as name:
        busy = Busy(Path(name), visits=visits)
        numbers = [busy.request(Identifier("ferry.traveller", 100_000 + no)) for no in range(PEOPLE)]
        one, everybody = Pass(busy, numbers[:1], "one"), Pass(busy, numbers[1:], "all")
        for turn in range(TURNS):
            one.read(turn + 1)
            everybody.read(turn + 1)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            best = {n: (round(s, 2), round(everybody.best[n], 2)) for n, s in one.best.items()}
            sys.stderr.write(f"{best} {peak} MiB\n")
        sys.stderr.write(f"begun {one.begin:.2f} {everybody.begin:.2f}, ")
        sys.stderr.write(f"written {one.write():.2f} {everybody.write():.2f}\n")
        mine, all_of = one.best["quays.access"], everybody.best["quays.access"]
        size = f"{DAYS} logs of {LINES:,} lines, {everybody.records('quays.access'):,} of theirs"
        return Row(
            f"export of 1,000 people at once: logs ({'with visits' if visits else 'by ids'})", size, "s", round(all_of, 2),
            round(mine, 2), "one person", round(all_of / mine, 2), "at most 1.5 times one person", all_of <= 1.5 * mine,
        )  # fmt: skip


def rows() -> list[Row]:
    """By ids alone, and with visits, which are to be held against what others did meanwhile."""
    return [measured(visits=False), measured(visits=True)]


if __name__ == "__main__":
    for row in [measured(visits=sys.argv[1] == "visits")] if sys.argv[1:] else rows():
        print(row)  # noqa: T201
