"""Records in Parquet: as few columns, row groups and rows as will do.

1. A row group is gone by when its statistics say that nobody who is looked for can be in it: identifiers out of its
   bounds, or a time at which nobody visited; an address decides only in rows without the ids that go before it.
2. Of the others, the columns of identities alone are read (as dictionaries: a value is compared once, however many rows
   have it), and compared by Arrow, which finds the rows that may be meant.
3. Only of these rows the other columns are used, and only what decides whose they are becomes Python's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from privacy.errors import Unreadable
from privacy.sources.instants import FACTOR, instant
from privacy.sources.records_arrow import (
    Look,
    Names,
    columns,
    follow,
    leaves,
    plainly,
    records,
    there,
    tops,
    values,
)
from privacy.sources.records_files import File, RecordFiles
from privacy.sources.records_given import ParquetGroup, corrupt, decoding
from privacy.sources.records_layout import Layout
from privacy.sources.records_match import LAST_BLANK, DueRule, Matcher, Pick, Seen
from privacy.sources.records_pages import dictionary, sound
from privacy.sources.whose import AGENT, Window
from privacy.sources.whose import Column as Identity

ROWS = 16_384
"""So many rows are decoded at a time."""

_DAY = 86_400_000_000
"""Microseconds; no zone's clocks were ever put forward by more."""

Test = tuple[str, Names, Look]


