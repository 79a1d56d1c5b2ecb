"""Visits to the shop: sessions, orders, and the log lines that they leave, day by day.

A day is planned from its own random numbers alone, so that it can be planned twice: once to learn who signed in on which
device, once to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from demo import words
from demo.moments import HOUR, MINUTE, SECOND, Calendar, local
from demo.owners import Owner
from demo.people import Device, Guest, People, Person, home


class Line(NamedTuple):
    """A log line.

    :param user, device: as written; None: ``-``.
    :param owner: by its user or device; None where it has neither (an address names nobody by itself).
    :param raw: a line in no known form, as it is.
    """

    at: int
    ip: str
    user: int | None = None
    device: str | None = None
    agent: str = ""
    request: str = "GET / HTTP/2.0"
    owner: Owner | None = None
    raw: bytes | None = None
    status: int = 200
    size: int = 512
    referer: str = "-"


@dataclass(slots=True)
class Session:
    """A row of the shop's sessions.

    :param person: who it was, where the shop knows the device; signed in or not.
    :param number: the customer who signed in; None: nobody did.
    :param script: fixed lines for the cast: (seconds from the start, who); see :func:`lines_of`.
    """

    device: Device
    ip: str
    agent: str
    start: int
    end: int | None
    number: int | None = None
    script: tuple[tuple[int, str], ...] | None = None


@dataclass(slots=True)
class Order:
    """An order to be written.

    :param buyer: who placed it; ``number``: their customer number, unless they ordered as a guest.
    :param owner: of the buyer's side.
    :param gift: (customer number, name, address) of who gets it; ``gift_owner``: that side's owner.
    :param fixed: what the cast's orders have: ``order_id`` and the like.
    """

    at: int
    number: int | None
    email: str | None
    name: str
    ip: str | None
    agent: str | None
    owner: Owner
    gift: tuple[int | None, str, str | None] | None = None
    gift_owner: Owner = Owner()
    script: tuple[tuple[int, str], ...] | None = None
    fixed: dict[str, object] = field(default_factory=dict)


def mobile(rng: Random) -> str:
    """One of a telephone company's few addresses."""
    return f"203.0.113.{1 + int(rng.random() * 20)}"


def _count(rng: Random, average: float) -> int:
    whole = int(average)
    return whole + (rng.random() < average - whole)


class Plan:
    """What happens on one day.

    :param rate: sessions, orders and strays a day.
    """

    def __init__(self, people: People, calendar: Calendar, n: int, rate: tuple[float, float, float]) -> None:
        self.people, self.calendar, self.day = people, calendar, calendar.days[n]
        self._seed = f"{people.seed}/day/{self.day}"
        self._rate = rate
        self.midnight = local(self.day)

    def sessions(self) -> list[Session]:
        """The visits of known devices and of a few that nobody ever signs in on."""
        rng = Random(self._seed + "/sessions")
        found = []
        for n in range(_count(rng, self._rate[0])):
            start = self.midnight + int((6.5 + rng.random() * 17.4) * 3600) * SECOND + int(rng.random() * 1000) * 1000
            end: int | None = start + int(30 + rng.random() ** 2 * 2400) * SECOND
            if rng.random() < 0.04:
                end = None
            if rng.random() < 0.12:
                device = Device(f"did-x{rng.getrandbits(32):08x}", 0, ())
                found.append(Session(device, home(rng), words.AGENTS[n % len(words.AGENTS)], start, end))
                continue
            person = self.people.anyone(rng)
            device = person.devices[int(rng.random() * len(person.devices))]
            ip = person.ip if rng.random() < 0.7 else mobile(rng)
            number = person.number if start >= person.created and rng.random() < 0.65 else None
            found.append(Session(device, ip, person.agent, start, end, number))
        return [s for s in found if (s.end or s.start) < self.calendar.now]

    def orders(self, sessions: list[Session]) -> list[Order]:
        """The orders of the day; a guest's own visit is added to ``sessions``."""
        rng = Random(self._seed + "/orders")
        signed_in = [s for s in sessions if s.number is not None and s.end is not None]
        found = []
        for _ in range(_count(rng, self._rate[1])):
            at = self.midnight + int((8 + rng.random() * 15) * 3600e6)
            way = rng.random()
            if way < 0.55 and signed_in:
                session = signed_in[int(rng.random() * len(signed_in))]
                person = self.people.customer(session.number or 0)
                at = max(session.start, (session.end or 0) - int(rng.random() * 60e6))
                order = by_customer(person, at, session.ip, session.agent, rng, self.people)
            elif way < 0.7:
                order = by_address(self.people.anyone(rng), at) or by_guest(self.people.any_guest(rng), at)
            else:
                order = by_guest(self.people.any_guest(rng), at)
                if way > 0.9 and order.ip and order.agent:
                    # With a cookie: the shop does not know that it is theirs.
                    device = Device(f"did-g{rng.getrandbits(32):08x}", 0, ())
                    start, end = (at - 5 * MINUTE) // 1000 * 1000, (at + MINUTE) // 1000 * 1000
                    session = Session(device, order.ip, order.agent, start, end)
                    sessions.append(session)
            give(order, rng, self.people)
            if order.at < self.calendar.now - HOUR:
                found.append(order)
        sessions[:] = [s for s in sessions if (s.end or s.start) < self.calendar.now]
        return found

    def lines(self, sessions: list[Session], orders: list[Order]) -> Iterator[Line]:
        """The log lines that those leave, and strays."""
        rng = Random(self._seed + "/lines")
        for session in sessions:
            yield from lines_of(session, rng, self.people)
        for order in orders:
            yield from lines_around(order, rng)
        for _ in range(_count(rng, self._rate[2])):
            at = self.midnight + int(rng.random() * 86_400) * SECOND
            kind = rng.random()
            if kind < 0.1:
                yield Line(at, "", raw=words.BROKEN[int(rng.random() * len(words.BROKEN))])
            elif kind < 0.15:
                # Somebody speaks TLS to the plain port: nginx writes what came, escaped.
                yield Line(at, home(rng), agent="-", request="\\x16\\x03\\x01\\x00\\xF7\\x01", status=400)
            elif kind < 0.55:
                agent = words.ROBOTS[int(rng.random() * len(words.ROBOTS))]
                yield Line(at, home(rng), agent=agent, request="GET /robots.txt HTTP/1.1")
            else:
                ip = home(rng) if kind < 0.8 else mobile(rng)
                agent = words.AGENTS[int(rng.random() * len(words.AGENTS))]
                yield Line(at, ip, agent=agent, request=_page(rng))


