"""The files of one dataset: which there are, what lies among them that is no record, and errors that name nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from privacy.errors import BadInput, PrivacyError, RetryLater, Unreadable
from privacy.sources.base import ByKey, Due, Of, Problem
from privacy.sources.files_content import content_of
from privacy.sources.files_names import MEDIA_TYPE, SHA256, File, NameForm, Stray, Value, place, text_of
from privacy.storage import Entry, Store, translated

_TOLD = {
    "files.other_name": ("A file below the prefix has another name than the dataset's.", "Rename it or move it"),
    "files.value": ("A file's name has a value in it that is none of its column's type.", "Rename it or move it"),
    "files.excused": (
        "A file of the dataset, by its name, is excused: it would be missing from exports.",
        "Take it out of `excused:`, or move it away from the prefix",
    ),
    "files.same_name": ("The names of two files are alike but for bytes that are no text.", "Rename one or move it"),
    "storage.link": ("A symbolic link; links are not followed.", "Put the file itself there"),
    "storage.mount": ("It lies on another filesystem than the store.", "Put the files themselves there"),
    "storage.special": ("It is no regular file.", "Move it"),
    "storage.hidden": ("It was deleted, but older versions of it are still stored.", "Restore it or remove those"),
}


_NO_PARTS = frozenset(("", ".", ".."))
"""Parts of a key that would lead somewhere else."""


def within(key: str, folder: str) -> bool:
    """Whether it lies below a folder, or stands in the place of that folder or of one above it (a link, a mount)."""
    return key.startswith(folder) or folder.startswith(key + "/")


class Files:
    """The files below one dataset's prefix.

    :param excused: keys and prefixes that the data map excuses by name.
    :param inner: prefixes of other datasets below this one's: their files are theirs.
    """

    def __init__(
        self, store: Store, form: NameForm, excused: tuple[str, ...] = (), inner: tuple[str, ...] = ()
    ) -> None:
        self.store, self.form, self._inner = store, form, inner
        self._excused, self._excused_folders = frozenset(excused), tuple(name.rstrip("/") + "/" for name in excused)

    def where(self, key: str) -> str:
        """How an error names a file: by dataset and a word that is looked up (:func:`place`)."""
        return f"{self.form.full}: file {place(key)}"

    @contextmanager
    def naming(self, key: str) -> Iterator[None]:
        """The store's errors name keys; those that leave this source do not."""
        try:
            yield
        except PrivacyError as problem:
            advice = problem.advice or f"Which file it is: {self._look_up(key)}."
            raise type(problem)(problem.code, problem.message, where=self.where(key), advice=advice) from None

    def listed(self) -> tuple[list[File], list[Stray]]:
        """The records below the prefix, sorted by key, and what else lies there and is not excused.

        A file that ``names`` matches cannot be excused.

        :raises Unreadable: the store cannot be listed.
        """
        files: list[File] = []
        strays: list[Stray] = []
        names: set[str] = set()
        for entry in self._list(self.form.prefix):
            if entry.key.startswith(self._inner):
                continue
            found = self.form.read(entry)
            if self._excuses(entry.key):
                if found is not None and self.form.matches(entry.key):
                    strays.append(Stray(entry, "files.excused"))
            elif isinstance(found, Stray):
                strays.append(found)
            elif found is not None and found.key in names:
                strays.append(Stray(entry, "files.same_name"))
            elif found is not None:
                files.append(found)
                names.add(found.key)
        return files, strays

    def entries(self, below: str | None = None) -> Iterator[Entry]:
        """Everything below the prefix, or below a folder of it, that is not excused, sorted by key."""
        for entry in self._list(self.form.prefix if below is None else below):
            if not self._excuses(entry.key) and not entry.key.startswith(self._inner):
                yield entry

    def _list(self, prefix: str) -> Iterator[Entry]:
        try:
            yield from self.store.list(prefix)
        except PrivacyError as problem:
            raise type(problem)(
                problem.code, problem.message, where=self.form.full, advice=problem.advice or "Is the folder mounted?"
            ) from None

    def _excuses(self, key: str) -> bool:
        return key in self._excused or key.startswith(self._excused_folders)

    def of(self, pick: Of | Due) -> tuple[list[File], int]:
        """The records that a selection looks through, and how many other things it passes over.

        :raises Unreadable: of a selection of subjects: something that could hold theirs and is no record; or there is
            nothing in the store at all. A purge goes on without it: the data map's check tells of it.
        """
        if isinstance(pick, ByKey):
            return list(self._named(pick)), 0
        files, strays = self.listed()
        if isinstance(pick, Due):
            regular = [file for file in files if file.entry.regular]
            return regular, len(strays) + len(files) - len(regular)
        if self.form.dataset.delivery is not None:
            # Of a delivery its own list says what belongs to it; what lies elsewhere in the drop folder is no part.
            numbers = {str(i.value) for s in pick.subjects for i in s.identifiers}
            mine = [f"{self.form.prefix}{number}/" for number in numbers]
            strays = [stray for stray in strays if any(within(stray.entry.key, folder) for folder in mine)]
        if strays:
            raise self.refusal(strays[0], len(strays))
        if not files and self.form.dataset.delivery is None and next(self._list(""), None) is None:
            raise Unreadable(
                "files.no_files", "There is nothing in the store at all.", where=self.form.full,
                advice="Is the folder mounted? If it is empty for good, put a file into it and excuse that by name.",
            )  # fmt: skip
        return files, 0

    def _named(self, pick: ByKey) -> Iterator[File]:
        """The records of these names; nothing is listed."""
        for name in sorted(str(key[0]) for key in pick.keys if len(key) == 1):
            try:
                yield self.record(name)
            except (BadInput, Unreadable) as problem:
                if problem.code not in ("files.not_a_record", "storage.missing"):
                    raise

    def refusal(self, stray: Stray, count: int = 1) -> Unreadable:
        """The error that something below the prefix is no record."""
        problem = self.problem(stray, count)
        return Unreadable(problem.code, problem.message, where=problem.where, advice=problem.advice)

    def problem(self, stray: Stray, count: int = 1) -> Problem:
        """The same as a finding."""
        message, advice = _TOLD[stray.code]
        more = f" There are {count} such things." if count > 1 else ""
        key = stray.entry.key
        excuse = "" if self.form.matches(key) else ", or excuse it by name"
        return Problem(
            stray.code, message + more, self.where(key),
            f"{advice}{excuse}. Which one it is: {self._look_up(key)}.",
            fatal=self.form.dataset.delivery is None,
        )  # fmt: skip

    def _look_up(self, key: str) -> str:
        return f"privacy datamap place {self.form.full.partition('.')[0]} {place(key)}"

    def regular(self, file: File) -> None:
        """A record that a subject's name stands in must be a file. :raises Unreadable: it is a link or the like."""
        if not file.entry.regular:
            raise self.refusal(Stray(file.entry, f"storage.{file.entry.identity}"))

    def content(self, file: File) -> dict[str, str]:
        """The columns for which a file is read, those that the dataset declares.

        :raises RetryLater: ``files.changed``: it was changed, replaced or removed meanwhile.
        :raises Unreadable: it cannot be read whole, or is a link by now (edge case 9).
        """
        wanted, entry = self.form.reads, file.entry
        if not wanted:
            return {}
        try:
            with self.naming(entry.key), self.store.open(entry.key) as opened, translated(entry.key):
                kind, digest, size = content_of(opened, whole=SHA256 in wanted)
                now = self.store.stat(entry.key)
        except Unreadable as problem:
            if problem.code != "storage.missing":
                raise
            now, size = None, 0
        if now != entry or (SHA256 in wanted and size != entry.bytes):
            raise RetryLater(
                "files.changed", "A file was changed, replaced or removed while it was read.",
                where=self.where(entry.key), advice="The next try lists the files again.",
            ) from None  # fmt: skip
        return {name: value for name, value in ((MEDIA_TYPE, kind), (SHA256, digest)) if name in wanted}

    def record(self, name: object) -> File:
        """The record of that name, as it is now.

        :param name: the value of its column ``file``.
        :raises BadInput: ``files.not_a_record``: no file of the dataset can have that name.
        :raises Unreadable: ``storage.missing``: there is none now; ``storage.link`` and the like.
        """
        key, _ = self.named(name)
        with self.naming(key):
            file = self.form.read(self.store.stat(key))
        if not isinstance(file, File):
            raise self._not_a_record()
        return file

    def named(self, name: object) -> tuple[str, dict[str, Value]]:
        """The key that a record of that name has, and what its name says; the store is not asked whether it is there.

        :param name: the value of its column ``file``.
        :raises BadInput: ``files.not_a_record``: no file of the dataset can have that name.
        """
        key = str(name)
        if not key.startswith(self.form.prefix) or "\0" in key or not _NO_PARTS.isdisjoint(key.split("/")):
            raise self._not_a_record()
        if "\\" in key:
            # It may stand for bytes that are no text.
            key = next((entry.key for entry in self.entries() if text_of(entry.key) == key), key)
        values = self.form.values(key)
        if isinstance(values, str) or self._excuses(key) or key.startswith(self._inner):
            raise self._not_a_record()
        return key, values

    def _not_a_record(self) -> BadInput:
        return BadInput("files.not_a_record", "No file of the dataset has that name.", where=self.form.full)
