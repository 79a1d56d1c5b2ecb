"""Who was erased and is in a store again: a restored backup, a log that arrived late, a processor's new dump.

Every record that can name somebody is looked at once, a batch at a time; what stands in its identity columns is hashed
and held against the erasure markers, and forgotten where nothing matches (edge cases 10, 23).

A record counts by when it came to be. One of a time at which the identifier was the erased person's should not be
there. A newer one is another life's: of a person who came back, or of the next one with that address (edge case 19).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from privacy.datamap.kinds import normal
from privacy.errors import BadInput
from privacy.rights.markers import UNMARKED, Markers, Theirs
from privacy.sources.base import Every, Redaction, Selection
from privacy.sources.due import FOREVER
from privacy.sources.sql_stored import TOKEN

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.rights.markers import Known
    from privacy.rights.walked import Walked

Marked = Callable[[Iterable["Known"]], "dict[Known, tuple[Theirs, ...]]"]
"""Of identifiers those that have a marker."""

DATED = ("weblogs", "records")
"""Kinds of source whose records all have a start, and which give no others."""


@dataclass
class Seen:
    """What was seen of a marked identifier.

    :param theirs: when it was the erased person's.
    :param old: records of those times that are not erased; ``undated``: likewise, of no known time.
    :param newer: records of other times. :param reborn: the number itself was given out again since.
    """

    theirs: tuple[Theirs, ...]
    old: int = 0
    undated: int = 0
    newer: int = 0
    reborn: bool = False

    @property
    def back(self) -> bool:
        """Whether the erased person is here again."""
        return self.old > 0 or (self.undated > 0 and self.newer == 0)


@dataclass
class Returned:
    """What a walk found. :param seen: by identifier; of those that have a marker. :param records: looked at in all."""

    seen: dict[Known, Seen] = field(default_factory=dict, repr=False)
    records: int = 0
    skipped: int = 0

    @property
    def back(self) -> dict[Known, Seen]:
        """Those that should not be there."""
        return {known: seen for known, seen in self.seen.items() if seen.back}

    @property
    def reborn(self) -> int:
        """How many marked numbers belong to somebody else now: a person looks at what is left under them."""
        return sum(seen.reborn for seen in self.seen.values())


def returned(house: House, walked: Walked | None = None) -> Returned:
    """Look through every store. Changes nothing.

    :param walked: files that were looked at since the last marker, and did not change, are passed over.
    :raises RetryLater, Unreadable: a store cannot be read; nobody knows then who is in it.
    """
    found, markers = Returned(), Markers(house)
    marks = markers.by_mark()
    marked: Marked = lambda known: markers.among(known, marks)  # noqa: E731 - named, for its type
    for ref in house.datamap:
        if ref.dataset.delivery is None and (columns := _columns(ref)):
            _walk(house, marked, ref, columns, found, walked)
    return found


def _columns(ref: Ref) -> dict[str, str]:
    """The columns in which a marked identifier can stand, with their kinds."""
    if not ref.dataset.people or _kept_whole(ref):
        return {}
    found = {name: str(c.identity) for name, c in ref.dataset.columns.items() if c.identity is not None}
    return {name: kind for name, kind in found.items() if kind not in UNMARKED}


def _kept_whole(ref: Ref) -> bool:
    """Whether an erasure leaves the dataset as it is: what is retained is no sign that somebody came back."""
    return ref.dataset.erasure.do == "retain" and not ref.dataset.erasure.set


def _walk(
    house: House, known: Marked, ref: Ref, columns: Mapping[str, str], found: Returned, walked: Walked | None
) -> None:
    source = house.source(ref.system.system)
    # What has no start of its own is given by the stores that can give all.
    selection = Selection(ref.name, FOREVER if ref.system.source in DATED else Every())
    for partition in source.partitions(selection):
        fixed = ref.system.source in DATED and bool(partition.mark)
        if walked is not None and fixed and walked.knows(ref.full, partition):
            found.skipped += 1
            continue
        with closing(source.read(selection, partition)) as batches:  # type: ignore[type-var]
            for batch in batches:
                found.records += batch.num_rows
                _look(house, known, ref, columns, batch, found)
        if walked is not None and fixed:
            walked.add(ref.full, partition)


def _look(
    house: House, known: Marked, ref: Ref, columns: Mapping[str, str], batch: pa.RecordBatch, found: Returned
) -> None:
    """One batch: most have nobody in them, and cost one digest for each value that is in them."""
    values = {name: _known(house, kind, batch.column(name)) for name, kind in columns.items()}
    marked = known({one for by_value in values.values() for one in by_value.values()})
    if not marked:
        return
    mine = [(name, {v: k for v, k in by_value.items() if k in marked}) for name, by_value in values.items()]
    for row in batch.to_pylist():
        for name, by_value in mine:
            for value in _each(row[name]):
                one = by_value.get(value)
                if one is not None:
                    seen = found.seen.setdefault(one, Seen(marked[one]))
                    _count(seen, ref, name, row)


def _count(seen: Seen, ref: Ref, column: str, row: Mapping[str, object]) -> None:
    at = moment(ref, row)
    itself = ref.dataset.key == (column,)
    if at is not None and not any(theirs.covers(at) for theirs in seen.theirs):
        seen.newer += 1
        seen.reborn = seen.reborn or itself
    elif emptied(ref, row):
        return  # It was emptied, and stays as a number.
    elif at is None:
        seen.undated += 1
    else:
        seen.old += 1


def emptied(ref: Ref, row: Mapping[str, object]) -> bool:
    """Whether an erasure has nothing left to do in a row that stays: it is empty of what was theirs."""
    erasure = ref.dataset.erasure
    wanted = erasure.referenced if erasure.do == "delete" else erasure.set
    return wanted is not None and all(_is(row[name], value) for name, value in wanted.items())


def _is(now: object, value: object) -> bool:
    if value == Redaction.UNIQUE.value:
        return isinstance(now, str) and now.startswith(TOKEN)
    return now is None if value in (None, Redaction.NULL.value) else now == value


def moment(ref: Ref, row: Mapping[str, object]) -> datetime | None:
    """When a record came to be; aware, UTC. None: it does not say."""
    name = ref.dataset.time
    value = row[name] if name is not None else None
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, date):
        zone = ref.dataset.columns[str(name)].zone or "UTC"
        return datetime.combine(value, time(), ZoneInfo(zone)).astimezone(UTC)
    return None


def _known(house: House, kind: str, column: pa.Array[Any]) -> dict[object, Known]:
    """The distinct values of a column with what each identifies; what can be no identifier is left out."""
    flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    declared = house.datamap.kind(kind)
    found: dict[object, Known] = {}
    for value in flat.unique().to_pylist():
        if value is None:
            continue
        try:
            found[value] = kind, normal(kind, value, declared.type if declared else "text")
        except BadInput:
            continue
    return found


def _each(value: object) -> Iterator[object]:
    if isinstance(value, list):
        yield from _of(value)
    elif value is not None:
        yield value


def _of(values: Iterable[object]) -> Iterator[object]:
    yield from (value for value in values if value is not None)
