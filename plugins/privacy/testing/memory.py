"""A source over rows in memory: the contract in its plainest form, for tests of what works with sources.

Values are Python's, of each column's Arrow type. ``MemoryStore`` is the store; a source over it follows every rule of
``privacy.sources.base``; its subclasses in ``privacy.testing.hostile`` each break one.
"""

# ruff: noqa: ARG002 - the contract's parameters, whether needed here or not
from __future__ import annotations

import hashlib
import io
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, BinaryIO

import pyarrow as pa

from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.errors import BadInput, Unreadable
from privacy.sources.base import (
    PARTY,
    SUBJECT,
    Among,
    ByKey,
    Claim,
    Delete,
    Due,
    Every,
    Item,
    Of,
    Outcome,
    Partition,
    Problem,
    Redaction,
    Selection,
    Set,
    Source,
    Status,
    Step,
    Subject,
    Survey,
    Tally,
    schema_of,
)  # fmt: skip
from privacy.testing.snapshots import Snapshot, Table, Tables, plain
from privacy.testing.whose import moment, parties

Rows = dict[str, list[dict[str, Any]]]
Selected = tuple[int | None, str | None, dict[str, Any]]
"""The subject's number, their parties, the row."""


class DriverError(Exception):
    """What the driver of this store raises: like a real one's, its text quotes a value."""