def _page(rng: Random) -> str:
    return f"GET {words.PAGES[int(rng.random() * len(words.PAGES))]} HTTP/2.0"


def lines_of(session: Session, rng: Random, people: People) -> Iterator[Line]:
    """A session's lines.

    A script says who a line names: ``u`` the customer (and the device), ``d`` the device, ``-`` nobody: the same browser
    without its cookie; ``x`` nobody, another browser at the same address; ``m`` the customer, from elsewhere.
    """
    by_user = people.customer(session.number).owner() if session.number is not None else None
    by_device = people.device_owner(session.device)
    script = session.script
    if script is None:
        length = ((session.end or session.start + 10 * MINUTE) - session.start) // SECOND
        moments = sorted(int(rng.random() * length) for _ in range(2 + int(rng.random() * 6)))
        signs_in = int(rng.random() * 3)
        made = []
        for n, after in enumerate(moments):
            kind = rng.random()
            who = "u" if by_user is not None and n >= signs_in else "d"
            made.append((after + 1, "-" if kind < 0.15 else "m" if kind > 0.97 and who == "u" else who))
        script = tuple(made)
    for after, who in script:
        at = session.start // SECOND * SECOND + after * SECOND
        if session.end is not None and session.script is None:
            at = min(at, session.end // SECOND * SECOND)
        size, referer = int(rng.random() * 40_000), words.REFERERS[int(rng.random() * len(words.REFERERS))]
        page = _page(rng)
        device = session.device.text
        if who in "-x":
            agent = session.agent if who == "-" else words.ROBOTS[0]
            yield Line(at, session.ip, None, None, agent, page, None, None, 200, size, referer)
        elif who == "d":
            yield Line(at, session.ip, None, device, session.agent, page, by_device, None, 200, size, referer)
        else:
            ip = session.ip if who == "u" else "203.0.113.21" if session.script else mobile(rng)
            yield Line(at, ip, session.number, device, session.agent, page, by_user, None, 200, size, referer)


def lines_around(order: Order, rng: Random) -> Iterator[Line]:
    """Lines without cookie around an order: a script (seconds from it), or a few where there is no session."""
    if order.ip is None or order.agent is None:
        return
    script = order.script
    if script is None:
        if order.number is not None:
            return
        script = tuple((int((rng.random() - 0.6) * 2400), "-") for _ in range(3 + int(rng.random() * 4)))
    for after, who in script:
        agent = order.agent if who == "-" else words.ROBOTS[0]
        request = "POST /afrekenen HTTP/2.0" if after == 0 else _page(rng)
        yield Line(order.at // SECOND * SECOND + after * SECOND, order.ip, None, None, agent, request)


def by_customer(person: Person, at: int, ip: str | None, agent: str | None, rng: Random, people: People) -> Order:
    """An order of somebody who signed in; now and then with somebody else's address on it."""
    email = person.address_at(at)
    if rng.random() < 0.05:
        email = people.anyone(rng).emails[-1].address
    return Order(at, person.number, email, person.name, ip, agent, person.owner())


def by_address(person: Person, at: int) -> Order | None:
    """An order of a customer who did not sign in, or did not have an account yet; None: they had no address then."""
    email = person.address_at(at)
    if email is None:
        return None
    return Order(at, None, email, person.name, person.ip, person.agent, person.owner_by_address())


def by_guest(guest: Guest, at: int) -> Order:
    """An order of somebody without an account."""
    return Order(at, None, guest.address, guest.name, guest.ip, guest.agent, guest.owner())


def give(order: Order, rng: Random, people: People) -> None:
    """Make one order in eight a gift to somebody else."""
    if rng.random() > 0.12:
        return
    way = rng.random()
    person = people.anyone(rng)
    email = person.address_at(order.at)
    if way < 0.3 and order.at >= person.created:
        gift, owner = (person.number, person.name, email), person.owner()
    elif way < 0.6 and email is not None:
        gift, owner = (None, person.name, email), person.owner_by_address()
    elif way < 0.8:
        guest = people.any_guest(rng)
        gift, owner = (None, guest.name, guest.address), guest.owner()
    else:
        gift, owner = (None, "Mijn lieve oma", None), Owner()
    if not order.owner.touches(owner):
        order.gift, order.gift_owner = gift, owner
