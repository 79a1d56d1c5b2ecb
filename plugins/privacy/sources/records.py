"""The source of records in files: a system with ``source: records`` over a store of Parquet, NDJSON and JSON.

* A partition is a file; the order is by key of the file, row, then subject. With ``records.latest`` the whole dataset
  is one partition: only all dumps together tell which version of a record holds. ``read`` gives the newest version, if
  that is the subject's; ``locate`` counts every version that is, so that erasure and purge reach them all. A record is
  due when its newest version is; then every version of it goes.
* An item is a file with n matching records.
* Whose a record is: see :mod:`privacy.sources.whose`. A column that holds a list identifies by any of its elements.
* A file that cannot be read whole fails what needs it, also where only a record of somebody else is damaged.
* A plain file of lines that was changed in the last hour is not rewritten: somebody may be appending to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

import pyarrow as pa

from privacy.clock import Clock
from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.errors import BadConfiguration, BadInput, PrivacyError
from privacy.sources.base import (
    ByKey,
    Claim,
    Due,
    Item,
    Of,
    Outcome,
    Partition,
    Problem,
    Selection,
    Step,
    Subject,
    Survey,
    Tally,
)
from privacy.sources.due import countable, plain, plain_steps
from privacy.sources.files_names import called, unclaimed
from privacy.sources.records_apply import apply
from privacy.sources.records_check import problems
from privacy.sources.records_files import File, RecordFiles
from privacy.sources.records_layout import Layout
from privacy.sources.records_match import OfDue, Seen, place
from privacy.sources.records_own import unowned
from privacy.sources.records_scan import Dumps, Group, Scanner, Told, locating, prepared
from privacy.sources.records_survey import survey
from privacy.sources.weblogs_apply import version
from privacy.sources.weblogs_times import moment
from privacy.sources.whose import Judged
from privacy.storage import Store, store

Picked = tuple[Group, list[tuple[int, Judged]]]


class RecordSource:
    """See :class:`privacy.sources.base.Source`.

    :param system: its part of the data map.
    :param connection: ``file:///...``, the folder that the prefixes lie in.
    :param batch_rows: most rows in a batch.
    :param files: the store to use instead of the connection's.
    """

    def __init__(
        self, system: System, connection: Connection, *, batch_rows: int = 10_000, files: Store | None = None,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.system = system
        self._excused = tuple(excuse.name for excuse in system.excused)
        self._store = store(connection) if files is None else files
        self._batch_rows, self._clock = batch_rows, clock
        self._opened: dict[str, RecordFiles] = {}

    def inventory(self) -> Iterator[Claim]:
        """The prefixes of datasets that hold files, what is excused, and other places by a word that tells no name."""
        names: dict[str, None] = {}
        prefixes = list(self._usable())
        for entry in self._store.list():
            under = [files.prefix for files in prefixes if files.claims(entry.key)]
            names[max(under, key=len) if under else unclaimed(entry.key, self._excused)] = None
        yield from map(Claim, names)

    def keys(self, word: str) -> list[str]:
        """What a place in a finding means: for an operator's terminal, not for any log."""
        return called((entry.key for entry in self._store.list()), word)

    def check(self) -> Iterator[Problem]:
        """What cannot be served: layouts, prefixes without files, files of other names, paths that lead nowhere."""
        for name in self.system.datasets:
            try:
                yield from problems(self._of(name))
            except PrivacyError as problem:
                yield Problem(problem.code, problem.message, problem.where, problem.advice)

    def partitions(self, selection: Selection) -> list[Partition]:
        """One a file, by key; of overlapping dumps one for all.

        :raises Unreadable: there is no file; or, of a selection of subjects, one of another name (it could hold
            theirs). A purge goes on without it: the data map's check tells of it.
        """
        files = self._of(selection.dataset)
        plain(selection.pick, files.layout.full)
        listed = files.listed(whole=isinstance(selection.pick, Of))
        if files.layout.latest is not None:
            return [Partition(files.prefix, sum(file.entry.bytes for file in listed))]
        if isinstance(selection.pick, ByKey):
            dataset = self.system.datasets[selection.dataset]
            listed = [file for file in listed if selection.pick.may(file.entry.key, dataset)]
        return [files.partition(file) for file in listed]

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :meth:`Source.read`; ordered by file and row, then subject."""
        files = self._of(selection.dataset)
        plain(selection.pick, files.layout.full)
        pick = prepared(files, selection)
        if not pick.selects:
            return
        tally = Tally() if tally is None else tally
        scanner = Scanner(files, pick)
        found = self._holding(scanner) if files.layout.latest else scanner.judged(
            files.file(partition), Told(), output=True
        )  # fmt: skip
        for group, judged in found:
            for _, one in judged:
                tally.aside(one.asides)
            picks = [(index, subject, party) for index, one in judged for subject, party in one.rows]
            for at in range(0, len(picks), self._batch_rows):
                yield group.batch(picks[at : at + self._batch_rows])

    @staticmethod
    def _holding(scanner: Scanner) -> Iterator[Picked]:
        listed = scanner.files.listed(whole=isinstance(scanner.pick, Of))
        for number, rows in sorted(Dumps(scanner, listed).holding().items()):
            for group in scanner.groups(listed[number], Told(), output=True, only=frozenset(rows)):
                judged = [(i, j) for i, seen in enumerate(group.seen) if (j := scanner.pick.judge(seen)) is not None]
                if judged:
                    yield group, judged

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """There is none: a record is given as it is.

        :raises BadInput: ``records.no_original``, always.
        """
        raise BadInput(
            "records.no_original", "A record has no original beside it.", where=f"{self.system.system}.{dataset}"
        )

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """The files that hold selected records, in order."""
        files = self._of(selection.dataset)
        plain(selection.pick, files.layout.full)
        pick = locating(files, selection)
        if not pick.selects:
            return
        scanner = Scanner(files, pick)
        whole = isinstance(selection.pick, Of)
        for file in files.listed(whole=whole) if files.layout.latest else [files.file(partition)]:
            item = _item(scanner, file)
            if item is not None:
                yield item

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :func:`privacy.sources.records_survey.survey`: every file is read."""
        files = self._of(dataset)
        countable(picks, files.layout.full)
        return survey(files, now, picks)

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :func:`privacy.sources.records_apply.apply`."""
        plain_steps(unit, self.system.system)
        for dataset in dict.fromkeys(step.selection.dataset for step in unit):
            steps = [step for step in unit if step.selection.dataset == dataset]
            yield from apply(self._of(dataset), steps, spare)

    def _of(self, dataset: str) -> RecordFiles:
        if dataset not in self._opened:
            full = f"{self.system.system}.{dataset}"
            if dataset not in self.system.datasets:
                raise BadConfiguration("records.unknown_dataset", "The system has no such dataset.", where=full)
            layout = Layout(full, self.system.datasets[dataset])
            if layout.dataset.erasure.shared and (wrong := unowned(layout, layout.dataset.erasure.shared)) is not None:
                raise BadConfiguration("records.layout", f"erasure.shared: {wrong[0]}", where=full, advice=wrong[1])
            self._opened[dataset] = RecordFiles(self._store, layout, self._excused, self._clock)
        return self._opened[dataset]

    def _usable(self) -> Iterator[RecordFiles]:
        for name in self.system.datasets:
            try:
                yield self._of(name)
            except BadConfiguration:
                continue  # check() tells of it.


def _begins(layout: Layout, seen: Seen) -> int | None:
    return layout.moment(layout.starts, seen[0], place(seen))


def _item(scanner: Scanner, file: File) -> Item | None:
    told, digest = Told(), sha256()
    records = size = 0
    oldest: int | None = None
    layout = scanner.layout
    for group, found in scanner.judged(file, told):
        for index, judged in found:
            if judged.rows:
                seen = group.seen[index]
                records += 1
                size += group.size(index)
                digest.update(b"%d:" % seen[1])
                at = scanner.pick.begins(seen) if isinstance(scanner.pick, OfDue) else _begins(layout, seen)
                if at is not None:
                    oldest = at if oldest is None else min(oldest, at)
    if not records:
        return None
    entry = file.entry
    about = f"{entry.key}\n{version(entry)}\n{digest.hexdigest()}"
    whole = file.upto is None and records == told.records
    return Item(
        (entry.key,), version(entry), records, size, None if oldest is None else moment(oldest), whole,
        sha256(about.encode(errors="surrogateescape")).hexdigest(),
    )  # fmt: skip
