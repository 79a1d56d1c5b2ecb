"""The decision on an objection (promise R-OBJ, art. 21 GDPR): until then nothing is processed, by its registration.

Upheld: the person is handed a copy first, under a request of its own that is tied to this one in its sealed content;
the stop lasts. Rejected: hold and stop end, and the person is told the ground and where to complain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.errors import Refused
from privacy.rights.letter_kinds import Kind
from privacy.rights.letters import local_day
from privacy.rights.payload import Act, Ground
from privacy.rights.states import Right, State

if TYPE_CHECKING:
    from privacy.datamap.models import Text
    from privacy.rights.house import House
    from privacy.rights.letters import Sent
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request


def uphold(house: House, number: str, author: str, *, by_post: bool = False) -> tuple[Request, Request, Sent]:
    """Uphold an objection: open the copy, let the stop last, tell the person. Safe to repeat after it died half way.

    :returns: the objection, the request for the copy, the letter.
    :raises Refused: ``objection.other_right``; ``request.undecided``: it is not known whose it is;
        ``objection.not_stopped``: nobody is stopped by it; it is decided. ``letters.*``: it is upheld, and not told.
    """
    request = _objection(house, number)
    stops = len(house.stops.active(number=request.number))
    if request.state is State.UNDECIDED:
        raise Refused(
            "request.undecided", "It is not decided yet whose the request is.", where=request.number,
            advice=f"Decide first: privacy request decide {request.number}.",
        )  # fmt: skip
    if not stops:
        raise Refused(
            "objection.not_stopped", "Nobody is stopped by this objection yet.", where=request.number,
            advice=f"Start it: privacy request start {request.number}.",
        )  # fmt: skip
    # First the copy, whose own hold keeps the records from then on: with the decision the objection's hold ends.
    copy = house.register.follow(request.number, Right.ACCESS, author=author, received_at=house.clock.now())
    now, counts = house.clock.now(), {"upheld": 1, "stops": stops}
    house.register.acted(request.number, Act(author=author, at=now, counts=counts), author=author)
    values = {"purposes": purposes_of(house, house.register.open(request.number)), "copy_number": copy.number}
    sent = house.letters.write(request.number, Kind.OBJECTION_UPHELD, values, author=author, by_post=by_post)
    return house.register.answered(request.number, author), copy, sent


def reject(
    house: House, number: str, ground: Ground, author: str, *, because: str, by_post: bool = False
) -> tuple[Request, Sent]:
    """Reject an objection: its hold and its stop end, and the person is told why and where to complain.

    :param because: the reason in words, as the person is told; sealed.
    :raises Refused: ``objection.other_right``; it is decided; ``letters.*``: it is rejected, and the person not told.
        To call this again tells them.
    """
    request = _objection(house, number, State.REFUSED)
    if request.state is not State.REFUSED:
        if not because.strip():
            raise Refused(
                "objection.no_reason", "The person is told why, in words.", where=request.number,
                advice="Give it with --because; - asks for it.",
            )  # fmt: skip
        request = house.register.refuse(request.number, ground, author, because=because)
    closing = house.register.open(request.number).refusal
    assert closing is not None  # noqa: S101 - `opened` holds dates to content
    if not closing.because.strip():
        raise Refused(
            "objection.no_reason", "It was refused without a word that the person could be told.", where=request.number,
            advice=f"Send the plain refusal: privacy request letter {request.number} refusal.",
        )  # fmt: skip
    values = {"ground": closing.because, "on": local_day(closing.at, house.policy)}
    return request, house.letters.write(
        request.number, Kind.OBJECTION_REJECTED, values, author=author, by_post=by_post
    )  # fmt: skip


def purposes_of(house: House, payload: Payload) -> list[Text]:
    """The purposes that a request is narrowed to, in the statement's words; none: it is not narrowed."""
    return [house.policy.purposes[name].title for name in payload.purposes if name in house.policy.purposes]


def _objection(house: House, number: str, *closed: State) -> Request:
    request = house.register.get(number)
    if request.right is not Right.OBJECTION:
        raise Refused(
            "objection.other_right", "The request is no objection that could be weighed.", where=request.number,
            advice="A marketing stop is upheld at once; see privacy request show.",
        )  # fmt: skip
    if request.dates.closed_at and request.state not in closed:
        raise Refused(f"request.{request.state.value}", "The objection is decided.", where=request.number)
    return request
