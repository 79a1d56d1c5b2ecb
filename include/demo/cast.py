"""A fixed cast: the same customer numbers, addresses, devices and visits for every seed and size.

====== ================================================================================================================
1001   Anna de Vries: has something in every dataset; ordered as a guest before she had an account
1002   Bram van den Berg: has something in every dataset
1003   Carla Mulder's first account, merged into 1004; both have the same address in another case
1005   Piet Jansen, and 1006 Wil Jansen: one mailbox for the household, with guest orders and more on it
1007   Lotte Bakker: changed her address on 2023-01-15; 1008 Lars Bakker was given the old one on 2023-06-01
1009   Sjoerd d'Hondt, 1010 Kees 't Hooft, 1011 '; DROP TABLE klanten; --: quotes and worse in names and messages
1012   Saskia de Boer: her address differs in case between account, order and newsletter
1013   Émilie Noël: the same with letters that are not ASCII, once with combining accents
1014   Joost Visser: joost+ring@ is somebody else, a guest
1015   and 1016: a tablet that both used: what only the tablet is known of is nobody's
1017   and 1018: one IP address, in visits that overlap (contested), in visits that do not, and with a stray line
1019   nothing but an account
1020   gave 1021 gifts, by her address and by her number
1022   is also the number of an order of 1002
1023   visits across midnight and in the hour that occurs twice
1024   an IPv6 address, and a browser whose name has quotes in it
1025   Ruud Smit: left an address that a guest has used since
1026   an order with a customer number and Anna's address on it: not Anna's
guests pieter.gast@ (no cookie: his log lines are his), petra.gast@ (with a cookie: her visit is contested by it)
====== ================================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from demo import words
from demo.moments import HOUR, MINUTE, SECOND, Calendar, local, utc
from demo.owners import NOBODY, Owner
from demo.people import Device, Guest, Held, Person
from demo.visits import Order, Session

FULL = (1001, 1002)
"""Who has a record in every dataset."""

PIETER = Guest("pieter.gast@post.example", "Pieter Gast", "192.0.2.41", words.AGENTS[0])
PETRA = Guest("petra.gast@post.example", "Petra Gast", "192.0.2.42", words.AGENTS[1])
JOOST_RING = Guest("joost+ring@post.example", "J. Visser", "192.0.2.43", words.AGENTS[2])
RUUDS_OLD = Guest("r.smit@oud.example", "Rita Smit", "192.0.2.44", words.AGENTS[3])
GUESTS = (PIETER, PETRA, JOOST_RING, RUUDS_OLD)

ANNA, LOTTES_OLD = "anna@voorbeeld.example", "bakker@oud.example"
HOUSEHOLD = "Familie.Jansen@thuis.example"
TABLET = Device("did-tablet-cast", 2, (1015, 1016))
QUOTED = 'Mozilla/5.0 (Ringen"tester" \\ Zoë)'


def _device(number: int, name: str, slot: int = 0) -> Device:
    return Device(f"did-{name}", slot, (number,))


def _person(number: int, name: tuple[str, str | None, str], address: str, **more: object) -> Person:
    since = utc("2020-01-10T09:00")
    given: dict[str, object] = {
        "gender": "v", "created": since, "emails": (Held(address, since, None),), "ip": f"192.0.2.{number - 1000}",
        "devices": (_device(number, f"cast-{number}"),), "agent": words.AGENTS[number % len(words.AGENTS)],
        "subject": str(number),
    }  # fmt: skip
    return Person(number, first=name[0], infix=name[1], last=name[2], **(given | more))  # type: ignore[arg-type]


def _people() -> list[Person]:
    start, moved, given = utc("2020-01-10T09:00"), utc("2023-01-15T12:00"), utc("2023-06-01T00:00")
    left = utc("2022-05-01T00:00")
    return [
        _person(1001, ("Anna", "de", "Vries"), ANNA, devices=(_device(1001, "anna-telefoon"), _device(1001, "anna-laptop", 1)),
            birth="1990-02-28", engaged="2025-02-14", wed="2026-06-12", notes="Belt graag; let op: verrassing!",
            emails=(Held("anna.devries@oud.example", start, moved), Held(ANNA, moved, None))),
        _person(1002, ("Bram", "van den", "Berg"), "bram@voorbeeld.example", gender="m", birth="1988-02-29", notes="",
            emails=(Held("bram@oud.example", start, moved), Held("bram@voorbeeld.example", moved, None))),
        _person(1003, ("Carla", None, "Mulder"), "carla.mulder@post.example", subject="1003", merged_into=1004),
        _person(1004, ("Carla", None, "Mulder-Smit"), "Carla.Mulder@Post.example", subject="1003"),
        _person(1005, ("Piet", None, "Jansen"), HOUSEHOLD, gender="m", mailbox=("1005", "1006"), ip="192.0.2.5"),
        _person(1006, ("Wil", None, "Jansen"), HOUSEHOLD.lower(), mailbox=("1005", "1006"), ip="192.0.2.5"),
        _person(1007, ("Lotte", None, "Bakker"), "",
            emails=(Held(LOTTES_OLD, start, moved), Held("lotte.bakker@post.example", moved, None))),
        _person(1008, ("Lars", None, "Bakker"), "", gender="m", created=given, inherited=True,
            emails=(Held(LOTTES_OLD, given, None),)),
        _person(1009, ("Sjoerd", None, "d'Hondt"), "sjoerd.d'hondt@post.example", gender="m"),
        _person(1010, ("Kees 👑", None, "'t Hooft"), "kees@post.example", gender="m"),
        _person(1011, ("'; DROP TABLE klanten; --", None, "{{ 7*7 }}"), "bobby@post.example", gender=None, notes=words.HOSTILE[3]),
        _person(1012, ("Saskia", "de", "Boer"), "Saskia.de.Boer@Post.example"),
        _person(1013, ("Émilie", None, "Noël"), "Émilie.Noël@café.example"),
        _person(1014, ("Joost", None, "Visser"), "joost@post.example", gender="m"),
        _person(1015, ("Noor", None, "Bos"), "noor@post.example", devices=(_device(1015, "cast-1015"), TABLET)),
        _person(1016, ("Daan", None, "Bos"), "daan@post.example", gender="m", devices=(_device(1016, "cast-1016"), TABLET)),
        _person(1017, ("Iris", "ten", "Brink"), "iris@post.example", ip="192.0.2.17", agent=words.AGENTS[0]),
        _person(1018, ("Ruben", "ten", "Brink"), "ruben@post.example", ip="192.0.2.17", agent=words.AGENTS[0], gender="m"),
        _person(1019, ("Stil", None, "Leven"), "stil@post.example", gender="x"),
        _person(1020, ("Gul", None, "Gever"), "gul@post.example", gender="m"),
        _person(1021, ("Blij", None, "Ontvanger"), "Blij@post.example"),
        _person(1022, ("Num", None, "Mer"), "nummer@post.example", gender="x"),
        _person(1023, ("Nacht", "van der", "Uil"), "uil@post.example", gender="x"),
        _person(1024, ("Zes", None, "Protocol"), "zes@post.example", ip="2001:db8:1042::1", agent=QUOTED),
        _person(1025, ("Ruud", None, "Smit"), "", gender="m",
            emails=(Held(RUUDS_OLD.address, start, left), Held("ruud.smit@post.example", left, None))),
        _person(1026, ("Een", None, "Ander"), "ander@post.example", gender="x"),
    ]  # fmt: skip


PEOPLE: dict[int, Person] = {person.number: person for person in _people()}


@dataclass(frozen=True, slots=True)
class Extra:
    """A record of one of the shop's simple tables.

    :param table: the method of :class:`demo.shop.Shop` that writes it.
    """

    table: str
    number: int | None
    email: str | None
    at: int
    owner: Owner
    more: dict[str, object] = field(default_factory=dict)


def sessions(calendar: Calendar) -> list[Session]:
    """The cast's visits; all within the time of the logs."""
    ago = calendar.ago

    def visit(
        number: int, days: int, clock: str, minutes: int, script: str, signed_in: bool = True, **more: object
    ) -> Session:
        person = PEOPLE[number]
        start = int(more.pop("start", ago(days, clock)))  # type: ignore[call-overload]
        lines = tuple((30 + 50 * n, who) for n, who in enumerate(script.replace(" ", "")))
        given: dict[str, object] = {"device": person.devices[0], "ip": person.ip, "agent": person.agent} | more
        end = start + minutes * MINUTE if minutes else None
        return Session(start=start, end=end, number=number if signed_in else None, script=lines, **given)  # type: ignore[arg-type]

    anna, tablet = PEOPLE[1001], {"device": TABLET}
    again = local(calendar.clock_went_back(), "02:20", fold=1)
    return [
        visit(1001, 380, "10:00", 20, "duu-u"),
        visit(1001, 30, "10:00", 20, "duu--u"),
        visit(1001, 20, "20:00", 10, "dd-", signed_in=False, ip="192.0.2.40"),
        visit(1001, 10, "12:00", 10, "uum-", device=anna.devices[1]),
        visit(1001, 5, "12:00", 0, "uu-"),
        visit(1001, 0, "08:00", 10, "duu-"),
        visit(1002, 370, "09:00", 15, "du-u"),
        visit(1002, 29, "11:00", 15, "duu-x"),
        visit(1003, 200, "15:00", 10, "du-"),
        visit(1004, 100, "15:00", 10, "du-"),
        visit(1005, 60, "20:00", 20, "du--u"),
        visit(1006, 60, "20:10", 20, "du--u"),
        visit(1005, 59, "20:00", 20, "du--u"),
        visit(1015, 50, "10:00", 10, "duu-", **tablet),
        visit(1016, 49, "10:00", 10, "duu-", **tablet),
        visit(1015, 48, "10:00", 10, "ddd-", signed_in=False, **tablet),
        visit(1015, 47, "10:00", 10, "du-"),
        visit(1017, 40, "10:00", 30, "du----------u"),
        visit(1018, 40, "10:05", 30, "du----------u"),
        visit(1017, 41, "10:00", 10, "du--u"),
        visit(1018, 41, "12:00", 10, "du--u"),
        visit(1017, 42, "10:00", 10, "du--u"),
        visit(1017, 43, "10:00", 10, "du-x-x"),
        visit(1023, 35, "23:55", 20, "duu-u-u-u-u-u-u-u-u"),
        visit(1023, 0, "00:00", 20, "du--u", start=again - HOUR),
        visit(1023, 0, "00:00", 20, "du--u", start=again),
        visit(1024, 33, "14:00", 10, "du--x"),
    ]


