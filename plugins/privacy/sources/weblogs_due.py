"""What is due in a log, and what logs hold: each line's time, read once for a log that is closed (``weblogs_index``).

A line without a time that can be read, or in no known form, is as old as its file: it was written before the file's
last change (edge cases 8 and 11: never deleted by accident, never kept for ever).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from privacy.errors import PrivacyError, Unreadable
from privacy.sources.base import Due, Item, Partition, Survey
from privacy.sources.due import countable
from privacy.sources.weblogs_apply import version
from privacy.sources.weblogs_blocks import Log, Seen, newlines
from privacy.sources.weblogs_files import HEAD, LogFiles
from privacy.sources.weblogs_index import Known
from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_mark import Mark
from privacy.sources.weblogs_runs import Runs
from privacy.sources.weblogs_times import micros, moment
from privacy.storage import Entry

_NEVER, _ALWAYS = -(2**63), 2**63
"""Before all that can be, and after it."""


@dataclass(slots=True)
class _Part:
    """The lines of a log before a bound: how many, their size, the earliest, a digest over them."""

    records: int
    bytes: int
    oldest: int | None
    digest: str


@dataclass(slots=True)
class _Passed:
    """What one reading of a log found.

    :param known: of the whole of it. ``part``: before the bound that was asked for.
    :param between: how many lines begin before the first of the other bounds, between it and the second, ...
    """

    known: Known
    part: _Part
    between: list[int]


def item(entry: Entry, records: int, size: int, oldest: int | None, digest: str, *, whole: bool) -> Item:
    """A file with selected lines.

    :param oldest: microseconds since 1970 in UTC. :param digest: sha256 (hex) over the lines.
    """
    about = f"{entry.key}\n{version(entry)}\n{digest}"
    return Item(
        (entry.key,), version(entry), records, size, None if oldest is None else moment(oldest), whole,
        sha256(about.encode(errors="surrogateescape")).hexdigest(),
    )  # fmt: skip


def locate(files: LogFiles, form: LineFormat, due: Due, partition: Partition) -> Item | None:
    """A file, if lines in it are due; one that is wholly before the bound, or after it, is not read again.

    :raises RetryLater, Unreadable: see :meth:`LogFiles.opened`.
    """
    if form.dataset.starts is None:
        return None
    before = micros(due.before)
    if (found := _known(files, partition)) is not None:
        entry, known = found
        span = known.span(micros(entry.modified))
        if span is None or before <= span[0]:
            return None
        if span[1] < before:
            return item(entry, known.lines, known.bytes, span[0], known.digest, whole=True)
    seen = Seen()
    part = _read(files, form, partition, seen, before, ()).part
    if not part.records or seen.entry is None:
        return None
    whole = seen.all and part.records == seen.lines
    return item(seen.entry, part.records, part.bytes, part.oldest, part.digest, whole=whole)


def survey(files: LogFiles, form: LineFormat, now: datetime, picks: Sequence[Due]) -> Survey:
    """See :meth:`privacy.sources.base.Surveying.survey`: records are lines; the undated are also in the picks by which
    they are due with their file.

    :raises RetryLater, Unreadable: as :meth:`LogFiles.partitions`, and what :func:`locate` raises.
    """
    countable(picks, form.full)
    timed = form.dataset.starts is not None
    bounds = [micros(pick.before) if timed else _NEVER for pick in picks]
    # What begins later than now begins at the next microsecond, or after that.
    begun = micros(now) + 1
    asked = sorted({*bounds, begun})
    counts = dict.fromkeys(asked, 0)
    records = size = undated = future = 0
    oldest: int | None = None
    for partition in files.partitions(whole=False):
        size += partition.bytes
        known, modified, before = _counts(files, form, partition, asked)
        records, undated = records + known.lines, undated + known.undated
        future += known.lines - before[begun] - (known.undated if modified >= begun else 0)
        for bound, count in before.items():
            counts[bound] += count
        if (span := known.span(modified)) is not None:
            oldest = span[0] if oldest is None else min(oldest, span[0])
    if not timed:
        return Survey(records, size, None, records, 0, (0,) * len(picks))
    picked = tuple(counts[bound] for bound in bounds)
    return Survey(records, size, None if oldest is None else moment(oldest), undated, future, picked)


def _counts(
    files: LogFiles, form: LineFormat, partition: Partition, asked: Sequence[int]
) -> tuple[Known, int, dict[int, int]]:
    """A log, when it was changed last, and how many of its lines begin before each of these bounds."""
    if (found := _known(files, partition)) is not None:
        entry, known = found
        modified = micros(entry.modified)
        span = known.span(modified)
        if span is None:
            return known, modified, dict.fromkeys(asked, 0)
        if all(bound <= span[0] or span[1] < bound for bound in asked):
            return known, modified, {bound: known.lines if span[1] < bound else 0 for bound in asked}
    seen = Seen()
    passed = _read(files, form, partition, seen, _NEVER, asked)
    before, sum_ = {}, 0
    for bound, count in zip(asked, passed.between, strict=False):
        sum_ += count
        before[bound] = sum_
    assert seen.entry is not None  # noqa: S101 - it was read
    return passed.known, micros(seen.entry.modified), before


def _known(files: LogFiles, partition: Partition) -> tuple[Entry, Known] | None:
    """A partition's file, if it stands where it was listed, all of it was meant, and it is in the index."""
    mark = Mark.parse(partition.mark)
    if mark is None or not mark.digest:
        return None
    try:
        entry = files.store.stat(partition.name)
    except PrivacyError:
        return None  # Whoever reads it looks for it, or is told why not.
    known = files.index.get(entry) if entry.regular else None
    if known is None or (known.head, known.size) != (mark.digest, mark.head):
        return None
    return (entry, known) if mark.upto is None or mark.upto == entry.bytes else None


