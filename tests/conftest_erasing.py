"""Erasures of a tiny demo shop, step by step as Airflow would call them, and all that the shop holds at one moment."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from conftest_demo import HOME, urls_of
from demo import make
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.orchestration import erasures
from privacy.orchestration.runs import Run
from privacy.rights import Evidence, EvidenceKind, Right
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_TOKENS = re.compile(rb"(removed-|erased-)[0-9a-f]+")


class Erasing:
    """A shop of its own, in a folder; the clock stands still.

    :param made: a folder with a demo shop, which is copied. :param home: another ``PRIVACY_HOME`` than the shop's.
    """

    def __init__(self, folder: Path, made: Path | None = None, *, home: Path = HOME) -> None:
        self.folder, self._home = folder, home
        self.shop, self.clock = folder / "shop", FixedClock(NOW)
        if made is not None:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(made, self.shop, symlinks=True)
            self.house.found()

    @cached_property
    def house(self) -> House:
        urls = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls_of(self.shop).items()}
        settings = Settings(home=self._home, state=self.folder / "state")
        return House(settings, EnvironmentConnections(urls), self.clock)

    @cached_property
    def subjects(self) -> dict[str, dict[str, Any]]:
        """The answer sheet, by subject."""
        return {entry["subject"]: entry for entry in json.loads((self.shop / "answers.json").read_text())["subjects"]}

    def request(self, subject: str, *, proven: bool = True) -> str:
        """The number of a request to be erased, of a subject of the answer sheet."""
        named = [Identifier(kind, value) for kind, value in self.subjects[subject]["named"][0].items()]
        number = self.house.register.receive(Right.ERASURE, named, author="desk").number
        if proven:
            seen = Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport, at the counter")
            self.house.register.prove(number, seen, "desk")
        return number

    def planned(self, number: str, name: str = "run-1") -> tuple[Run, dict[str, Any]]:
        """Resolve and plan."""
        run = Run(name, number, "operator")
        erasures.resolve(self.house, run)
        return run, erasures.plan(self.house, run, say=lambda _: None)

    def erase(self, number: str, name: str = "run-1") -> dict[str, Any]:
        """All steps; whoever is asked says yes.

        :returns: the ledger's word of how the run ended.
        """
        run, said = self.planned(number, name)
        if said["asked"]:
            erasures.answered(self.house, run, approved=True, by="privacy officer")
        erasures.erase(self.house, run)
        erasures.verify(self.house, run)
        erasures.record(self.house, run, None, say=lambda _: None)
        return self.ended(run)

    def ended(self, run: Run) -> dict[str, Any]:
        return dict(self.house.ledger.entries(run=run.id, kind="run.ended")[0].entry)

    def rows(self, sql: str, *values: object, database: str = "shop") -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.shop / f"{database}.db")) as db:
            return db.execute(sql, values).fetchall()

    def change(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.shop / "shop.db")) as db, db:
            db.execute(sql, values)

    def everything(self) -> dict[str, bytes]:
        """Every row and every file of the shop, by a plain look; random tokens read alike."""
        found: dict[str, bytes] = {}
        for file in sorted(self.shop.rglob("*")):
            name = file.relative_to(self.shop).as_posix()
            if file.suffix == ".db":
                found |= {f"{name}:{n}": row for n, row in enumerate(_rows(file))}
            elif file.is_file() and file.suffix not in (".db-wal", ".db-shm"):
                content = file.read_bytes()
                content = gzip.decompress(content) if file.suffix == ".gz" else content
                found[_TOKENS.sub(rb"\1", name.encode()).decode()] = _TOKENS.sub(rb"\1", content)
        return found


def _rows(file: Path) -> list[bytes]:
    with closing(sqlite3.connect(file)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
        return [
            _TOKENS.sub(rb"\1", repr((table, row)).encode())
            for table in tables
            for row in sorted(db.execute(f'SELECT * FROM "{table}"'), key=repr)
        ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo's generator makes: copied for each test, never changed."""
    folder = tmp_path_factory.mktemp("made")
    make(folder, seed=1, size="tiny")
    return folder


@pytest.fixture
def shop(tmp_path: Path, made: Path) -> Erasing:
    """A shop of a test's own."""
    return Erasing(tmp_path / "one", made)
