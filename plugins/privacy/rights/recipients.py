"""Which processors hear of a correction or a restriction (art. 19 GDPR); of an erasure see ``rights/erasing``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from privacy.rights.notice_rows import Deed, Fact, Notice
from privacy.rights.notices import Notices
from privacy.rights.selecting import anything_of

if TYPE_CHECKING:
    from privacy.plans.correction import Plan
    from privacy.rights.house import House


def corrected(house: House, number: str, plan: Plan, *, author: str) -> list[str]:
    """Make the notices of a correction, with the right values. Safe to repeat.

    :returns: the names of those who are told.
    """
    language = house.policy.language
    facts: list[Fact] = []
    for change in plan.changes:
        columns = house.datamap[change.dataset].dataset.columns
        for name, cell in change.cells.items():
            words = columns[name].description
            fact = Fact(words.nl if language == "nl" else words.en, cell.to or "-", change.dataset)
            if fact not in facts:
                facts.append(fact)
    made = Notices(house).tell(number, Deed.RECTIFICATION, sorted(plan.datasets), facts=facts, author=author)
    return _names(house, made)


def restricted(house: House, number: str, *, author: str) -> list[str]:
    """Make the notices of a restriction to those who process what there is of the person now. Safe to repeat.

    A store that cannot be asked counts as one that holds something: nobody may use it meanwhile.

    :returns: the names of those who are told.
    """
    subject = house.subject(number)
    datasets = [
        ref.full for ref in house.datamap
        if ref.dataset.people and ref.dataset.delivery is None and ref.dataset.processors
        and anything_of(house, (subject,), (ref.full,)) is not False
    ]  # fmt: skip
    made = Notices(house).tell(number, Deed.RESTRICTION, datasets, subject=subject, author=author)
    return _names(house, made)


def lifted(house: House, number: str, *, author: str) -> list[str]:
    """Make the notices that a restriction is over, to those who were told of it. Safe to repeat.

    :returns: the names of those who are told.
    """
    notices = Notices(house)
    datasets = notices.about(number, Deed.RESTRICTION)
    if not datasets:
        return []
    return _names(
        house, notices.tell(number, Deed.LIFTING, datasets, subject=house.subject(number), author=author)
    )  # fmt: skip


def _names(house: House, made: Sequence[Notice]) -> list[str]:
    """As the policy calls them."""
    known = house.policy.processors
    return [known[name].name for name in dict.fromkeys(notice.processor for notice in made) if name in known]
