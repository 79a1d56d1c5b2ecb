"""A register on a real database, with a clock that a test sets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest_ledger import migrated
from privacy.clock import FixedClock
from privacy.holds import Holds
from privacy.keys import MasterKey
from privacy.ledger import Ledger
from privacy.rights import Register, Request, Right
from privacy.rights.keeping import Keeping
from privacy.sources.base import Identifier, Subject

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
POLICY = SimpleNamespace(prefix="AVG", zone="Europe/Amsterdam")
ANNA = Identifier("email", "anna@a.example")
ANNA_NUMBER = Identifier("shop.customer_id", 100_200_300_400)
SUBJECT = Subject(1, (ANNA, ANNA_NUMBER))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Kept:
    """What the register asked to be held, by request."""

    def __init__(self, engine) -> None:
        self.by_request: dict[str, tuple[Subject, ...]] = {}
        self._engine = engine

    def place_request(self, number: str, subjects, *, author: str, wanted, besides: bool = False) -> None:  # noqa: ARG002
        with self._engine.begin() as connection:
            if wanted(connection):
                self.by_request[number] = tuple(subjects)

    def release_request(self, number: str, *, author: str, writing) -> None:  # noqa: ARG002
        self.by_request.pop(number, None)

    def kept(self) -> frozenset[str]:
        return frozenset(self.by_request)


class Office:
    """A register and everything around it, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FixedClock(NOW)
        self.engine = migrated(folder)
        self.key = MasterKey(b"k" * 32)
        self.ledger = Ledger(self.engine, self.key, folder / "head.json", self.clock)
        self.holds = Kept(self.engine)
        self.spans: list[tuple[datetime, datetime | None]] = [(LONG_AGO, None)]
        self.register = Register(
            self.engine, self.key, self.ledger, self.holds, POLICY, self.clock, addresses=lambda *_: self.spans
        )

    def real_holds(self, resolver: object = None) -> Holds:
        """The register with the installation's own holds, and whose a request is, from now on."""
        holds = Holds(self.engine, self.key, self.ledger, self.clock)
        self.register = Register(
            self.engine, self.key, self.ledger, Keeping(holds), POLICY, self.clock,
            addresses=lambda *_: self.spans, resolver=resolver,
        )  # fmt: skip
        return holds

    def receive(self, *identifiers: Identifier, **more: object) -> str:
        return self.register.receive(Right.ACCESS, identifiers or (ANNA,), author="desk", **more).number

    def sealed(self, run: str = "r1", **counts: int) -> str:
        number = self.receive()
        self.register.begin(number, run)
        self.register.resolved(number, SUBJECT, run=run)
        self.seal(number, run, **counts)
        return number

    def seal(self, number: str, run: str = "r1", outer: str = "o" * 64, left_out: int = 0, **counts: int) -> Request:
        found = {name.replace("_", ".", 1): n for name, n in counts.items()} or {"shop.orders": 3}
        return self.register.sealed(
            number,
            run=run,
            path=f"{number}.zip.age",
            inner_sha256="i" * 64,
            outer_sha256=outer,
            counts=found,
            left_out={"redacted": left_out},
        )

    def kinds(self, number: str) -> list[str]:
        return [str(e.entry["kind"]) for e in self.ledger.entries(request=number)]

    def execute(self, statement: str, *values: object) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement, values)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)
