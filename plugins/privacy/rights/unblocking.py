"""Whom an erasure has left nothing of is taken off the list that the shop's systems obey (STAFF-BLOCK, REG).

An erasure that is closed goes on blocking what has to stay, without its number. When the last of that is purged, years
later, the number on the list is all that is left of the person; so it goes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from privacy.sources.base import SUBJECT, Identifier, Of, Selection, Subject

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.rights.stops import Stop


def unblock(house: House, *, author: str) -> int:
    """End the stops of closed erasures of whom no system holds anything any more. Safe to repeat.

    :returns: how many ended. :raises RetryLater, Unreadable: a store cannot be asked; nothing ends then.
    """
    loose = [stop for stop in house.stops.active() if stop.request is None]
    found: set[int] = set()
    for ref in house.datamap if loose else ():
        found |= set(_there(house, ref, loose, found))
    gone = [stop for no, stop in enumerate(loose, start=1) if no not in found]
    if not gone:
        return 0
    with house.ledger.writing() as writing:
        return house.stops.end_loose(writing, [stop.id for stop in gone], author=author)


def _there(house: House, ref: Ref, loose: Sequence[Stop], found: set[int]) -> Iterator[int]:
    """Those of whom the dataset has a record, by their place among the stops."""
    left = [
        Subject(no, (Identifier(stop.kind, _value(house, stop)),))
        for no, stop in enumerate(loose, start=1)
        if no not in found and stop.kind in ref.dataset.kinds
    ]
    if not left:
        return
    source, selection = house.source(ref.system.system), Selection(ref.name, Of(tuple(left)))
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            yield from (int(no) for no in batch.column(SUBJECT).to_pylist() if no is not None)


def _value(house: House, stop: Stop) -> str | int:
    kind = house.datamap.kind(stop.kind)
    return int(stop.value) if kind is not None and kind.type == "integer" else stop.value
