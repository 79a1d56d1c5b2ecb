"""What files of records hold, as far as terms are concerned. Every file is read: no two forms keep such counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from privacy.sources.base import Due, Survey
from privacy.sources.due import FOREVER, Count
from privacy.sources.records_files import File, RecordFiles
from privacy.sources.records_match import DueRule, Seen, place
from privacy.sources.records_scan import Scanner, Told, Version


def survey(files: RecordFiles, now: datetime, picks: Sequence[Due]) -> Survey:
    """See :meth:`privacy.sources.base.Surveying.survey`.

    Of overlapping dumps the versions that hold are the records; of a pick every version counts, as in its items.

    :raises RetryLater, Unreadable: a file cannot be listed or read whole, or has a start that is none.
    """
    listed, layout, count = files.listed(whole=False), files.layout, Count(now, picks)
    count.bytes = sum(file.entry.bytes for file in listed)
    if layout.latest is None:
        for _, seen in _seen(files, listed):
            count.add(layout.moment(layout.starts, seen[0], place(seen)))
        return count.survey()
    newest: dict[bytes, _Record] = {}
    for number, seen in _seen(files, listed):
        at = place(seen)
        key, version = layout.key(seen[0], at), Version(layout.order(seen[0], at), number, seen[1])
        found = newest.get(key)
        if found is None:
            newest[key] = _Record(version, layout.moment(layout.starts, seen[0], at))
            continue
        found.versions += 1
        if version.after(found.version):
            found.version, found.start = version, layout.moment(layout.starts, seen[0], at)
    for record in newest.values():
        count.add(record.start, record.versions)
    return count.survey()


@dataclass(slots=True)
class _Record:
    """The version that holds, as far as it is known; when that began; how many there are."""

    version: Version
    start: int | None
    versions: int = 1


def _seen(files: RecordFiles, listed: Sequence[File]) -> Iterator[tuple[int, Seen]]:
    scanner = Scanner(files, DueRule(files.layout, FOREVER))
    for number, file in enumerate(listed):
        for group in scanner.groups(file, Told(), every=True):
            for seen in group.seen:
                yield number, seen