class MemoryStore:
    """Rows by dataset.

    :param cursors: how many reads are open.
    :param broken: a value that the driver's error quotes; None: nothing is broken.
    """

    def __init__(self, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        self.rows: Rows = {name: [dict(row) for row in given] for name, given in rows.items()}
        self.cursors = 0
        self.broken: str | None = None

    def cursor(self, dataset: str) -> list[dict[str, Any]]:
        """The rows of a dataset. :raises DriverError: the store is broken."""
        if self.broken is not None:
            raise DriverError(f"cannot decode the value {self.broken!r}")
        return self.rows[dataset]


class MemorySource:
    """See :class:`privacy.sources.base.Source`."""

    def __init__(self, system: System, store: MemoryStore, batch_rows: int = 10_000) -> None:
        self.system, self.store, self.batch_rows = system, store, batch_rows

    def inventory(self) -> Iterator[Claim]:
        """Each dataset that has rows, with the columns of its first."""
        for name, rows in sorted(self.store.rows.items()):
            yield Claim(name, tuple(rows[0]) if rows else tuple(self.system.datasets[name].columns))

    def check(self) -> Iterator[Problem]:
        """Nothing can be wrong with it."""
        yield from ()

    def partitions(self, selection: Selection) -> list[Partition]:
        """One, with the dataset's name. :raises BadInput: there is no such dataset."""
        if selection.dataset not in self.system.datasets:
            raise BadInput("memory.unknown_dataset", "There is no such dataset.", where=self.system.system)
        return [Partition(selection.dataset, 0)]

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :class:`Source`."""
        dataset = self.system.datasets[selection.dataset]
        self.store.cursors += 1
        try:
            found = self._selected(selection)
            for start in range(0, len(found), self.batch_rows):
                part = found[start : start + self.batch_rows]
                given = [{**row, SUBJECT: no, PARTY: party} for no, party, row in part]
                yield pa.RecordBatch.from_pylist(given, schema=schema_of(dataset))
        finally:
            self.store.cursors -= 1

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """A row has no original: an empty file."""
        return io.BytesIO()

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """One item a row, each once."""
        seen: set[tuple[object, ...]] = set()
        for _, _, row in self._selected(selection):
            item = self._item(selection.dataset, row)
            if item.key not in seen:
                seen.add(item.key)
                yield item

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :class:`privacy.sources.base.Surveying`."""
        of = self.system.datasets[dataset]
        start = of.starts.column if of.starts else None
        times = [moment(of, start, row) for row in self.store.cursor(dataset)]
        begun = [at.astimezone(UTC) for at in times if at is not None]
        picked = tuple(len(self._selected(Selection(dataset, pick))) for pick in picks)
        later = sum(at > now for at in begun)
        return Survey(len(times), 0, min(begun, default=None), len(times) - len(begun), later, picked)

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """All or nothing: the rows are replaced when every step was done."""
        rows, outcomes = deepcopy(self.store.rows), []
        for step in unit:
            selected = {self._key(step.selection.dataset, row) for _, _, row in self._selected(step.selection)}
            for item in step.items:
                status, reason = self._one(rows[step.selection.dataset], step, item, selected, spare)
                outcomes.append(Outcome(item.key, status, int(status is Status.DONE), 0, reason))
        self.store.rows = rows
        return iter(outcomes)

    def _one(
        self, rows: list[dict[str, Any]], step: Step, item: Item, selected: set[tuple[object, ...]], spare: Sequence[Of]
    ) -> tuple[Status, str]:
        name = step.selection.dataset
        row = next((r for r in rows if self._key(name, r) == item.key), None)
        if row is None or item.key not in selected:
            return Status.GONE, "not_selected"
        if any(parties(self.system.datasets[name], row, s) for held in spare for s in held.subjects):
            return Status.HELD, "hold"
        changed = self._item(name, row).version != item.version
        if isinstance(step.change, Delete):
            if changed:
                return Status.CHANGED, "changed"
            rows.remove(row)
            return Status.DONE, ""
        columns = self._columns(step, row)
        if changed and any(not _is_set(row[c], v) for c, v in columns.items()):
            return Status.CHANGED, "changed"
        for column, value in columns.items():
            if not _is_set(row[column], value):
                row[column] = _value(value)
        return Status.DONE, ""

    def _selected(self, selection: Selection) -> list[Selected]:
        dataset = self.system.datasets[selection.dataset]
        try:
            rows = sorted(self.store.cursor(selection.dataset), key=lambda row: self._key(selection.dataset, row))
        except DriverError:
            raise Unreadable(
                "memory.broken", "The store cannot be read.", where=f"{self.system.system}.{selection.dataset}"
            ) from None
        pick = selection.pick
        if isinstance(pick, ByKey):
            return [(None, None, row) for row in rows if self._key(selection.dataset, row) in pick.keys]
        if isinstance(pick, Due):
            start = dataset.starts.column if dataset.starts else None
            dated = [(row, moment(dataset, start, row)) for row in rows if _among(pick.among, row)]
            every = isinstance(pick, Every)
            return [(None, None, row) for row, at in dated if every or (at is not None and at < pick.before)]
        return [
            (s.no, ",".join(names), row)
            for s in pick.subjects
            for row in rows
            if (names := self._whose(selection, row, s)) and self._fits(selection, row)
        ]

    def _fits(self, selection: Selection, row: Mapping[str, Any]) -> bool:
        """Whether somebody else is in a row, or not, as is asked for."""
        if selection.shared is None:
            return True
        return any(not mine for mine in self._named(selection, row).values()) is selection.shared

    def _named(self, selection: Selection, row: Mapping[str, Any]) -> dict[str, bool]:
        """The parties that a row names, and whether each is one of the selection's subjects."""
        dataset, pick = self.system.datasets[selection.dataset], selection.pick
        mine = {name for s in pick.subjects for name in parties(dataset, row, s)} if isinstance(pick, Of) else set()
        people = dataset.people.items()
        return {name: name in mine for name, party in people if any(row[c] not in (None, []) for c in party.subject)}

    def _columns(self, step: Step, row: Mapping[str, Any]) -> dict[str, object]:
        """What a row is given: of one that is shared, the columns of the subjects' own parties."""
        given = step.change.columns if isinstance(step.change, Set) else {}
        if not step.selection.shared:
            return dict(given)
        named, people = self._named(step.selection, row), self.system.datasets[step.selection.dataset].people
        own = {c for n, party in people.items() if named.get(n) for c in (*party.subject, *party.private, *party.wrote)}
        return {column: value for column, value in given.items() if column in own}

    def _whose(self, selection: Selection, row: Mapping[str, Any], subject: Subject) -> list[str]:
        dataset = self.system.datasets[selection.dataset]
        if selection.on is None:
            return parties(dataset, row, subject)
        values = {(i.kind, i.value) for i in subject.identifiers if not i.contested}
        return ["on"] * any((dataset.columns[c].identity, row[c]) in values for c in selection.on)

    def _key(self, dataset: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.system.datasets[dataset].key)

    def _item(self, name: str, row: Mapping[str, Any]) -> Item:
        dataset, key = self.system.datasets[name], self._key(name, row)
        version = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()
        digest = hashlib.sha256(f"{key!r} {version}".encode()).hexdigest()
        start = moment(dataset, dataset.starts.column if dataset.starts else None, row)
        oldest = None if start is None else start.astimezone(UTC)
        return Item(key, version, 1, len(repr(row)), oldest, True, digest)


def _among(among: Among | None, row: Mapping[str, Any]) -> bool:
    return among is None or (row[among.column] in among.kinds) is not among.others


def _is_set(now: object, value: object) -> bool:
    if value is Redaction.UNIQUE:
        return isinstance(now, str) and now.startswith("removed-")
    return now == _value(value)


def _value(value: object) -> object:
    if value is Redaction.UNIQUE:
        return f"removed-{secrets.token_hex(12)}"
    return None if value is Redaction.NULL else value


class MemoryBench:
    """The suite's bench over a memory store.

    :param made_by: the class of source to try: :class:`MemorySource`, or one under suspicion.
    """

    def __init__(self, system: System, store: MemoryStore, made_by: type[MemorySource] = MemorySource) -> None:
        self._system, self._store, self._made_by = system, store, made_by

    def source(self, ref: Ref, batch_rows: int = 10_000) -> Source:
        """See :class:`privacy.testing.stores.Bench`."""
        return self._made_by(self._system, self._store, batch_rows)

    def handles(self) -> int:
        """See :class:`privacy.testing.stores.Bench`."""
        return self._store.cursors

    @contextmanager
    def scratch(self, ref: Ref) -> Iterator[MemoryBench]:
        """See :class:`privacy.testing.stores.Bench`."""
        yield MemoryBench(self._system, MemoryStore(self._store.rows), self._made_by)

    def snapshot(self, ref: Ref) -> Snapshot:
        """See :class:`privacy.testing.stores.Scratch`."""
        tables: dict[str, Table] = {}
        for name, rows in self._store.rows.items():
            dataset = self._system.datasets[name]
            names = tuple(dataset.columns)
            values = (tuple(plain(r[c]) if c in dataset.key else repr(r.get(c)) for c in names) for r in rows)
            tables[name] = Table(names, Counter(values))
        return Tables(tables)

    def damages(self, ref: Ref) -> list[str]:
        """See :class:`privacy.testing.stores.Scratch`."""
        return ["!broken"]

    def damage(self, ref: Ref, how: str, canary: str) -> None:
        """See :class:`privacy.testing.stores.Scratch`."""
        self._store.broken = canary
