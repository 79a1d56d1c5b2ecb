"""Supplementary statements: what a record of the past should say, by its subject's word (art. 16 GDPR, promise R-RECT).

An invoice is never altered. That its name or address is wrong stands in the request for rectification, sealed, linked
to the record's key. The subject's later copies give it, and whoever uses the record can ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from privacy.bundle.supplemented import Supplement
from privacy.datamap.facts import facts_of
from privacy.datamap.models import Text
from privacy.holds.wishes import same_person
from privacy.plans.correction import key_of
from privacy.rights.states import Right
from privacy.sources.keyed import by_key

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.plans.correction import Correction, Link
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.sources.base import Subject


def of_record(house: House, full: str, key: tuple[object, ...]) -> list[Supplement]:
    """The statements that are linked to one record, in the order of time.

    :param full: the dataset. :raises Tampered: a request is not what was recorded.
    """
    wanted = (full, key_of(key))
    found = [
        one
        for payload, said in _linked(house)
        for one in _told(house, payload, said, [link for link in _links(said) if (link.dataset, link.key) == wanted])
    ]
    return sorted(found, key=lambda one: (one.at, one.request))


def of_subject(house: House, subject: Subject, until: datetime) -> tuple[Supplement, ...]:
    """What a copy for a subject says: every statement of theirs.

    :param until: what was linked later is not in it: every run of a request says the same.
    """
    found = [
        one
        for payload, said in _linked(house)
        if payload.subject is not None and same_person(house.datamap, subject, payload.subject)
        for one in _told(house, payload, said, _links(said))
        if one.at <= until
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.request, one.dataset, one.keys)))


def needed(house: House, payload: Payload) -> bool:
    """Whether a record that a request's statement is linked to is still there: as long as it is, so is the statement.

    :raises RetryLater, Unreadable: a store cannot be asked.
    """
    said = payload.correction
    if said is None or said.supplemented_at is None:
        return False
    known = {ref.full: ref for ref in house.datamap}
    return any(
        link.dataset in known
        and by_key(house.source(known[link.dataset].system.system), known[link.dataset], link.record) is not None
        for link in _links(said)
    )


def _linked(house: House) -> Iterator[tuple[Payload, Correction]]:
    for request in house.register.list():
        if request.right is Right.RECTIFICATION and not request.forgotten:
            payload = house.register.open(request.number)
            if payload.correction is not None and payload.correction.supplemented_at is not None:
                yield payload, payload.correction


def _links(said: Correction) -> tuple[Link, ...]:
    return said.plan.links if said.plan is not None else ()


def _told(
    house: House, payload: Payload, said: Correction, links: list[Link] | tuple[Link, ...]
) -> Iterator[Supplement]:
    """One statement for each fact and dataset, with the records that it is about."""
    assert said.plan is not None  # noqa: S101 - it has links
    assert said.supplemented_at is not None  # noqa: S101 - see the callers
    titles = {ref.full: ref.dataset.title for ref in house.datamap}
    for number, wanted in enumerate(said.wanted):
        keys: dict[str, list[str]] = {}
        for link in links:
            if wanted.fact in link.facts:
                keys.setdefault(link.dataset, []).append("/".join(map(str, link.record)))
        for full, those in keys.items():
            yield Supplement(
                said.supplemented_at, payload.number, full, titles.get(full, Text(nl=full, en=full)), tuple(those),
                _word(house, wanted.fact), said.plan.old[number], wanted.to,
            )  # fmt: skip


def _word(house: House, fact: str) -> Text:
    """What a fact is called: as the first column that says it is described."""
    known = facts_of(house.datamap).get(fact)
    return known[0].ref.dataset.columns[known[0].column].description if known else Text(nl=fact, en=fact)
