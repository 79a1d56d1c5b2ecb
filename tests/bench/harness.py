"""Benchmarks as ratios, measured in one run beside what a user would pick instead.

Each measurement is a process of its own: start-up (imports) is excluded from the time, and the peak of resident memory
is that process's own. ``make bench`` writes ``docs/benchmarks.json`` and, from it, ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
NOISE = 1.2
"""A ratio that grew by less may be the machine's mood."""
_DEBIAN = ("/usr/sbin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")


@dataclass(frozen=True)
class Row:
    """One line of the benchmarks.

    :param ours, peer: in ``unit``; ``ratio`` is ours / peer (below 1 is better than the peer).
    :param target: the most that ``ours`` (or, where it says so, the ratio) may be.
    :param part: what ``make bench ONLY=...`` calls it. :param on: the day on which it was measured.
    """

    name: str
    size: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    target: str
    met: bool
    part: str = ""
    on: str = ""


@dataclass(frozen=True)
class Measured:
    """What one process took: seconds of work, and MiB of peak resident memory."""

    seconds: float
    peak_mib: float


def measure(script: Path, *arguments: str) -> Measured:
    """Run ``script`` in a process of its own; it calls :func:`report`.

    :raises RuntimeError: it failed; with the end of what it said.
    """
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script.name} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def report(work: Callable[[], object]) -> None:
    """Do the work and print what it took, for :func:`measure`."""
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    # Not ru_maxrss: that begins with what the process that started this one had.
    peak = (
        next(int(x.split()[1]) for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM:"))
        / 1024
    )
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mib": peak}) + "\n")


def median(script: Path, *arguments: str, runs: int = 3) -> Measured:
    """The same several times: the median of the seconds, and the largest of the peaks."""
    found = [measure(script, *arguments) for _ in range(runs)]
    return Measured(statistics.median(f.seconds for f in found), max(f.peak_mib for f in found))


def last_rows() -> list[Row]:
    """The rows of the run before."""
    return [Row(**row) for row in json.loads((DOCS / "benchmarks.json").read_text())["rows"]]


def merged(before: Sequence[Row], now: Sequence[Row], order: Sequence[str]) -> list[Row]:
    """What was measured now, and of the rest what was measured before, in the order of the parts."""
    parts, names = {row.part for row in now}, {row.name.partition(" (")[0] for row in now}
    kept = [row for row in before if row.part not in parts and row.name.partition(" (")[0] not in names]
    places = {name: at for at, name in enumerate(order)}
    return sorted([*now, *kept], key=lambda row: places.get(row.part, len(places)))


def slower(before: Sequence[Row], now: Sequence[Row]) -> list[str]:
    """What has become slower beside its peer than it was, or has grown: by more than :data:`NOISE`; a line each.

    Ratios are compared, not seconds: the machine may be another one. A row is known by what and beside what it measures.
    """
    known = {(row.name.partition(" (")[0], row.peer_name.partition(":")[0], row.unit): row for row in before}
    found = []
    for row in now:
        last = known.get((row.name.partition(" (")[0], row.peer_name.partition(":")[0], row.unit))
        if last is not None and last.size == row.size and row.ratio > NOISE * last.ratio:
            found.append(f"{row.name} ({row.size}): {last.ratio:g} times {row.peer_name} before, {row.ratio:g} now")
    return found


def machine() -> dict[str, str]:
    """What it was measured on: processor, cores, memory, system, versions. No name of the machine."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in described if line.startswith("model name")), platform.machine()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "others": ", ".join(_others()),
    }


LIBRARIES = ("apache-airflow", "pyarrow", "pandas", "duckdb", "SQLAlchemy", "isal", "hyperscan", "rbloom")
PROGRAMS = (
    ("zgrep", "--version"), ("rg", "--version"), ("mariadbd", "--version"), ("postgres", "--version"),
    ("pt-archiver", "--version"), ("s5cmd", "version"),
)  # fmt: skip


def _others() -> Iterator[str]:
    """What it is measured beside, with versions; what this machine does not have is said not to be there."""
    yield f"SQLite {sqlite3.sqlite_version}"
    for name, ask in PROGRAMS:
        found = shutil.which(
            name, path=os.pathsep.join((os.environ["PATH"], *_DEBIAN, str(Path(sys.executable).parent)))
        )
        if found is None:
            yield f"{name}: not here"
            continue
        said = subprocess.run([found, ask], capture_output=True, text=True, check=False).stdout
        number = re.search(r"\d+(\.\d+)+", said)
        yield f"{name} {number[0] if number else 'of an unknown version'}"


def write(rows: list[Row]) -> None:
    """Write both files; the page is made from the other one alone."""
    measured = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    (DOCS / "benchmarks.json").write_text(json.dumps(measured, indent=1) + "\n")
    (DOCS / "benchmarks.md").write_text(page(measured))


def page(measured: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` from `benchmarks.json`: of each row ours beside what a user would pick instead, in one run on one",
        "machine, on the day that the last column has. Ratios carry over to other machines, seconds do not. `docs/scale.md` says what follows for a larger shop.",
        "",
        *(f"* {name}: {said}" for name, said in measured["machine"].items()),
        "",
        "| what | size | ours | instead | ratio | target | met | measured |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in (Row(**row) for row in measured["rows"]):
        lines.append(
            f"| {r.name} | {r.size} | {r.ours:g} {r.unit} | {r.peer:g} {r.unit} ({r.peer_name}) | {r.ratio:g} "
            f"| {r.target} | {'yes' if r.met else '**no**'} | {r.on} |"
        )
    return "\n".join(lines) + "\n"