def _read(
    files: LogFiles, form: LineFormat, partition: Partition, seen: Seen, before: int, bounds: Sequence[int]
) -> _Passed:
    """Look at every line once, and remember what the log said if it is closed.

    :param before: the bound of ``part``. :param bounds: sorted, for ``between``.
    """
    with files.opened(partition) as log:
        seen.entry = log.entry
        seen.all = log.upto is None or log.entry.bytes <= log.upto
        passed = _pass(form, log, seen, before, bounds)
    _remember(files, seen.entry, log, passed.known)
    return passed


def _pass(form: LineFormat, log: Log, seen: Seen, before: int, bounds: Sequence[int]) -> _Passed:
    modified = micros(log.entry.modified)
    cuts = sorted({before, *bounds})
    due = cuts.index(before)  # Runs in a slot up to this one begin before it.
    slots = [0] * (len(cuts) + 1)
    every, apart = Lines(), None
    size = undated = records = part = number = 0
    oldest: int | None = None
    begin, last = _ALWAYS, _NEVER
    runs = Runs(form, form.dataset.starts.column if form.dataset.starts else None, cuts, modified, spans=True)
    for block in log.blocks():
        seen.lines += newlines(block) + (not block.endswith(b"\n"))
        for run in runs.of(block):
            text = bytes(block[run.start : run.end])
            length = len(text) + (not text.endswith(b"\n"))
            size, undated = size + length, undated + run.undated
            slots[run.slot] += run.lines
            if run.first is not None and run.last is not None:
                begin, last = min(run.first, begin), max(run.last, last)
            if run.slot <= due:
                records, part = records + run.lines, part + length
                starts = [run.first] if run.first is not None else []
                starts += [modified] if run.undated else []
                oldest = min(starts) if oldest is None else min(oldest, *starts)
                if apart is not None:
                    apart.add(number, run.lines, text)
            elif apart is None:
                apart = every.copy()  # All lines so far are due.
            every.add(number, run.lines, text)
            number += run.lines
    between = [0] * (len(bounds) + 1)
    for slot, count in enumerate(slots):
        between[bisect_right(bounds, cuts[slot - 1]) if slot else 0] += count
    first_, last_ = (begin, last) if begin <= last else (None, None)
    digest, head = every.hexdigest(), sha256(log.head).hexdigest()
    known = Known(seen.lines, size, undated, first_, last_, digest, head, len(log.head), None)
    return _Passed(known, _Part(records, part, oldest, digest if apart is None else apart.hexdigest()), between)


class Lines:
    """A digest over some lines of a log and their numbers, whichever way they come: one by one or many at once."""

    def __init__(self) -> None:
        self._content, self._places = sha256(), sha256()
        self._first = self._next = 0

    def add(self, number: int, count: int, text: bytes) -> None:
        """Lines that follow each other.

        :param number: of the first, from 0; ascending. :param text: with their newlines; the last may have none.
        """
        if number != self._next:
            self._close()
            self._first = number
        self._next = number + count
        self._content.update(text)
        if not text.endswith(b"\n"):
            self._content.update(b"\n")

    def _close(self) -> None:
        if self._next > self._first:
            self._places.update(b"%d:%d\n" % (self._first, self._next))

    def copy(self) -> Lines:
        """The same, to go on from here."""
        other = Lines()
        other._content, other._places = self._content.copy(), self._places.copy()
        other._first, other._next = self._first, self._next
        return other

    def hexdigest(self) -> str:
        """The digest: sha256, 64 hexadecimal digits."""
        whole = self.copy()
        whole._close()
        return sha256(whole._content.digest() + whole._places.digest()).hexdigest()


def _remember(files: LogFiles, entry: Entry, log: Log, known: Known) -> None:
    """Put it into the index: if all was read of a log that is no longer written to, and it stands unchanged."""
    if log.upto not in (None, entry.bytes) or not entry.regular or known.size > HEAD:
        return
    with suppress(Unreadable):
        if files.active(entry, files.beside()) or files.store.stat(entry.key) != entry:
            return
        head, size, begins = files.head(entry)
        if (head, size) == (known.head, known.size):
            files.index.put(entry, replace(known, begins=begins))
