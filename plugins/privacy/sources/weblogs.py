"""The source of web server logs: a system with ``source: weblogs`` over a store of log files.

* A partition is a file; the order is by key (file, line number), then by subject.
* An item is a file with n matching lines, so a plan lists files, never lines.
* Of a visit that somebody else's line falls into, nothing is given (see ``weblogs_match``); such lines are counted in
  ``Tally.unattributed``. Lines in no known form that hold an identifier of a subject are counted in
  ``Tally.unreadable`` (for a due selection: all lines in no known form).
* The file that the web server may still be writing (``LogFiles.active``) is read up to its last whole line and never
  rewritten or removed, not even when all of it matches: lines written meanwhile would be lost. Its outcome is
  ``changed``, reason ``active``; it is dealt with after its rotation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.errors import BadConfiguration, BadInput, PrivacyError
from privacy.sources import weblogs_due as due
from privacy.sources import weblogs_ids_make as making
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
from privacy.sources.due import plain, plain_steps
from privacy.sources.weblogs_apply import apply
from privacy.sources.weblogs_blocks import Seen
from privacy.sources.weblogs_files import HEAD, LogFiles
from privacy.sources.weblogs_ids import Wanted
from privacy.sources.weblogs_ids_index import IdIndex
from privacy.sources.weblogs_lines import LineFormat, Row
from privacy.sources.weblogs_names import is_log, log_of
from privacy.sources.weblogs_scan import prepared, scan
from privacy.storage import Store, store

BATCH_BYTES = 16 * 2**20
"""A batch is closed early when its lines have so many bytes."""


class WeblogSource:
    """See :class:`privacy.sources.base.Source`.

    :param system: its part of the data map.
    :param connection: ``file:///...``, the folder that the prefixes lie in.
    :param batch_rows: most rows in a batch.
    :param files: the store to use instead of the connection's.
    :param index: the folder of the log index (``weblogs_index``); None: it is kept in memory of this source alone.
    :param secret: what gives the key of the filters in it (``weblogs_ids``); None: there are none, all logs are read.
    """

    def __init__(
        self, system: System, connection: Connection, *, batch_rows: int = 10_000, files: Store | None = None,
        index: Path | None = None, secret: Callable[[], bytes] | None = None,
    ) -> None:  # fmt: skip
        self.system, self._index, self._secret = system, index, secret
        self._store = store(connection) if files is None else files
        self._batch_rows = batch_rows
        self._opened: dict[str, tuple[LineFormat, LogFiles]] = {}

    def inventory(self) -> Iterator[Claim]:
        """The prefixes of datasets that hold files, and other files by the name that they have without rotation."""
        names: dict[str, None] = {}
        prefixes = [files for _, files in self._usable()]
        for entry in self._store.list():
            under = [files.prefix for files in prefixes if files.claims(entry.key)]
            names[max(under, key=len) if under else log_of(entry.key.removesuffix(".gz"))[0]] = None
        yield from map(Claim, names)

    def check(self) -> Iterator[Problem]:
        """Formats that cannot be, prefixes without files, files that are not read, formats that fit no line."""
        for name in self.system.datasets:
            try:
                _, files = self._of(name)
                yield from self._check(files)
            except PrivacyError as problem:
                yield Problem(problem.code, problem.message, problem.where, problem.advice)

    @staticmethod
    def _check(files: LogFiles) -> Iterator[Problem]:
        everything, logs = files.everything(), files.entries()
        if not logs:
            yield Problem(
                "weblogs.no_files", "There is no log under the prefix.", files.where(files.prefix),
                "Correct the prefix, or the connection's folder.",
            )  # fmt: skip
        for entry in everything:
            if not entry.regular:
                yield Problem(
                    f"storage.{entry.identity}", "A link, a mount or a special file is not read.",
                    files.where(entry.key), "Put the file itself there, or excuse it by name.",
                )  # fmt: skip
            elif not is_log(entry.key):
                yield Problem(
                    "weblogs.not_a_log", "The file's name is not that of a log (plain or .gz): it is not read.",
                    files.where(entry.key), "Move it, compress it with gzip, or excuse it by name.", fatal=False,
                )  # fmt: skip
        newest = max((e for e in logs if e.regular), key=lambda e: e.modified, default=None)
        if newest is not None and not files.fits(newest):
            yield Problem(
                "weblogs.format_fits_nothing", f"The format fits none of the first lines (of {HEAD} bytes).",
                files.where(newest.key), "Correct `format`.",
            )  # fmt: skip

    def partitions(self, selection: Selection) -> list[Partition]:
        """One a file, by key. See :meth:`LogFiles.partitions`.

        :raises Unreadable: there is no log; or, of a selection of subjects, a file that is none (it could hold theirs).
            A purge goes on without it: the data map's check tells of it.
        """
        _, files = self._of(selection.dataset)
        plain(selection.pick, files.form.full)
        found, pick = (
            files.partitions(whole=isinstance(selection.pick, Of), wanted=_wanted(files, selection)),
            selection.pick,
        )
        if isinstance(pick, ByKey):
            return [p for p in found if pick.may(p.name, self.system.datasets[selection.dataset])]
        return found

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :meth:`Source.read`; ordered by line, then subject."""
        form, files = self._of(selection.dataset)
        plain(selection.pick, form.full)
        tally = Tally() if tally is None else tally
        if not _selects(files, form, selection):
            return
        rows: list[Row] = []
        size = 0
        for number, line, picked in scan(files, form, selection, partition, Seen()):
            if picked.found is None:
                tally.unread(picked.told)
            tally.aside(picked.asides)
            for subject, party in picked.rows:
                rows.append(Row(partition.name, number, line, picked.found, subject, party))
                size += len(line)
                if len(rows) == self._batch_rows or size > BATCH_BYTES:
                    yield form.batch(rows)
                    rows, size = [], 0
        if rows:
            yield form.batch(rows)

    def passed_over(self, dataset: str) -> list[str]:
        """See :class:`privacy.sources.base.Excusing`."""
        return self._of(dataset)[1].excused_logs()

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """There is none: the line itself is its original.

        :raises BadInput: ``weblogs.no_original``, always.
        """
        raise BadInput(
            "weblogs.no_original", "A log line has no original beside it.", where=f"{self.system.system}.{dataset}"
        )

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """The file, if it holds selected lines; named as it is now."""
        form, files = self._of(selection.dataset)
        pick = selection.pick
        plain(pick, form.full)
        if isinstance(pick, Due) and not isinstance(pick, ByKey):
            found = due.locate(files, form, pick, partition)
            if found is not None:
                yield found
            return
        if not _selects(files, form, selection):
            return
        seen, digest = Seen(), sha256()
        records = size = 0
        oldest: int | None = None
        for number, line, picked in scan(files, form, selection, partition, seen):
            if picked.rows:
                records += 1
                size += len(line) + 1
                digest.update(b"%d:%d:" % (number, len(line)) + line)
                if picked.time is not None:
                    oldest = picked.time if oldest is None else min(oldest, picked.time)
        if records and seen.entry is not None:
            whole = seen.all and records == seen.lines
            yield due.item(seen.entry, records, size, oldest, digest.hexdigest(), whole=whole)

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :func:`privacy.sources.weblogs_due.survey`."""
        form, files = self._of(dataset)
        return due.survey(files, form, now, picks)

    def unindexed(self, dataset: str) -> list[Partition]:
        """The logs that have no filter and may have one, to be given to :meth:`index`. Of logs that are gone, what was
        said of them goes.

        :raises BadConfiguration: ``weblogs.no_index``. :raises RetryLater: ``weblogs.rotated``.
        """
        files, ids = self._indexing(dataset)
        return [Partition(entry.key, entry.bytes) for entry in making.waiting(files, ids)]

    def index(self, dataset: str, keys: Collection[str] | None = None) -> Iterator[making.Made]:
        """Make the filters that logs have not yet (see :func:`privacy.sources.weblogs_ids_make.make`).

        :param keys: of these logs alone; None: of all.
        :raises BadConfiguration: ``weblogs.no_index``. :raises RetryLater: ``weblogs.rotated``.
        """
        files, ids = self._indexing(dataset)
        return making.make(files, ids, keys)

    def _indexing(self, dataset: str) -> tuple[LogFiles, IdIndex]:
        _, files = self._of(dataset)
        if files.ids is None:
            raise BadConfiguration(
                "weblogs.no_index", "This source has no log index, or no key.", where=files.form.full
            )
        return files, files.ids

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :func:`privacy.sources.weblogs_apply.apply`."""
        plain_steps(unit, self.system.system)
        for dataset in dict.fromkeys(step.selection.dataset for step in unit):
            form, files = self._of(dataset)
            yield from apply(files, form, [step for step in unit if step.selection.dataset == dataset], spare)

    def _of(self, dataset: str) -> tuple[LineFormat, LogFiles]:
        if dataset not in self._opened:
            full = f"{self.system.system}.{dataset}"
            if dataset not in self.system.datasets:
                raise BadConfiguration("weblogs.unknown_dataset", "The system has no such dataset.", where=full)
            form = LineFormat(full, self.system.datasets[dataset])
            excused = tuple(excuse.name for excuse in self.system.excused)
            self._opened[dataset] = form, LogFiles(self._store, form, excused, self._index, self._key())
        return self._opened[dataset]

    def _key(self) -> bytes | None:
        """The key of the filters; None: there is none, and no filter is needed to find anything."""
        with suppress(BadConfiguration):
            return None if self._secret is None else self._secret()
        return None

    def _usable(self) -> Iterator[tuple[LineFormat, LogFiles]]:
        for name in self.system.datasets:
            try:
                yield self._of(name)
            except BadConfiguration:
                continue  # check() tells of it.


def _wanted(files: LogFiles, selection: Selection) -> Wanted | None:
    """What is looked for, as the filters of logs know it; None: they are not to be asked."""
    if files.ids is None or isinstance(selection.pick, Due) or not _selects(files, files.form, selection):
        return None
    return files.ids.words.wanted(prepared(files, files.form, selection))


def _selects(files: LogFiles, form: LineFormat, selection: Selection) -> bool:
    """Whether there is anything to look for: a selection without identifiers opens no file."""
    return isinstance(selection.pick, Due) or prepared(files, form, selection).selects
