"""The files of a dataset of records: which there are, and opening the very one that was listed.

An error names a file by its number in the sorted list, never by its name: that may hold whom it is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, BinaryIO

from privacy.clock import Clock, SystemClock
from privacy.errors import PrivacyError, RetryLater, Unreadable
from privacy.sources.base import Partition, Selection
from privacy.sources.records_layout import Layout
from privacy.sources.weblogs_apply import version
from privacy.storage import Entry, Store

ACTIVE = timedelta(hours=1)
"""A plain file of lines that was changed within this time may still be written to."""


EXCUSED = "A file of the dataset, by its name, is excused: it would be missing from exports."
UNEXCUSED = "Take it out of `excused:`, or move it away from the prefix."


class Form(Enum):
    """How a file holds its records."""

    PARQUET = "parquet"
    LINES = "lines"
    DOCUMENT = "document"


def form_of(key: str) -> Form | None:
    """A file's form, by its name."""
    if key.endswith(".parquet"):
        return Form.PARQUET
    plain = key.removesuffix(".gz")
    if plain.endswith((".ndjson", ".jsonl")):
        return Form.LINES
    return Form.DOCUMENT if plain.endswith(".json") else None


@dataclass(frozen=True, slots=True)
class File:
    """One file.

    :param upto: how many of its bytes are read: what is appended after the listing waits for the next one; None: all.
    :param where: how an error names it.
    """

    entry: Entry
    form: Form
    upto: int | None
    where: str


class RecordFiles:
    """The files of one dataset.

    :param excused: keys and prefixes that the data map excuses by name.
    """

    def __init__(self, store: Store, layout: Layout, excused: tuple[str, ...] = (), clock: Clock | None = None) -> None:
        self.store, self.layout, self._excused = store, layout, excused
        self._clock = clock or SystemClock()
        self.prefix = layout.prefix
        self._listed: list[File] | None = None
        self.prepared: tuple[Selection, Any] | None = None
        """The last selection of subjects that was looked for; its repr hides whose."""
        self.dated: set[Entry] = set()
        """Files that were passed over by their names and are of the days that these say."""
        self.verdicts: dict[tuple[bytes, int], bool] = {}
        """Which visits of a selection (a keyed digest, a number) are contested, once all files were looked into."""

    def claims(self, key: str) -> bool:
        """Whether a key lies under the dataset's prefix: not under a sibling's that begins alike (edge case 12)."""
        rest = key[len(self.prefix) :]
        return key.startswith(self.prefix) and (not rest or self.prefix.endswith("/") or not rest[0].isalnum())

    def named(self, key: str) -> bool:
        """Whether a file is one of the dataset's, by its name."""
        return self.layout.names.fullmatch(key[len(self.prefix) :]) is not None

    def everything(self) -> list[Entry]:
        """All that lies under the prefix and is not excused, by key; a file that `names` matches cannot be."""
        found = (entry for entry in self.store.list(self.prefix) if self.claims(entry.key))
        return [entry for entry in found if self.named(entry.key) or not self.excuses(entry.key)]

    def excuses(self, key: str) -> bool:
        """Whether the data map excuses a file by name."""
        return any(key == name or key.startswith(name.rstrip("/") + "/") for name in self._excused)

    def where(self, number: int) -> str:
        """How an error names a file."""
        return f"{self.layout.full}: file {number} below {self.prefix}"

    def listed(self, *, whole: bool = True) -> list[File]:
        """The files, by key. A link counts: it fails when it is read, rather than being passed over.

        :param whole: nothing under the prefix may be left out.
        :raises Unreadable: ``records.no_files``; ``records.other_name``, ``records.excused``: a file that could hold
            somebody's records.
        """
        found: list[File] = []
        for number, entry in enumerate(self.everything(), start=1):
            where = self.where(number)
            if self.named(entry.key) and self.excuses(entry.key):
                if whole:
                    raise Unreadable("records.excused", EXCUSED, where=where, advice=UNEXCUSED)
            elif self.named(entry.key):
                found.append(File(entry, self._form(entry.key, where), None, where))
            elif whole:
                raise Unreadable(
                    "records.other_name", "A file under the prefix has a name that `names` does not match.",
                    where=where, advice="Move it, correct `names`, or excuse it by name, with the reason.",
                )  # fmt: skip
        if not found:
            raise Unreadable(
                "records.no_files", "There is no file of records under the prefix.", where=self.layout.full,
                advice="Is the folder mounted? Correct the prefix, `names`, or the connection's folder.",
            )  # fmt: skip
        if self._listed is None or [f.entry for f in found] != [f.entry for f in self._listed]:
            self.verdicts.clear()
        self._listed = found
        return found

    def beside(self) -> list[File]:
        """The files as they were last listed: a year of files is not listed again for each of them."""
        return self.listed(whole=False) if self._listed is None else self._listed

    def _form(self, key: str, where: str) -> Form:
        form = form_of(key)
        if form is None:
            raise Unreadable(
                "records.unknown_form", "A file's name does not say how its records are written.", where=where,
                advice="Name it .parquet, .ndjson, .jsonl or .json (the last three also with .gz).",
            )  # fmt: skip
        return form

    def partition(self, file: File) -> Partition:
        """The file, so that it is known again."""
        entry = file.entry
        return Partition(entry.key, entry.bytes, json.dumps([version(entry), entry.identity, entry.bytes, file.where]))

    def file(self, partition: Partition) -> File:
        """The file that a partition meant.

        :raises RetryLater: ``records.changed``: it is another now.
        """
        known, identity, size, where = json.loads(partition.mark or '["", "", 0, ""]')
        where = where or self.layout.full
        with self.told(where, gone=True):
            entry = self.store.stat(partition.name)
        form = self._form(entry.key, where)
        if not known or version(entry) == known:
            return File(entry, form, None, where)
        if form is Form.LINES and not entry.key.endswith(".gz") and entry.identity == identity and entry.bytes >= size:
            return File(entry, form, size, where)
        raise changed(where)

    @contextmanager
    def opened(self, file: File) -> Iterator[BinaryIO]:
        """A file's bytes, for as long as it is the one that was listed."""
        with self.told(file.where, gone=True):
            if self.store.stat(file.entry.key).identity != file.entry.identity and file.entry.regular:
                raise changed(file.where)
            raw = self.store.open(file.entry.key)
        with raw:
            yield raw

    @contextmanager
    def told(self, where: str, *, gone: bool = False) -> Iterator[None]:
        """Let an error of the store name a file by its number.

        :param gone: a file that is not there was replaced or removed since it was listed.
        """
        try:
            yield
        except PrivacyError as problem:
            if gone and problem.code == "storage.missing":
                raise changed(where) from None
            if problem.code.startswith("storage."):
                raise type(problem)(problem.code, problem.message, where=where, advice=problem.advice) from None
            raise

    def active(self, file: File) -> bool:
        """Whether somebody may still be writing it: lines are appended to a plain file, and to no other."""
        plain = file.form is Form.LINES and not file.entry.key.endswith(".gz")
        return plain and self._clock.now() - file.entry.modified < ACTIVE


def changed(where: str) -> RetryLater:
    """A file is no longer what it was when it was listed."""
    return RetryLater(
        "records.changed", "A file was replaced, changed or removed meanwhile.", where=where,
        advice="The next try lists the files again.",
    )  # fmt: skip
