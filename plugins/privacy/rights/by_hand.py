"""What a person does that no pipeline does: choosing whose a request is, letters by hand, a complaint's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from privacy.errors import BadInput, Refused
from privacy.identity import Decision
from privacy.rights.letter_kinds import BY_HAND, Kind
from privacy.rights.payload import Act
from privacy.rights.states import Right

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.letters import Sent
    from privacy.rights.rows import Request


def choose(house: House, number: str, person: int, address: Literal["shared", "theirs"], author: str) -> Request:
    """Say whose a request is that leads to more than one person; the next run of its DAG uses it.

    :param person: the candidate's number. :param address: whether records that are known by the shared address alone
        are nobody's (``shared``), or ``theirs``.
    :raises Refused: ``request.no_question``; it is too late. :raises BadInput: ``request.no_candidate``.
    """
    question = house.register.question(number)
    if question is None:
        where = house.register.get(number).number
        raise Refused("request.no_question", "Nothing waits for a decision.", where=where)
    chosen = next((c for c in question.candidates if c.no == person), None)
    if chosen is None:
        raise BadInput("request.no_candidate", f"The question has candidates 1 to {len(question.candidates)}.")
    return house.register.decide(number, Decision(chosen.identifiers, address), author)


def send(house: House, number: str, kind: Kind, author: str, *, by_post: bool = False) -> Sent:
    """Send a letter that a person decides on.

    :param by_post: nothing is sent: whoever calls this prints and posts what is returned.
    :raises Refused: ``letters.not_by_hand``: it goes out by itself, when what it tells is done; ``letters.*``.
    """
    if kind not in BY_HAND or (kind is Kind.REFUSAL and house.register.get(number).dates.refused_at is None):
        raise Refused(
            "letters.not_by_hand",
            "That letter goes out by itself, when what it tells is done.",
            where=house.register.get(number).number,
            advice="Look at it with --preview.",
        )
    return house.letters.write(number, kind, author=author, by_post=by_post)


def settle(house: House, number: str, author: str) -> Request:
    """Record that a complaint was looked into, and that whoever complained has the answer; it is closed by that.

    What they were told is between them and the shop: nothing of it is kept here. Safe to repeat after it died half way.

    :raises Refused: ``request.has_pipeline``: it is no complaint; it is closed.
    """
    request = house.register.get(number)
    if request.right is not Right.COMPLAINT:
        raise Refused(
            "request.has_pipeline", "Only a complaint is answered by hand.", where=request.number,
            advice=f"Next: {request.dates.next_step}.",
        )  # fmt: skip
    act = Act(author=author, at=house.clock.now(), counts={"answered": 1})
    house.register.acted(request.number, act, author=author)
    return house.register.answered(request.number, author)
