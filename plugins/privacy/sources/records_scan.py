"""Picking records from files of any form: one file after another, or, of overlapping dumps, the version that holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from privacy.sources.base import ByKey, Due, Selection
from privacy.sources.records_absent import Absent
from privacy.sources.records_files import File, Form, RecordFiles
from privacy.sources.records_given import Picks
from privacy.sources.records_json import Found, Twice, exact, records_of
from privacy.sources.records_layout import Layout, Place, Row
from privacy.sources.records_match import DueRule, KeyRule, Matcher, OfDue, Pick, Seen, place
from privacy.sources.records_parquet import deciding, opened, overlaps
from privacy.sources.whose import Judged

GROUP_ROWS, GROUP_BYTES = 1_000, 4 * 2**20
KEPT_BYTES = 16 * 2**20
"""So many of a file's records are kept while visits are settled; with more, it is read a second time."""


_WEEK = 7 * 86_400_000_000
"""Microseconds. Of files that are passed over by their names, those so near are asked for their days: a footer each."""


def _wider(span: tuple[int, int] | None) -> tuple[int, int] | None:
    return None if span is None else (span[0] - _WEEK, span[1] + _WEEK)


class Group(Protocol):
    """Some records of one file, in order."""

    seen: list[Seen]

    def batch(self, picks: Picks) -> pa.RecordBatch:
        """Those that were picked (index, subject, party), with exact values, as a batch of the dataset's schema."""
        ...

    def size(self, index: int) -> int:
        """About how many bytes a record has."""
        ...


@dataclass(slots=True)
class Told:
    """What a scan found out about a file by its end.

    :param records: how many it has.
    :param all: no record with an address that was looked for was gone by, not even one that has an id.
    """

    records: int = 0
    all: bool = True


@dataclass(slots=True)
class _JsonGroup:
    layout: Layout
    seen: list[Seen] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    bytes: int = 0

    def add(self, found: Found, file: File) -> None:
        """One more."""
        self.seen.append((found.quick, found.row, file))
        self.raw.append(found.raw)
        self.bytes += len(found.raw)

    @property
    def full(self) -> bool:
        """Whether it is large enough."""
        return len(self.seen) >= GROUP_ROWS or self.bytes > GROUP_BYTES

    def batch(self, picks: Picks) -> pa.RecordBatch:
        """See :class:`Group`."""
        rows = []
        for index, subject, party in picks:
            at = place(self.seen[index])
            rows.append(Row(at, exact(self.raw[index], str(at)), subject, party))
        return self.layout.batch(rows)

    def size(self, index: int) -> int:
        """See :class:`Group`."""
        return len(self.raw[index]) + 1


