"""The source of files: a system with ``source: files`` over a store; a file is a record, its name tells whose.

* A partition is the dataset (its prefix): names of files, which may be people's, are in no partition's name and in no
  error. The order is by key, then by subject. An item is a file.
* Of a selection of subjects nothing below the prefix is passed over: what has another name, or is a link, a mount or a
  special file, is ``Unreadable``, for it could be theirs. A purge goes on without it, and counts it in
  ``Tally.unreadable``; ``check`` tells of each.
* A file that is opened is read for its sha256, and its first bytes for its media type; it is parsed no further.
* Nothing can be set in a file: ``Set`` is refused (``files.cannot_set``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, BinaryIO

import pyarrow as pa

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.errors import BadConfiguration, PrivacyError, Unreadable
from privacy.sources.base import (
    PARTY,
    SUBJECT,
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
from privacy.sources.due import FOREVER, Count, countable, plain, plain_steps
from privacy.sources.files_apply import apply
from privacy.sources.files_delivered import Delivered, delivered, stamp_of
from privacy.sources.files_found import Files
from privacy.sources.files_match import Picked, matcher
from privacy.sources.files_names import BYTES, FILE, MODIFIED, File, NameForm, Stray, called, unclaimed
from privacy.sources.instants import EPOCH, micros
from privacy.storage import Store, store

Row = dict[str, Any]


class FilesSource:
    """See :class:`privacy.sources.base.Source`.

    :param system: its part of the data map.
    :param connection: ``file:///...``, the folder that the prefixes lie in.
    :param batch_rows: most rows in a batch.
    :param files: the store to use instead of the connection's.
    :raises BadConfiguration: ``files.dataset``: a dataset that files cannot be, with what to write instead.
    """

    def __init__(
        self, system: System, connection: Connection, *, batch_rows: int = 10_000, files: Store | None = None
    ) -> None:
        self.system = system
        self._store = store(connection) if files is None else files
        self._batch_rows = batch_rows
        self._excused = tuple(excuse.name for excuse in system.excused)
        forms = {name: NameForm(f"{system.system}.{name}", d) for name, d in system.datasets.items()}
        prefixes = {form.prefix for form in forms.values()}
        self._files = {
            name: Files(self._store, form, self._excused, tuple(_below(form.prefix, prefixes)))
            for name, form in forms.items()
        }

    def inventory(self) -> Iterator[Claim]:
        """The prefixes of datasets that hold files, what is excused, and other places by a word that tells no name."""
        names: dict[str, None] = {}
        prefixes = [files.form.prefix for files in self._files.values()]
        for entry in self._list():
            under = [prefix for prefix in prefixes if entry.key.startswith(prefix)]
            names[max(under, key=len) if under else unclaimed(entry.key, self._excused)] = None
        yield from map(Claim, names)

    def check(self) -> Iterator[Problem]:
        """What lies below a prefix and is no record; erasures that cannot be; a store that cannot be listed."""
        for files in self._files.values():
            if files.form.dataset.erasure.set is not None:
                yield Problem(
                    "files.cannot_set", "Nothing can be set in a file.", files.form.full,
                    "Write `erasure: {do: delete}`, or retain it.",
                )  # fmt: skip
            try:
                found, strays = files.listed()
                links = [Stray(f.entry, f"storage.{f.entry.identity}") for f in found if not f.entry.regular]
                yield from map(files.problem, [*links, *strays])
            except PrivacyError as problem:
                yield Problem(problem.code, problem.message, problem.where, problem.advice)

    def partitions(self, selection: Selection) -> list[Partition]:
        """One: the dataset's prefix.

        :raises Unreadable: see :meth:`privacy.sources.files_found.Files.of`.
        """
        files = self._of(selection.dataset)
        plain(selection.pick, files.form.full, every=True)
        found, _ = files.of(selection.pick)
        return [Partition(files.form.prefix or "/", sum(file.entry.bytes for file in found))]

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :meth:`Source.read`; ordered by key, then subject.

        :raises RetryLater: ``files.changed``: a file was changed while it was read.
        """
        files, tally = self._of(selection.dataset), Tally() if tally is None else tally
        rows: list[Row] = []
        for file, picked in _picked(files, selection, tally):
            row = _row(files, file)
            for subject, party in picked.rows:
                rows.append({**row, SUBJECT: subject, PARTY: party})
                if len(rows) == self._batch_rows:
                    yield _batch(files.form, rows)
                    rows = []
        if rows:
            yield _batch(files.form, rows)

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """The stored bytes of a file.

        :param key: ``(file,)``, as ``read`` gave it.
        :raises BadInput: ``files.not_a_record``: no file of the dataset can have that name.
        :raises Unreadable: it is gone, a link, a special file.
        """
        files = self._of(dataset)
        file = files.record(key[0] if len(key) == 1 else "")
        with files.naming(file.entry.key):
            return self._store.open(file.entry.key)

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """One a file; nothing is opened."""
        files = self._of(selection.dataset)
        starts = files.form.dataset.starts.column if files.form.dataset.starts else None
        for file, _ in _picked(files, selection, Tally()):
            at = files.form.moment(file, starts)
            digest = sha256(f"{file.key}\n{file.version}".encode()).hexdigest()
            yield Item((file.key,), file.version, 1, file.entry.bytes, _datetime(at), True, digest)

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :meth:`privacy.sources.base.Surveying.survey`: its records, by name and time; nothing is opened."""
        files = self._of(dataset)
        countable(picks, files.form.full)
        starts = files.form.dataset.starts.column if files.form.dataset.starts else None
        count = Count(now, picks)
        for file in files.of(FOREVER)[0]:
            count.add(files.form.moment(file, starts))
            count.bytes += file.entry.bytes
        return count.survey()

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :func:`privacy.sources.files_apply.apply`."""
        plain_steps(unit, self.system.system)
        steps = [(self._of(step.selection.dataset), step) for step in unit]
        return apply(steps, spare)

    def delivered(self, dataset: str, number: str) -> Delivered:
        """See :func:`privacy.sources.files_delivered.delivered`."""
        return delivered(self._of(dataset), number)

    def delivery_stamp(self, dataset: str, number: str) -> str:
        """See :func:`privacy.sources.files_delivered.stamp_of`."""
        return stamp_of(self._of(dataset), number)

    def keys(self, word: str) -> list[str]:
        """What a place in an error or a finding means: for an operator's terminal, not for any log."""
        return called((entry.key for entry in self._list()), word)

    def _of(self, dataset: str) -> Files:
        if dataset not in self._files:
            raise BadConfiguration(
                "files.unknown_dataset", "The system has no such dataset.", where=f"{self.system.system}.{dataset}"
            )
        return self._files[dataset]

    def _list(self) -> Iterator[Any]:
        try:
            yield from self._store.list()
        except PrivacyError as problem:
            raise Unreadable(problem.code, problem.message, where=self.system.system, advice=problem.advice) from None


