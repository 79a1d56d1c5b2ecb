"""A new request as an operator types it: what is wrong is said at the field, and what was typed stays there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from privacy.datamap.models import GLOBAL_KINDS
from privacy.errors import BadInput
from privacy.rights import naming
from privacy.rights.payload import Visit
from privacy.rights.states import Right

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.rights.house import House
    from privacy.rights.rows import Request
    from privacy.sources.base import Identifier

NAMED, VISITS = 5, 2
"""Rows of the form for identifiers, and for visits."""

CHANNELS = ("email", "post", "phone", "counter", "web form")

LONGEST = {"name": 200, "deliver_to": 500, "channel": 100, **{f"camera{n}": 200 for n in range(1, VISITS + 1)}}
"""Characters of these fields, as the form itself takes them; ``IDENTIFIER`` of each identifier."""

IDENTIFIER = 500

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_TITLES = {"email": "E-mail address", "phone": "Phone number", "device_id": "Device id (the site's cookie)",
           "ip": "IP address"}  # fmt: skip
_FIELDS = {
    "request.future": "received", "request.too_early": "received", "named.moment": "received",
    "request.purposes": "purpose", "request.marketing": "purpose", "request.direct_transfer": "direct_transfer",
    "request.nothing_named": "value1",
}  # fmt: skip
"""At which field it is said that the register refuses something."""


@dataclass(slots=True)
class Typed:
    """What was typed, and what is wrong with it.

    :param one: fields with one value; ``purposes``: those that were ticked. :param wrong: a sentence for a field; of
        the whole form under the empty name.
    """

    one: Mapping[str, str] = field(repr=False)
    purposes: Sequence[str] = ()
    wrong: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A field's value; empty: nothing was typed."""
        return self.one.get(name, "").strip()


def titles(datamap: DataMap) -> dict[str, str]:
    """What each kind of identifier is called, as the data map's systems call it."""
    found = {kind: _TITLES[kind] for kind in GLOBAL_KINDS}
    for system in datamap.systems.values():
        for name, kind in system.identity.kinds.items():
            found[f"{system.system}.{name}"] = f"{kind.title.en} ({system.title.en})"
    # An address and a number of the shop's own are what letters name; a device or an IP address is the exception.
    last = ("device_id", "ip")
    return {k: found[k] for k in [*(k for k in found if k not in last), *last]}


def empty(house: House) -> Typed:
    """The form as it opens: received now, by e-mail."""
    now = house.clock.now().astimezone(ZoneInfo(house.policy.zone))
    kinds = {f"kind{n}": kind for n, kind in enumerate(_usual(house.datamap), 1)}
    return Typed({"right": Right.ACCESS.value, "channel": "email", "received": f"{now:%Y-%m-%dT%H:%M}", **kinds})


def _usual(datamap: DataMap) -> list[str]:
    """What requests name most, for the rows of an empty form: an address, a customer's number, what letters bear."""
    people = [k for k in naming.kinds(datamap) if (declared := datamap.kind(k)) is not None and declared.person]
    # Of several systems the one of which an order is comes first: most who ask are customers.
    shop = next((k.partition(".")[0] for k in _ordered(datamap)), "")
    people.sort(key=lambda kind: kind.partition(".")[0] != shop)
    found = ["email", *people[:1]]
    for what in naming.NUMBERS:
        with suppress(BadInput):
            found.append(naming.numbered(datamap, what))
    return found[:NAMED]


def _ordered(datamap: DataMap) -> list[str]:
    with suppress(BadInput):
        return [naming.numbered(datamap, "order")]
    return []


def identifiers(house: House, typed: Typed) -> list[Identifier]:
    """What is named; a row that is wrong is told of in ``typed.wrong``."""
    found = []
    for n in range(1, NAMED + 1):
        value = typed.get(f"value{n}")
        if not value:
            continue
        if len(value) > IDENTIFIER:
            typed.wrong[f"value{n}"] = f"That is too long: at most {IDENTIFIER} characters."
            continue
        try:
            found.append(naming.identifier(house.datamap, typed.get(f"kind{n}"), value))
        except BadInput as problem:
            typed.wrong[f"value{n}"] = problem.message
    if not found and not typed.wrong:
        typed.wrong["value1"] = "A request names at least one thing by which the person is known."
    return found


def duplicates(house: House, named: Sequence[Identifier]) -> list[Request]:
    """The open requests that name one of these, or turned out to be of who has it."""
    return [one for one in house.register.search(named) if one.dates.closed_at is None]


def register(house: House, typed: Typed, named: Sequence[Identifier], author: str) -> Request | None:
    """Register it; None: something is wrong, which ``typed.wrong`` tells, and nothing is registered.

    :raises AskPerson: ``request.not_held``: it is registered, under the number that the error names.
    :raises RetryLater: nothing is registered.
    """
    visits, received = _visits(house, typed), _received(house, typed)
    right = next((one for one in Right if one.value == typed.get("right")), None)
    if right is None:
        typed.wrong["right"] = "Choose what is asked for."
    language = typed.get("language")
    for name, most in LONGEST.items():
        # A name with a line break would end a line of a letter's head.
        if len(typed.get(name)) > most or _CONTROL.search(typed.get(name)):
            typed.wrong[""] = f"Names, addresses and cameras are one line, of {most} characters at most."
    if language not in ("", "nl", "en"):
        typed.wrong["language"] = "Letters are written in Dutch or in English."
    if typed.wrong or right is None:
        return None
    try:
        return house.register.receive(
            right, named, author=author, name=typed.get("name") or None, deliver_to=typed.get("deliver_to") or None,
            received_at=received, channel=typed.get("channel") or "email",
            direct_transfer=bool(typed.get("direct_transfer")), visits=visits, purposes=typed.purposes,
            language=language or None,
        )  # fmt: skip
    except BadInput as problem:
        typed.wrong[_FIELDS.get(problem.code, "")] = f"{problem.message} {problem.advice}".strip()
        return None


def _received(house: House, typed: Typed) -> datetime | None:
    text = typed.get("received")
    if not text:
        return None
    try:
        return naming.moment(text, house.policy.zone)
    except BadInput as problem:
        typed.wrong["received"] = f"{problem.message} {problem.advice}"
        return None


def _visits(house: House, typed: Typed) -> list[Visit]:
    found = []
    for n in range(1, VISITS + 1):
        camera, at = typed.get(f"camera{n}"), typed.get(f"seen{n}")
        if not camera and not at:
            continue
        try:
            found.append(naming.visit(camera, at, house.policy.zone))
        except BadInput as problem:
            typed.wrong[f"camera{n}"] = f"{problem.message} {problem.advice}"
    return found
