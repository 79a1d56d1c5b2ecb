"""The source of an e-mail archive: a system with ``source: mailbox`` over a Maildir (Maildir++ folders) or IMAP.

* A partition is a folder; the order is by folder, message, then subject. A folder is called by its name where the data
  map has that, and else by the pattern and a digest (``Mailbox.label_of``), in partitions, keys, columns and errors:
  staff name folders after people.
* An item is a message: (folder, message). Its version follows from the file (of a server: from its numbers) and not
  from flags.
* A message that names a subject is given whole, less the blind copies of others. One in which a subject's address only
  stands is withheld: of it a row has folder, message and time, and nothing else.
* Each folder is listed when it is read. A message that then vanishes is looked for under its other flags; if it is no
  longer in the folder the read ends with RetryLater, and the next try lists anew. What staff file from a folder that is
  still to be read into one that was read already, while an export runs, is seen in neither: see ``mailbox_moved``.
* Memory: one message is held at a time, of at most ``mailbox_content.MOST_BYTES``; the text column is never
  cut off.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO, cast

import pyarrow as pa

from privacy.connections import Connection
from privacy.datamap.models import Dataset, System
from privacy.errors import BadConfiguration, BadInput, Unreadable
from privacy.sources.base import (
    ByKey,
    Claim,
    Due,
    Every,
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
from privacy.sources.mailbox_columns import Given, checked
from privacy.sources.mailbox_maildir import Maildir
from privacy.sources.mailbox_moved import digests
from privacy.sources.mailbox_original import without_blind_copies
from privacy.sources.mailbox_store import Folder, MessageStore, Opened, Stored
from privacy.sources.mailbox_whose import Message, Verdict, Whose, claims, staff_of
from privacy.storage import translated

BATCH_BYTES = 16 * 2**20
"""A batch is closed early when its messages have so many bytes."""


class MailboxSource:
    """See :class:`privacy.sources.base.Source`.

    :param system: its part of the data map.
    :param connection: ``file:///...``, the Maildir; ``imaps://user:password@host/``, a mail server (``mailbox_imap``).
    :param batch_rows: most rows in a batch.
    :raises BadConfiguration: ``mailbox.dataset``: a dataset is not as this source has messages.
    """

    def __init__(self, system: System, connection: Connection, *, batch_rows: int = 10_000) -> None:
        self.system = system
        self.mail: MessageStore = _store(connection, system.system)
        self._batch_rows = batch_rows
        self._given: dict[str, Given] = {}
        for name, dataset in system.datasets.items():
            checked(dataset, self.where(name))
            self._given[name] = Given(dataset)

    def inventory(self) -> Iterator[Claim]:
        """Every folder that has messages."""
        for name in self.mail.folders():
            with self.mail.folder(name, self.system.system, "") as folder:
                if folder.messages():
                    yield Claim(name)

    def check(self) -> Iterator[Problem]:
        """Folders that are not there, or of two datasets; messages that cannot be read; broken deliveries."""
        from privacy.sources.mailbox_doctor import check

        yield from check(self)

    def partitions(self, selection: Selection) -> list[Partition]:
        """One a folder, by name.

        :raises Unreadable: ``mailbox.no_folder``: of a selection of subjects, a folder that the data map names is not
            there: an export without it would look like one that found nothing in it. A purge goes on without it.
        """
        dataset = self.dataset(selection.dataset)
        plain(selection.pick, self.where(selection.dataset), every=True)
        folders = self.folders(selection.dataset)
        missing = self.missing(dataset, folders)
        if missing and isinstance(selection.pick, Of):
            raise Unreadable(
                "mailbox.no_folder", "There is no such folder.", where=f"{self.where(selection.dataset)}: {missing[0]}",
                advice="Is the mailbox mounted? Correct the folder's name in the data map.",
            )  # fmt: skip
        found = []
        for label in folders:
            if isinstance(selection.pick, ByKey) and not selection.pick.may(label, dataset, "folder"):
                continue
            with self.opened(selection.dataset, label) as folder:
                found.append(Partition(label, folder.size()))
        return found

    def read(self, selection: Selection, partition: Partition, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """See :meth:`Source.read`; ordered by message, then subject."""
        given = self._given[selection.dataset]
        rows: list[dict[str, Any]] = []
        size = 0
        for opened, message, verdict, whose in self._selected(selection, partition, tally):
            if tally is not None:
                tally.aside(verdict.asides)
            for row in verdict.rows if whose is not None else (None,):
                own = whose.own(row.subject, message.received) if whose is not None and row is not None else ()
                rows.append(given.row(opened.stored, opened.bytes, message, row, own))
                size += 0 if row is not None and row.withheld is not None else opened.bytes
                if len(rows) == self._batch_rows or size > BATCH_BYTES:
                    yield given.batch(rows)
                    rows, size = [], 0
        if rows:
            yield given.batch(rows)

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """The messages, without content. What is due is told by the list alone."""
        timed = self.dataset(selection.dataset).starts is not None
        if isinstance(selection.pick, Due):
            for _, stored, size, its in self._due(selection, partition):
                yield item(stored, size, its, timed=timed)
            return
        for opened, _, verdict, _ in self._selected(selection, partition):
            if verdict.rows:
                yield item(opened.stored, opened.bytes, opened.version, timed=timed)

    def survey(self, dataset: str, now: datetime, picks: Sequence[Due] = ()) -> Survey:
        """See :func:`privacy.sources.mailbox_survey.survey`."""
        from privacy.sources.mailbox_survey import survey

        return survey(self, dataset, now, picks)

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """The message's own bytes; for a reader without what tells of others' blind copies.

        :raises BadInput: ``mailbox.no_message``: the dataset has no such message.
        :raises RetryLater: ``mailbox.moved``: the same, for a reader.
        """
        label, message = str(key[0]), str(key[1]) if len(key) > 1 else ""
        name = self.folders(dataset).get(label)
        if name is None:
            raise _no_message(self.where(dataset))
        with self.mail.folder(name, f"{self.where(dataset)}: {label}", label) as folder:
            stored = folder.find(message)
            if stored is None:
                # A reader's key comes from a row that was just read: the message was moved since.
                raise _no_message(folder.where) if reader is None else folder.moved(message)
            opened = folder.open(stored)
        if reader is None:
            return io.BufferedReader(cast(io.RawIOBase, opened.file))
        its = claims(reader)
        mine = {address for address, claim in its if claim.holds(stored.received) and not claim.contested}
        try:
            with translated(folder.place(message)):
                return without_blind_copies(opened.file, mine, staff_of(self.dataset(dataset)))
        except BaseException:
            opened.file.close()
            raise

    def missed(self, selection: Selection, seen: bytes, since: datetime) -> int:
        """See :func:`privacy.sources.mailbox_moved.missed`."""
        from privacy.sources.mailbox_moved import missed

        return missed(self, selection, seen, since)

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :func:`privacy.sources.mailbox_apply.apply`."""
        from privacy.sources.mailbox_apply import apply

        plain_steps(unit, self.system.system)
        return apply(self, unit, spare)

    # For the other modules of this source

    def where(self, dataset: str) -> str:
        """A dataset's full name, for errors."""
        return f"{self.system.system}.{dataset}"

    def dataset(self, name: str) -> Dataset:
        """A dataset of the system. :raises BadConfiguration: there is none."""
        if name not in self.system.datasets:
            raise BadConfiguration("mailbox.unknown_dataset", "The system has no such dataset.", where=self.where(name))
        return self.system.datasets[name]

    def folders(self, dataset: str) -> dict[str, str]:
        """The names of the folders that there are of a dataset, by what each is called; sorted by that."""
        of = self.dataset(dataset).mailbox
        assert of is not None  # noqa: S101 - see `checked`
        found = ((of.label_of(name), name) for name in self.mail.folders())
        return dict(sorted((label, name) for label, name in found if label is not None))

    @contextmanager
    def opened(self, dataset: str, label: str) -> Iterator[Folder]:
        """Open a folder of a dataset.

        :raises Unreadable: ``mailbox.no_folder``: it is no longer there.
        """
        where = f"{self.where(dataset)}: {label}"
        name = self.folders(dataset).get(label)
        if name is None:
            raise Unreadable(
                "mailbox.no_folder", "The folder is no longer there.", where=where,
                advice="Start again: that lists the folders anew.",
            )  # fmt: skip
        with self.mail.folder(name, where, label) as folder:
            yield folder

    def keys(self, word: str) -> list[str]:
        """See :class:`privacy.sources.base.Placing`: the names of the folders that are called so."""
        return sorted({its[word] for its in map(self.folders, self.system.datasets) if word in its})

    @staticmethod
    def missing(dataset: Dataset, folders: dict[str, str]) -> list[str]:
        """The folders that the data map names one by one and that are not there."""
        of = dataset.mailbox
        named = {of.pattern_of(name) for name in folders.values()} if of is not None else set()
        return [n for n in (of.folders if of else ()) if "*" not in n and unicodedata.normalize("NFC", n) not in named]

    def _due(self, selection: Selection, partition: Partition) -> Iterator[tuple[Folder, Stored, int, str]]:
        """The messages that fall due, of those that can be read; the others the doctor tells of."""
        pick, starts = selection.pick, self.dataset(selection.dataset).starts
        plain(pick, self.where(selection.dataset), every=True)
        if not isinstance(pick, Due) or (starts is None and not isinstance(pick, ByKey | Every)):
            return
        with self.opened(selection.dataset, partition.name) as folder:
            for stored in self._named(folder, partition.name, pick) if isinstance(pick, ByKey) else folder.messages():
                if stored.received < pick.before and (status := folder.status(stored)) is not None:
                    yield folder, stored, *status

    @staticmethod
    def _named(folder: Folder, label: str, pick: ByKey) -> Iterator[Stored]:
        """The messages of a folder that are asked for by key, in order."""
        for key in sorted(str(key[1]) for key in pick.keys if len(key) > 1 and key[0] == label):
            if (stored := folder.find(key)) is not None:
                yield stored

    def _selected(
        self, selection: Selection, partition: Partition, tally: Tally | None = None
    ) -> Iterator[tuple[Opened, Message, Verdict, Whose | None]]:
        """The selected messages with what was found in each; of what is due, with nothing."""
        if isinstance(selection.pick, Due):
            for folder, stored, *_ in self._due(selection, partition):
                for opened, data in folder.contents((stored,)):
                    yield opened, Message(data, stored.received), Verdict([]), None
            return
        whose = Whose(self.dataset(selection.dataset), selection.pick, selection.on, shared=selection.shared)
        if not whose.selects:
            return
        with self.opened(selection.dataset, partition.name) as folder:
            listed = folder.messages()
            if tally is not None:
                tally.seen += digests(listed)
            for opened, data in folder.contents(listed, whose.sought):
                found = whose.judge(data, opened.stored.received)
                if found is not None:
                    yield opened, *found, whose


def item(stored: Stored, size: int, version: str, *, timed: bool) -> Item:
    """A message as a plan names it."""
    about = f"{stored.folder}\0{stored.name}\0{version}"
    digest = sha256(about.encode("utf-8", "replace")).hexdigest()
    return Item((stored.folder, stored.name), version, 1, size, stored.received if timed else None, True, digest)


def _store(connection: Connection, system: str) -> MessageStore:
    if connection.scheme == "file":
        return Maildir(connection.folder, system)
    from privacy.sources.mailbox_imap import SCHEMES, ImapStore

    if connection.scheme in SCHEMES:
        return ImapStore(connection, system)
    raise BadConfiguration(
        "mailbox.connection", "The connection is no mailbox.", where=connection.name,
        advice="Write it as file:///absolute/path for a Maildir, or as imaps://user:password@host:993/.",
    )  # fmt: skip


def _no_message(where: str) -> BadInput:
    return BadInput("mailbox.no_message", "There is no such message.", where=where)
