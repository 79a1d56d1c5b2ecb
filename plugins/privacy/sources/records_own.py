"""What in a record that somebody else is in too is the subjects' own, and how an erasure's values reach it alone.

A column is a party's where it is one of its ``subject``, ``private`` or ``wrote``, or stands in the same object of the
record (``requester.name`` beside ``requester.email``); of a path through a list, all that it picks. Of a list of people
each element is somebody, with all that stands in it (``participants[].name`` beside ``participants[].email``). Of what
several people said, a member of each element names who said it (``said:``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from privacy.datamap.kinds import fold
from privacy.errors import BadConfiguration
from privacy.sources.base import Set
from privacy.sources.records_layout import Layout
from privacy.sources.records_match import Matcher, Seen, place
from privacy.sources.records_path import Record

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """A value for some elements of a list alone.

    :param base: the members that lead to the list. :param leaf: those that lead on, in an element, to the value.
    :param which: the places of the elements.
    """

    base: Names
    leaf: Names
    which: frozenset[int]
    value: object = field(repr=False)


class Own:
    """A change of records with others in them, prepared once.

    :raises BadConfiguration: ``records.cannot_set``: of a column it cannot be told whose it is, or nothing can be
        written there.
    """

    def __init__(self, layout: Layout, matcher: Matcher, change: Set) -> None:
        self._layout, self._matcher, self._change = layout, matcher, change
        self._clock = layout.dataset.time
        if (wrong := unowned(layout, change.columns)) is not None:
            raise BadConfiguration("records.cannot_set", wrong[0], where=layout.full, advice=wrong[1])

    def of(self, seen: Seen) -> dict[str, object]:
        """What a record is given."""
        mine, elements = self._parties(seen)
        given: dict[str, object] = {}
        for name, value in self._change.columns.items():
            if self._layout.dataset.columns[name].said is not None:
                found = self._said(name, seen[0], mine, elements, value)
            elif (spot := listed(self._layout, name)) is not None:
                found = Elements(*spot, elements.get(spot[0], frozenset()), value)
            else:
                of = owners(self._layout, name)
                if any(mine.get(party) for party in of) and all(mine.get(party, True) for party in of):
                    every = self._every(name, seen[0], value)
                    if every is None or every.which:
                        given[name] = value if every is None else every
                continue
            if found.which:
                given[name] = found
        return given

    def still(self, seen: Seen) -> bool:
        """Whether a subject is still a party of a record: then it was not told whose all of it is."""
        found = self._matcher.judge(seen)
        return found is not None and bool(found.rows)

    def _parties(self, seen: Seen) -> tuple[dict[str, bool], dict[Names, frozenset[int]]]:
        """Of each party that is there whether it is theirs; of each list of people, which elements are."""
        time = self._layout.moment(self._clock, seen[0], place(seen))
        mine: dict[str, bool] = {}
        elements: dict[Names, frozenset[int]] = {}
        for party, columns in self._matcher.parties:
            column = next((c for c in columns if c.get(seen) is not None), None)
            if column is None:
                continue
            if not column.many:
                mine[party] = self._matcher.is_own(column, column.get(seen), time)
                continue
            spot = listed(self._layout, column.name)
            if spot is not None:
                base, leaf = spot
                there = enumerate(follow(seen[0], base) or ())
                its = ((n, follow(one, leaf)) for n, one in there)
                found = {n for n, v in its if v is not None and self._matcher.is_own(column, str(v), time)}
                elements[base] = elements.get(base, frozenset()) | found
        return mine, elements

    def _every(self, name: str, record: Record, value: object) -> Elements | None:
        """All that a path through a list picks; None: the column is one value."""
        path = self._layout.paths[name]
        if path.names is not None or path.each is None or path.each[1] is None:
            return None
        there = enumerate(follow(record, path.each[0]) or ())
        which = frozenset(n for n, one in there if path.get(_within(path.each[0], one)))
        return Elements(path.each[0], path.each[1], which, value)

    def _said(
        self,
        name: str,
        record: Record,
        mine: Mapping[str, bool],
        elements: Mapping[Names, frozenset[int]],
        value: object,
    ) -> Elements:
        """What was said under one of the subjects' names."""
        column, layout = self._layout.dataset.columns[name], self._layout
        each = layout.paths[name].each
        assert column.said is not None  # noqa: S101 - see `of`
        assert each is not None  # noqa: S101 - see `unowned`
        names: set[str] = set()
        for named in column.said.names:
            if (spot := listed(layout, named)) is not None:
                there = list(follow(record, spot[0]) or ())
                names |= {str(v) for n in elements.get(spot[0], ()) if (v := follow(there[n], spot[1])) is not None}
            elif any(mine.get(party) for party in owners(layout, named)):
                names |= {str(v)} if (v := layout.paths[named].get(record)) is not None else set()
        folded = {fold(name) for name in names if name.strip()}
        get: Callable[[Any], Any] = layout.paths[name].get
        which = frozenset(
            n
            for n, one in enumerate(follow(record, each[0]) or ())
            if isinstance(one, dict) and fold(str(one.get(column.said.by, ""))) in folded and get(_within(each[0], one))
        )
        return Elements(each[0], (column.said.text,), which, value)


