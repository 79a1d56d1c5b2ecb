"""The notice that a client stops (promise CLIENT-LIFE): it is an erasure request too, and is answered with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.errors import PrivacyError
from privacy.rights.letter_kinds import Kind
from privacy.rights.payload import Act
from privacy.rights.states import Right

if TYPE_CHECKING:
    from privacy.rights.house import House


def follow_up(house: House, *, author: str) -> int:
    """Open the erasure where the notice's own registration could not, tell the client, and close the notice with that.

    What is erased, and what is kept and why, they are told by the erasure's letter. Safe to repeat.

    :returns: how many notices were answered now. :raises PrivacyError: one cannot be; the others were.
    """
    answered = 0
    problems: list[PrivacyError] = []
    for request in house.register.list(broken=[]):
        if request.right is not Right.CLIENT_END or request.dates.closed_at or request.dates.undecided_at:
            continue
        try:
            erasure = house.register.follow(request.number, Right.ERASURE, author=author)
            act = Act(author=author, at=house.clock.now(), counts={"opened": 1})
            house.register.acted(request.number, act, author=author)
            values = {"erasure_number": erasure.number}
            house.letters.write(request.number, Kind.CLIENT_END, values, author=author)
            house.register.answered(request.number, author)
            answered += 1
        except PrivacyError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    return answered
