"""Records that two datasets claim under different terms: neither may be purged, the shorter term would end both.

A folder or prefix that two claim is seen in the data map. A table may well be shared, by SELECTs that have no record in
common: there the other's keys are looked at, and only where a table is shared.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from privacy.datamap.load import Ref
from privacy.datamap.models import Dataset
from privacy.errors import Refused
from privacy.holds.models import plain
from privacy.plans.means import Means
from privacy.sources.base import Every, Selection


def elsewhere(means: Means, ref: Ref) -> set[tuple[str, ...]]:
    """The keys of a table's records that other datasets claim too, under another term; a planned item is none of them.

    :returns: as texts (:func:`privacy.holds.models.plain`): two SELECTs may give one key in two types.

    :raises Refused: ``plans.claimed_twice``: another dataset claims the same folder or prefix.
    :raises RetryLater, Unreadable: as :meth:`Source.locate`.
    """
    found: set[tuple[str, ...]] = set()
    mine = ref.dataset
    for name, other in ref.system.datasets.items():
        if name == ref.name or (other.promise, other.term_kind) == (mine.promise, mine.term_kind):
            continue
        if _overlap(mine, other):
            raise twice(ref, f"{ref.system.system}.{name}")
        if mine.table and other.table and mine.table.lower() == other.table.lower() and mine.key == other.key:
            source, selection = means.source(ref.system.system), Selection(name, Every())
            for partition in source.partitions(selection):
                found |= {plain(item.key) for item in source.locate(selection, partition)}
    return found


def twice(ref: Ref, other: str) -> Refused:
    """The error that another dataset claims the same records."""
    return Refused(
        "plans.claimed_twice", f"Records are claimed by {other} too, under another term; nothing was planned.",
        where=ref.full, advice="Let one of the two leave them out: its SELECT, prefix or folders.",
    )  # fmt: skip


def _overlap(one: Dataset, other: Dataset) -> bool:
    if one.mailbox is not None and other.mailbox is not None:
        pairs = [(a.casefold(), b.casefold()) for a in one.mailbox.folders for b in other.mailbox.folders]
        return any(fnmatchcase(a, b) or fnmatchcase(b, a) for a, b in pairs)
    if one.table or other.table or one.prefix is None or other.prefix is None:
        return False
    return one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
