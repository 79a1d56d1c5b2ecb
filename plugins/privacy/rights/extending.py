"""The one extension that the law knows: the person is told within the first term, and why (promise R-30D, art. 12(3)).

The notice says nothing about anybody's records, so it goes to the address that the request names, proven or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from privacy.errors import Refused
from privacy.letters import Letter, outbox, written
from privacy.rights.states import extended

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import Necessity
    from privacy.rights.rows import Request

TEMPLATE = "extension"
EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the person was told. :param sent: by e-mail; else somebody has to post it. No name stands in it."""

    subject: str
    text: str
    sent: bool


def extend(
    house: House, number: str, ground: Necessity, author: str, *, by_post: bool = False
) -> tuple[Request, Notice]:
    """Tell the person that the answer takes two months longer, and record it once the notice is on its way.

    A process that dies in between has told them and not recorded it: to call this again sends the same letter again.

    :param by_post: there is no e-mail; whoever calls this prints the notice and posts it.
    :raises Refused: ``request.no_address``: the request names no e-mail address; see also
        :meth:`privacy.rights.register.Register.extend`. Nobody was told anything.
    :raises BadConfiguration: ``letters.*``. :raises RetryLater: the letter cannot be sent now.
    """
    payload = house.register.may_extend(number)
    found, policy, now = house.register.get(number), house.policy, house.clock.now()
    to = None if by_post else next((str(i.value) for i in payload.identifiers if i.kind == EMAIL), None)
    if to is None and not by_post:
        raise Refused(
            "request.no_address",
            "The request names no e-mail address to which the notice could go; nothing was recorded.",
            where=found.number,
            advice="Send it by post: --by-post prints it.",
        )
    values = {
        "number": found.number, "policy": policy, "ground": ground.value, "right": found.right.value,
        "received": _day(found.dates.received_at, policy.zone), "first": found.due, "last": extended(found.due),
    }  # fmt: skip
    subject, text = written(house.settings.home, TEMPLATE, policy.language, values)
    if to is not None:
        letter = Letter(f"{TEMPLATE}-{found.number}", to, subject, text, now)
        outbox(house.connections, house.settings.state, policy.contact).send(letter)
    return house.register.extend(number, ground, author, to=to), Notice(subject, text, to is not None)


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()
