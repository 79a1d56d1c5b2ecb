"""A demo shop of a test's own, whose databases are dumped before and after; a correction step by step."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from conftest_demo import HOME, urls_of
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.orchestration import rectify_steps as steps
from privacy.orchestration.runs import Run
from privacy.rights import Evidence, EvidenceKind, Right
from privacy.rights.corrections import correct
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


class Shop:
    """A shop in a folder, and its office."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FixedClock(NOW)

    @classmethod
    def copied(cls, made: Path, folder: Path) -> Shop:
        """A shop that a test may write to."""
        shutil.copytree(made, folder / "shop")
        return cls(folder / "shop")

    @cached_property
    def house(self) -> House:
        places = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls_of(self.folder).items()}
        settings = Settings(home=HOME, state=self.folder / "state")
        found = House(settings, EnvironmentConnections(places), self.clock)
        found.found()
        return found

    def request(self, *identifiers: Identifier, proven: bool = True) -> str:
        register = self.house.register
        number = register.receive(Right.RECTIFICATION, identifiers, author="desk").number
        if proven:
            register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="pas"), "desk")
        return number

    def wanted(self, number: str, values: Mapping[str, str | None], **more: str) -> None:
        for fact, to in values.items():
            correct(self.house, number, fact, to, "desk", **more)

    def plan(self, number: str, run: str = "run-1") -> Run:
        """Up to the question."""
        this = Run(run, number, "operator")
        steps.resolve(self.house, this)
        steps.plan(self.house, this, say=lambda _: None)
        return this

    def approved(self, number: str, run: str = "run-1") -> Run:
        this = self.plan(number, run)
        steps.answered(self.house, this, approved=True, by="chef")
        return this

    def done(self, number: str, run: str = "run-1") -> Run:
        """A whole run that goes well."""
        this = self.approved(number, run)
        steps.rectify(self.house, this)
        steps.verify(self.house, this)
        steps.record(self.house, this, None, say=lambda _: None)
        steps.tell(self.house, this)
        return this

    def sql(self, statement: str, *values: object, db: str = "shop") -> list[tuple]:
        with sqlite3.connect(self.folder / f"{db}.db") as connection:
            return connection.execute(statement, values).fetchall()

    def cells(self) -> dict[tuple, object]:
        """Every cell of every table of both databases, by database, table, row and column."""
        found: dict[tuple, object] = {}
        for db in ("shop", "recruiting"):
            with sqlite3.connect(self.folder / f"{db}.db") as connection:
                connection.row_factory = sqlite3.Row
                tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
                for table in tables:
                    keys = [r["name"] for r in connection.execute(f"PRAGMA table_info({table})") if r["pk"]]
                    for row in connection.execute(f"SELECT rowid AS _row, * FROM {table}"):
                        key = tuple(row[k] for k in keys) or (row["_row"],)
                        found |= {(db, table, key, name): row[name] for name in row.keys() if name != "_row"}  # noqa: SIM118
        return found

    def files(self) -> dict[str, bytes]:
        """Every byte of the stores that are no database."""
        state = self.folder / "state"
        return {
            str(path): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix != ".db" and state not in path.parents and "-wal" not in path.name
        }


def changed(before: dict[tuple, object], after: dict[tuple, object]) -> dict[tuple, object]:
    """The cells that are another or new; None of those that are gone."""
    return {
        cell: after.get(cell) for cell in before.keys() | after.keys() if before.get(cell, _NO) != after.get(cell, _NO)
    }


_NO = object()


def number(value: int) -> Identifier:
    return Identifier("shop.customer_id", value)


def address(value: str) -> Identifier:
    return Identifier("email", value)
