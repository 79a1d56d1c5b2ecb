"""Benchmarks as ratios, measured in one run beside what a user would pick instead.

Each measurement is a process of its own: start-up (imports) is excluded from the time, and the peak of resident memory
is that process's own. ``make bench`` writes ``docs/benchmarks.json`` and, from it, ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Row:
    """One line of the benchmarks.

    :param ours, peer: in ``unit``; ``ratio`` is ours / peer (below 1 is better than the peer).
    :param target: the most that ``ours`` (or, where it says so, the ratio) may be.
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


def measured_before(name: str) -> list[Row]:
    """The rows of that name of an earlier run, for what takes too long to be measured every time."""
    rows = [Row(**row) for row in json.loads((DOCS / "benchmarks.json").read_text())]
    return [row for row in rows if row.name.startswith(name)]


def write(rows: list[Row]) -> None:
    """Write both files; the page is made from the list alone."""
    (DOCS / "benchmarks.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` from `benchmarks.json`: of each row ours beside what a user would pick instead, in one run on one",
        "machine. Ratios carry over to other machines, seconds do not.",
        "",
        "| what | size | ours | instead | ratio | target | met |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.name} | {r.size} | {r.ours:g} {r.unit} | {r.peer:g} {r.unit} ({r.peer_name}) | {r.ratio:g} "
        f"| {r.target} | {'yes' if r.met else '**no**'} |"
        for r in rows
    ]
    (DOCS / "benchmarks.md").write_text("\n".join(lines) + "\n")
