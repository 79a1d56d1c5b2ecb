"""Whom somebody means who names a person by hand: for a hold, and for what was disclosed about them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from privacy.errors import AmbiguousIdentity, PrivacyError
from privacy.identity import Decision, Question, resolve
from privacy.sources.base import Identifier, Of, Selection, Subject

if TYPE_CHECKING:
    from privacy.rights.house import House


def all_it_may_be(house: House, named: Identifier) -> tuple[list[Subject], bool]:
    """Everybody whom a name may mean, with all that identifies them, and the name itself: for a hold, which may keep
    too much and never too little.

    :returns: them, and whether the shop could be asked; where it could not, what was named is all there is.
    """
    own = Subject(1, (named,))
    try:
        return [_resolved(house, named, None), own], True
    except AmbiguousIdentity as problem:
        question = problem.question
    except PrivacyError:
        return [own], False
    if not isinstance(question, Question):
        return [own], False
    found, whole = [own], True
    for candidate in question.candidates:
        try:
            found.append(_resolved(house, named, Decision(candidate.identifiers, about=question.shared)))
        except PrivacyError:
            found.append(Subject(1, candidate.identifiers))
            whole = False
    return [s for s in found if not all(i.contested for i in s.identifiers)], whole


def just_one(house: House, named: Identifier) -> Subject:
    """The one person whom a name means, with all that identifies them, and the name itself.

    :raises AmbiguousIdentity: it may be somebody else's: what is told about one would be told to the other.
    """
    found = _resolved(house, named, None)
    there = any((i.kind, i.value) == (named.kind, named.value) for i in found.identifiers)
    return found if there else replace(found, identifiers=(named, *found.identifiers))


def anything_of(house: House, people: Sequence[Subject], datasets: Sequence[str] | None) -> bool | None:
    """Whether any record at all is theirs now; a number that was mistyped keeps nothing, and nobody would notice.

    Ends at the first one; tables are asked first, for they are quick.

    :param datasets: full names; None: all. :returns: None: nothing was found, and some store could not be asked.
    """
    unasked = False
    refs = [ref for ref in house.datamap if (datasets is None or ref.full in datasets) and ref.dataset.people]
    for ref in sorted(refs, key=lambda ref: (ref.system.source != "sql", ref.system.source == "weblogs")):
        try:
            source, selection = house.source(ref.system.system), Selection(ref.name, Of(tuple(people)))
            for partition in source.partitions(selection):
                with closing(iter(source.locate(selection, partition))) as found:  # type: ignore[type-var]
                    if next(found, None) is not None:
                        return True
        except PrivacyError:
            unasked = True
    return None if unasked else False


def _resolved(house: House, named: Identifier, decision: Decision | None) -> Subject:
    return resolve(house.datamap, house.source, [named], at=house.clock.now(), decision=decision).subject
