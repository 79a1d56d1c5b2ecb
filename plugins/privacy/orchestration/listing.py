"""What an export is to read, cut into units of work, and what of it the run's folder has to know afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from privacy.errors import GiveUp
from privacy.orchestration.runs import DELIVERIES, LISTED, UNITS, Run, note, there

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.sources.base import Of, Partition

Decided = Mapping[str, Mapping[str, str]]
"""By dataset that a processor delivers: why it is left out (``omitted``, or empty), and the ``stamp`` of its state."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is to read.

    :param since: when it was listed. :param moving: the datasets whose records may be moved meanwhile.
    :param units: dataset, name (for people), number, partitions.
    """

    since: datetime
    moving: list[str]
    units: list[dict[str, Any]]


def decided_of(house: House, number: str) -> dict[str, dict[str, str]]:
    """What is decided about what processors deliver for a request."""
    found = {}
    for ref in house.datamap:
        if ref.dataset.people and ref.dataset.delivery is not None:
            delivery = house.deliveries.look(ref, number)
            found[ref.full] = {"omitted": delivery.omitted, "stamp": delivery.stamp}
    return found


def left_out(decided: Decided, ref: Ref) -> bool:
    """Whether a dataset has no unit: it is left out as a whole, and said to be."""
    known = decided.get(ref.full)
    return known is not None and bool(known["omitted"])


def listing(house: House, whose: Callable[[Ref], Of | None]) -> Listing:
    """What there is to read of everything that names people.

    :param whose: of a dataset, whose records are read; None: nobody's, it has no unit.
    """
    from privacy.sources.base import Moving, Selection

    made = Listing(house.clock.now(), [], [])
    for ref in house.datamap:
        pick = whose(ref) if ref.dataset.people else None
        if pick is None:
            continue
        source = house.source(ref.system.system)
        if isinstance(source, Moving):
            made.moving.append(ref.full)
        groups = list(_groups(source.partitions(Selection(ref.name, pick)), house.settings.part_bytes)) or [[]]
        for no, group in enumerate(groups, 1):
            made.units.append(
                {
                    "no": len(made.units) + 1,
                    "dataset": ref.full,
                    "name": ref.full if len(groups) == 1 else f"{ref.full} {no}/{len(groups)}",
                    "partitions": [[p.name, p.bytes, p.mark] for p in group],
                }
            )
    return made


def keep(house: House, run: Run, units: Sequence[Mapping[str, Any]], found: Listing, decided: Decided) -> None:
    """Write into the run's folder what its bundle will be held against.

    :param units: those of the listing that are read for this run.
    :raises GiveUp: ``export.nothing_to_read``.
    """
    if not units:
        # A data map without datasets must not end as an empty bundle that looks whole (edge cases 25, 28).
        raise GiveUp("export.nothing_to_read", "The data map has no dataset that names anybody.", where=run.number)
    note(there(house, run) / DELIVERIES, decided)
    note(there(house, run) / LISTED, {"at": found.since.isoformat(), "moving": found.moving})
    note(there(house, run) / UNITS, [[unit["no"], unit["dataset"]] for unit in units])


def _groups(partitions: Sequence[Partition], most: int) -> Iterable[list[Partition]]:
    """Neighbouring partitions together, up to so many bytes."""
    group: list[Partition] = []
    size = 0
    for partition in partitions:
        if group and size + partition.bytes > most:
            yield group
            group, size = [], 0
        group.append(partition)
        size += partition.bytes
    if group:
        yield group