def owners(layout: Layout, name: str) -> list[str]:
    """The parties that a column of one value is about."""
    dataset, own = layout.dataset, layout.paths[name].names if name in layout.paths else None
    beside = own[:-1] if own else ()
    found = []
    for party, its in dataset.people.items():
        paths = [layout.paths[column].names for column in its.subject if column in layout.paths]
        near = bool(beside) and any(path is not None and path[:-1] == beside for path in paths)
        if near or name in (*its.subject, *its.private, *its.wrote):
            found.append(party)
    return found


def listed(layout: Layout, name: str) -> tuple[Names, Names] | None:
    """Of a column whose values are one for each element of a list of people: where the list is, and the value in it."""
    path = layout.paths.get(name)
    spot = _spot(layout, name)
    if path is None or spot is None:
        return None
    for party in layout.dataset.people.values():
        for column in party.subject:
            its = _spot(layout, column)
            if its is not None and its[0] == spot[0]:
                return spot
    return None


def _spot(layout: Layout, name: str) -> tuple[Names, Names] | None:
    path = layout.paths.get(name)
    if path is None:
        return None
    if path.names is not None:
        return (path.names, ()) if pa.types.is_list(layout.dataset.columns[name].arrow) else None
    return (path.each[0], path.each[1]) if path.each is not None and path.each[1] is not None else None


def unowned(layout: Layout, columns: Iterable[str]) -> tuple[str, str] | None:
    """What keeps a subject's own values of these columns from being set, and what to write in the data map instead.

    None: nothing. All columns that identify a party have to be among them: a subject who is still found was not erased.
    """
    given = list(columns)
    for name in given:
        if (wrong := _unowned(layout, name)) is not None:
            return wrong
    people = dict.fromkeys(name for party in layout.dataset.people.values() for name in party.subject)
    missing = [name for name in people if name not in given]
    return (
        (f"Nothing is said of {', '.join(missing)}.", "Set every column that identifies a party.") if missing else None
    )


def _unowned(layout: Layout, name: str) -> tuple[str, str] | None:
    if name in layout.paths and layout.dataset.columns[name].said is not None:
        if layout.paths[name].each is not None:
            return None
        return f"Column {name!r} is no path through one list.", "Write it like messages[].{author: author, text: text}."
    if listed(layout, name) is not None:
        return None
    each = layout.paths[name].each if name in layout.paths else None
    if not layout.settable(name) and (each is None or each[1] is None):
        return f"Column {name!r} is no plain path, so nothing can be written there.", "Set columns of plain paths."
    if not owners(layout, name):
        return f"Column {name!r} is no party's.", "Name it in the `private:` or `wrote:` of the party that it is about."
    return None


def follow(value: Any, names: Names) -> Any:
    """What plain members lead to; None: nothing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _within(base: Names, element: Any) -> Record:
    """A record with this one element alone."""
    made: Any = [element]
    for name in reversed(base):
        made = {name: made}
    return made if isinstance(made, dict) else {}