class Scanner:
    """A selection over the files of a dataset.

    :param pick: what is looked for.
    """

    def __init__(self, files: RecordFiles, pick: Pick) -> None:
        self.files, self.layout, self.pick = files, files.layout, pick

    def judged(
        self, file: File, told: Told, *, output: bool = False
    ) -> Iterator[tuple[Group, list[tuple[int, Judged]]]]:
        """The records of a file that the selection says something of, group by group."""
        span = self.layout.span(file.entry.key)
        if not self.pick.reaches(span):
            if self.pick.reaches(_wider(span)):
                self._dated(file)
            return
        kept = self.settle(file, told, output)
        for group in self.groups(file, told, output=output) if kept is None else kept:
            found = [(i, j) for i, seen in enumerate(group.seen) if (j := self.pick.judge(seen)) is not None]
            if found:
                yield group, found

    def groups(
        self, file: File, told: Told, *, output: bool = False, every: bool = False,
        visits: frozenset[int] | None = None, only: frozenset[int] | None = None,
    ) -> Iterator[Group]:  # fmt: skip
        """Records of a file, of which at least those that the selection may say something of. Closing it closes it.

        :param output: all columns are needed of them. ``every``, ``visits``, ``only``: see :class:`ParquetReader`.
        """
        if file.form is Form.PARQUET:
            need = list(self.layout.dataset.columns) if output else deciding(self.layout, self.pick)
            with opened(self.files, file, self.pick) as reader:
                told.records = reader.total
                yield from reader.groups(need, every=every, visits=visits, only=only)
                told.all = not reader.skipped
        else:
            yield from self._json(file, told, only)

    def _json(self, file: File, told: Told, only: frozenset[int] | None) -> Iterator[Group]:
        absent = Absent(self.layout, file, each=isinstance(self.pick, Matcher))
        twice = Twice([self.layout.paths[name] for name in deciding(self.layout) if name in self.layout.paths])
        layout, key, time = self.layout, file.entry.key, self.layout.dataset.time
        day = layout.span(key)
        with closing(records_of(self.files, file)) as records:
            group = _JsonGroup(self.layout)
            for found in records:
                told.records = found.row
                twice.look(found, file.where)
                absent.look(found.quick, found.row)
                if day is not None:
                    at = Place(key, found.row, file.where)
                    layout.dated(day, layout.moment(time, found.quick, at), file.where)
                if only is None or found.row in only:
                    group.add(found, file)
                    if group.full:
                        yield group
                        group = _JsonGroup(self.layout)
            absent.end()
            if group.seen:
                yield group

    def settle(self, file: File, told: Told, output: bool) -> list[Group] | None:
        """Let the matcher learn which of the visits that a file's records fall into are contested, by any file.

        :returns: the file's groups, so that it need not be read again; None: it was not read, or has too many.
        """
        pick = self.pick
        if not isinstance(pick, Matcher) or not pick.windows:
            return None
        span = self.layout.span(file.entry.key)
        if not any(overlaps(span, window) for window in pick.windows):
            return None
        visits: set[int] = set()
        kept: list[Group] | None = []
        size = 0
        for group in self.groups(file, told, output=output):
            for index, seen in enumerate(group.seen):
                visits.update(pick.learn(seen))
                size += group.size(index)
            if kept is not None:
                kept.append(group)
                kept = kept if size <= KEPT_BYTES else None
        verdicts = self.files.verdicts
        pick.contested |= {n for n in visits if verdicts.get((pick.digest, n))}
        asked = [w for w in pick.windows if w.number in visits and (pick.digest, w.number) not in verdicts]
        for other in self.files.beside() if asked else ():
            asked = [w for w in asked if w.number not in pick.contested]
            reached = frozenset(w.number for w in asked if overlaps(self.layout.span(other.entry.key), w))
            if not reached and any(overlaps(_wider(self.layout.span(other.entry.key)), w) for w in asked):
                self._dated(other)
            if reached and (other.entry.key != file.entry.key or not told.all):
                self._look(other, reached)
        verdicts.update({(pick.digest, n): n in pick.contested for n in visits | pick.contested})
        return kept

    def _dated(self, file: File) -> None:
        """See in the footer of a file that is passed over by its name that it is of the day that it says.

        :raises Unreadable: ``records.day``; or it is damaged, so nobody can tell.
        """
        if file.form is Form.PARQUET and file.entry not in self.files.dated:
            with opened(self.files, file, None, strict=False) as reader:
                reader.dated()
            self.files.dated.add(file.entry)

    def _look(self, file: File, visits: frozenset[int]) -> None:
        pick = self.pick
        assert isinstance(pick, Matcher)  # noqa: S101 - see settle
        for group in self.groups(file, Told(), visits=visits):
            for seen in group.seen:
                pick.learn(seen, set(visits))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record in overlapping dumps: the greatest holds."""

    order: tuple[int, Any] = field(repr=False)
    file: int
    row: int

    def after(self, other: Version | None) -> bool:
        """Whether it goes before another: it is later, or stands later."""
        if other is None:
            return True
        mine, theirs = (self.order, self.file, self.row), (other.order, other.file, other.row)
        return bool(mine > theirs)


class Dumps:
    """Overlapping dumps: only all of them together tell which version of a record holds.

    In memory are a digest and a place for each record of which some version is picked, and nothing else.
    """

    def __init__(self, scanner: Scanner, files: Sequence[File]) -> None:
        self._scanner, self._files = scanner, files

    def holding(self) -> dict[int, set[int]]:
        """The versions that hold and are picked: rows by number of the file."""
        scanner, layout = self._scanner, self._scanner.layout
        picked: dict[bytes, bool] = {}
        for file in self._files:
            for group, found in scanner.judged(file, Told()):
                for index, judged in found:
                    if judged.rows:
                        picked[layout.key(group.seen[index][0], place(group.seen[index]))] = False
        newest: dict[bytes, Version] = {}
        for number, file in enumerate(self._files if picked else ()):
            for group in scanner.groups(file, Told(), every=True):
                for seen in group.seen:
                    key = layout.key(seen[0], place(seen))
                    if key in picked:
                        version = Version(layout.order(seen[0], place(seen)), number, seen[1])
                        if version.after(newest.get(key)):
                            newest[key] = version
                            said = scanner.pick.judge(seen)
                            picked[key] = said is not None and bool(said.rows)
        rows: dict[int, set[int]] = {}
        for key, version in newest.items():
            if picked[key]:
                rows.setdefault(version.file, set()).add(version.row)
        return rows

    def due(self) -> dict[bytes, int]:
        """The records that are due, and when they began, as the version that holds says: then every version is."""
        scanner, layout = self._scanner, self._scanner.layout
        found: dict[bytes, int] = {}
        for number, rows in self.holding().items():
            for group in scanner.groups(self._files[number], Told(), only=frozenset(rows)):
                for seen in group.seen:
                    at = layout.moment(layout.starts, seen[0], place(seen))
                    if at is not None:
                        found[layout.key(seen[0], place(seen))] = at
        return found


def prepared(files: RecordFiles, selection: Selection) -> Pick:
    """What picks a selection's records; of subjects, ready to look for, made once for all files."""
    if isinstance(selection.pick, ByKey):
        return KeyRule(files.layout, selection.pick)
    if isinstance(selection.pick, Due):
        return DueRule(files.layout, selection.pick)
    if files.prepared is None or files.prepared[0] != selection:
        files.prepared = selection, Matcher(files.layout, selection.pick, selection.on, selection.shared)
    found: Matcher = files.prepared[1]
    return found.anew()


def locating(files: RecordFiles, selection: Selection) -> Pick:
    """What picks the records that an item counts: of overlapping dumps, every version."""
    pick = prepared(files, selection)
    if files.layout.latest is None or not isinstance(pick, DueRule) or not pick.selects:
        return pick
    return OfDue(files.layout, Dumps(Scanner(files, pick), files.listed(whole=False)).due())
