"""What a store holds, whole, so that "nothing else was changed" can be said to the byte."""

# ruff: noqa: ARG002 - the contract's parameters, whether needed here or not
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, Self

from privacy.datamap.load import Ref

Key = tuple[str, ...]
"""The plain forms (:func:`plain`) of a record's key values."""


def plain(value: object) -> str:
    """A key's value as a text that is the same whether it came from the store or from a batch."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, date) else str(value)


class Snapshot(Protocol):
    """The content of a store at one moment; two are equal when the content is."""

    def without(self, ref: Ref, keys: Collection[Key]) -> Self:
        """What would be left if exactly these records of a dataset were removed."""
        ...

    def disregarding(self, ref: Ref, keys: Collection[Key], columns: Collection[str]) -> Self:
        """The same content with these columns of these records left out."""
        ...

    def difference(self, other: Self) -> str:
        """Where two differ, in counts; no content."""
        ...


@dataclass(frozen=True)
class Table:
    """The rows of a table, and how often each is there.

    :param names: its columns, in the table's order.
    """

    names: tuple[str, ...]
    rows: Counter[tuple[object, ...]]


@dataclass(frozen=True)
class Tables:
    """A database's tables."""

    tables: Mapping[str, Table]

    def without(self, ref: Ref, keys: Collection[Key]) -> Tables:
        """See :class:`Snapshot`."""
        return self._changed(ref, keys, None)

    def disregarding(self, ref: Ref, keys: Collection[Key], columns: Collection[str]) -> Tables:
        """See :class:`Snapshot`."""
        return self._changed(ref, keys, columns)

    def difference(self, other: Tables) -> str:
        """See :class:`Snapshot`."""
        said, nothing = [], Table((), Counter())
        for name in sorted({*self.tables, *other.tables}):
            mine, theirs = self.tables.get(name, nothing), other.tables.get(name, nothing)
            if mine != theirs:
                missing, new = (mine.rows - theirs.rows).total(), (theirs.rows - mine.rows).total()
                said.append(f"{name}: {missing} rows missing, {new} new")
        return "; ".join(said)

    def _changed(self, ref: Ref, keys: Collection[Key], columns: Collection[str] | None) -> Tables:
        table = (ref.dataset.table or ref.name).casefold()
        return Tables(
            {
                name: _with_change(rows, ref.dataset.key, keys, columns) if name.casefold() == table else rows
                for name, rows in self.tables.items()
            }
        )


def _with_change(held: Table, key: Sequence[str], keys: Collection[Key], columns: Collection[str] | None) -> Table:
    """A table without these records, or with columns of them left out."""
    at = [held.names.index(name) for name in key]
    kept = None if columns is None else [n for n, name in enumerate(held.names) if name not in columns]
    found: Counter[tuple[object, ...]] = Counter()
    for row, count in held.rows.items():
        if tuple(plain(row[n]) for n in at) not in keys:
            found[row] += count
        elif kept is not None:
            found[tuple(row[n] for n in kept)] += count
    return Table(held.names, found)


@dataclass(frozen=True)
class Files:
    """Files by key: their lines, with what ends them, decompressed."""

    files: Mapping[str, tuple[bytes, ...]]

    def without(self, ref: Ref, keys: Collection[Key]) -> Files:
        """See :class:`Snapshot`; a file without a line is gone. A record's key is (file, line number from 1)."""
        found = {}
        for name, lines in self.files.items():
            left = tuple(line for number, line in enumerate(lines, 1) if (name, str(number)) not in keys)
            if left or not lines:
                found[name] = left
        return Files(found)

    def disregarding(self, ref: Ref, keys: Collection[Key], columns: Collection[str]) -> Files:
        """See :class:`Snapshot`; the lines that may change are left out whole, not counted as gone."""
        return Files(
            {
                name: tuple(b"" if (name, str(n)) in keys else line for n, line in enumerate(lines, 1))
                for name, lines in self.files.items()
            }
        )

    def difference(self, other: Files) -> str:
        """See :class:`Snapshot`."""
        names = sorted({*self.files, *other.files})
        changed = sum(self.files.get(name) != other.files.get(name) for name in names)
        lines = [sum(map(len, side.files.values())) for side in (self, other)]
        return f"{changed} of {len(names)} files differ; {lines[0]} lines expected, {lines[1]} found"
