"""Purges: rows of a database, files, lines of logs; each stage beside what a user would do instead, without any proof.

``plan``, ``purge``, ``verify`` and ``record`` are the stages of a run, with holds and ledger; ``peer`` the alternative.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from math import inf
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import Row

from conftest_purges import NOW, Studio
from privacy.orchestration import purges
from privacy.sources.base import Delete, Due, Identifier, Of, Selection, Step, Subject

ROWS, GOING, FILES, EACH, LINES = 1_000_000, 6, 50_000, 100, 400_000

PROMISED = 80_000
"""Files a second, where the system itself removes so many."""


def rows() -> list[Row]:
    """600,000 of a million rows with three indexes beside their key, in batches of 10,000, beside one DELETE."""
    with tempfile.TemporaryDirectory() as name:
        studio = Studio(Path(name) / "studio")
        with sqlite3.connect(studio.database) as db:
            for column in ("client", "sold_on", "kind, client"):
                db.execute(f"CREATE INDEX by_{column[:4]} ON sales ({column})")
            made = ((n, n % 50_000, f"{2017 if n % 10 < GOING else 2024}-{n % 12 + 1:02}-{n % 28 + 1:02}", "domestic")
                for n in range(ROWS))  # fmt: skip
            db.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", made)
        db.close()
        copy = Path(name) / "copy.db"
        shutil.copy(studio.database, copy)
        begun = time.perf_counter()
        with sqlite3.connect(copy) as db:
            db.execute("PRAGMA foreign_keys = ON")
            gone = db.execute("DELETE FROM sales WHERE sold_on < '2019-01-01' AND kind = 'domestic'").rowcount
        db.close()
        one = time.perf_counter() - begun
        peer = _by_key(studio.database, Path(name) / "copy.db")
        stages = staged(studio, "sales")
    if gone != ROWS * GOING // 10:
        raise AssertionError(gone)
    total, size = sum(stages.values()), f"{gone:,} of {ROWS:,} rows, 3 indexes"
    told = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
    return [
        Row(f"purge of rows: total ({told})", size, "s", round(total, 2), round(peer, 2), _LOOP,
            round(total / peer, 2), "at most 3.3 times", total <= 3.3 * peer),
        Row("purge of rows: apply through the gate", size, "s", round(stages["purge"], 2), round(peer, 2), _LOOP,
            round(stages["purge"] / peer, 2), "at most 2 times", stages["purge"] <= 2 * peer),
        Row("purge of rows: apply through the gate", size, "s", round(stages["purge"], 2), round(one, 2),
            "one DELETE, one transaction", round(stages["purge"] / one, 2), "shown", True),
    ]  # fmt: skip


_LOOP = "DELETE by key, a commit every 10,000, no proof"


def _by_key(database: Path, copy: Path) -> float:
    """What a careful user writes so that the shop is never locked for long. A batch that touches every page of an index
    writes it anew each time, so this takes two to four times as long as one DELETE, whoever does it.
    """
    shutil.copy(database, copy)
    os.sync()
    begun = time.perf_counter()
    db = sqlite3.connect(copy, isolation_level=None)
    db.execute("PRAGMA foreign_keys = ON")
    keys = db.execute(
        "SELECT sale_no FROM sales WHERE sold_on < '2019-01-01' AND kind = 'domestic' ORDER BY 1"
    ).fetchall()
    db.execute("CREATE TEMP TABLE going (n INTEGER PRIMARY KEY)")
    for start in range(0, len(keys), 10_000):
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM going")
        db.executemany("INSERT INTO going VALUES (?)", keys[start : start + 10_000])
        db.execute("DELETE FROM sales WHERE sale_no IN (SELECT n FROM going)")
        db.execute("COMMIT")
    db.close()
    return time.perf_counter() - begun


def staged(studio: Studio, rule: str) -> dict[str, float]:
    """Seconds of each stage of a run of a rule."""
    run, found = studio.run(rule), dict[str, float]()
    for name, step in (
        ("plan", lambda: purges.plan(studio.house, run, say=lambda _: None)),
        ("answer", lambda: purges.answered(studio.house, run, approved=True, by="bench")),
        ("purge", lambda: purges.purge(studio.house, run)),
        ("verify", lambda: purges.verify(studio.house, run)),
        ("record", lambda: purges.record(studio.house, run, None)),
    ):
        begun = time.perf_counter()
        step()
        found[name] = time.perf_counter() - begun
    return found


def files() -> list[Row]:
    """50,000 small files: apply, and the whole chain, beside the loop that a careful user would write."""
    found = []
    # A folder in memory shows what the program adds; on disk, the disk decides.
    for kind, parent in (("in memory", Path("/dev/shm")), ("on disk", Path(tempfile.gettempdir()))):  # noqa: S108
        if parent.is_dir() and os.access(parent, os.W_OK):
            found += _files(kind, parent)
    return found


def _files(kind: str, parent: Path) -> list[Row]:
    peer, ours = inf, inf
    for turn in range(4):
        # The best of two each, in folders of their own: what else the machine does, or still writes, falls on both.
        with tempfile.TemporaryDirectory(dir=parent) as name:
            studio = _filled(Path(name) / "studio")
            os.sync()
            if turn % 2:
                peer = min(peer, _careful(studio.papers))
            else:
                ours = min(ours, _applied(studio))
    with tempfile.TemporaryDirectory(dir=parent) as name:
        studio = _filled(Path(name) / "studio")
        studio.sql("INSERT INTO cases VALUES (?, NULL, ?, 'n')",
            *((n, (NOW - timedelta(days=30)).isoformat()) for n in range(FILES // EACH)))  # fmt: skip
        stages = staged(studio, "cases")
        if any(studio.papers.rglob("*.pdf")):
            raise AssertionError("a file is left")
    size, loop = f"{FILES:,} files {kind}", "a loop of lstat, unlink, an fsync a folder"
    told = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
    fast = FILES / peer >= PROMISED
    met = ours <= FILES / PROMISED if fast else ours <= 2 * peer
    target = f"{PROMISED:,} a second" if fast else f"at most 2 times: the loop itself does {FILES / peer:,.0f} a second"
    total = sum(stages.values())
    return [
        Row("purge of files: apply", f"{size}, {FILES / ours:,.0f} a second", "s", round(ours, 2), round(peer, 2), loop,
            round(ours / peer, 2), target, met),
        Row(f"purge of files: total ({told})", size, "s", round(total, 2), round(peer, 2), f"{loop}; no proof",
            round(total / peer, 2), "none: shown", True),
    ]  # fmt: skip


def _filled(folder: Path) -> Studio:
    studio = Studio(folder)
    for number in range(FILES // EACH):
        (studio.papers / str(number)).mkdir()
        for n in range(EACH):
            (studio.papers / str(number) / f"{n}.pdf").write_bytes(b"%PDF-1.4" + bytes(2_000))
    return studio


def _applied(studio: Studio) -> float:
    """Seconds that the source's own apply takes."""
    source = studio.house.source("scans")
    pick = Of(tuple(Subject(n + 1, (Identifier("studio.case_no", n),)) for n in range(FILES // EACH)))
    selection = Selection("papers", pick)
    items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
    begun = time.perf_counter()
    done = sum(o.records for o in source.apply([Step(selection, Delete(), items)], []))
    seconds = time.perf_counter() - begun
    if done != FILES:
        raise AssertionError(done)
    return seconds


def _careful(root: Path) -> float:
    """Seconds that it takes to remove what is below a folder, looking at each file first, to disk a folder."""
    names = {folder: [path.name for path in folder.iterdir()] for folder in sorted(root.iterdir())}
    begun = time.perf_counter()
    for folder, inside in names.items():
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        for name in inside:
            status = os.lstat(name, dir_fd=handle)
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                os.unlink(name, dir_fd=handle)
        os.fsync(handle)
        os.close(handle)
    return time.perf_counter() - begun


def logs() -> list[Row]:
    """A straddling log rewritten, beside zcat, awk and gzip -6."""
    with tempfile.TemporaryDirectory() as name:
        studio = Studio(Path(name) / "studio")
        old, new = NOW - timedelta(days=400), NOW - timedelta(days=10)
        each = [
            f'198.51.100.{n % 250} - {n % 9} [{at:%d/%b/%Y:%H:%M:%S %z}] "GET /ringen/{n}?utm=mail HTTP/1.1" 200 {n % 9000} '
            f'"https://zoek.example/{n % 77}" "Mozilla/5.0 (X11; Linux x86_64) Gecko/{n % 99}" "did-{n % 5000}"\n'
            for n in range(LINES)
            for at in [old + timedelta(seconds=n) if n < LINES // 2 else new + timedelta(seconds=n)]
        ]
        path = studio.logs / "access-1.gz"
        raw = "".join(each).encode()
        path.write_bytes(gzip.compress(raw, 6))
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        copy = Path(name) / "copy.gz"
        shutil.copy(path, copy)
        begun = time.perf_counter()
        subprocess.run(  # noqa: S602 - the very pipe that a user would write
            f"zcat {copy} | awk '$4 !~ /{old:%Y}:/' | gzip -6 > {copy}.new", shell=True, check=True
        )
        peer = time.perf_counter() - begun
        source = studio.house.source("web")
        selection = Selection("access", Due(NOW - timedelta(days=365)))
        items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
        begun = time.perf_counter()
        done = sum(o.records for o in source.apply([Step(selection, Delete(), items)], []))
        ours = time.perf_counter() - begun
    if done != LINES // 2:
        raise AssertionError(done)
    return [
        Row("purge of logs: a straddling file rewritten", f"{len(raw) / 2**20:.0f} MiB raw", "s", round(ours, 2),
            round(peer, 2), "zcat | awk | gzip -6", round(ours / peer, 2), "at most 0.2 times", ours <= 0.2 * peer),
    ]  # fmt: skip


def purge() -> list[Row]:
    """All of them."""
    return [*rows(), *files(), *logs()]
