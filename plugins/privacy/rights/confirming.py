"""The letter that confirms what a right stopped; with it the request is answered, unless something still waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.errors import Refused
from privacy.rights.letter_kinds import Kind
from privacy.rights.letters import local_day
from privacy.rights.objecting import purposes_of
from privacy.rights.states import LASTING, Right, State
from privacy.rights.withdrawing import consents, resting

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.letters import Sent


def confirm(house: House, number: str, author: str, *, by_post: bool = False) -> Sent:
    """Tell the person what was done: once. Safe to repeat.

    An objection is confirmed and goes on to wait for its decision.

    :param by_post: nothing is sent: whoever calls this prints and posts what is returned.
    :raises Refused: ``stops.other_right``; ``request.not_done``: there is nothing to confirm yet; ``letters.*``.
    :raises RetryLater: it cannot be sent now.
    """
    request, payload = house.register.get(number), house.register.open(number)
    right, dates = request.right, request.dates
    if right not in LASTING:
        raise Refused("stops.other_right", "The request asks for something else.", where=request.number)
    if right is not Right.OBJECTION and not (dates.acted_at or dates.partly_at):
        raise Refused(
            "request.not_done", "What was asked for is not done yet.", where=request.number,
            advice=f"Start {right.pipeline}: privacy request start {request.number}.",
        )  # fmt: skip
    day = local_day(dates.acted_at or dates.partly_at or dates.received_at, house.policy)
    values: dict[str, object] = {"on": day}
    if right is Right.OBJECTION:
        values = {"purposes": purposes_of(house, payload)}
    elif right is Right.CONSENT_WITHDRAWAL:
        rest = resting(house.datamap, consents(house.datamap, payload.purposes))
        values["purposes"] = [house.policy.purposes[name].title for name in rest]
    sent = house.letters.write(request.number, Kind(right.value), values, author=author, by_post=by_post)
    if right is not Right.OBJECTION and request.state is State.ACTED:
        house.register.answered(request.number, author)
    return sent
