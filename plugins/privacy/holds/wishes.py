"""What a subject asked for themselves stands in the way of nothing else that they ask for.

Whoever had the use of their data restricted may have them corrected: that is often why they are restricted (art.
18(1)(a) GDPR). A deletion suspension, and what anybody else asked for, stand in the way all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from privacy.holds.models import Hold, HoldKind
from privacy.sources.base import Subject

OWN = (HoldKind.RESTRICTION, HoldKind.OBJECTION)
"""Kinds that only their subject places."""


def without(holds: Iterable[Hold], wish: Subject) -> Iterator[Hold]:
    """The holds that stand in the way of what a subject asks for.

    :param wish: who asks; a hold that is about others too goes on to hold those.
    """
    for hold in holds:
        if hold.kind not in OWN or not isinstance(hold.what, tuple):
            yield hold
        elif others := tuple(one for one in hold.what if not same(one, wish)):
            yield replace(hold, what=others)


def same(one: Subject, other: Subject) -> bool:
    """Whether two are one person: they share an identifier that is theirs alone. An IP address proves nothing."""
    return bool(_own(one) & _own(other))


def _own(subject: Subject) -> set[tuple[str, str]]:
    return {(i.kind, str(i.value)) for i in subject.identifiers if not i.contested and i.kind not in ("ip", "request")}
