"""The files of a log: which there are, finding one again after it was rotated, and reading whole lines from it.

A partition's mark knows its file by content: a digest of its first (at most 64 KiB of) uncompressed bytes. A file that
is renamed or compressed between ``partitions`` and ``read`` is found by it (edge case 8). Of a plain file, which the
web server may still be writing, the mark also has how far its whole lines reached then: more is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from privacy.errors import RetryLater, Unreadable
from privacy.sources.base import Partition, Selection
from privacy.sources.weblogs_blocks import LOGS, Log
from privacy.sources.weblogs_ids import Ids, Wanted
from privacy.sources.weblogs_ids_index import IdIndex
from privacy.sources.weblogs_index import LogIndex
from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_mark import Mark
from privacy.sources.weblogs_match import Matcher
from privacy.sources.weblogs_names import is_log, log_of
from privacy.storage import Entry, Store, translated

HEAD = 64 * 1024


class LogFiles:
    """The files of one dataset.

    :param excused: keys and prefixes that the data map excuses by name.
    :param index: the folder of the log index; None: what is learned is kept in memory.
    :param secret: the key of the filters in it; None: there are none.
    """

    def __init__(
        self, store: Store, form: LineFormat, excused: tuple[str, ...] = (), index: Path | None = None,
        secret: bytes | None = None,
    ) -> None:  # fmt: skip
        self.store, self.form, self._excused = store, form, excused
        self.index = LogIndex(index, form)
        self.ids = None if index is None or secret is None else IdIndex(index, form, secret)
        self.prefix = str(form.dataset.prefix)
        # What was learned of files, by identity, size and time: digests of contents and spans of time. Nobody's data.
        self._heads: dict[tuple[Entry, int], tuple[str, int, int | None]] = {}
        self._listed: list[Entry] | None = None
        self.prepared: tuple[Selection, Matcher] | None = None
        """The last selection of subjects that was looked for; its repr hides whose."""
        self.verdicts: dict[tuple[bytes, int], bool] = {}
        """Which visits of a selection (a keyed digest, a number) are contested, once all files were looked into."""

    def claims(self, key: str) -> bool:
        """Whether a key lies under the dataset's prefix: not under a sibling's that begins alike (edge case 12)."""
        rest = key[len(self.prefix) :]
        return key.startswith(self.prefix) and (not rest or self.prefix.endswith("/") or not rest[0].isalnum())

    def excuses(self, key: str) -> bool:
        """Whether the data map excuses it."""
        return any(_covers(name, key) for name in self._excused)

    def everything(self) -> list[Entry]:
        """All that lies under the prefix and is not excused, by key.

        Listed until two lists agree: a file that is renamed meanwhile may stand in neither place of one.

        :raises RetryLater: ``weblogs.rotated``: they never did.
        """
        before = None
        for _ in range(5):
            found = [e for e in self.store.list(self.prefix) if self.claims(e.key) and not self.excuses(e.key)]
            names = [(e.key, e.identity) for e in found]
            if names == before:
                return found
            before = names
        raise rotated(self.where(self.prefix))

    def excused_logs(self) -> list[str]:
        """The names by which logs below the prefix are excused: nobody reads what stands in those."""
        logs = [e.key for e in self.store.list(self.prefix) if self.claims(e.key) and is_log(e.key)]
        return [name for name in self._excused if any(_covers(name, key) for key in logs)]

    def entries(self) -> list[Entry]:
        """The logs among it, by key. A link counts: it fails when it is read, rather than being passed over."""
        found = [entry for entry in self.everything() if is_log(entry.key)]
        names = {entry.key for entry in found}
        before = self._listed
        self._listed = [e for e in found if not (e.key.endswith(".gz") and e.key[:-3] in names and self._unfinished(e))]
        if before != self._listed:  # What was not contested may be now; what was, stays nobody's.
            self.verdicts = {visit: True for visit, contested in self.verdicts.items() if contested}
        return self._listed

    def beside(self) -> list[Entry]:
        """The logs as they were last listed: a year of files is not listed again for each of them.

        Whoever opens one makes sure that it is still that very file (:meth:`still`).
        """
        return self.entries() if self._listed is None else self._listed

    def still(self, entry: Entry) -> None:
        """Make sure that a key still means the file that was listed, however much was added to it.

        :raises RetryLater: ``weblogs.rotated``; the next try lists the files again.
        """
        try:
            now = self.store.stat(entry.key)
            same = now.identity == entry.identity and now.bytes >= entry.bytes
        except Unreadable as problem:
            if problem.code != "storage.missing":
                raise
            same = False
        if not same:
            self._listed = None
            raise rotated(self.where(entry.key))

    def _unfinished(self, entry: Entry) -> bool:
        """Whether it is the compressed copy, in the making, of the plain file beside it: its lines count once.

        A damaged archive of another day is none: what is left of it begins otherwise. It is read, and fails.
        """
        copy = bytearray()
        broken = False
        try:
            plain = self._peek(self.store.stat(entry.key[:-3]), HEAD)
            with self._stream(entry) as stream, LOGS.reading(self.where(entry.key)):
                while len(copy) < HEAD and (read := stream.read(256)):
                    copy += read
        except Unreadable as problem:
            if problem.code not in ("weblogs.truncated", "weblogs.corrupt"):
                return False  # Whoever reads it is told why not.
            broken = True
        if not copy:
            return entry.bytes <= HEAD if broken else not plain
        return plain.startswith(copy[:HEAD])

    @staticmethod
    def active(entry: Entry, entries: list[Entry]) -> bool:
        """Whether the web server may still be writing it.

        A plain file that was not rotated by its name (``access.log``, ``web1.log``), or, of those of one log, the one
        that was changed last: a dated one (``access-2026-11-25.log``), or one that was renamed a moment ago.
        """
        if entry.key.endswith(".gz"):
            return False
        log, rotated_ = log_of(entry.key)
        return not rotated_ or entry.modified >= max(
            (e.modified for e in entries if not e.key.endswith(".gz") and log_of(e.key)[0] == log),
            default=entry.modified,
        )

    def partitions(self, *, whole: bool = True, wanted: Wanted | None = None) -> list[Partition]:
        """One a file, sorted by key, with its mark.

        :param whole: nothing under the prefix may be left out.
        :param wanted: a file whose filter says that nothing of this is in it is left out.

        :raises RetryLater: ``weblogs.rotated``: files were renamed again and again meanwhile.
        """
        for _ in range(5):
            with suppress(_Moved):
                entries = self.entries()
                self.index.keep(entries)
                if self.ids is not None:
                    self.ids.keep(entries)
                self._refuse_gaps(entries, whole)
                return list(self._marked(entries, wanted))
        raise rotated(self.where(self.prefix))

    def _marked(self, entries: list[Entry], wanted: Wanted | None) -> Iterator[Partition]:
        for entry in entries:
            active = self.active(entry, entries)
            ids = None if wanted is None or active else self._ids(entry)
            if wanted is None or ids is None or ids.may(wanted):
                yield Partition(entry.key, entry.bytes, str(self._mark(entry, active, ids)))

    def _ids(self, entry: Entry) -> Ids | None:
        """A closed file's filter, and what it tells besides; None: there is none that is beyond doubt."""
        ids = self.ids.get(self.store, entry) if self.ids is not None and entry.regular else None
        if ids is not None:
            self._heads[entry, HEAD] = ids.head, ids.size, ids.begins
        return ids

    def may(self, entry: Entry, wanted: Wanted) -> bool:
        """Whether a file, of those that were listed last, may hold something of what is wanted; False is certain."""
        ids = None if self.active(entry, self.beside()) else self._ids(entry)
        return ids is None or ids.may(wanted)

    def forget(self, entry: Entry) -> None:
        """What is known of a file goes with it."""
        self.index.forget(entry)
        if self.ids is not None:
            self.ids.forget(entry)

    def _refuse_gaps(self, logs: list[Entry], whole: bool) -> None:
        """An export without a log that is there, or of an empty folder, would look like one that found nothing.

        :raises Unreadable: ``weblogs.no_files``, ``weblogs.not_a_log``.
        """
        if not logs:
            raise Unreadable(
                "weblogs.no_files", "There is no log under the prefix.", where=self.where(self.prefix),
                advice="Is the folder mounted? Correct the prefix, or the connection's folder.",
            )  # fmt: skip
        for entry in self.everything() if whole else ():
            if entry.regular and not is_log(entry.key) and not entry.key.rpartition("/")[2].startswith("."):
                raise Unreadable(
                    "weblogs.not_a_log", "A file under the prefix has not the name of a log (plain or .gz).",
                    where=self.where(entry.key), advice="Move it, compress it with gzip, or excuse it by name.",
                )  # fmt: skip

    def _mark(self, entry: Entry, active: bool, ids: Ids | None) -> Mark:
        if not entry.regular:
            return Mark("", 0, None)  # Reading it says why not.
        try:
            known = None if active else ids or self.index.get(entry)
            if known is not None:
                self._heads[entry, HEAD] = known.head, known.size, known.begins
            else:
                self._peek(entry, HEAD)
            digest, size, _ = self._heads[entry, HEAD]
            upto = None if entry.key.endswith(".gz") else self._reach(entry, active)
        except Unreadable as problem:
            if problem.code == "storage.missing":
                raise _Moved from None
            if problem.code not in ("weblogs.truncated", "weblogs.corrupt"):
                raise
            return Mark("", 0, None)
        return Mark(digest, size, upto if size else 0)

    def _reach(self, entry: Entry, active: bool) -> int:
        """How far the whole lines of a plain file reach: a last line without a newline counts if it is one."""
        if not active:
            return entry.bytes
        with self.store.open(entry.key) as file, translated(self.where(entry.key)):
            at, tail = entry.bytes, b""
            while at and b"\n" not in tail:
                start = max(0, at - HEAD)
                file.seek(start)
                tail = file.read(at - start) + tail
                at = start
        last = tail[tail.rfind(b"\n") + 1 :]
        return entry.bytes if last and self.form.match(last) else entry.bytes - len(last)

    def _peek(self, entry: Entry, size: int) -> bytes:
        """The first uncompressed bytes; what is learned of them is kept."""
        with self._stream(entry) as stream, LOGS.reading(self.where(entry.key)):
            head = stream.read(size)
        times = self._times(head[: head.rfind(b"\n") + 1] or head)
        self._heads[entry, size] = sha256(head).hexdigest(), len(head), min(times, default=None)
        return head

    def _head(self, entry: Entry, size: int) -> str:
        if (entry, size) not in self._heads:
            self._peek(entry, size)
        return self._heads[entry, size][0]

    def head(self, entry: Entry) -> tuple[str, int, int | None]:
        """A digest of a file's first :data:`HEAD` bytes, how many there are, the earliest time among them."""
        self._head(entry, HEAD)
        return self._heads[entry, HEAD]

    @contextmanager
    def opened(self, partition: Partition) -> Iterator[Log]:
        """The file that a partition meant, wherever it is now.

        :raises RetryLater: ``weblogs.rotated``: it is not found.
        :raises Unreadable: ``weblogs.truncated``, ``weblogs.corrupt``, ``storage.link`` and the like.
        """
        mark = Mark.parse(partition.mark)
        if mark is None or not mark.digest:
            with self.open(self._stat(partition.name), None) as log:
                yield log
            return
        for entry in self._likely(partition.name, mark):
            with suppress(_Moved):
                with self._verified(entry, mark) as log:
                    yield log
                return
        raise rotated(self.where(partition.name))

    def _likely(self, key: str, mark: Mark) -> Iterator[Entry]:
        """Files that may have the marked content: the one of that name, then whichever begins like it."""
        with suppress(Unreadable):
            named = self.store.stat(key)
            if named.regular:
                yield named
        for entry in self.everything():
            with suppress(Unreadable):  # It is not the one, or cannot be told; the one that is meant was readable.
                if entry.regular and is_log(entry.key) and self._head(entry, mark.head) == mark.digest:
                    yield entry

    @contextmanager
    def _verified(self, entry: Entry, mark: Mark) -> Iterator[Log]:
        try:
            opened = self.open(entry, mark.upto, mark.head)
            log = opened.__enter__()
        except Unreadable as problem:
            # What was listed could be read so far: a file that cannot is another, still being compressed.
            if problem.code in ("storage.missing", "weblogs.truncated", "weblogs.corrupt"):
                raise _Moved from None
            raise
        try:
            if sha256(log.head).hexdigest() != mark.digest:
                raise _Moved
            yield log
        finally:
            opened.__exit__(None, None, None)

    @contextmanager
    def open(self, entry: Entry, upto: int | None, head: int = HEAD) -> Iterator[Log]:
        """One file as it is; see :meth:`opened`."""
        where = self.where(entry.key)
        with self._stream(entry) as stream:
            with LOGS.reading(where):
                first = stream.read(head) if head else b""
            yield Log(entry, upto, first, stream, where)

    @contextmanager
    def _stream(self, entry: Entry) -> Iterator[BinaryIO]:
        with self.store.open(entry.key) as raw, LOGS.content(raw, entry, self.where(entry.key)) as stream:
            yield stream

    def _stat(self, key: str) -> Entry:
        try:
            return self.store.stat(key)
        except Unreadable as problem:
            raise (rotated(self.where(key)) if problem.code == "storage.missing" else problem) from None

    def fits(self, entry: Entry) -> bool:
        """Whether the format fits any of the first lines (true for an empty file)."""
        with self._stream(entry) as stream, LOGS.reading(self.where(entry.key)):
            first = stream.read(HEAD).split(b"\n")
        return first == [b""] or any(self.form.match(line) for line in first)

    def begins(self, entry: Entry) -> int | None:
        """The earliest time among its first lines. :raises RetryLater: see :meth:`still`."""
        if (entry, HEAD) not in self._heads:
            self._peek(entry, HEAD)
            self.still(entry)
        return self._heads[entry, HEAD][2]

    def _times(self, block: bytes | bytearray) -> list[int]:
        """The times of a block's lines."""
        found = (self.form.match(line) for line in bytes(block).split(b"\n") if line)
        clock = self.form.clock(self.form.dataset.time)
        times = (clock(match) for match in found if match and clock is not None)
        return [time for time in times if time is not None]

    def where(self, key: str) -> str:
        """How an error names a file: by dataset and key."""
        return f"{self.form.full}: {key}"


class _Moved(Exception):
    """The name means another file now."""


def rotated(where: str) -> RetryLater:
    """A file is no longer where it was."""
    return RetryLater(
        "weblogs.rotated", "A log is no longer there, nor found under another name.", where=where,
        advice="It was rotated meanwhile; the next try lists the files again.",
    )  # fmt: skip


def _covers(name: str, key: str) -> bool:
    return key == name or key.startswith(name.rstrip("/") + "/")
