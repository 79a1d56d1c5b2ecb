"""The one extension that the law knows: the person is told within the first term, and why (promise R-30D, art. 12(3)).

The notice says nothing about anybody's records, so it goes to the address that the request names, proven or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from privacy.rights.letter_kinds import Kind
from privacy.rights.states import extended

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import Necessity
    from privacy.rights.rows import Request


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

    A process that dies in between has told them and not recorded it: to call this again sends nothing else.

    :param by_post: there is no e-mail; whoever calls this prints the notice and posts it.
    :raises Refused: ``request.no_address``: the request names no e-mail address; see also
        :meth:`privacy.rights.register.Register.extend`. Nobody was told anything.
    :raises BadConfiguration: ``letters.*``. :raises RetryLater: the letter cannot be sent now.
    """
    payload = house.register.may_extend(number)
    found, letters = house.register.get(number), house.letters
    values = {"ground": ground.value, "first": found.due, "last": extended(found.due)}
    sent = letters.write(number, Kind.EXTENSION, values, author=author, by_post=by_post)
    to = None
    if sent.stub.channel == "email":
        to = next((str(i.value) for i in payload.identifiers if i.kind == "email"), None)
    content = sent.content or letters.preview(number, Kind.EXTENSION, values)
    return house.register.extend(number, ground, author, to=to), Notice(content.subject, content.text, to is not None)
