"""Which processors were told what a person's requests led to: for their own copy (art. 19 GDPR)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.bundle.told import Told
from privacy.holds.wishes import same_person
from privacy.rights.notices import Notices
from privacy.rights.states import Right

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.rights.house import House
    from privacy.sources.base import Subject


def told_of(house: House, subject: Subject, until: datetime) -> tuple[Told, ...]:
    """Which processors were told what requests of a person led to (art. 19 GDPR), for a copy of theirs.

    Of an erasure that is closed nobody can tell any more whose it was.

    :param until: what was made, sent or confirmed later is not in it: every run of a request says the same.
    """
    notices, titles = Notices(house), {ref.full: ref.dataset.title for ref in house.datamap}
    found: list[Told] = []
    for request in house.register.list():
        if request.right not in (Right.ERASURE, Right.RECTIFICATION, Right.RESTRICTION) or request.forgotten:
            continue
        theirs = house.register.open(request.number).subject
        made = [notice for notice in notices.of(request.number) if notice.made_at <= until]
        if not made or theirs is None or not same_person(house.datamap, subject, theirs):
            continue
        said = notices.said(request.number)
        for notice in made:
            processor = house.policy.processors.get(notice.processor)
            sent, confirmed = (
                at if at is not None and at <= until else None for at in (notice.sent_at, notice.confirmed_at)
            )
            about = tuple(titles[name] for name in said.get(notice.id, ()) if name in titles)
            name = processor.name if processor is not None else notice.processor
            found.append(Told(name, request.number, notice.deed.value, about, sent, confirmed))
    return tuple(found)
