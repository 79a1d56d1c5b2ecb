"""What ``index_logfiles`` and ``privacy logs index`` do: filters for the logs that were closed since the last time.

What is returned holds counts, codes and names of logs and datasets; nothing of what stands in a log.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from privacy.errors import GiveUp

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.sources.base import Partition
    from privacy.sources.weblogs import WeblogSource
    from privacy.sources.weblogs_ids_make import Indexed


def datasets(house: House) -> list[str]:
    """The datasets of logs on people, as ``system.dataset``."""
    return [ref.full for ref in house.datamap if ref.system.source == "weblogs" and ref.dataset.people]


def waiting(house: House) -> list[dict[str, Any]]:
    """What is to be done: logs without a filter, together up to so many bytes as one task reads.

    What is said of datasets that the data map has no more, and of logs that are gone, goes first (LOG-12M).

    :returns: units: dataset, name (for people), the keys of its logs.
    :raises RetryLater: ``weblogs.rotated``. :raises BadConfiguration: ``weblogs.no_index``: there is no master key.
    """
    tidy(house)
    units = []
    for full in datasets(house):
        source, name = _source(house, full)
        groups = list(_groups(source.unindexed(name), house.settings.part_bytes))
        for no, group in enumerate(groups, 1):
            named = full if len(groups) == 1 else f"{full} {no}/{len(groups)}"
            units.append({"dataset": full, "name": named, "keys": [partition.name for partition in group]})
    return units


def index(house: House, dataset: str, keys: Sequence[str] | None = None) -> Indexed:
    """Make the filters that a dataset's logs do not have yet. Safe to repeat, and beside itself.

    :param keys: of these logs alone; None: of all.
    :raises RetryLater: ``weblogs.rotated``; what was made stays made.
    """
    from privacy.sources.weblogs_ids_make import summed

    source, name = _source(house, dataset)
    return summed(source.index(name, keys))


def whole(found: Indexed, dataset: str) -> None:
    """Be content with what was done.

    :raises GiveUp: ``index.unreadable``: logs that cannot be read, by whose fault every export would fail.
    """
    if found.failed:
        codes = ", ".join(f"{count} {code}" for code, count in found.codes.items())
        raise GiveUp(
            "index.unreadable", f"{found.failed} logs cannot be read: {codes}.", where=dataset,
            advice="Restore them from a backup, or excuse them by name in the data map, with the reason.",
        )  # fmt: skip


def tidy(house: House) -> int:
    """Remove what the index says of datasets that are not in the data map any more; of how many."""
    known, removed = set(datasets(house)), 0
    for place in (house.settings.index, house.settings.index / "ids"):
        for folder in sorted(place.iterdir()) if place.is_dir() else ():
            if "." in folder.name and folder.name not in known and folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def line(dataset: str, found: Indexed) -> str:
    """What came of a dataset, for a person."""
    told = [f"{found.made} made", f"{found.there} there", f"{found.open} still open"]
    told += [f"{found.plain} plain"] if found.plain else []
    told += [f"{found.unfit} unfit"] if found.unfit else []
    told += [f"{found.failed} UNREADABLE"] if found.failed else []
    share = f", {found.bytes / found.of:.1%} of them" if found.of else ""
    return f"{dataset}: {found.logs} logs: {', '.join(told)}; filters of {found.bytes:,} bytes{share}"


def _source(house: House, full: str) -> tuple[WeblogSource, str]:
    from privacy.sources.weblogs import WeblogSource

    ref = house.datamap[full]
    source = house.source(ref.system.system)
    assert isinstance(source, WeblogSource)  # noqa: S101 - see datasets()
    return source, ref.name


def _groups(partitions: Iterable[Partition], most: int) -> Iterator[list[Partition]]:
    """Logs together, up to so many bytes."""
    group: list[Partition] = []
    for partition in partitions:
        if group and sum(p.bytes for p in group) + partition.bytes > most:
            yield group
            group = []
        group.append(partition)
    if group:
        yield group
