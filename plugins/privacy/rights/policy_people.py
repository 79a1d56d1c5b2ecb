"""Who is written to about a new version: everybody whose records the changed datasets hold, by a known address.

Read in batches, and nobody is kept: an address is used, hashed, and forgotten. Not written to are those who were erased
(what is kept of them by law is no reason to write) and did not come back since, those whose data are not to be used (a
restriction), staff, and whoever is known by a device or an IP address alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from privacy.datamap.kinds import normal
from privacy.errors import BadInput
from privacy.identity.graph import Graph
from privacy.rights.letters import LANGUAGE, own_record
from privacy.rights.markers import Markers
from privacy.rights.returned import DATED, moment
from privacy.rights.stop_rows import Scope
from privacy.sources.base import SUBJECT, Every, Identifier, Of, Selection, Subject
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
                    left = _unerased(markers, _people(house, ref, batch)) - stopped
                    people = {known for known in left if known[0] != "email"}
                    linked = _unerased(markers, _of_people(house, graph, people)) - stopped
                    found = {str(value) for kind, value in left | linked if kind == "email"}
                    yield sorted(a for a in found if _may_be(a, staff))


def languages(house: House, some: Sequence[str]) -> dict[str, str]:
    """In which language people are written to, by address, where a record of their own says so.

    :param some: addresses in their normal form. Of one that two people have who speak otherwise, it is not known.
    """
    found: dict[str, set[str]] = {}
    pick = Of(tuple(Subject(no, (Identifier("email", one),)) for no, one in enumerate(some, 1)))
    for ref in house.datamap if some else ():
        said = ref.dataset.columns
        columns = [name for name, column in said.items() if column.identity == "email"]
        if LANGUAGE not in said or said[LANGUAGE].type != "text" or not columns or not own_record(house, ref):
            continue
        source = house.source(ref.system.system)
        for name in columns:
            selection = Selection(ref.name, pick, on=(name,))
            for partition in source.partitions(selection):
                for batch in source.read(selection, partition):
                    for row in batch.select([SUBJECT, LANGUAGE]).to_pylist():
                        if row[LANGUAGE] in ("nl", "en"):
                            found.setdefault(some[int(row[SUBJECT]) - 1], set()).add(str(row[LANGUAGE]))
    return {address: next(iter(spoken)) for address, spoken in found.items() if len(spoken) == 1}


def _unerased(markers: Markers, people: Mapping[Known, Sequence[datetime | None]]) -> set[Known]:
    """Those who were not erased, and those who came back: of whom there is something newer than their erasure."""
    marked = markers.found(people)

    def newer(known: Known) -> bool:
        return any(at is not None and not any(one.covers(at) for one in marked[known]) for at in people[known])

    return {known for known in people if known not in marked or newer(known)}


def _people(house: House, ref: Ref, batch: pa.RecordBatch) -> dict[Known, list[datetime | None]]:
    """Whose the records of a batch are, of each party the first identity that is filled in; and since when they are."""
    columns = {name for party in ref.dataset.people.values() for name in party.subject}
    columns |= {ref.dataset.time} if ref.dataset.time is not None else set()
    found: dict[Known, list[datetime | None]] = {}
    for row in batch.select(sorted(columns)).to_pylist():
        at = moment(ref, row)
        for party in ref.dataset.people.values():
            for name in party.subject:
                kind, value = str(ref.dataset.columns[name].identity), row[name]
                every = value if isinstance(value, list) else [value]
                theirs = {one for v in every if (one := _known(house, kind, v)) is not None}
                if theirs:
                    for one in theirs:
                        found.setdefault(one, []).append(at)
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


def _of_people(house: House, graph: Graph, people: set[Known]) -> dict[Known, list[datetime | None]]:
    """The addresses that the shop's records say are those people's now, and since when."""
    found: dict[Known, list[datetime | None]] = {}
    if not people:
        return found
    now = house.clock.now()
    known = [Identifier(kind, value) for kind, value in sorted(people, key=str)]
    for system, edge in graph.edges(visits=False):
        if graph.kind_of(system, edge, edge.target) != "email":
            continue
        for link in graph.links(system, edge, known, by=edge.source):
            if link.holds(now):
                found.setdefault(link.target, []).append(link.start)
    return found


def _stopped(house: House) -> set[Known]:
    """Whose data are not to be used at all."""
    found: set[Known] = set()
    for stop in house.stops.active():
        if stop.scope is Scope.ALL and (known := _known(house, stop.kind, stop.value)) is not None:
            found.add(known)
    return found


def _staff(ref: Ref) -> frozenset[str]:
    return (
        frozenset(d.casefold() for d in ref.dataset.mailbox.staff) if ref.dataset.mailbox is not None else frozenset()
    )


def _may_be(address: str, staff: frozenset[str]) -> bool:
    domain = address.rpartition("@")[2]
    return not any(domain == own or domain.endswith(f".{own}") for own in (*staff, NOBODY))
