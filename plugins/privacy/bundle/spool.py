"""Rows of many subjects, as a source gives them, kept apart until the part of each is written.

However many the subjects are: a bounded number of rows is in memory, and no file is open for any of them. What is more
goes into a file at a time, sorted by subject, from which each subject's rows are read in one piece.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from privacy.errors import GiveUp
from privacy.sources.base import SUBJECT
from privacy.storage_errors import staging_full

# Its stubs do not know all of it.
_pa: Any = pa

MOST_BYTES = 64 * 2**20
"""So much is kept in memory, and so much is one file."""


class Spool:
    """Takes the batches of one reading; then gives each subject's rows, in the order in which they came.

    :param folder: for what is more than is kept in memory; of this spool alone. It has to be there.
    :param numbers: whose rows may come. :param where: the dataset, for errors.
    """

    def __init__(self, folder: Path, numbers: Collection[int], where: str, most: int = MOST_BYTES) -> None:
        self._folder, self._numbers, self._where, self._most = folder, np.array(sorted(numbers), np.int64), where, most
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0
        self._runs: list[_Run] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._waiting.clear()
        for run in self._runs:
            run.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch of :func:`privacy.sources.base.schema_of`.

        :raises GiveUp: ``export.anothers``: a row is nobody's of the selection (edge case 22).
        :raises RetryLater: ``staging.full``.
        """
        bears = batch.column(batch.schema.names.index(SUBJECT))
        if bears.null_count or not np.isin(bears.to_numpy(zero_copy_only=False), self._numbers).all():
            raise GiveUp(
                "export.anothers", "A source gave a row of somebody who was not asked for.", where=self._where,
                advice="This is a defect of the source: report it. Nothing was sealed.",
            )  # fmt: skip
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._most:
            self._runs.append(self._sorted(self._folder / f"rows-{len(self._runs) + 1}.arrow"))

    def subjects(self) -> list[int]:
        """The numbers of those who have rows; nothing may be added any more."""
        if self._waiting:
            self._runs.append(self._sorted(None))
        return sorted({int(no) for run in self._runs for no in run.numbers})

    def of(self, no: int, rows: int) -> Iterator[pa.RecordBatch]:
        """A subject's rows. :param rows: so many in a batch, but for the last: however they came."""
        pieces: list[pa.RecordBatch] = []
        count = 0
        for run in self._runs:
            for piece in run.of(no):
                at = 0
                while at < piece.num_rows:
                    taken = piece.slice(at, rows - count)
                    at, count = at + taken.num_rows, count + taken.num_rows
                    pieces.append(taken)
                    if count == rows:
                        yield _together(pieces)
                        pieces, count = [], 0
        if pieces:
            yield _together(pieces)

    def _sorted(self, to: Path | None) -> _Run:
        table = _together(self._waiting)
        self._waiting, self._bytes = [], 0
        numbers: Any = table.column(table.schema.names.index(SUBJECT)).to_numpy()
        order: Any = np.argsort(numbers, kind="stable")
        # Most often they come in order: of one subject, or out of a database.
        if (np.diff(order) != 1).any():
            table = table.take(order)
        whose, starts, counts = np.unique(numbers[order], return_index=True, return_counts=True)
        if to is None:
            return _Run(table, None, whose, starts, counts)
        try:
            with (
                os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
                pa.ipc.new_file(file, table.schema) as writer,
            ):
                writer.write_batch(table)
        except OSError:
            raise staging_full("Rows cannot be kept.", self._folder, self._where) from None
        return _Run(None, to, whose, starts, counts)


class _Run:
    """Rows in order of their subjects: in memory, or in a file of which what is looked at is in memory."""

    def __init__(self, table: pa.RecordBatch | None, path: Path | None, numbers: Any, starts: Any, counts: Any) -> None:
        self._table, self._path = table, path
        self._mapped: pa.MemoryMappedFile | None = None
        self.numbers, self._starts, self._counts = numbers, starts, counts

    def of(self, no: int) -> Iterator[pa.RecordBatch]:
        at = int(np.searchsorted(self.numbers, no))
        if at < len(self.numbers) and self.numbers[at] == no:
            yield self._rows().slice(int(self._starts[at]), int(self._counts[at]))

    def _rows(self) -> pa.RecordBatch:
        if self._table is None:
            self._mapped = pa.memory_map(str(self._path), "r")
            self._table = pa.ipc.open_file(self._mapped).get_batch(0)
        return self._table

    def close(self) -> None:
        self._table = None
        if self._mapped is not None:
            self._mapped.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _together(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    together: pa.RecordBatch = pieces[0] if len(pieces) == 1 else _pa.concat_batches(pieces)
    return together
