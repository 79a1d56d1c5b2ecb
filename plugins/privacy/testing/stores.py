"""Stores for the suite: a source over them, a scratch copy to change, what is in them, ways to break them.

:class:`Stores` does it for SQLite files and folders. For another kind of store, write what :class:`Bench` asks.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import psutil

from privacy.connections import EnvironmentConnections
from privacy.datamap.load import DataMap, Ref, load
from privacy.sources import source_for
from privacy.sources.base import Source
from privacy.testing import files, mail, record_files
from privacy.testing.snapshots import Files, Snapshot, Table, Tables

_PREFIX = "PRIVACY_CONNECTION_"


class Bench(Protocol):
    """What the checks work with: the real stores, to be read only."""

    def source(self, ref: Ref, batch_rows: int = 10_000) -> Source:
        """A fresh source of the dataset's system."""
        ...

    def handles(self) -> int:
        """How many cursors or files of the stores this process has open."""
        ...

    def scratch(self, ref: Ref) -> AbstractContextManager[Scratch]:
        """A copy of the dataset's store, gone afterwards."""
        ...


class Scratch(Bench, Protocol):
    """A copy that may be changed and broken."""

    def snapshot(self, ref: Ref) -> Snapshot:
        """Everything that is in it."""
        ...

    def damages(self, ref: Ref) -> list[str]:
        """The ways in which it can be broken; one that begins with ``!`` must make reading fail."""
        ...

    def damage(self, ref: Ref, how: str, canary: str) -> None:
        """Break it.

        :param canary: a text to leave behind in it, that no error may repeat.
        """
        ...


class Stores:
    """SQLite files and folders.

    :param home: the data map's folder (``PRIVACY_HOME``).
    :param urls: connection name -> URL: ``sqlite:////absolute/shop.db``, ``file:///absolute/logs``.
    """

    def __init__(self, home: Path, urls: Mapping[str, str]) -> None:
        self.datamap: DataMap = load(home)
        self._urls = dict(urls)
        self._connections = EnvironmentConnections({_PREFIX + name.upper(): url for name, url in urls.items()})

    def source(self, ref: Ref, batch_rows: int = 10_000) -> Source:
        """See :class:`Bench`."""
        return source_for(ref.system, self._connections, home=self.datamap.home, batch_rows=batch_rows)

    def handles(self) -> int:
        """See :class:`Bench`."""
        roots = [str(_path(url)) for url in self._urls.values()]
        return sum(any(f.path.startswith(root) for root in roots) for f in psutil.Process().open_files())

    @contextmanager
    def scratch(self, ref: Ref) -> Iterator[Stores]:
        """See :class:`Bench`; the other systems' connections stay as they are."""
        name = ref.system.connection
        path = self._path(ref)
        with tempfile.TemporaryDirectory(prefix="privacy-suite-") as folder:
            to = Path(folder).resolve() / path.name
            if path.is_dir():
                shutil.copytree(path, to, symlinks=True)
            else:
                here = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
                with closing(here), closing(sqlite3.connect(to)) as there:
                    here.backup(there)
            scheme = "file://" if path.is_dir() else "sqlite:///"
            yield Stores(self.datamap.home, {**self._urls, name: f"{scheme}{to}"})

    def snapshot(self, ref: Ref) -> Snapshot:
        """See :class:`Scratch`."""
        path = self._path(ref)
        if ref.system.source == "records":
            return record_files.snapshot(ref, path)
        if ref.system.source == "files":
            return files.blobs_of(path)
        if ref.system.source == "mailbox":
            return mail.snapshot(path, ref.system)
        if path.is_dir():
            logs = (file for file in sorted(path.rglob("*")) if file.is_file())
            return Files({file.relative_to(path).as_posix(): _lines(file) for file in logs})
        with closing(sqlite3.connect(path)) as db:
            found = db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
            )
            tables = [row[0] for row in found]
            return Tables({table: _rows(db, table) for table in tables})

    def damages(self, ref: Ref) -> list[str]:
        """See :class:`Scratch`."""
        path = self._path(ref)
        if ref.system.source == "records":
            return record_files.damages(path)
        if ref.system.source == "files":
            return files.damages(ref)
        if ref.system.source == "mailbox":
            return mail.damages()
        if path.is_dir():
            return ["!truncated"] if any(path.rglob("*.gz")) else []
        broken = ["!garbage"]
        if ref.dataset.table is not None:
            strict = (n for n, c in ref.dataset.columns.items() if c.type not in ("text", "binary"))
            broken += ["!table", *(f"column {name}" for name in strict if ref.dataset.columns[name].identity is None)]
        return broken

    def damage(self, ref: Ref, how: str, canary: str) -> None:
        """See :class:`Scratch`."""
        path, (what, _, column) = self._path(ref), how.partition(" ")
        if ref.system.source == "records":
            record_files.damage(ref, path, how, canary)
        elif ref.system.source == "files":
            files.damage(path, ref, how, canary)
        elif ref.system.source == "mailbox":
            mail.damage(path, how, canary)
        elif what == "!truncated":
            for file in path.rglob("*.gz"):
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        elif what == "!garbage":
            path.write_bytes(b"no database at all; " + canary.encode())
        else:
            with closing(sqlite3.connect(path, isolation_level=None)) as db:
                try:
                    if what == "!table":
                        db.execute(f'ALTER TABLE "{ref.dataset.table}" RENAME TO privacy_elsewhere')
                    else:
                        db.execute(f'UPDATE "{ref.dataset.table}" SET "{column}" = ?', (canary,))
                except sqlite3.Error:
                    return  # The database itself does not allow such a value there.

    def _path(self, ref: Ref) -> Path:
        return _path(self._urls[ref.system.connection])


def _path(url: str) -> Path:
    scheme, _, rest = url.partition("://")
    return Path(rest if scheme == "file" else rest.removeprefix("/"))


def _lines(file: Path) -> tuple[bytes, ...]:
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = gzip.decompress(content)
    *whole, rest = content.split(b"\n")
    return tuple([line + b"\n" for line in whole] + [rest] * bool(rest))


def _rows(db: sqlite3.Connection, table: str) -> Table:
    db.text_factory = str
    names = tuple(row[1] for row in db.execute(f'PRAGMA table_info("{table}")'))
    select = f"""SELECT {", ".join(f'"{name}"' for name in names)} FROM "{table}\""""
    try:
        return Table(names, Counter(db.execute(select)))
    except sqlite3.OperationalError:  # a text that is no UTF-8: read the slower way
        db.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        return Table(names, Counter(db.execute(select)))
