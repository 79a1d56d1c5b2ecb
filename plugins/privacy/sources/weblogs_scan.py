"""Picking lines from one file: settling first which visits are contested, in it and in the files beside it in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from privacy.errors import Unreadable
from privacy.sources.base import ByKey, Due, Partition, Selection
from privacy.sources.weblogs_blocks import Log, Seen, lines
from privacy.sources.weblogs_files import LogFiles, rotated
from privacy.sources.weblogs_lines import LINE_NUMBER, LineFormat
from privacy.sources.weblogs_match import DueMatcher, Matcher, Picked, Window
from privacy.sources.weblogs_times import micros
from privacy.storage import Entry

KEPT_BYTES = 32 * 2**20
"""So much of the lines found while visits are settled is kept; with more, the file is read a second time."""

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR

T = TypeVar("T")


def matcher(files: LogFiles, form: LineFormat, selection: Selection, entry: Entry) -> Matcher | DueMatcher:
    """What picks a selection's lines from a file."""
    if isinstance(selection.pick, Due):
        return DueMatcher(form, selection.pick, micros(entry.modified))
    return prepared(files, form, selection).anew()


def prepared(files: LogFiles, form: LineFormat, selection: Selection) -> Matcher:
    """A selection of subjects, ready to look for; made once for all files. Take one :meth:`Matcher.anew` for each."""
    if files.prepared is None or files.prepared[0] != selection:
        assert not isinstance(selection.pick, Due)  # noqa: S101 - its matcher is another one
        files.prepared = selection, Matcher(form, selection.pick, selection.on, selection.shared)
    return files.prepared[1]


def scan(
    files: LogFiles, form: LineFormat, selection: Selection, partition: Partition, seen: Seen
) -> Iterator[tuple[int, bytes, Picked]]:
    """The picked lines of a partition with their numbers, in order. Closing it closes the file.

    :raises RetryLater, Unreadable: see :meth:`LogFiles.opened` and :meth:`Log.blocks`.
    """
    with files.opened(partition) as log:
        seen.entry = log.entry
        seen.all = log.upto is None or log.entry.bytes <= log.upto
        pick = matcher(files, form, selection, log.entry)
        if isinstance(pick, Matcher) and pick.windows:
            kept = settle(files, log, pick, seen)
            if kept is None:
                with files.opened(partition) as again:
                    yield from _picked(lines(again.blocks(), pick), pick)
            else:
                yield from _picked(kept, pick)
        elif isinstance(selection.pick, ByKey):
            wanted = {dict(zip(form.dataset.key, key, strict=False)).get(LINE_NUMBER) for key in selection.pick.keys}
            found = lines(log.blocks(), pick, seen)
            yield from _picked(((number, line) for number, line in found if number in wanted), pick)
        else:
            yield from _picked(lines(log.blocks(), pick, seen), pick)


def _picked(found: Iterable[tuple[int, bytes]], pick: Matcher | DueMatcher) -> Iterator[tuple[int, bytes, Picked]]:
    for number, line in found:
        picked = pick.pick(line)
        if picked is not None:
            yield number, line, picked


def settle(files: LogFiles, log: Log, pick: Matcher, seen: Seen) -> list[tuple[int, bytes]] | None:
    """Let the matcher learn which visits are contested by lines of this file, and of others that reach into them.

    :returns: the lines in which an identifier stands, so that the file need not be read again; None: too many.
    """
    kept: list[tuple[int, bytes]] | None = [] if not pick.parse_all else None
    size = 0
    visits: set[int] = set()
    for number, line in lines(log.blocks(), pick, seen):
        visits.update(pick.observe(line))
        if kept is not None:
            kept.append((number, line))
            size += len(line)
            if size > KEPT_BYTES:
                kept = None
    verdicts = files.verdicts
    pick.contested |= {w for w in visits if verdicts.get((pick.digest, w))}
    asked = visits - pick.contested
    open_visits = [w for w in pick.windows if w.number in asked and (pick.digest, w.number) not in verdicts]
    for entry in files.beside() if open_visits else ():
        if entry.identity == log.entry.identity:
            continue
        reached = {w.number for w in open_visits if _reaches(files, entry, w)}
        if reached and _used(files, entry, pick, reached):
            _look(files, entry, pick, reached)
            open_visits = [w for w in open_visits if w.number not in pick.contested]
        if not open_visits:
            break
    verdicts.update({(pick.digest, w): w in pick.contested for w in visits | pick.contested})
    return kept


def _reaches(files: LogFiles, entry: Entry, window: Window) -> bool:
    """Whether a file may hold lines from within a visit.

    The web server writes lines in order of time but for the length of a request: an hour is allowed for that after the
    file's last change, and a day before its first lines: logs of several servers may have been put one after another.
    Nothing else is gone by: what was read before must not decide what is found now.
    """
    if not entry.regular:
        return True  # Looking into it says why it cannot be read.
    if micros(entry.modified) < window.low - _HOUR:
        return False
    begins = _renamed(files, entry, lambda: files.begins(entry))
    return begins is None or begins - _DAY <= window.high


def _used(files: LogFiles, entry: Entry, pick: Matcher, wanted: set[int]) -> bool:
    """Whether a file may have a line with the address of one of these visits."""
    if files.ids is None:
        return True
    return files.may(entry, files.ids.words.of_visits(pick, wanted))


def _look(files: LogFiles, entry: Entry, pick: Matcher, wanted: set[int]) -> None:
    def look() -> None:
        with files.open(entry, None) as log:
            for _, line in lines(log.blocks(), pick):
                pick.observe(line, wanted)
        files.still(entry)

    _renamed(files, entry, look)


def _renamed(files: LogFiles, entry: Entry, do: Callable[[], T]) -> T:
    try:
        return do()
    except Unreadable as problem:
        # Gone, or another file under its name, half compressed: then not this one's fault.
        files.still(entry)
        raise (rotated(files.where(entry.key)) if problem.code == "storage.missing" else problem) from None
