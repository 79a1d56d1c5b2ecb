"""Whether JSON records have what decides whose they are: of a renamed member, they would be others', or nobody's."""

from __future__ import annotations

from typing import Any

from privacy.errors import Unreadable
from privacy.sources.records_files import File
from privacy.sources.records_layout import Layout
from privacy.sources.records_parquet import missing

LOOKED_AT = 1_000
"""A path that leads to nothing in so many first records leads nowhere."""

ENOUGH = 1_000
"""A file of fewer records may be without one that has all of its columns: many writers leave out what is null."""

ABSENT = (
    "None of the file's records has that column, be it null: they would be told to be of whom a later column names."
)
OPTIONAL = (
    "Correct `path` in the data map, or the file; if whole files may be without it, write `optional: true` there."
)


class Each:
    """Which subject columns were never seen in a file's records, not even as null.

    ``sought``: those still looked for, with their paths. A column that is ``optional`` is not looked for.
    """

    def __init__(self, layout: Layout) -> None:
        self._parties = [party.subject for party in layout.dataset.people.values()]
        wanted = dict.fromkeys(name for party in self._parties for name in party)
        columns = layout.dataset.columns
        self.sought = {n: layout.paths[n] for n in wanted if n in layout.paths and not columns[n].optional}

    def look(self, record: Any) -> None:
        """See what a record has."""
        for name in [name for name, path in self.sought.items() if path.there(record)]:
            del self.sought[name]

    def passed_over(self) -> str | None:
        """A column that no record has, while one after it in the order of precedence was seen; None: there is none.

        An optional column, or one out of the file's name, counts as seen: it decides in its place.
        """
        for party in self._parties:
            for at, name in enumerate(party):
                if name in self.sought and any(later not in self.sought for later in party[at + 1 :]):
                    return name
        return None


class Absent:
    """Whether JSON records have what decides whose they are: a path that leads nowhere would make them nobody's."""

    def __init__(self, layout: Layout, file: File, *, each: bool = False) -> None:
        self._file = file
        paths = layout.paths
        self._each = Each(layout) if each else None
        self._all = 0
        self._wanted = [
            (party.subject[0], [paths[name] for name in party.subject])
            for party in layout.dataset.people.values()
            if all(name in paths for name in party.subject)
        ]
        time = layout.dataset.time
        if time in paths:
            self._wanted.append((str(time), [paths[str(time)]]))
        self._row = 0

    def look(self, record: Any, row: int) -> None:
        """See whether a record has them. :raises Unreadable: ``records.missing_path``."""
        self._all = row
        if self._each is not None and self._each.sought:
            self._each.look(record)
        if not self._wanted:
            return
        self._row = row
        self._wanted = [(name, paths) for name, paths in self._wanted if not any(p.there(record) for p in paths)]
        if row >= LOOKED_AT:
            self._nowhere()

    def end(self) -> None:
        """There are no more. :raises Unreadable: ``records.missing_path``; ``records.absent``, see :class:`Each`."""
        self._nowhere()
        if self._each is not None and self._all >= ENOUGH and (column := self._each.passed_over()):
            raise Unreadable("records.absent", ABSENT, where=f"{self._file.where}, column {column}", advice=OPTIONAL)

    def _nowhere(self) -> None:
        if self._wanted and self._row:
            raise missing(self._file.where, self._wanted[0][0])
