"""Who is told of a correction: the person, at the old address too, and whoever got the data from the shop (art. 19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from privacy.datamap.facts import facts_of
from privacy.datamap.models import Text
from privacy.errors import Refused
from privacy.rights.letter_kinds import Kind
from privacy.rights.letters import local_day
from privacy.rights.states import State

if TYPE_CHECKING:
    from privacy.plans.correction import Plan
    from privacy.rights.house import House


class Notices(Protocol):
    """Telling processors; each gets its own notice, with its own state."""

    def tell(self, number: str, right: str, datasets: Sequence[str]) -> Sequence[str]:
        """Have those told who hold these datasets. Safe to repeat. :returns: their names."""
        ...


def tell(house: House, number: str, *, author: str, notices: Notices | None = None) -> list[str]:
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
    told = list(notices.tell(number, "rectification", sorted(plan.datasets))) if notices is not None else []
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
        "changed": tuple(_title(house, known[fact][0].ref.full, known[fact][0].column) for fact in facts),
        "historic": tuple(house.datamap[full].dataset.title for full in plan.historic),
    }


def _title(house: House, full: str, column: str) -> Text:
    return house.datamap[full].dataset.columns[column].description
