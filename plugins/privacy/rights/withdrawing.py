"""The withdrawal of a consent (art. 7(3) GDPR; promises CONTACT-CONSENT, APP-CONSENT): its record says so from then on.

What rested on it alone is not processed any more from the request's arrival on (see :mod:`privacy.rights.stopping`);
where a term counts from the withdrawal, the next purge takes what is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from privacy.holds import Wish, apply
from privacy.sources.base import Of, Selection, Set, Status, Step

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.datamap.load import DataMap, Ref
    from privacy.rights.house import House
    from privacy.sources.base import Item, Source, Subject

BATCH = 500
"""Records that are changed at once."""


def consents(datamap: DataMap, purposes: Collection[str] = ()) -> list[Ref]:
    """The datasets whose records are consents that can be withdrawn (``withdrawn:``).

    :param purposes: those alone that something for one of these purposes rests on; empty: all.
    """
    found = [ref for ref in datamap if ref.dataset.withdrawn is not None]
    if not purposes:
        return found
    return [ref for ref in found if set(purposes) & {*ref.dataset.purposes, *resting(datamap, [ref])}]


def resting(datamap: DataMap, records: Sequence[Ref]) -> list[str]:
    """The purposes that rest on these consents: whatever has another basis may go on without."""
    based = {name for name, purpose in datamap.policy.purposes.items() if purpose.basis == "consent"}
    found: set[str] = set()
    for record in records:
        for ref in datamap:
            same = ref.system.system == record.system.system
            if ref.full == record.full or (same and ref.dataset.consent == record.name):
                found |= based & set(ref.dataset.purposes)
    return sorted(found)


def withdraw(house: House, number: str, subject: Subject, at: datetime, purposes: Sequence[str]) -> dict[str, int]:
    """Write into the records of the person's consents when they were withdrawn. Safe to repeat.

    One that was withdrawn before keeps its date, and one that was given (or asked for) since is another: what was held
    may be withdrawn long after the person has consented again (edge case 16). A restriction of the person's own does
    not stand in the way.

    :param at: when the withdrawal arrived; aware.
    :returns: records by what became of them: ``withdrawn``, ``held``, ``changed``; empty: there was none to withdraw.
    :raises RetryLater, Unreadable: a store cannot be asked; what was written before stays.
    """
    found: Counter[str] = Counter()
    for ref in consents(house.datamap, purposes):
        column = str(ref.dataset.withdrawn)
        source, selection = house.source(ref.system.system), Selection(ref.name, Of((subject,)))
        change = Set({column: at.replace(microsecond=0)})
        items = _standing(source, ref, selection, column, at)
        for first in range(0, len(items), BATCH):
            step = Step(selection, change, tuple(items[first : first + BATCH]))
            for outcome in apply(source, [step], house.holds, request=number, wish=Wish(subject, house.datamap)):
                found[_word(outcome.status)] += 1
    return dict(found)


def _standing(source: Source, ref: Ref, selection: Selection, column: str, until: datetime) -> list[Item]:
    """The person's consents of until then that are not withdrawn."""
    from privacy.rights.returned import moment

    keys, items = set(), []
    names = dict.fromkeys((*ref.dataset.key, column, *([ref.dataset.time] if ref.dataset.time else ())))
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            for row in batch.select(list(names)).to_pylist():
                given = moment(ref, row)
                if row[column] is None and (given is None or given <= until):
                    keys.add(tuple(str(row[name]) for name in ref.dataset.key))
        items += [i for i in source.locate(selection, partition) if tuple(map(str, i.key)) in keys]
    return items


def _word(status: Status) -> str:
    return {Status.DONE: "withdrawn", Status.GONE: "gone"}.get(status, status.value)
