"""What a doctor finds in a dataset of records: files that are not read, paths that lead nowhere, unclaimed members."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from privacy.errors import Unreadable
from privacy.sources.base import Problem
from privacy.sources.records_absent import ABSENT, ENOUGH, OPTIONAL, Each
from privacy.sources.records_arrow import there, tops
from privacy.sources.records_files import EXCUSED, UNEXCUSED, File, Form, RecordFiles
from privacy.sources.records_json import records_of
from privacy.sources.records_layout import OTHER_DAY, Place
from privacy.sources.records_parquet import deciding, opened

NEWEST = 3
"""So many files are looked through whole for a subject column that was renamed; one that has them all, not far."""

FIRST = 200
"""So many records of a JSON file are looked at."""


def problems(files: RecordFiles) -> Iterator[Problem]:
    """See :meth:`privacy.sources.base.Source.check`. :raises Unreadable: the newest file cannot be read."""
    layout, found = files.layout, files.everything()
    for number, entry in enumerate(found, start=1):
        named = files.named(entry.key)
        if named and files.excuses(entry.key):
            yield Problem("records.excused", EXCUSED, files.where(number), UNEXCUSED)
        elif not entry.regular:
            yield Problem(
                f"storage.{entry.identity}", "A link, a mount or a special file is not read.",
                files.where(number), "Put the file itself there, or " + ("move it." if named else "excuse it by name."),
            )  # fmt: skip
        elif not named:
            yield Problem(
                "records.other_name", "The file's name is not one that `names` matches: no export is made.",
                files.where(number), "Move it, correct `names`, or excuse it by name.", fatal=False,
            )  # fmt: skip
    listed = [file for file in files.listed(whole=False) if file.entry.regular]
    if not listed:
        return
    newest = max(listed, key=lambda file: (file.entry.modified, file.entry.key))
    absent, unclaimed = _paths(files, newest)
    decides = {*deciding(layout), *layout.dataset.key}
    for name in absent:
        yield Problem(
            "records.missing_path", "The newest file's records have nothing where the column's path leads.",
            f"{newest.where}, column {name}", "Correct `path` in the data map.", fatal=name in decides,
        )  # fmt: skip
    yield from _renamed(files, sorted(listed, key=lambda file: (file.entry.modified, file.entry.key))[-NEWEST:])
    if _of_another_day(files, newest):
        yield Problem(
            "records.day", "The newest file has records of another day than its name says.",
            f"{newest.where}, column {layout.dataset.time}", OTHER_DAY,
        )  # fmt: skip
    for name in unclaimed:
        yield Problem(
            "records.unclaimed", f"No column's path looks into the member {name!r} of the records.",
            newest.where, "Add a column for it, so that it is given, or have it left out of the files.", fatal=False,
        )  # fmt: skip


def _paths(files: RecordFiles, file: File) -> tuple[list[str], list[str]]:
    """The columns whose paths lead nowhere in a file, and the members that no path looks into."""
    layout = files.layout
    paths = layout.paths
    if file.form is Form.PARQUET:
        with opened(files, file, None, strict=False) as reader:
            schema = reader.schema
        absent = [name for name, path in paths.items() if not there(path, schema)]
        claimed = {top for path in paths.values() for top in tops(path, schema)}
        return absent, [name for name in schema.names if name not in claimed]
    absent, members = list(paths), dict[str, None]()
    with closing(records_of(files, file)) as records:
        for found in islice(records, FIRST):
            absent = [name for name in absent if not paths[name].there(found.quick)]
            members |= dict.fromkeys(found.quick)
    everything = any(path.names is None and path.tops is None for path in paths.values())
    claimed = {path.names[0] for path in paths.values() if path.names} | {
        top for path in paths.values() for top in path.tops or ()
    }
    return absent if members else [], [] if everything else [name for name in members if name not in claimed]


def _renamed(files: RecordFiles, newest: list[File]) -> Iterator[Problem]:
    """The subject columns that no record of a large JSON file has, though other files or later columns do."""
    layout, told = files.layout, list[tuple[File, Each, int]]()
    for file in newest:
        if file.form is Form.PARQUET:
            continue  # Its schema says what it has.
        each, row = Each(layout), 0
        with closing(records_of(files, file)) as records:
            for found in records if each.sought else ():
                row = found.row
                each.look(found.quick)
                if not each.sought:
                    break
        told.append((file, each, row))
    for file, each, row in told:
        elsewhere = [name for name in each.sought if any(r and name not in other.sought for _, other, r in told)]
        column = each.passed_over() or next(iter(elsewhere), None)
        if row >= ENOUGH and column is not None:
            yield Problem("records.absent", ABSENT, f"{file.where}, column {column}", OPTIONAL)


def _of_another_day(files: RecordFiles, file: File) -> bool:
    """Whether a file has a record further than an hour from its day: whom it is about would not be found."""
    layout = files.layout
    day, time = layout.span(file.entry.key), layout.dataset.time
    if day is None or time is None:
        return False
    if file.form is Form.PARQUET:
        try:
            with opened(files, file, None, strict=False) as reader:
                reader.dated()
        except Unreadable as problem:
            if problem.code != "records.day":
                raise
            return True
        return False
    with closing(records_of(files, file)) as records:
        places = ((found, Place(file.entry.key, found.row, file.where)) for found in islice(records, FIRST))
        moments = (layout.moment(time, found.quick, place) for found, place in places)
        return any(at is not None and not day[0] <= at <= day[1] for at in moments)
