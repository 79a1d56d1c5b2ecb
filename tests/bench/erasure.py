"""Erasures: 1,000 subjects at once beside one, from logs, analytics and mail; and many rows of one subject in a database.

Everybody is in every log and every file of analytics, so that both ways read and rewrite the same files: what a
thousand cost more is what it takes to look for them and to leave their lines out.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import analytics
import mail
import numpy as np
import yaml
from harness import Row

from conftest_purges import Studio
from privacy.connections import EnvironmentConnections
from privacy.datamap.models import System
from privacy.sources import source_for
from privacy.sources.base import Delete, Identifier, Of, Redaction, Selection, Set, Source, Step, Subject
from sources.weblogs_kit import Logs

SUBJECTS, DAYS, LINES, EVENTS, MESSAGES, ROWS = 1_000, 4, 100_000, 50_000, 4_000, 10_000
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
UNIQUE, NULL = Redaction.UNIQUE, Redaction.NULL
OUT = Set({"sender": UNIQUE, "to": UNIQUE, "cc": UNIQUE, "text": NULL, "subject_line": NULL})


def customer(no: int) -> int:
    """A subject's number at the shop."""
    return 1_000 + no


def address(no: int) -> str:
    """A subject's address."""
    return f"klant{no}@post{no % 7}.example"


def device(no: int) -> str:
    """A subject's device."""
    return f"{1_000_000_000 + no}.1700000000"


def subjects(count: int, kind: str) -> Of:
    """So many of them: number, device and address of each."""
    return Of(
        tuple(
            Subject(no + 1, (Identifier(kind, customer(no)), Identifier("device_id", device(no)), Identifier("email", address(no))))
            for no in range(count)
        )
    )  # fmt: skip


def logs(folder: Path) -> None:
    """A compressed log a day; one line in 50 is of the subjects, by number or by device."""
    for day in range(DAYS):
        dice = random.Random(day)  # noqa: S311 - reproducible
        lines = []
        for n in range(LINES):
            at = BEGIN + timedelta(days=day, seconds=n * 86_400 / LINES)
            no = n // 50 % SUBJECTS
            own = n % 50 == 7
            user = customer(no) if own and n % 100 < 50 else "-" if n % 4 else 500_000 + dice.randrange(9_000)
            its = device(no) if own else f"{dice.randrange(10**9)}.17"
            lines.append(
                f'198.51.{n % 200}.{n % 250} - {user} [{at:%d/%b/%Y:%H:%M:%S %z}] "GET /ringen/{n % 977}?utm=mail HTTP/1.1" 200 '
                f'{n % 9_000} "https://zoek.example/{n % 77}" "Mozilla/5.0 (X11; Linux x86_64) Gecko/{n % 99}" "{its}"\n'
            )
        path = folder / f"nginx/access-{day}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("".join(lines).encode(), 1))
        os.utime(path, (BEGIN.timestamp() + day, BEGIN.timestamp() + day))


def events(folder: Path) -> None:
    """A file of GA4's layout a day; the ids of users and devices lie among the subjects'."""
    analytics.EVENTS = EVENTS
    (folder / "ga4").mkdir(parents=True)
    for n in range(DAYS):
        day = analytics.FIRST + timedelta(days=n)
        analytics._write(folder / f"ga4/events_{day:%Y%m%d}.parquet", day, n, own=False)


def messages(folder: Path) -> None:
    """One message in five to or from a subject, alone or with somebody else."""
    mail.make(folder, MESSAGES)
    for n, path in enumerate(sorted((folder / "cur").iterdir())):
        if n % 5 == 0:
            no = 0 if n % 100 == 0 else n // 5 % SUBJECTS
            to = f"To: {address(no)}, ander@elders.example\n" if n % 10 else f"To: {address(no)}\n"
            data = path.read_bytes().replace(b"To: Winkel <winkel@diamonto.example>\n", to.encode())
            path.write_bytes(
                data.replace(b"From: =?utf-8", b"From: Winkel <winkel@diamonto.example>\nX-From: =?utf-8", 1)
            )


def _system(kind: str) -> System:
    text = analytics.SYSTEM if kind == "ga4" else mail.SYSTEM
    raw = yaml.safe_load(text)
    for dataset in raw["datasets"].values():
        for column in dataset["columns"].values():
            column |= {"description": "d", "category": "user.unique_id", "provenance": "observed"}
    return System.model_validate(raw)