def _picked(files: Files, selection: Selection, tally: Tally) -> Iterator[tuple[File, Picked]]:
    """The selected files; one that is a link cannot be anybody's record, and ends a selection of subjects."""
    plain(selection.pick, files.form.full, every=True)
    pick = matcher(files.form, selection)
    if not pick.selects:
        return
    found, unreadable = files.of(selection.pick)
    tally.unreadable += unreadable
    for file in found:
        picked = pick.pick(file)
        tally.aside(picked.asides)
        if picked.rows:
            files.regular(file)
            yield file, picked


def _row(files: Files, file: File) -> Row:
    own = {FILE: file.key, BYTES: file.entry.bytes, MODIFIED: micros(file.entry.modified)}
    return {**own, **file.values, **files.content(file)}


def _batch(form: NameForm, rows: list[Row]) -> pa.RecordBatch:
    arrays = []
    for field in form.schema:
        values = [row[field.name] for row in rows]
        if pa.types.is_timestamp(field.type):
            arrays.append(pa.array(values, pa.int64()).cast(field.type))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=form.schema)


def _datetime(at: int | None) -> datetime | None:
    return None if at is None else (EPOCH + timedelta(microseconds=at)).astimezone(UTC)


def _below(prefix: str, prefixes: set[str]) -> Iterator[str]:
    """The other datasets' prefixes that lie within one."""
    yield from sorted(other for other in prefixes if other != prefix and other.startswith(prefix))
