"""Everything that a shop holds at one moment, by a plain look that asks none of our sources: each record, with a digest.

Where it lies, a :class:`Place` says: rows in SQLite and files in folders here, on servers in ``services/whole.py``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow.parquet as pq

from conftest_demo import urls_of

Thing = tuple[str, tuple[Any, ...], str]
"""A record: its dataset, what it is known by (its key; a line or event, which moves when a file is rewritten: its file
and its content), and a digest of all that it holds."""

Rows = tuple[str, Sequence[str], Iterable[Sequence[Any]]]
"""A table: its name, its columns, its rows."""

DATABASES = ("shop", "recruiting")
SHARED = ("weblogs", "analytics", "helpdesk")
"""Systems of files that hold several records each."""

ALONE = ("camera", "dossiers", "deliveries")
"""Systems whose files are a record each."""


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Place(Protocol):
    """Where a shop's data lie, read and added to without any source of ours.

    :param urls: connection name -> URL, as an operator writes it.
    """

    urls: Mapping[str, str]

    def tables(self, system: str) -> Iterator[Rows]:
        """Every table of a database, with all its rows."""

    def objects(self, system: str) -> Iterator[tuple[str, bytes]]:
        """Every file of a system, by its key."""

    def messages(self) -> Iterator[tuple[str, str, bytes]]:
        """Every message: its folder as a Maildir has it (``.`` is the inbox), its name, its bytes."""

    def put(self, system: str, key: str, content: bytes) -> None:
        """Add a file."""

    def add(self, system: str, table: str, values: Mapping[str, Any]) -> None:
        """Add a row like the table's first one, but for these values."""


class Files:
    """The made shop itself: SQLite, folders, a Maildir."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.urls = folder, urls_of(folder)

    def tables(self, system: str) -> Iterator[Rows]:
        with closing(sqlite3.connect(f"file:{self.folder}/{system}.db?mode=ro", uri=True)) as db:
            named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            for (table,) in db.execute(named).fetchall():
                rows = db.execute(f"SELECT * FROM {table}")
                yield table, [column[0] for column in rows.description], rows

    def objects(self, system: str) -> Iterator[tuple[str, bytes]]:
        for path in sorted((self.folder / system).rglob("*")):
            if path.is_file():
                yield path.relative_to(self.folder / system).as_posix(), path.read_bytes()

    def messages(self) -> Iterator[tuple[str, str, bytes]]:
        for path in sorted((self.folder / "mail").rglob("*")):
            if path.is_file() and path.parent.name in ("cur", "new"):
                folder = path.parents[1].relative_to(self.folder / "mail").as_posix()
                yield folder, message_name(path.name), path.read_bytes()

    def put(self, system: str, key: str, content: bytes) -> None:
        path = self.folder / system / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def add(self, system: str, table: str, values: Mapping[str, Any]) -> None:
        with closing(sqlite3.connect(self.folder / f"{system}.db")) as db, db:
            found = db.execute(f"SELECT * FROM {table} LIMIT 1")
            row = like(found, values)
            marks = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def message_name(name: str) -> str:
    """What a message's file is called whatever becomes of it."""
    return re.split(",S=|:2,", name)[0]


def like(found: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The first row of a cursor, if it has one, with other values in the columns that there are."""
    names = [column[0] for column in found.description]
    row = dict(zip(names, found.fetchone() or [None] * len(names), strict=True))
    return row | {name: value for name, value in values.items() if name in row}


class Look:
    """Everything that there is at one moment.

    :param keys: dataset -> the columns of its key. :param things: the records.
    :param files: the files that hold several records, with their bytes' digests. :param columns: of each table.
    """

    def __init__(self, place: Place, keys: Mapping[str, Sequence[str]]) -> None:
        self.things: Counter[Thing] = Counter()
        self.files: dict[str, str] = {}
        self.columns: dict[str, Sequence[str]] = {}
        for system in DATABASES:
            for table, names, rows in place.tables(system):
                self.columns[f"{system}.{table}"] = names
                at = [names.index(column) for column in keys.get(f"{system}.{table}", names[:1])]
                for row in rows:
                    held = json.dumps(list(row), default=repr)
                    self.things[f"{system}.{table}", tuple(row[n] for n in at), held] += 1
        for system in SHARED:
            for key, content in place.objects(system):
                self.files[f"{system}/{key}"] = digest(content)
                for thing in records(system, key, content):
                    self.things[thing] += 1
        for folder, name, content in place.messages():
            self.things["mail", (folder, name), digest(content)] += 1
        for system in ALONE:
            for key, content in place.objects(system):
                name = {"company": "company_lists"}.get(key.split("/")[0], key.split("/")[0])
                self.things[f"{system}.{name}", (key,), digest(content)] += 1


@lru_cache(maxsize=4096)
def records(system: str, key: str, content: bytes) -> tuple[Thing, ...]:
    """The records of a file; read once for each content that it ever has."""
    plain = gzip.decompress(content) if key.endswith(".gz") else content
    if system == "weblogs":
        return tuple(("weblogs.access", (key, line), "") for line in plain.removesuffix(b"\n").split(b"\n"))
    if key.endswith(".parquet"):
        rows = pq.read_table(io.BytesIO(content)).to_pylist()
        return tuple(("analytics.ga4_events", (key, repr(row)), "") for row in rows)
    if system == "analytics":
        return tuple(("analytics.clicks", (key, line.decode()), "") for line in plain.splitlines())
    found = json.loads(plain)["conversations"]
    return tuple(("helpdesk.conversations", (one["id"],), f"{key} {json.dumps(one, sort_keys=True)}") for one in found)


def place_of(thing: Thing) -> str:
    """The file that a line, an event or a conversation's version is in."""
    return str(thing[2].split(" ")[0] if thing[0] == "helpdesk.conversations" else thing[1][0])
