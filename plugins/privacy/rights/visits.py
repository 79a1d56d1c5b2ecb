"""Keeping the footage of a visit that a request is about: a hold, and the order to whoever has it (CAM-SHARE).

Footage goes within two days (CAM-48H), and nothing else of a request keeps it. So it is held when the request is
registered, under its number, until somebody releases it: `privacy hold release`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from privacy.errors import PrivacyError
from privacy.holds import HoldKind, Keys, Span
from privacy.rights.order_rows import Order
from privacy.rights.orders import Orders
from privacy.rights.recordings import chosen, footage
from privacy.rights.states import Right

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import Visit

AROUND = timedelta(minutes=30)
"""How much is held to either side of a visit: nobody remembers it to the minute."""

LIMIT = timedelta(hours=48)
"""So long footage is there by itself (promise CAM-48H)."""

_LEAVING = (Right.ERASURE, Right.CLIENT_END, Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the footage of one visit.

    :param hold: its id; empty: nothing is held. :param orders: those that keep it, by the hold.
    :param problem: the code of why it is not held, or not ordered; empty: all went well.
    """

    visit: Visit = field(repr=False)
    hold: str = ""
    orders: tuple[Order, ...] = ()
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """For machines; neither camera nor time."""
        orders = [order.as_json() for order in self.orders]
        return {"hold": self.hold or None, "orders": orders, "problem": self.problem or None}


def told(kept: Sequence[Kept], now: datetime) -> list[str]:
    """What became of the footage, a sentence for each visit; neither camera nor time."""
    said = []
    for one in kept:
        gone = " It may be gone already." if now - one.visit.at > LIMIT else ""
        if one.hold and not one.problem:
            said.append(f"The footage of the visit is held (hold {one.hold}), and its holder told to keep it.{gone}")
        elif one.hold:
            said.append(
                f"The footage of the visit is held (hold {one.hold}), but its holder is NOT TOLD to keep it: "
                f"order it on the hold's page [{one.problem}].{gone}"
            )
        else:
            said.append(f"The footage of the visit is NOT HELD: place a hold on it now [{one.problem}].{gone}")
    return said


def keep(house: House, number: str, author: str) -> list[Kept]:
    """Hold the footage of a request's visits, and order its holders to keep it. Safe to repeat.

    :param number: of a registered request. :param author: who is said to have placed the holds.
    :returns: one for each visit and system that has recordings; one that failed keeps no other from being held. None
        where the person wants to be gone or left alone: then footage goes when it goes.
    """
    request = house.register.get(number)
    if request.forgotten or request.dates.closed_at is not None or request.right in _LEAVING:
        return []
    seen = house.register.open(number).visits
    try:
        systems: dict[str, list[str]] = {}
        for ref in footage(house.datamap) if seen else ():
            systems.setdefault(ref.system.system, []).append(ref.full)
    except PrivacyError as problem:
        return [Kept(visit, problem=problem.code) for visit in seen]
    if not systems:
        return [Kept(visit, problem="hold.footage") for visit in seen]
    return [_kept(house, request.number, visit, names, author) for visit in seen for names in systems.values()]


def _kept(house: House, number: str, visit: Visit, names: list[str], author: str) -> Kept:
    span = Span(visit.camera, visit.at - AROUND, visit.at + AROUND)
    hold, orders = "", tuple[Order, ...]()
    try:
        hold = _there(house, number, span, names) or house.holds.place(
            HoldKind.SUSPENSION, chosen(house, span, names), names, ground=f"request {number}", author=author,
            request=number, tell=True,
        )  # fmt: skip
        sending = Orders(house)
        orders = tuple(sending.all(hold)) or tuple(sending.send(hold, author))
    except PrivacyError as problem:
        return Kept(visit, hold, orders, problem.code)
    return Kept(visit, hold, orders)


def _there(house: House, number: str, span: Span, names: list[str]) -> str:
    """The hold that an earlier try has placed; empty: there is none."""
    for hold in house.holds.active():
        same = isinstance(hold.what, Keys) and hold.what.span == span and set(hold.datasets or ()) == set(names)
        if hold.request == number and hold.kind is HoldKind.SUSPENSION and same:
            return hold.id
    return ""
