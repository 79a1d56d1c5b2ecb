"""What somebody has to know who has just registered a request: what is open already, in force, or follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from privacy.errors import PrivacyError

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request


def registered(house: House, made: Request) -> tuple[dict[str, Any], list[str]]:
    """What came with a new request, for machines and for people: numbers only, nothing personal.

    It is registered whatever is wrong with others: a row that cannot be read is told of, not raised.

    :returns: ``open_already``: requests that name the same, or turned out to be of who has it; ``erasure``: the one
        that a client's notice opens (promise CLIENT-LIFE).
    """
    try:
        return _registered(house, made)
    except PrivacyError as problem:
        return {"open_unknown": problem.code}, [
            f"what else is open is not known [{problem.code}]: privacy request list"
        ]


def _registered(house: House, made: Request) -> tuple[dict[str, Any], list[str]]:
    from privacy.rights.states import LASTING, Right

    data: dict[str, Any] = {}
    lines: list[str] = []
    there = [r for r in house.register.search(house.register.open(made.number).identifiers) if r.number != made.number]
    own = ""
    if made.right is Right.CLIENT_END:
        asked = (r for r in there if r.right is Right.ERASURE)
        own = next((r.number for r in asked if house.register.open(r.number).linked == made.number), "")
    if known := [one.number for one in there if one.dates.closed_at is None and one.number != own]:
        data["open_already"] = known
        lines.append(f"open already for what it names: {', '.join(known)}; is it the same wish?")
    if own:
        data["erasure"] = own
        lines.append(f"the erasure that it asks for: {own}; next: privacy request prove {own}")
    if made.right in LASTING and house.stops.active(number=made.number):
        lines.append("in force now: the shop's systems are told to leave them alone (privacy stop list)")
    return data, lines
