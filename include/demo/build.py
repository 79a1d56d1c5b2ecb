"""Making a whole demo shop: the same seed, size and day give the same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from random import Random

from demo import cast
from demo.analytics import Analytics
from demo.answers import Answers
from demo.hiring import Roster, roster
from demo.logs import Logs, Visit
from demo.moments import DAY, MINUTE, Calendar, utc
from demo.others import KEYS as OTHERS
from demo.others import Others
from demo.people import Guest, People, Person
from demo.shop import KEYS, Shop
from demo.sizes import SIZES, Size
from demo.terms import of_tables
from demo.visits import Order, Plan, Session, by_address, by_customer, by_guest, give, lines_around, lines_of

TODAY = date(2026, 11, 20)
"""The demo's own day; all its data are from before 09:00 on it."""

FIRST_ORDER = 50_001
FIRST_DAY = utc("2018-02-01")
_EXTRAS = ("quote", "review", "newsletter", "contest", "survey", "message")


@dataclass(frozen=True, slots=True)
class About:
    """What was made.

    :param counts: rows by table of the shop; ``records``: by dataset; ``lines``: of the logs; ``files``: logs;
        ``subjects``: in the answer sheet.
    """

    seed: int
    size: str
    today: str
    counts: dict[str, int]
    records: dict[str, int]
    lines: int
    files: int
    subjects: int


SYSTEMS = ("weblogs", "mail", "analytics", "helpdesk", "dossiers", "camera", "deliveries")
"""The systems that are folders; ``shop.db`` and ``recruiting.db`` are databases."""


def make(to: Path, *, seed: int = 1, size: str | Size = "small", today: date = TODAY) -> About:
    """Write the shop's systems, each as ``<connection>.db`` or ``<connection>/``, ``answers.json`` and ``about.json``.

    :param to: made if need be; what an earlier run made there is replaced.
    :param size: a name of :data:`demo.sizes.SIZES`, or counts of one's own.
    """
    counts, name = (SIZES[size], size) if isinstance(size, str) else (size, "own")
    to.mkdir(parents=True, exist_ok=True)
    for system in SYSTEMS:
        shutil.rmtree(to / system, ignore_errors=True)
    calendar = Calendar(today)
    answers = Answers(to / "answers.scratch", every_line=counts.every_line, terms=counts.terms)
    people = People(seed, counts.customers, counts.guests, calendar, cast.PEOPLE)
    shop = Shop(to / "shop.db", answers, calendar.now)
    logs = Logs(to / "weblogs", calendar, answers, counts.crawl)
    events = Analytics(to / "analytics", calendar, answers, seed, counts.event_days, counts.event_share, logs.whose)
    logs.events = events
    who = roster(people, calendar, counts.applicants)
    work = _Work(people, calendar, answers, shop, logs, counts, who)
    work.learn_devices()
    work.accounts()
    work.guests()
    work.extras()
    work.old_orders()
    work.days()
    shop.close()
    others = Others(to, people, calendar, answers, work.announce_guest)
    requests = others.write(counts, who)
    if answers.terms:
        of_tables(to, who, answers)
    tables = {f"shop.{table}": count for table, count in shop.counts.items()}
    head = {"seed": seed, "size": name, "today": today.isoformat(), "datasets": _keys(), "requests": requests}
    subjects = answers.write(to / "answers.json", head)
    records = {**tables, "weblogs.access": logs.lines, **events.counts, **others.counts}
    about = About(seed, name, today.isoformat(), shop.counts, records, logs.lines, len(calendar.days), subjects)
    (to / "about.json").write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")
    return about


def _keys() -> dict[str, list[str]]:
    keys = {f"shop.{table}": key for table, key in KEYS.items() if table != "products"}
    events = {"analytics.ga4_events": ["file", "row"], "analytics.clicks": ["file", "row"]}
    return {**keys, "weblogs.access": ["file", "line_number"], **events, **OTHERS}


