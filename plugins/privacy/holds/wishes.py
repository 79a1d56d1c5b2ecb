"""What a subject asked for themselves stands in the way of nothing else that they ask for.

Whoever had the use of their data restricted may have them corrected: that is often why they are restricted (art.
18(1)(a) GDPR). A deletion suspension, and what anybody else asked for, stand in the way all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from privacy.holds.models import Hold, HoldKind
from privacy.sources.base import Identifier, Subject

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap

OWN = (HoldKind.RESTRICTION, HoldKind.OBJECTION)
"""Kinds that only their subject places."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is done because somebody asks for it.

    :param subject: who. :param datamap: says which kinds of identifiers are of one person.
    """

    subject: Subject
    datamap: DataMap

    def same(self, other: Subject) -> bool:
        """Whether another list of identifiers is of who asks, by :func:`same_person`."""
        return same_person(self.datamap, self.subject, other)


def without(holds: Iterable[Hold], wish: Wish) -> Iterator[Hold]:
    """The holds that stand in the way of what a subject asks for.

    :param wish: who asks; a hold that is about others too goes on to hold those.
    """
    for hold in holds:
        if hold.kind not in OWN or not isinstance(hold.what, tuple):
            yield hold
        elif others := tuple(one for one in hold.what if not wish.same(one)):
            yield replace(hold, what=others)


def same_person(datamap: DataMap, one: Subject, other: Subject) -> bool:
    """Whether two lists of identifiers are of one person: they share one that is theirs alone, at one time.

    What was written down of the other may be years old: an address, a number or a tablet of theirs may be this one's
    now, and nothing of then tells any more (edge case 19). So where both have a number of their own of one kind
    (customer number), these decide, whatever else they share. An IP address proves nothing, a request's number is of
    that request alone.
    """
    mine, theirs = _alone(one), _alone(other)
    shared = [a for a in mine for b in theirs if (a.kind, a.value) == (b.kind, b.value) and _overlap(a, b)]
    persons = {kind for kind in {a.kind for a in mine} & {b.kind for b in theirs} if _person(datamap, kind)}
    if persons:
        return any(a.kind in persons for a in shared)
    return bool(shared)


def _alone(subject: Subject) -> list[Identifier]:
    return [i for i in subject.identifiers if not i.contested and i.kind not in ("ip", "request")]


def _person(datamap: DataMap, kind: str) -> bool:
    declared = datamap.kind(kind)
    return declared is not None and declared.person


def _overlap(one: Identifier, other: Identifier) -> bool:
    first = max((i.valid_from for i in (one, other) if i.valid_from), default=None)
    last = min((i.valid_to for i in (one, other) if i.valid_to), default=None)
    return first is None or last is None or first < last
