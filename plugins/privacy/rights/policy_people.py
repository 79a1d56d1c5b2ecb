"""Who is written to about a new version: everybody whose records the changed datasets hold, by a known address.

Read in batches, and nobody is kept: an address is used, hashed, and forgotten. Not written to are those who were erased
(what is kept of them by law is no reason to write), those whose data are not to be used (a restriction), staff, and
whoever is known by a device or an IP address alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from privacy.datamap.kinds import normal
from privacy.errors import BadInput
from privacy.identity.graph import Graph
from privacy.rights.markers import Markers
from privacy.rights.returned import DATED
from privacy.sources.base import Every, Identifier, Selection
from privacy.sources.due import FOREVER

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.rights.markers import Known

NOBODY = "invalid"
"""The domain of an address that an erasure left behind (RFC 2606)."""


def addresses(house: House, datasets: Sequence[str]) -> Iterator[list[str]]:
    """The addresses in their normal form, some at a time; one may come again in a later batch.

    :param datasets: full names.
    :raises RetryLater, Unreadable: a store cannot be read: nobody knows then who has to be written to.
    """
    markers, graph = Markers(house), Graph(house.datamap, house.source)
    stopped = _stopped(house)
    for name in datasets:
        ref = house.datamap[name]
        source = house.source(ref.system.system)
        selection = Selection(ref.name, FOREVER if ref.system.source in DATED else Every())
        staff = _staff(ref)
        for partition in source.partitions(selection):
            with closing(source.read(selection, partition)) as batches:  # type: ignore[type-var]
                for batch in batches:
                    people = _people(house, ref, batch)
                    left = people - markers.found(people).keys() - stopped
                    found = {str(value) for kind, value in left if kind == "email"}
                    found |= _of_people(house, graph, {known for known in left if known[0] != "email"})
                    known = {("email", address) for address in found}
                    found -= {str(value) for _, value in (markers.found(known).keys() | stopped) if str(value) in found}
                    yield sorted(a for a in found if _may_be(a, staff))


def _people(house: House, ref: Ref, batch: pa.RecordBatch) -> set[Known]:
    """Whose the records of a batch are: of each party the first identity that is filled in."""
    columns = {name for party in ref.dataset.people.values() for name in party.subject}
    found: set[Known] = set()
    for row in batch.select(sorted(columns)).to_pylist():
        for party in ref.dataset.people.values():
            for name in party.subject:
                kind, value = str(ref.dataset.columns[name].identity), row[name]
                every = value if isinstance(value, list) else [value]
                theirs = {one for v in every if (one := _known(house, kind, v)) is not None}
                if theirs:
                    found |= theirs
                    break
    return found


def _known(house: House, kind: str, value: Any) -> Known | None:
    if value is None:
        return None
    declared = house.datamap.kind(kind)
    try:
        return kind, normal(kind, value, declared.type if declared else "text")
    except BadInput:
        return None


def _of_people(house: House, graph: Graph, people: set[Known]) -> set[str]:
    """The addresses that the shop's records say are those people's now."""
    found: set[str] = set()
    if not people:
        return found
    now = house.clock.now()
    known = [Identifier(kind, value) for kind, value in sorted(people, key=str)]
    for system, edge in graph.edges(visits=False):
        if graph.kind_of(system, edge, edge.target) != "email":
            continue
        for link in graph.links(system, edge, known, by=edge.source):
            if link.holds(now):
                found.add(str(link.target[1]))
    return found


def _stopped(house: House) -> set[Known]:
    """Whose data are not to be used at all."""
    stops: Any = getattr(house, "stops", None)
    if stops is None:
        return set()
    found: set[Known] = set()
    for stop in stops.active():
        if stop.scope.value == "all" and (known := _known(house, stop.kind, stop.value)) is not None:
            found.add(known)
    return found


def _staff(ref: Ref) -> frozenset[str]:
    return (
        frozenset(d.casefold() for d in ref.dataset.mailbox.staff) if ref.dataset.mailbox is not None else frozenset()
    )


def _may_be(address: str, staff: frozenset[str]) -> bool:
    domain = address.rpartition("@")[2]
    return not any(domain == own or domain.endswith(f".{own}") for own in (*staff, NOBODY))
