"""A restriction after it was granted: the yearly reminder, and how it is lifted (promise R-RESTR, art. 18 GDPR).

The person says so, which is recorded; is told from which day their data are used again; and on that day it is lifted.
Until then they may still change their mind.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from privacy.errors import PrivacyError, Refused
from privacy.rights.letter_kinds import Kind
from privacy.rights.notices import Notices, holding
from privacy.rights.states import LASTING, Right

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.letters import Sent
    from privacy.rights.payload import Evidence
    from privacy.rights.rows import Request

NOTICE = timedelta(days=7)
"""How long before a restriction is lifted the person is told."""


def announce(
    house: House,
    number: str,
    word: str,
    author: str,
    *,
    channel: str,
    evidence: Evidence | None = None,
    by_post: bool = False,
) -> tuple[Request, Sent | None]:
    """Record the person's word, tell them the day, and lift at once what needs no notice. Safe to repeat.

    :param by_post: nothing is sent: whoever calls this prints and posts the letter that is returned.
    :returns: the request, and the letter that went out; None: no notice is needed, and it is lifted.
    :raises Refused: see :meth:`privacy.rights.register.Register.announce_lift`; ``letters.*``: the word is recorded,
        and the letter is not sent. :raises RetryLater: it cannot be sent now; the daily run tries again.
    """
    register = house.register
    if register.get(number).right is not Right.RESTRICTION:
        register.announce_lift(number, word, author, channel=channel, evidence=evidence, on=_today(house))
        return register.lift(number, author), None
    on = _today(house) + NOTICE
    register.announce_lift(number, word, author, channel=channel, evidence=evidence, on=on)
    sent = _notice(house, number, author, by_post=by_post)
    return register.get(number), sent


def lift_due(house: House, *, author: str) -> list[str]:
    """Lift what was announced for today or before, and send the notices that could not be sent. Safe to repeat.

    :returns: the numbers of what was lifted. :raises PrivacyError: a notice cannot be sent; the others were.
    """
    lifted: list[str] = []
    problems: list[PrivacyError] = []
    for request in _standing(house, *LASTING):
        lifting = house.register.open(request.number).lifting
        if lifting is None:
            continue
        try:
            if request.right is Right.RESTRICTION:
                _notice(house, request.number, author)
            if house.register.open(request.number).lifting.on <= _today(house):  # type: ignore[union-attr]
                house.register.lift(request.number, author)
                _tell_processors(house, request, author)
                lifted.append(request.number)
        except PrivacyError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    return lifted


def _tell_processors(house: House, request: Request, author: str) -> None:
    """Who was told that the data must be left alone is told that this is over."""
    notices = Notices(house)
    if request.right is Right.RESTRICTION and notices.of(request.number):
        subject = house.subject(request.number)
        notices.tell(request.number, "lifting", holding(house, subject), subject=subject, author=author)


def remind(house: House, *, author: str, number: str | None = None, by_post: bool = False) -> list[tuple[str, Sent]]:
    """Once a year after it was granted, tell whoever has a restriction that it is still there. Safe to repeat.

    :param number: this one alone. :param by_post: nothing is sent: whoever calls this prints and posts the letters.
    :returns: numbers and letters of those who were told now.
    :raises PrivacyError: one cannot be told; the others were. Without a known address a person posts the letter.
    """
    told: list[tuple[str, Sent]] = []
    problems: list[PrivacyError] = []
    today = _today(house)
    for request in _standing(house, Right.RESTRICTION):
        assert request.dates.acted_at is not None  # noqa: S101 - it stands
        since = _day(house, request)
        years = today.year - since.year - ((today.month, today.day) < (since.month, since.day))
        if years < 1 or number not in (None, request.number):
            continue
        try:
            sent = house.letters.write(
                request.number, Kind.RESTRICTION_REMINDER, {"since": since}, author=author,
                occasion=str(since.year + years), by_post=by_post,
            )  # fmt: skip
        except PrivacyError as problem:
            problems.append(problem)
            continue
        if sent.content is not None:
            told.append((request.number, sent))
    if problems:
        raise problems[0]
    return told


def _notice(house: House, number: str, author: str, *, by_post: bool = False) -> Sent:
    """The letter that tells the day, once for each lifting; a day that is too near by now is put off."""
    payload = house.register.open(number)
    if payload.lifting is None:
        raise Refused("request.no_word", "The person has not said that it may go on.", where=number)
    lifting, kind = payload.lifting, Kind.RESTRICTION_LIFTED
    if not any(stub.kind == kind.value and stub.at >= lifting.at for stub in payload.letters):
        house.register.put_off_lift(number, _today(house) + NOTICE, author)
        lifting = house.register.open(number).lifting or lifting
    occasion = f"{lifting.at:%Y%m%dT%H%M%S}"
    return house.letters.write(number, kind, {"on": lifting.on}, author=author, by_post=by_post, occasion=occasion)


def _standing(house: House, *rights: Right) -> Iterator[Request]:
    """Requests that were granted and not lifted, of these rights."""
    for request in house.register.list(broken=[]):
        dates = request.dates
        if request.right in rights and dates.acted_at and not dates.lifted_at and not request.forgotten:
            yield request


def _today(house: House) -> date:
    return house.clock.now().astimezone(ZoneInfo(house.policy.zone)).date()


def _day(house: House, request: Request) -> date:
    assert request.dates.acted_at is not None  # noqa: S101
    return request.dates.acted_at.astimezone(ZoneInfo(house.policy.zone)).date()
