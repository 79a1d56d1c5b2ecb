"""Sources that each break one rule of the contract: what shows that the suite's checks can fail.

All are :class:`privacy.testing.memory.MemorySource` with one thing wrong, as it has been wrong in somebody's system.
"""

# ruff: noqa: ARG002 - the contract's parameters, whether needed here or not
from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from privacy.sources.base import Due, Item, Of, Outcome, Partition, Selection, Set, Step, Survey, Tally, schema_of
from privacy.testing.memory import MemorySource, Selected

Rows = Iterator[pa.RecordBatch]


class LeaksANeighbour(MemorySource):
    """Gives the row after each subject's last as theirs: another subject's."""

    def _selected(self, selection: Selection) -> list[Selected]:
        found = super()._selected(selection)
        mine = {self._key(selection.dataset, row) for _, _, row in found}
        more = [r for r in self.store.cursor(selection.dataset) if self._key(selection.dataset, r) not in mine]
        own = isinstance(selection.pick, Of)
        return [*found, *((found[-1][0], found[-1][1], row) for row in more[:1])] if found and own else found


class JoinsByAddressThoughANumberIsThere(MemorySource):
    """Matches any identity column, not the first that is filled in: a household's address leaks."""

    def _whose(self, selection: Selection, row: Any, subject: Any) -> list[str]:
        dataset = self.system.datasets[selection.dataset]
        values = {(i.kind, str(i.value).casefold()) for i in subject.identifiers if not i.contested}
        return [
            name
            for name, party in dataset.people.items()
            if any((dataset.columns[c].identity, str(row[c]).casefold()) in values for c in party.subject)
        ]


class LosesAnAddressInAnotherCase(MemorySource):
    """Compares addresses with their case (edge case 19)."""

    def _whose(self, selection: Selection, row: Any, subject: Any) -> list[str]:
        found, dataset = super()._whose(selection, row, subject), self.system.datasets[selection.dataset]
        values = {i.value for i in subject.identifiers}
        return found if any(row[c] in values for p in dataset.people.values() for c in p.subject) else []


class GivesEverythingWithoutIdentity(MemorySource):
    """Takes an empty selection for no condition at all."""

    def _selected(self, selection: Selection) -> list[Selected]:
        pick = selection.pick
        if isinstance(pick, Of) and not any(s.identifiers for s in pick.subjects):
            return [(1, "subject", row) for row in self.store.cursor(selection.dataset)]
        return super()._selected(selection)


class UsesContestedIdentifiers(MemorySource):
    """Forgets that a contested identifier selects nothing."""

    def _selected(self, selection: Selection) -> list[Selected]:
        pick = selection.pick
        if isinstance(pick, Of):
            trusted = [
                replace(s, identifiers=tuple(replace(i, contested=False) for i in s.identifiers)) for s in pick.subjects
            ]
            selection = replace(selection, pick=Of(tuple(trusted)))
        return super()._selected(selection)


class ComesInAnyOrder(MemorySource):
    """Reads without ORDER BY."""

    def _selected(self, selection: Selection) -> list[Selected]:
        found = super()._selected(selection)
        random.shuffle(found)
        return found


class OrdersByBatch(MemorySource):
    """Sorts each batch by itself: another batch size, another order."""

    def _selected(self, selection: Selection) -> list[Selected]:
        found = super()._selected(selection)[::-1]
        size = self.batch_rows
        return [r for n in range(0, len(found), size) for r in found[n : n + size][::-1]]


class GivesOneHugeBatch(MemorySource):
    """Reads everything at once."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Rows:
        """All in one."""
        self.batch_rows = 2**31
        yield from super().read(selection, partition, tally)


class GivesAnEmptyBatch(MemorySource):
    """Ends with a batch of nothing."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Rows:
        """One batch too many."""
        yield from super().read(selection, partition, tally)
        yield pa.RecordBatch.from_pylist([], schema=schema_of(self.system.datasets[selection.dataset]))


class LosesAType(MemorySource):
    """Gives decimals as floats."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Rows:
        """Rounded."""
        for batch in super().read(selection, partition, tally):
            fields = [pa.field(f.name, pa.float64()) if pa.types.is_decimal(f.type) else f for f in batch.schema]
            yield batch.cast(pa.schema(fields))


class LeavesAColumnOut(MemorySource):
    """Its schema is not the data map's."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Rows:
        """Without the first column."""
        for batch in super().read(selection, partition, tally):
            yield batch.select(batch.schema.names[1:])


class QuotesTheDriver(MemorySource):
    """Lets the driver's error escape, or hides it behind one of ours that says why."""

    def _selected(self, selection: Selection) -> list[Selected]:
        self.store.cursor(selection.dataset)
        return super()._selected(selection)


class ChainsTheDriver(MemorySource):
    """Turns the driver's error into ours, but not ``from None``: the value stands in the traceback."""

    def _selected(self, selection: Selection) -> list[Selected]:
        from privacy.errors import Unreadable
        from privacy.testing.memory import DriverError

        try:
            self.store.cursor(selection.dataset)
        except DriverError as problem:
            raise Unreadable("memory.broken", "The store cannot be read.", where=selection.dataset) from problem
        return super()._selected(selection)


