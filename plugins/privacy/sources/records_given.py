"""Rows of Parquet that may be meant, and giving those that are; damage is told without a word of what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from privacy.errors import PrivacyError, Unreadable
from privacy.sources.records_arrow import converted, follow, records, values
from privacy.sources.records_files import File
from privacy.sources.records_layout import Layout, Place
from privacy.sources.records_match import Seen
from privacy.storage import translated

_REPAIR = "Restore it from a backup or ask for it again; if it is lost for good, move it away from the prefix."
Picks = Sequence[tuple[int, int | None, str | None]]


@contextmanager
def decoding(where: str) -> Iterator[None]:
    """Turn what goes wrong in reading Parquet into ours: its texts quote values."""
    try:
        with translated(where):
            yield
    except PrivacyError as problem:
        raise (corrupt(where) if problem.code == "storage.failed" else problem) from None
    except (pa.ArrowException, ValueError, TypeError, ArithmeticError, LookupError, MemoryError, EOFError,
            RecursionError):  # fmt: skip
        raise corrupt(where) from None


def corrupt(where: str) -> Unreadable:
    """A file is cut off or damaged."""
    return Unreadable("records.corrupt", "A Parquet file is cut off or damaged.", where=where, advice=_REPAIR)


class ParquetGroup:
    """Rows that may be meant, out of one piece of a file.

    :param seen: what is needed to tell whose they are.
    """

    def __init__(
        self, layout: Layout, file: File, total: int, table: pa.RecordBatch, rows: list[int], seen: list[Seen]
    ) -> None:
        self._total = total
        self._layout, self._file, self._table, self._rows, self.seen = layout, file, table, rows, seen

    def size(self, index: int) -> int:
        """About how many bytes a record has: its part of the file."""
        return self._file.entry.bytes // max(self._total, 1)

    def batch(self, picks: Picks) -> pa.RecordBatch:
        """Those that were picked, as a batch of the dataset's schema."""
        with decoding(self._file.where):
            return self._batch(picks)

    def _batch(self, picks: Picks) -> pa.RecordBatch:
        layout, file = self._layout, self._file
        table = self._table.take(pa.array([index for index, _, _ in picks], pa.int64()))
        places = _Places([Place(file.entry.key, self._rows[index], file.where) for index, _, _ in picks])
        python: list[dict[str, Any]] | None = None
        arrays = []
        for name in layout.dataset.columns:
            array = self._array(name, table, places)
            if array is None:
                python = records(table) if python is None else python
                found = [layout.value(name, record, at) for record, at in zip(python, places.places, strict=True)]
                array = layout.array(name, found, places, json=False)
            if name in layout.dataset.key and array.null_count:
                at = places.places[int(array.is_null().to_pylist().index(True))]
                raise Unreadable("records.no_key", "A record has no key.", where=f"{at}, column {name}")
            arrays.append(array)
        made = layout.finished(arrays, [(subject, party) for _, subject, party in picks])
        made.validate(full=True)
        return made

    def _array(self, name: str, table: pa.RecordBatch, places: _Places) -> Any:
        """A column without a look at single values; None: they have to be looked at."""
        layout, column = self._layout, self._layout.dataset.columns[name]
        if name not in layout.paths:
            return layout.array(name, [layout.value(name, {}, at) for at in places.places], places)
        names = layout.paths[name].names
        if names is None:
            return None
        array = follow(table, names)
        if array is None:
            return pa.array([None] * table.num_rows, column.arrow)
        try:
            found = converted(array, column)
        except pa.ArrowInvalid:
            found = None
        return layout.array(name, values(array), places, json=False) if found is None else found


class _Places(Sequence[str]):
    """Places as texts, made when somebody wants to know."""

    def __init__(self, places: list[Place]) -> None:
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        return str(self.places[index])
