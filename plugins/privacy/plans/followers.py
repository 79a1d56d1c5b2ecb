"""Records that follow those of another dataset: the files of an application, the mail of an applicant.

They have no start of their own. They are those of the people (or cases) whose records in the leading dataset are due,
found by the identity kinds that both have; and not those that somebody is in too whose record there is not due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from privacy.datamap.load import Ref
from privacy.datamap.models import Dataset
from privacy.plans.means import Means
from privacy.plans.people import Key, identifier, rows_of
from privacy.sources.base import Due, Every, Identifier, Item, Of, Selection, Source, Subject


@dataclass(frozen=True, slots=True)
class Leaders:
    """The people of the leading dataset's records, by the record's key.

    :param due: whose records go with theirs; ``others``: whose record is not due: what they are in, stays.
    """

    due: dict[Key, Subject] = field(repr=False)
    others: dict[Key, Subject] = field(repr=False)

    def of(self, *, but: Of | None = None) -> Of:
        """Those that are due.

        :param but: without the people whom these identify.
        """
        spared = {(i.kind, i.value) for subject in (but.subjects if but else ()) for i in subject.identifiers}
        return numbered(
            subject
            for subject in self.due.values()
            if not any((i.kind, i.value) in spared for i in subject.identifiers)
        )

    @property
    def rest(self) -> Of:
        """Those that are not."""
        return numbered(self.others.values())


def leaders(means: Means, leading: Ref, pick: Due, follower: Dataset | None = None) -> Leaders:
    """The people of all records of a dataset that others follow; in memory are their identifiers.

    :param pick: which of its records are due.
    :param follower: they are known by the identity kinds that it has too, and by no address of the shop's own: what
        somebody typed for want of another is on everybody's mail. None: by all.
    """
    due = dict(_people(means, leading, pick, follower))
    every = _people(means, leading, Every(), follower)
    return Leaders(due, {key: subject for key, subject in every if key not in due})


def located(source: Source, name: str, of: Of) -> Iterator[Item]:
    """The items of some people; each once."""
    seen: set[Key] = set()
    if not of.subjects:
        return
    selection = Selection(name, of)
    for partition in source.partitions(selection):
        for item in source.locate(selection, partition):
            if item.key not in seen:
                seen.add(item.key)
                yield item


def _people(means: Means, leading: Ref, pick: Due, follower: Dataset | None) -> Iterator[tuple[Key, Subject]]:
    dataset, source = leading.dataset, means.source(leading.system.system)
    columns = {
        name: str(column.identity)
        for name, column in dataset.columns.items()
        if column.identity and column.identity != "ip" and (follower is None or column.identity in follower.kinds)
    }
    own = follower.mailbox.staff if follower is not None and follower.mailbox is not None else ()
    for row in rows_of(source, Selection(leading.name, pick)):
        known = [identifier(means.datamap, kind, row[name]) for name, kind in columns.items()]
        theirs = tuple(i for i in known if i is not None and not _at(i, own))
        yield tuple(row[name] for name in dataset.key), Subject(1, theirs)


def _at(known: Identifier, domains: Iterable[str]) -> bool:
    """Whether this is an address at one of these domains, or below one."""
    if known.kind != "email":
        return False
    here = str(known.value).rpartition("@")[2].casefold()
    return any(here == domain.casefold() or here.endswith(f".{domain.casefold()}") for domain in domains)


def numbered(subjects: Iterable[Subject]) -> Of:
    """A pick of these people, each once; who has no identifier is nobody's."""
    apart = dict.fromkeys(s.identifiers for s in subjects if s.identifiers)
    return Of(tuple(Subject(no, identifiers) for no, identifiers in enumerate(apart, 1)))