class ParquetReader:
    """One opened file. Make it with :func:`opened`."""

    def __init__(self, layout: Layout, file: File, raw: BinaryIO, parquet: pq.ParquetFile, pick: Pick | None) -> None:
        self._layout, self.file, self._raw, self._parquet = layout, file, raw, parquet
        self.schema = parquet.schema_arrow
        self._leaves = leaves(self.schema)
        self._looks: dict[tuple[str, frozenset[str]], Look] = {}
        self._pick = pick
        day = layout.span(file.entry.key)
        windows = pick.windows if isinstance(pick, Matcher) else []
        self._visits = {window.number for window in windows if overlaps(day, window)}
        self.skipped = False
        """Whether rows were gone by for their ids that have an address which is looked for."""
        paths = [layout.paths[name] for name in deciding(layout, pick) if name in layout.paths]
        self._deciding = list(dict.fromkeys(top for path in paths for top in tops(path, self.schema)))

    @property
    def total(self) -> int:
        """How many records it has."""
        return int(self._parquet.metadata.num_rows)

    def essential(self) -> None:
        """Make sure that it has what decides whose its records are. :raises Unreadable: ``records.missing_path``."""
        layout, dataset = self._layout, self._layout.dataset
        people = [name for party in dataset.people.values() for name in party.subject]
        for name in dict.fromkeys([*dataset.key, *people, dataset.time, layout.starts, layout.latest]):
            if name in layout.paths and not there(layout.paths[name], self.schema, self._leaves):
                raise missing(self.file.where, name)

    def groups(self, need: Sequence[str], *, every: bool = False, visits: frozenset[int] | None = None,
            only: frozenset[int] | None = None) -> Iterator[ParquetGroup]:  # fmt: skip
        """The rows that may be meant, with the columns that are needed of them.

        :param every: all rows.
        :param visits: rows with the addresses of these visits alone (by number), whoever's they are.
        :param only: rows by number alone.
        """
        wanted = columns([self._layout.paths[name] for name in need if name in self._layout.paths], self.schema)
        start = 1
        for number in range(self._parquet.metadata.num_row_groups):
            with decoding(self.file.where):
                size = self._parquet.metadata.row_group(number).num_rows
                chosen = self._chosen(number, start, size, every, visits, only)
            if chosen is None or len(chosen):
                yield from self._read(number, start, size, chosen, wanted)
            start += size

    def _chosen(self, number: int, start: int, size: int, every: bool, visits: frozenset[int] | None,
            only: frozenset[int] | None) -> Any:  # fmt: skip
        """The rows of a row group (from 0) that may be meant; None: all."""
        if only is not None:
            return np.array(sorted(row - start for row in only if start <= row < start + size), np.int64)
        if every or not isinstance(self._pick, Matcher):
            return None if every or self._may_be_due(number) else np.array([], np.int64)
        tests = self._tests(number, self._pick, visits)
        if tests is None:
            return None
        found: list[Any] = []
        at = 0
        names = list(dict.fromkeys(path for path, _, _ in tests))
        for batch in self._compact(names).iter_batches(ROWS * 4, [number], names) if tests else ():
            hits = np.zeros(batch.num_rows, bool)
            for _, members, look in tests:
                hits |= look.rows(batch, members)
            found.append(np.flatnonzero(hits) + at)
            at += batch.num_rows
        return np.concatenate(found) if found else np.array([], np.int64)

    def _compact(self, names: list[str]) -> pq.ParquetFile:
        """The file, opened so that texts come as dictionaries: each is compared once, however many rows have it."""
        texts = [path for path in names if self._text_at(path)]
        return pq.ParquetFile(self._raw, metadata=self._parquet.metadata, read_dictionary=texts)

    def _text_at(self, path: str) -> bool:
        return any(
            pa.types.is_string(kind) and self._parquet.schema.column(number).path == path
            for number, kind in self._leaves.values()
        )

    def _tests(self, number: int, pick: Matcher, visits: frozenset[int] | None) -> list[Test] | None:
        """Which columns of a row group to look into, and for whom; None: a closer look at every row is needed."""
        group = self._parquet.metadata.row_group(number)
        tests: list[Test] = []
        for _, people in pick.parties:
            for at, column in enumerate(people):
                known = self._known(group, column, visits)
                path = self._layout.paths.get(column.name)
                here = self._leaves.get(path.leaf) if path is not None and path.leaf is not None else None
                if here is None or path is None or path.leaf is None or pa.types.is_null(here[1]):
                    if known:
                        return None
                    continue
                chunk = group.column(here[0])
                stats = chunk.statistics if chunk.is_stats_set else None
                if known and not _without(stats, chunk.num_values):
                    look = self._look(column, known)
                    if not self._gone_by(chunk, stats, look, here[1]):
                        tests.append((chunk.path_in_schema, path.leaf, look))
                straight = path.names is not None and chunk.path_in_schema == ".".join(path.names)
                if visits is None and straight and _decides(stats):
                    # Every row is filled in here: no later column of the party decides.
                    self.skipped = self.skipped or any(self._known(group, later, visits) for later in people[at + 1 :])
                    break
        return tests

    def _gone_by(self, chunk: Any, stats: Any, look: Look, kind: pa.DataType) -> bool:
        """Whether nobody who is looked for can be in a column of a row group."""
        if stats is not None and stats.has_min_max and look.outside(stats.min, stats.max):
            return True
        found = dictionary(self._raw, chunk) if pa.types.is_string(kind) else None
        return found is not None and look.absent(found)

    def _known(self, group: Any, column: Identity[Any, str], visits: frozenset[int] | None) -> frozenset[str]:
        """The values to look for in a column of a row group."""
        known = set(column.claims) if visits is None else set()
        if self._visits and column.windows:
            span = self._span(group, self._layout.dataset.time)
            for value, windows in column.windows.items():
                mine = (w for w in windows if w.number in self._visits and (visits is None or w.number in visits))
                if any(overlaps(span, window) for window in mine):
                    known.add(value)
        return frozenset(known)

    def _look(self, column: Identity[Any, str], known: frozenset[str]) -> Look:
        if (column.name, known) not in self._looks:
            self._looks[column.name, known] = Look(column, known)
        return self._looks[column.name, known]

    def _may_be_due(self, number: int) -> bool:
        span = self._span(self._parquet.metadata.row_group(number), self._layout.starts)
        return span is None or not isinstance(self._pick, DueRule) or span[0] < self._pick.before

    def dated(self) -> None:
        """Make sure that it has the records of its day, as far as its statistics tell. See :meth:`Layout.dated`."""
        layout, name = self._layout, self._layout.dataset.time
        day, path = layout.span(self.file.entry.key), layout.paths.get(name or "")
        here = self._leaves.get(path.names) if path is not None and path.names is not None else None
        if day is None or here is None or name is None or path is None:
            return
        column, found = layout.dataset.columns[name], list[int | None]()
        with decoding(self.file.where):
            for number in range(self._parquet.metadata.num_row_groups):
                chunk = self._parquet.metadata.row_group(number).column(here[0])
                stats = chunk.statistics if chunk.is_stats_set else None
                ends = (stats.min, stats.max) if stats is not None and stats.has_min_max else ()
                if not ends and not _without(stats, chunk.num_values):
                    ends = self._ends(number, str(chunk.path_in_schema), path.names or ())
                # Whatever order they are in, both are values of records.
                found += [instant(value, column.form, column.zone or "UTC") for value in ends]
        for at in found:
            layout.dated(day, at, self.file.where)

    def _ends(self, number: int, column: str, names: Names) -> tuple[Any, ...]:
        """The least and the greatest value of a row group's column, which its writer did not note."""
        found: list[Any] = []
        for batch in self._parquet.iter_batches(ROWS, [number], [column]):
            array = follow(plainly(batch), names)
            array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
            found += values(pa.array([end for end in pc.min_max(array).values() if end.is_valid], array.type))
        return (min(found), max(found)) if found else ()

    def _span(self, group: Any, name: str | None) -> tuple[int, int] | None:
        """Between which instants a row group's records lie; None: that cannot be told."""
        path = self._layout.paths.get(name or "")
        here = self._leaves.get(path.names) if path is not None and path.names is not None else None
        if here is None or name is None:
            return None
        stats = group.column(here[0]).statistics
        if stats is None or not stats.has_min_max or not stats.has_null_count or stats.null_count:
            return None
        column = self._layout.dataset.columns[name]
        if column.form not in FACTOR and not pa.types.is_timestamp(here[1]):
            return None
        low, high = (instant(v, column.form, column.zone or "UTC") for v in (stats.min, stats.max))
        # Local times that never occurred are later instants than some local times after them.
        wider = _DAY if pa.types.is_timestamp(here[1]) and here[1].tz is None else 1
        return None if low is None or high is None else (low - wider, high + wider)

    def _read(self, number: int, start: int, size: int, chosen: Any, wanted: list[str]) -> Iterator[ParquetGroup]:
        before = 0
        batches = self._parquet.iter_batches(ROWS, [number], wanted) if wanted else _nothing(size)
        last = size - 1 if chosen is None else int(chosen[-1])
        while before <= last:
            with decoding(self.file.where):
                batch = next(batches, None)
                if batch is None:
                    raise corrupt(self.file.where)  # It has fewer rows than it says.
                batch = plainly(batch)
                count = batch.num_rows
                if chosen is None:
                    mine = np.arange(count)
                else:
                    low, high = np.searchsorted(chosen, [before, before + count])
                    mine = chosen[low:high] - before
                    batch = batch.take(pa.array(mine, pa.int64()))
                group = self._group(batch, [start + before + int(index) for index in mine]) if len(mine) else None
            if group is not None:
                yield group
            before += count

    def _group(self, batch: pa.RecordBatch, rows: list[int]) -> ParquetGroup:
        found = records(batch.select([name for name in self._deciding if name in batch.schema.names]))
        seen: list[Seen] = [
            (record, row, self.file) for record, row in zip(found or [{}] * len(rows), rows, strict=True)
        ]
        return ParquetGroup(self._layout, self.file, self.total, batch, rows, seen)


