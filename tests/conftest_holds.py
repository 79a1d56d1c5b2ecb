"""An installation in one folder, and a source in memory that follows the contract as far as `apply` needs it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest_ledger import migrated
from privacy.clock import FixedClock
from privacy.holds import Holds
from privacy.keys import MasterKey
from privacy.ledger import Ledger
from privacy.sources.base import (
    Delete,
    Identifier,
    Item,
    Of,
    Outcome,
    Partition,
    Selection,
    Status,
    Step,
    Subject,
)

NUMBER = "AVG-2026-0042-5"
DATASETS = ("shop.profiles", "shop.invoices")


def person(number: int) -> Subject:
    return Subject(1, (Identifier("shop.customer", number),))


@dataclass
class Memory:
    """Two datasets of rows: key -> whose it is."""

    rows: dict[str, dict[int, int]] = field(default_factory=lambda: {"profiles": {}, "invoices": {}})
    calls: int = 0
    system: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(system="shop", datasets={}))

    def partitions(self, selection: Selection) -> list[Partition]:
        return [Partition(selection.dataset, 1)]

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        assert partition.name == selection.dataset
        theirs = numbers(selection.pick) if isinstance(selection.pick, Of) else None
        for key, whose in self.rows[selection.dataset].items():
            if theirs is None or whose in theirs:
                yield self.item(key, whose)

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        self.calls += 1
        held = {number for pick in spare for number in numbers(pick)}
        for step in unit:
            assert isinstance(step.change, Delete)
            rows = self.rows[step.selection.dataset]
            for item in step.items:
                (key,) = item.key
                if key not in rows:
                    yield Outcome(item.key, Status.GONE, 0, 0, "not_selected")
                elif rows[key] in held:
                    yield Outcome(item.key, Status.HELD, 1, 1, "hold")
                elif self.item(key, rows[key]).version != item.version:
                    yield Outcome(item.key, Status.CHANGED, 1, 1, "changed")
                else:
                    self.removed(step.selection.dataset, key)
                    yield Outcome(item.key, Status.DONE, 1, 1)

    def removed(self, dataset: str, key: int) -> None:
        del self.rows[dataset][key]

    @staticmethod
    def item(key: int, whose: int) -> Item:
        version = hashlib.sha256(f"{key} {whose}".encode()).hexdigest()
        return Item((key,), version, 1, 1, None, True, version)

    def plan(self, *datasets: str) -> list[Step]:
        """Delete everything there is now."""
        return [
            Step(
                Selection(name, Of(())),
                Delete(),
                tuple(self.item(key, whose) for key, whose in self.rows[name].items()),
            )
            for name in datasets or self.rows
        ]


def numbers(pick: Of) -> set[int]:
    return {int(i.value) for subject in pick.subjects for i in subject.identifiers if not i.contested}


class Place:
    """Ledger and holds of one folder; as many as you like may be opened on it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FixedClock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC))
        self.key = MasterKey(b"k" * 32)
        self.engine = migrated(folder)
        self.ledger = Ledger(self.engine, self.key, folder / "head.json", self.clock)
        self.holds = Holds(self.engine, self.key, self.ledger, self.clock, datasets=DATASETS)

    def dump(self) -> str:
        with self.engine.connect() as connection:
            return str([tuple(row) for row in connection.exec_driver_sql("SELECT * FROM holds")]) + str(
                [tuple(row) for row in connection.exec_driver_sql("SELECT entry FROM ledger")]
            )


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def shop():
    """Customer 1 has profile 10 and invoices 11, 12; customer 2 has profile 20 and invoice 21."""
    return Memory({"profiles": {10: 1, 20: 2}, "invoices": {11: 1, 12: 1, 21: 2}})