def stray(calendar: Calendar) -> list[Session]:
    """A line of an unknown device at the address of 1017 during a visit of theirs; its own visit has no row there.

    It visits from elsewhere, and changes over to that address for one line: only the log knows.
    """
    return [
        Session(
            Device("did-zwerver", 0, ()),
            "192.0.2.17",
            words.AGENTS[2],
            calendar.ago(42, "10:04"),
            None,
            script=((0, "d"),),
        )
    ]


def orders(calendar: Calendar) -> list[tuple[int, Order]]:
    """The cast's orders, with their numbers."""
    ago = calendar.ago

    def order(
        no: int, at: int, number: int | None, email: str | None, owner: Owner, who: Person | Guest, **more: object
    ) -> tuple[int, Order]:
        given: dict[str, object] = {"ip": who.ip, "agent": who.agent, "fixed": {"order_id": no}} | more
        return no, Order(at, number, email, who.name, owner=owner, **given)  # type: ignore[arg-type]

    def own(no: int, at: int, number: int, email: str | None = None, **more: object) -> tuple[int, Order]:
        person = PEOPLE[number]
        return order(no, at, number, email or person.emails[-1].address, person.owner(), person, **more)

    def by_address(no: int, at: int, number: int, email: str, **more: object) -> tuple[int, Order]:
        person = PEOPLE[number]
        return order(no, at, None, email, person.owner_by_address(), person, **more)

    def guest(no: int, at: int, who: Guest, **more: object) -> tuple[int, Order]:
        return order(no, at, None, who.address, who.owner(), who, **more)

    lines = ((-120, "-"), (-60, "-"), (0, "-"), (60, "x"), (1900, "-"))
    gift = PEOPLE[1021]
    return [
        own(1101, ago(30, "10:15"), 1001),
        by_address(1102, utc("2019-05-05T10:00"), 1001, "Anna.deVries@oud.example"),
        own(1103, utc("2019-11-30T10:00"), 1002, "bram@oud.example", ip=None, agent=None),
        own(1104, ago(29, "11:10"), 1002),
        own(1022, utc("2021-03-03T10:00"), 1002),
        own(1105, utc("2021-06-01T10:00"), 1003),
        by_address(1106, ago(90, "16:00"), 1004, "CARLA.MULDER@POST.EXAMPLE", script=lines),
        own(1107, ago(58, "20:00"), 1005),
        own(1108, ago(57, "20:00"), 1006, HOUSEHOLD.upper()),
        by_address(1109, ago(56, "20:00"), 1005, HOUSEHOLD.lower(), script=lines),
        by_address(1110, utc("2021-02-01T10:00"), 1007, LOTTES_OLD),
        own(1111, utc("2022-02-01T10:00"), 1007, LOTTES_OLD),
        by_address(1112, utc("2024-02-01T10:00"), 1008, LOTTES_OLD),
        order(1113, utc("2023-03-01T10:00"), None, LOTTES_OLD, NOBODY, PEOPLE[1007]),
        own(1114, utc("2024-05-01T10:00"), 1009),
        own(1115, utc("2024-05-02T10:00"), 1010),
        own(1116, utc("2024-05-03T10:00"), 1011),
        by_address(1117, utc("2022-08-01T10:00"), 1012, "saskia.de.boer@POST.EXAMPLE"),
        by_address(1118, utc("2022-08-02T10:00"), 1013, "ÉMILIE.NOËL@CAFÉ.EXAMPLE"),
        own(1119, utc("2022-08-03T10:00"), 1014),
        guest(1120, utc("2022-08-04T10:00"), JOOST_RING),
        guest(1121, ago(25, "13:00"), PIETER, script=lines),
        guest(1122, ago(24, "13:00"), PETRA, script=lines),
        guest(1123, utc("2024-01-01T10:00"), RUUDS_OLD),
        own(1124, utc("2021-01-01T10:00"), 1025, RUUDS_OLD.address),
        own(1125, utc("2025-05-05T10:00"), 1020, gift=(None, "Blij O.", "blij@POST.example"), gift_owner=gift.owner()),
        own(1126, utc("2025-05-06T10:00"), 1020, gift=(1021, gift.name, None), gift_owner=gift.owner()),
        own(1127, ago(23, "12:00"), 1026, ANNA, script=lines),
    ]