def _nothing(size: int) -> Iterator[pa.RecordBatch]:
    """Rows of which no column is needed."""
    yield pa.RecordBatch.from_arrays([pa.nulls(size)], names=[""])


def _without(stats: Any, count: int) -> bool:
    """Whether a column has no value at all."""
    return stats is not None and stats.has_null_count and stats.null_count == count


def _decides(stats: Any) -> bool:
    """Whether a column is filled in everywhere: a blank text fills in nothing."""
    if stats is None or not stats.has_null_count or stats.null_count or not stats.has_min_max:
        return False
    return not isinstance(stats.min, str) or stats.min >= LAST_BLANK


def overlaps(span: tuple[int, int] | None, window: Window) -> bool:
    """Whether records of that time (None: of any) may fall within a visit."""
    return span is None or (window.low <= span[1] and window.high >= span[0])


def deciding(layout: Layout, pick: Pick | None = None) -> list[str]:
    """The columns that tell whose a record is, when it is due, and which version of it holds.

    :param pick: only what matters for these subjects: of a party, the columns up to the last that may name one.
    """
    dataset = layout.dataset
    found = [name for party in dataset.people.values() for name in party.subject]
    more = [dataset.time, layout.starts, layout.latest, AGENT, *dataset.key]
    if isinstance(pick, Matcher) and pick.shared is None and not pick.windows:
        found, more[3] = [], None
        for _, columns in pick.parties:
            last = max((at for at, column in enumerate(columns) if column.claims), default=-1)
            found += [column.name for column in columns[: last + 1]]
    return [name for name in dict.fromkeys([*found, *more]) if name in dataset.columns]


def missing(where: str, column: str) -> Unreadable:
    """A file has not what the data map says that records have."""
    return Unreadable(
        "records.missing_path", "The file's records have nothing where the column's path leads.",
        where=f"{where}, column {column}", advice="Correct `path` in the data map, or the file.",
    )  # fmt: skip


@contextmanager
def opened(files: RecordFiles, file: File, pick: Pick | None, *, strict: bool = True) -> Iterator[ParquetReader]:
    """A Parquet file, for reading. Leaving it closes the file.

    :raises Unreadable: it is none; and, where it is read ``strict``ly, it lacks what decides whose its records are.
    """
    layout = files.layout
    with files.opened(file) as raw:
        with decoding(file.where):
            parquet = pq.ParquetFile(raw)
            schema = parquet.schema
            levels = [(c.max_repetition_level, c.max_definition_level) for c in map(schema.column, range(len(schema)))]
            paths = {schema.column(number).path for number in range(len(schema))}
            # A column that stands there twice has two answers to whose a row is.
            if not sound(raw, levels) or len(paths) != len(schema):
                raise corrupt(file.where)
            reader = ParquetReader(layout, file, raw, parquet, pick)
        if strict:
            reader.essential()
            reader.dated()
        yield reader