class _Work:
    """The steps, in the order in which they stand."""

    def __init__(
        self, people: People, calendar: Calendar, answers: Answers, shop: Shop, logs: Logs, size: Size,
        who: Roster,
    ) -> None:  # fmt: skip
        self._who = who
        self.people, self.calendar, self.answers = people, calendar, answers
        self.shop, self.logs, self.size = shop, logs, size
        self._rate = (size.sessions_a_day, size.orders_a_day, size.strays_a_day)
        self._first = calendar.day(calendar.start)
        self._order = FIRST_ORDER
        self._cast_sessions: dict[int, list[Session]] = {}
        self._cast_strays: dict[int, list[Session]] = {}
        self._cast_orders: dict[int, list[tuple[int, Order]]] = {}
        self._cast_rng = cast.rng()
        for session in (*cast.sessions(calendar), *cast.petras_session(calendar)):
            self._cast_sessions.setdefault(self._day(session.start), []).append(session)
        for session in cast.stray(calendar):
            self._cast_strays.setdefault(self._day(session.start), []).append(session)
        for number, order in cast.orders(calendar):
            self._cast_orders.setdefault(max(-1, self._day(order.at)), []).append((number, order))

    def _day(self, at: int) -> int:
        return self.calendar.day(at) - self._first if at >= self.calendar.start else -1

    def _plans(self) -> Iterator[Plan]:
        for n in range(len(self.calendar.days)):
            yield Plan(self.people, self.calendar, n, self._rate)

    def learn_devices(self) -> None:
        """Plan all visits once, to know who signs in on which device: it is true before that, too."""
        for sessions in (*(plan.sessions() for plan in self._plans()), *self._cast_sessions.values()):
            for session in sessions:
                if session.number is not None:
                    self.people.linked[session.number] |= 1 << session.device.slot

    def _everybody(self) -> Iterator[Person]:
        for number in (*sorted(cast.PEOPLE), *self.people.numbers()):
            yield self.people.customer(number)

    def accounts(self) -> None:
        """Every customer, with what they have besides orders and visits."""
        for person in self._everybody():
            fixed = person.number in cast.PEOPLE
            rng = Random(f"{'cast' if fixed else self.people.seed}/person/{person.number}")
            self.shop.customer(person, rng)
            self._announce(person)
            if person.mailbox:
                self.logs.household(person.mailbox)
            if person.number in cast.FULL:
                self.shop.address(person, rng, "delivery")
                self.shop.address(person, rng, "invoice")
                at = self.calendar.ago(3, "04:00")
                self.shop.profile(rng, person.number, person.devices[0], at, person.owner())
                device = person.devices[0]
                self.shop.profile(rng, None, device, at, self.people.device_owner(device))
            elif not fixed:
                self._habits(person, rng)
        for subject, named in self._who.named.items():
            if ":" in subject:
                self.answers.subject(subject, note="", named=named)

    def _announce(self, person: Person) -> None:
        """Each person once: a merged account by the first of the two."""
        if person.subject != str(person.number):
            return
        people = [person]
        if person.merged_into is not None:
            people.append(self.people.customer(person.merged_into))
        named: list[dict[str, object]] = [{"shop.customer_id": p.number} for p in people]
        for address in dict.fromkeys(p.emails[-1].address for p in people):
            named.append({"email": address})
            if address.isascii():
                named.append({"email": address.swapcase()})
        named += [way for way in self._who.named.get(person.subject, []) if way not in named]
        note = f"cast {person.number}" if person.number in cast.PEOPLE else ""
        if person.mailbox:
            candidates = [[int(subject)] for subject in person.mailbox]
            self.answers.subject(person.subject, note=note, named=named, ambiguous=True, candidates=candidates)
        else:
            self.answers.subject(person.subject, note=note, named=named)

    def _habits(self, person: Person, rng: Random) -> None:
        for _ in range(int(rng.random() * 3)):
            self.shop.address(person, rng, "delivery" if rng.random() < 0.7 else "invoice")
        for table in _EXTRAS:
            if rng.random() < 0.3:
                self._extra(person, table, rng)
        for device in person.devices:
            if rng.random() < 0.25:
                at = self.calendar.now - int(rng.random() * 300) * DAY
                signed_in = rng.random() < 0.5 and at >= person.created
                owner = person.owner() if signed_in else self.people.device_owner(device)
                self.shop.profile(rng, person.number if signed_in else None, device, at, owner)

    def _extra(self, person: Person, table: str, rng: Random) -> None:
        """With their number; or known by the address alone, also from before there was an account."""
        earliest = FIRST_DAY if rng.random() < 0.2 else person.created
        at = _second(earliest + int(rng.random() * (self.calendar.now - earliest)))
        email, number, owner = person.address_at(at), None, person.owner_by_address()
        if at >= person.created and rng.random() < 0.7:
            number, owner = person.number, person.owner()
        elif email is None:
            return
        if email is not None and rng.random() < 0.3:
            # By eye: nobody writes an address the same way twice.
            email = email.upper() if email.isascii() else email.replace(".example", ".EXAMPLE")
        if table == "newsletter" and email is None:
            return
        getattr(self.shop, table)(rng, number, email, at, owner)

    def guests(self) -> None:
        """What guests left besides orders."""
        for guest in cast.GUESTS:
            self.announce_guest(guest)
        for number in range(self.size.guests):
            guest = self.people.guest(number)
            rng = Random(f"{self.people.seed}/guest/{number}/habits")
            for table in _EXTRAS:
                if rng.random() < 0.15:
                    at = _second(FIRST_DAY + int(rng.random() * (self.calendar.now - FIRST_DAY)))
                    self.announce_guest(guest)
                    getattr(self.shop, table)(rng, None, guest.address, at, guest.owner())

    def announce_guest(self, guest: Guest) -> None:
        """A guest is a subject: once there is anything with their address on it."""
        named = [{"email": guest.address}]
        if guest.address.isascii():
            named.append({"email": guest.address.upper()})
        note = "cast guest" if guest in cast.GUESTS else ""
        self.answers.subject(guest.owner().always[0], note=note, named=named)

    def extras(self) -> None:
        """The cast's own."""
        for extra in cast.extras(self.calendar):
            write = getattr(self.shop, extra.table)
            write(self._cast_rng, extra.number, extra.email, extra.at, extra.owner, **extra.more)

    def old_orders(self) -> None:
        """Orders from before the logs begin, in order of time; the last two days before that have none."""
        for number, order in self._cast_orders.pop(-1, []):
            self.shop.order(order, number, Random(f"cast/order/{number}"))
        rng = Random(f"{self.people.seed}/old orders")
        span = self.calendar.start - 2 * DAY - FIRST_DAY
        for n in range(self.size.old_orders):
            at = FIRST_DAY + int(span * (n + rng.random()) / max(1, self.size.old_orders))
            person, way = self.people.anyone(rng), rng.random()
            order = None
            if way < 0.7 and at >= person.created:
                in_store = rng.random() < 0.1
                ip, agent = (None, None) if in_store else (person.ip, person.agent)
                order = by_customer(person, at, ip, agent, rng, self.people)
            elif way < 0.8:
                order = by_address(person, at)
            order = order or by_guest(self.people.any_guest(rng), at)
            give(order, rng, self.people)
            self._write_order(order, rng)

    def _write_order(self, order: Order, rng: Random) -> None:
        for side, name, email in (
            (order.owner, order.name, order.email), (order.gift_owner, *(order.gift or ("", "", ""))[1:]),
        ):  # fmt: skip
            if side.always and side.always[0].startswith("guest:"):
                self.announce_guest(Guest(email or "", name, "", ""))
        self.shop.order(order, self._order, rng)
        self._order += 1

    def days(self) -> None:
        """The 13 months of logs, with their sessions and orders."""
        for n, plan in enumerate(self._plans()):
            sessions = plan.sessions()
            orders = plan.orders(sessions)
            lines, fixed = list(plan.lines(sessions, orders)), []
            rng = Random(f"{self.people.seed}/day/{plan.day}/rows")
            for order in orders:
                self._write_order(order, rng)
            for session in self._cast_sessions.get(n, []):
                sessions.append(session)
                fixed += lines_of(session, self._cast_rng, self.people)
            for session in self._cast_strays.get(n, []):
                fixed += lines_of(session, self._cast_rng, self.people)
            for number, order in self._cast_orders.get(n, []):
                self.shop.order(order, number, Random(f"cast/order/{number}"))
                orders.append(order)
                fixed += lines_around(order, self._cast_rng)
            visits = list(self._visits(sessions, orders))
            self.logs.day(n, visits, lines, fixed)

    def _visits(self, sessions: Iterable[Session], orders: Iterable[Order]) -> Iterator[Visit]:
        for session in sessions:
            if session.number is not None:
                owner = self.people.customer(session.number).owner()
            else:
                owner = self.people.device_owner(session.device)
            self.shop.session(session, owner)
            end = session.start if session.end is None else session.end
            # Nobody wrote down the end: they may have been there for half an hour.
            until = session.start + 30 * MINUTE if session.end is None else end
            yield Visit(session.start, end, session.ip, session.agent, self.logs.whose(owner), until)
        for order in orders:
            if order.ip is not None:
                # Half an hour around the order counts as a visit.
                at = order.at
                end = at + 30 * MINUTE
                yield Visit(at - 30 * MINUTE, end, order.ip, order.agent or "", self.logs.whose(order.owner), end)


def _second(at: int) -> int:
    return at // 1_000_000 * 1_000_000
