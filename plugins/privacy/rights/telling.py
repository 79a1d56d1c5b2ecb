"""Who is told of a correction: the person, at the old address too, and whoever got the data from the shop (art. 19)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.datamap.facts import Standing, facts_of
from privacy.datamap.models import Text
from privacy.errors import Refused
from privacy.rights.letter_kinds import Kind
from privacy.rights.letters import local_day
from privacy.rights.notice_rows import Deed, Fact
from privacy.rights.notices import Notices, names_told
from privacy.rights.states import State

if TYPE_CHECKING:
    from privacy.plans.correction import Plan
    from privacy.rights.house import House


def tell(house: House, number: str, *, author: str) -> list[str]:
    """Tell the old address of the change, the recipients, and the person; then the request is answered.

    Safe to repeat: each letter goes out once.

    :returns: lines for the operator, without anything personal.
    :raises Refused: ``letters.no_known_address``: nobody knows an address; it goes by post, by hand.
    :raises RetryLater: a letter cannot be sent now.
    """
    if house.register.get(number).state is not State.ACTED:
        return []
    letters, plan = house.letters, house.register.correction(number).plan
    assert plan is not None  # noqa: S101 - it was done
    said: list[str] = []
    told = recipients(house, number, plan, author=author)
    on = local_day(plan.as_of, house.policy)
    for count, old in enumerate(old_addresses(house, plan), start=1):
        occasion = str(count) if count > 1 else ""
        try:
            letters.write(number, Kind.ADDRESS_CHANGED, {"on": on}, to=old, occasion=occasion, author=author)
        except Refused as problem:
            # Another person's by now, or nobody can tell: the person themselves is told all the same.
            said.append(f"an old address was not told [{problem.code}]")
    letters.write(number, Kind.RECTIFICATION, {**_values(house, plan), "told": told}, author=author)
    house.register.answered(number, author)
    return said


def recipients(house: House, number: str, plan: Plan, *, author: str) -> list[str]:
    """Make the notices to those who process what was corrected (art. 19 GDPR); ``watch_deadlines`` sends them.

    :returns: their names. Safe to repeat.
    """
    if not plan.changes:
        return []
    language, known = house.policy.language, facts_of(house.datamap)
    facts = dict.fromkeys(
        Fact(str(getattr(_title(house, known[cell.fact][0]), language)), cell.to or "-", change.dataset)
        for change in plan.changes
        for cell in change.cells.values()
    )
    Notices(house).tell(number, Deed.RECTIFICATION, sorted(plan.datasets), facts=tuple(facts), author=author)
    return names_told(house, number)


def old_addresses(house: House, plan: Plan) -> list[str]:
    """The e-mail addresses that were replaced by another; each once."""
    return list(
        dict.fromkeys(
            cell.was
            for change in plan.changes
            for name, cell in change.cells.items()
            if cell.was is not None
            and name in change.moved
            and house.datamap[change.dataset].dataset.columns[name].identity == "email"
        )
    )


def _values(house: House, plan: Plan) -> dict[str, object]:
    known = facts_of(house.datamap)
    facts = dict.fromkeys(cell.fact for change in plan.changes for cell in change.cells.values())
    return {
        "changed": tuple(_title(house, known[fact][0]) for fact in facts),
        "historic": tuple(house.datamap[full].dataset.title for full in plan.historic),
    }


def _title(house: House, standing: Standing) -> Text:
    return house.datamap[standing.ref.full].dataset.columns[standing.column].description
