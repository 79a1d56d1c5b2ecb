"""Whether somebody is held whose request something was kept for: a delivery's name tells its number, not its person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from privacy.datamap.models import REQUEST
from privacy.holds import Everything, Keys
from privacy.sources.base import Identifier, Of, Selection

if TYPE_CHECKING:
    from collections.abc import Set

    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.sources.base import Item, Outcome, Partition, Source, Step, Subject

Known = tuple[str, str]


def known(identifiers: Sequence[Identifier]) -> frozenset[Known]:
    """Identifiers to compare: an address is the same in any case."""
    return frozenset((i.kind, str(i.value).casefold()) for i in identifiers)


def whose(payload: Payload) -> frozenset[Known]:
    """Everything that a request's content knows of its person."""
    resolved = payload.subject.identifiers if payload.subject else ()
    return known((*payload.identifiers, *resolved))


class Held:
    """The holds in force, as they are now.

    :param dataset: full name: of this one; None: of any.
    """

    def __init__(self, house: House, dataset: str | None = None) -> None:
        self._people: set[Known] = set()
        self._requests: set[str] = set()
        self._keys: set[str] = set()
        self._whole = False
        for hold in house.holds.active(dataset):
            if hold.request is not None:
                self._requests.add(hold.request)
            if isinstance(hold.what, tuple):
                self._people.update(*(known(subject.identifiers) for subject in hold.what))
            elif isinstance(hold.what, Keys):
                self._keys.update(str(key[0]) for key in hold.what.keys if len(key) == 1)
            elif isinstance(hold.what, Everything) and dataset is not None:
                self._whole = True

    def files(self, names: Iterable[str]) -> bool:
        """Whether one of these files is held, or all of the dataset."""
        return self._whole or not self._keys.isdisjoint(names)

    def of_request(self, number: str) -> bool:
        """Whether a hold was placed under its number."""
        return number in self._requests

    def about(self, payload: Payload) -> bool:
        """Whether whoever asked is held, by anything that is known of them."""
        return not self._people.isdisjoint(whose(payload))


class ByNumber:
    """A source whose records know a request's number only: who is held there, is known by that number too.

    The gate hands it whom to spare while it is open, so no hold comes too late.

    :param people: number -> what is known of whoever asked.
    """

    def __init__(self, source: Source, people: Mapping[str, Set[Known]]) -> None:
        self._source, self._people = source, people
        self.system = source.system

    def partitions(self, selection: Selection) -> list[Partition]:
        """See :class:`privacy.sources.base.Source`."""
        return self._source.partitions(self._wide(selection))

    def locate(self, selection: Selection, partition: Partition) -> Iterator[Item]:
        """See :class:`privacy.sources.base.Source`."""
        return self._source.locate(self._wide(selection), partition)

    def open(self, dataset: str, key: tuple[object, ...], reader: Subject | None = None) -> BinaryIO:
        """See :class:`privacy.sources.base.Source`."""
        return self._source.open(dataset, key, reader)

    def apply(self, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
        """See :class:`privacy.sources.base.Source`."""
        return self._source.apply(unit, [self._known(of) for of in spare])

    def _wide(self, selection: Selection) -> Selection:
        pick = selection.pick
        return replace(selection, pick=self._known(pick)) if isinstance(pick, Of) else selection

    def _known(self, of: Of) -> Of:
        return replace(of, subjects=tuple(self._wider(subject) for subject in of.subjects))

    def _wider(self, subject: Subject) -> Subject:
        theirs = known(subject.identifiers)
        own = {str(i.value) for i in subject.identifiers if i.kind == REQUEST}
        more = [n for n, people in self._people.items() if n not in own and not theirs.isdisjoint(people)]
        if not more:
            return subject
        return replace(subject, identifiers=(*subject.identifiers, *(Identifier(REQUEST, n) for n in more)))
