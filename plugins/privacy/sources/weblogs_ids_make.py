"""Making the filters of logs (``weblogs_ids``): each log that is closed is read once, and not again while it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from privacy.errors import PrivacyError, RetryLater, Unreadable
from privacy.sources.weblogs_blocks import newlines
from privacy.sources.weblogs_files import LogFiles
from privacy.sources.weblogs_ids import Gathered, Ids
from privacy.sources.weblogs_ids_index import IdIndex, bound, in_folder, tail
from privacy.storage import Entry


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one log.

    :param key: the log. :param bytes: its size as stored.
    :param status: ``there``: it had a filter; ``made``; ``open``: somebody may still write it, or did a moment ago;
        ``plain``: nothing binds a filter to it; ``unfit``: it is remembered that none can be made; ``failed``.
    :param filter: bytes of the filter. :param values: that it was made from. :param code: what is wrong.
    """

    key: str
    bytes: int
    status: str
    filter: int = 0
    values: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What a dataset's logs came to: how many there are by status (see :class:`Made`), and their bytes.

    :param bytes: of all filters. :param of: of the logs that have one, as stored.
    :param codes: what is wrong with those that failed, and how often.
    """

    logs: int
    made: int
    there: int
    open: int
    plain: int
    unfit: int
    failed: int
    bytes: int
    of: int
    codes: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """For people and machines; there is nobody in it."""
        return asdict(self)


def waiting(files: LogFiles, ids: IdIndex) -> list[Entry]:
    """The logs that have no filter and may have one.

    :raises RetryLater: ``weblogs.rotated``.
    """
    entries = files.entries()
    ids.keep(entries)
    return [e for e in entries if _status(files, ids, e, entries) is None]


def make(files: LogFiles, ids: IdIndex, keys: Collection[str] | None = None) -> Iterator[Made]:
    """Make the filters that are missing, one log after another. What cannot be read does not keep the others.

    :param keys: of these logs alone; None: of all.
    :raises RetryLater: ``weblogs.rotated`` while they are listed.
    """
    entries = files.entries()
    ids.keep(entries)
    for entry in entries:
        if keys is None or entry.key in keys:
            yield _status(files, ids, entry, entries) or _made(files, ids, entry)


def summed(made: Iterator[Made]) -> Indexed:
    """What they come to."""
    found = list(made)
    count, codes = Counter(m.status for m in found), Counter(m.code for m in found if m.code)
    with_one = [m for m in found if m.status in ("made", "there")]
    return Indexed(
        len(found), count["made"], count["there"], count["open"], count["plain"], count["unfit"], count["failed"],
        sum(m.filter for m in with_one), sum(m.bytes for m in with_one), dict(sorted(codes.items())),
    )  # fmt: skip


def _status(files: LogFiles, ids: IdIndex, entry: Entry, entries: list[Entry]) -> Made | None:
    """What is to be said of a log without reading it; None: it is to be read."""
    if not entry.regular:
        return Made(entry.key, entry.bytes, "failed", code=f"storage.{entry.identity}")
    if files.active(entry, entries):
        return Made(entry.key, entry.bytes, "open")
    if in_folder(entry) and not entry.key.endswith(".gz"):
        return Made(entry.key, entry.bytes, "plain")
    if (there := ids.get(files.store, entry)) is not None:
        status = "unfit" if there.read else "there"
        return Made(entry.key, entry.bytes, status, len(there.filter), there.count)
    return None


def _made(files: LogFiles, ids: IdIndex, entry: Entry) -> Made:
    try:
        found = _gathered(files, ids, entry)
        # What was read is what stands there: else its end may be another's.
        if found is None or files.store.stat(entry.key) != entry or not ids.put(entry, found):
            return Made(entry.key, entry.bytes, "open")
    except PrivacyError as problem:
        moved = problem.code == "storage.missing" or isinstance(problem, RetryLater)
        if not moved and not isinstance(problem, Unreadable):
            raise
        return Made(entry.key, entry.bytes, "open" if moved else "failed", code=problem.code)
    return Made(entry.key, entry.bytes, "unfit" if found.read else "made", len(found.filter), found.count)


def _gathered(files: LogFiles, ids: IdIndex, entry: Entry) -> Ids | None:
    """A log's filter; None: it changed while it was read."""
    end = tail(files.store, entry)
    head, size, begins = files.head(entry)
    gathered = Gathered(files.form, ids.words)
    with files.open(entry, None) as log:
        for block in log.blocks():
            gathered.add(block, newlines(block) + (not block.endswith(b"\n")))
    if tail(files.store, entry) != end:
        return None
    if gathered.too_much or not bound(entry, end, gathered.bytes):
        return Ids(head, size, begins, end, gathered.odd, True, 0, b"")
    count, made = gathered.filter()
    return Ids(head, size, begins, end, gathered.odd, False, count, made)