def _source(kind: str, folder: Path) -> tuple[Source, str, str]:
    if kind == "logs":
        return Logs(folder).source(), "access", "shop.customer_id"
    name = "ANALYTICS" if kind == "ga4" else "MAIL"
    connections = EnvironmentConnections({f"PRIVACY_CONNECTION_{name}": folder.as_uri()})
    source = source_for(_system(kind), connections, home=folder)
    return source, "events" if kind == "ga4" else "correspondence", "analytics.customer"


def erased(kind: str, folder: Path, count: int) -> tuple[float, int]:
    """Seconds that it takes to locate and to erase so many subjects, and how many records that were."""
    source, dataset, known = _source(kind, folder)
    of = subjects(count, known)
    begun = time.perf_counter()
    ways = [(None, Delete())] if kind != "mail" else [(False, Delete()), (True, OUT)]
    unit = []
    for shared, change in ways:
        selection = Selection(dataset, of, shared=shared)
        items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
        unit.append(Step(selection, change, items))
    outcomes = list(source.apply(unit, ()))
    seconds = time.perf_counter() - begun
    if any(o.status.value != "done" for o in outcomes):
        raise AssertionError(sorted({o.status.value for o in outcomes}))
    left = [i for s, _ in ways for i in _located(source, Selection(dataset, of, shared=s))]
    if left:
        raise AssertionError(f"{len(left)} items are left")
    return seconds, sum(o.records for o in outcomes)


def _located(source: Source, selection: Selection) -> Iterator[object]:
    for partition in source.partitions(selection):
        yield from source.locate(selection, partition)


def many() -> list[Row]:
    """One and 1,000 subjects, in turn, on copies of the same files: the best of two each."""
    found = []
    kinds: tuple[tuple[str, Callable[[Path], None], str], ...] = (
        ("logs", logs, f"{DAYS} logs of {LINES:,} lines"),
        ("ga4", events, f"{DAYS} files of {EVENTS:,} analytics events"),
        ("mail", messages, f"{MESSAGES:,} messages"),
    )
    for kind, make, size in kinds:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name) / "made")
            best = {1: (1e9, 0), SUBJECTS: (1e9, 0)}
            for turn in range(4):
                count = (1, SUBJECTS)[turn % 2]
                shutil.copytree(Path(name) / "made", Path(name) / str(turn))
                best[count] = min(best[count], erased(kind, Path(name) / str(turn), count))
        (one, of_one), (all_of, of_all) = best[1], best[SUBJECTS]
        row = f"one subject: {of_one:,} records"
        found.append(
            Row(f"erasure of 1,000 subjects at once: {kind}", f"{size}, {of_all:,} records", "s", round(all_of, 2), round(one, 2),
                row, round(all_of / one, 2), "at most 3 times one subject", all_of <= 3 * one)
        )  # fmt: skip
    return found


def rows() -> list[Row]:
    """10,000 rows of one subject deleted through the source, beside one DELETE."""
    with tempfile.TemporaryDirectory() as name:
        studio = Studio(Path(name) / "studio")
        with sqlite3.connect(studio.database) as db:
            db.execute("CREATE INDEX by_client ON sales (client)")
            made = ((n, 7 if n % 10 == 3 else n % 50_000 + 100, "2026-01-02", "domestic") for n in range(ROWS * 10))
            db.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", made)
        db.close()
        copy = Path(name) / "copy.db"
        shutil.copy(studio.database, copy)
        begun = time.perf_counter()
        with sqlite3.connect(copy) as db:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("DELETE FROM sales WHERE client = 7")
        db.close()
        peer = time.perf_counter() - begun
        source = studio.house.source("studio")
        ref = next(r for r in studio.house.datamap if r.system.system == "studio" and r.name == "sales")
        kind = str(ref.dataset.columns[next(iter(ref.dataset.people.values())).subject[0]].identity)
        selection = Selection("sales", Of((Subject(1, (Identifier(kind, 7),)),)))
        begun = time.perf_counter()
        items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
        done = sum(o.records for o in source.apply([Step(selection, Delete(), items)], []))
        ours = time.perf_counter() - begun
    if done != ROWS:
        raise AssertionError(done)
    return [
        Row("erasure of one subject's rows: located and deleted", f"{ROWS:,} of {ROWS * 10:,} rows", "s", round(ours, 2),
            round(peer, 2), "one DELETE, nothing looked at", round(ours / peer, 2), "at most 1 s", ours <= 1)
    ]  # fmt: skip


def erasure() -> list[Row]:
    """All of them."""
    return [*many(), *rows()]


if __name__ == "__main__":
    np.seterr(all="raise")
    for row in erasure():
        sys.stdout.write(f"{row.name} ({row.size}): {row.ours} s, {row.peer_name}: {row.peer} s, {row.ratio} times\n")