class SwallowsTheError(MemorySource):
    """Gives nothing where it cannot read: an export that silently got smaller."""

    def _selected(self, selection: Selection) -> list[Selected]:
        return [] if self.store.broken is not None else super()._selected(selection)


class LeavesItsCursorOpen(MemorySource):
    """Frees the cursor at the end of reading only, not when the reader stops early."""

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Rows:
        """Without ``finally``."""
        self.store.cursors += 1
        self._kept = super().read(selection, partition, tally)
        yield from list(self._kept)
        self.store.cursors -= 1


class LocatesTooLittle(MemorySource):
    """Locates fewer than it reads: an erasure that leaves a record."""

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """All but the last."""
        yield from list(super().locate(selection, partition))[:-1]


class LocatesInAnotherOrder(MemorySource):
    """The right items, backwards."""

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """Backwards."""
        yield from list(super().locate(selection, partition))[::-1]


class IncludesTheBound(MemorySource):
    """Takes a record exactly at the bound as due."""

    def _selected(self, selection: Selection) -> list[Selected]:
        from datetime import timedelta

        from privacy.sources.base import Due

        if isinstance(selection.pick, Due) and selection.pick.before.year < 9999:
            selection = replace(selection, pick=Due(selection.pick.before + timedelta(microseconds=1)))
        return super()._selected(selection)


class TakesAKeyForABound(MemorySource):
    """Does not know that a key may be asked for, and gives all that is due."""

    def _selected(self, selection: Selection) -> list[Selected]:
        from privacy.sources.base import ByKey, Due

        if isinstance(selection.pick, ByKey):
            selection = replace(selection, pick=Due(selection.pick.before))
        return super()._selected(selection)


class IgnoresHolds(MemorySource):
    """Does not look at what is to be spared."""

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """Whoever is held."""
        return super().apply(unit, ())


class FailsWhenRepeated(MemorySource):
    """Takes an item that is gone for an error."""

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """:raises KeyError: the second time."""
        here = {self._key(s.selection.dataset, r) for s in unit for r in self.store.rows[s.selection.dataset]}
        if any(item.key not in here for step in unit for item in step.items):
            raise KeyError("a row is missing")
        return super().apply(unit, spare)


class DoesItAgain(MemorySource):
    """Deletes whatever now stands where the items stood, each time it is applied."""

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """By place, not by key."""
        gone = super().apply(unit, spare)
        outcomes = list(gone)
        for step in unit:
            rows = self.store.rows[step.selection.dataset]
            if rows and not isinstance(step.change, Set) and all(o.status.value == "gone" for o in outcomes):
                rows.pop()
        return iter(outcomes)


class DeletesMore(MemorySource):
    """Deletes all that the selection holds, not the items alone."""

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """And the items' neighbours."""
        before = deepcopy(self.store.rows)
        outcomes = list(super().apply(unit, spare))
        for step in unit:
            if len(self.store.rows[step.selection.dataset]) < len(before[step.selection.dataset]):
                self.store.rows[step.selection.dataset] = self.store.rows[step.selection.dataset][1:]
        return iter(outcomes)


class OverwritesChanges(MemorySource):
    """Deletes by key, whatever became of the row since it was planned, and whosever it is."""

    def _one(self, rows: Any, step: Step, item: Item, selected: Any, spare: Sequence[Of]) -> Any:
        name = step.selection.dataset
        row = next((r for r in rows if self._key(name, r) == item.key), None)
        fresh = item if row is None else item._replace(version=self._item(name, row).version)
        return super()._one(rows, step, fresh, {*selected, item.key}, spare)


class SetsEveryColumn(MemorySource):
    """A setting that also touches a column it was not told."""

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """One text more."""
        keys = {item.key for step in unit for item in step.items}
        outcomes = list(super().apply(unit, spare))
        for step in unit:
            name = step.selection.dataset
            texts = [n for n, c in self.system.datasets[name].columns.items() if c.type == "text" and not c.identity]
            for row in self.store.rows[name] if isinstance(step.change, Set) else ():
                if self._key(name, row) in keys:
                    row.update({n: "?" for n in texts if n not in self.system.datasets[name].key})
        return iter(outcomes)


class CountsTheBound(MemorySource):
    """Surveys with a bound that is included."""

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """A microsecond later."""
        later = [p if p.before.year == 9999 else replace(p, before=p.before + timedelta(microseconds=1)) for p in picks]
        return super().survey(dataset, now, later)


class LosesWhatHasNoKind(MemorySource):
    """Finds nothing of no kind among the others: ``NOT IN`` is never true for NULL."""

    def _selected(self, selection: Selection) -> list[Selected]:
        found, among = super()._selected(selection), getattr(selection.pick, "among", None)
        return [one for one in found if among is None or one[2][among.column] is not None]


class TellsNobodyApart(MemorySource):
    """Selects records with others in them as the subject's alone (edge case 22)."""

    def _fits(self, selection: Selection, row: Any) -> bool:
        return True


class TakesOthersAlong(MemorySource):
    """Sets a column of a shared record whosever value stands there."""

    def _columns(self, step: Step, row: Any) -> dict[str, object]:
        return dict(step.change.columns) if isinstance(step.change, Set) else {}