def petras_session(calendar: Calendar) -> list[Session]:
    """Petra's cookie, which nothing ties to her: her own order's visit is contested by it."""
    at = calendar.ago(24, "12:55")
    return [
        Session(Device("did-petra", 0, ()), PETRA.ip, PETRA.agent, at, at + 10 * MINUTE, script=((10, "d"), (310, "d")))
    ]


def extras(calendar: Calendar) -> list[Extra]:
    """Records that only the cast has."""
    found: list[Extra] = []
    tables = ("quote", "review", "newsletter", "contest", "survey", "message")
    for number in FULL:
        person = PEOPLE[number]
        for n, table in enumerate(tables):
            at = utc(f"2025-0{n + 1}-10T10:00")
            email = person.emails[-1].address
            found.append(Extra(table, number, email, at, person.owner()))
            found.append(Extra(table, None, email.upper(), at + HOUR, person.owner()))
    for n, table in enumerate(tables):
        found.append(Extra(table, None, PIETER.address, utc(f"2025-0{n + 1}-11T10:00"), PIETER.owner()))
    lotte, lars, mailbox = PEOPLE[1007], PEOPLE[1008], PEOPLE[1005]
    saskia, emilie = PEOPLE[1012], PEOPLE[1013]
    moved, given = lotte.emails[0].end or 0, lars.created
    found += [
        # To the moment: the old address stops being Lotte's when the new one starts.
        Extra("newsletter", None, LOTTES_OLD, moved - SECOND, lotte.owner()),
        Extra("newsletter", None, LOTTES_OLD, moved, NOBODY),
        Extra("newsletter", None, LOTTES_OLD, given - SECOND, NOBODY),
        Extra("newsletter", None, LOTTES_OLD, given, lars.owner()),
        Extra("newsletter", None, HOUSEHOLD, utc("2024-01-02T10:00"), mailbox.owner_by_address()),
        Extra("message", 1006, HOUSEHOLD, utc("2024-01-03T10:00"), PEOPLE[1006].owner()),
        Extra("newsletter", None, "SASKIA.DE.BOER@POST.EXAMPLE", utc("2024-01-04T10:00"), saskia.owner()),
        Extra(
            "newsletter", None, "e\u0301milie.noe\u0308l@cafe\u0301.example", utc("2024-01-05T10:00"), emilie.owner()
        ),
        Extra("newsletter", None, JOOST_RING.address, utc("2024-01-06T10:00"), JOOST_RING.owner()),
        Extra("newsletter", None, RUUDS_OLD.address, utc("2021-07-01T10:00"), PEOPLE[1025].owner()),
        Extra("newsletter", None, RUUDS_OLD.address, utc("2025-07-01T10:00"), RUUDS_OLD.owner()),
    ]
    for n, text in enumerate(words.HOSTILE):
        number = (1009, 1010, 1011)[n % 3]
        person = PEOPLE[number]
        more: dict[str, object] = {"name": text if n % 2 else person.name, "body": text}
        found.append(
            Extra("message", number, person.emails[-1].address, utc(f"2024-06-1{n}T10:00"), person.owner(), more)
        )
    return [extra for extra in found if extra.at < calendar.now]


def rng() -> Random:
    """Random numbers for the cast's details: the same for every seed."""
    return Random("cast")
