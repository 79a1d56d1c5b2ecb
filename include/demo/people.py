"""Who there is: customers and guests as functions of their number, so that a shop of any size needs no memory.

Among every twenty customers from 2001 on, by ``(number - 2001) % 20``:

== ===========================================================================
3  was merged into the next number
7  shares a mailbox, a tablet and a home with the next number (a household)
11 changed their address; the next number was given the old one later
15 changed their address twice
17 shares a tablet and a home with the next number, each with an address of their own
== ===========================================================================
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import NamedTuple

from demo import words
from demo.moments import DAY, HOUR, Calendar, utc
from demo.owners import NOBODY, Owner

FIRST = 2001


def fold(address: str) -> str:
    """An address without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).casefold())


class Held(NamedTuple):
    """An address, from when, until when (None: still)."""

    address: str
    start: int
    end: int | None


class Device(NamedTuple):
    """A device.

    :param holders: numbers of the customers who use it; ``slot``: which of theirs it is.
    """

    text: str
    slot: int
    holders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer.

    :param emails: in order of time; the last is the present one.
    :param inherited: the first address was somebody else's before: what came before is not this person's.
    :param subject: the number under which the answer sheet has them: the lowest of merged accounts.
    :param mailbox: the subjects that share the present address, where it is shared.
    """

    number: int
    gender: str | None
    first: str
    infix: str | None
    last: str
    created: int
    emails: tuple[Held, ...]
    ip: str
    devices: tuple[Device, ...]
    agent: str
    subject: str
    merged_into: int | None = None
    inherited: bool = False
    mailbox: tuple[str, ...] = ()
    birth: str | None = None
    engaged: str | None = None
    wed: str | None = None
    notes: str | None = None

    @property
    def name(self) -> str:
        """In full."""
        return " ".join(part for part in (self.first, self.infix, self.last) if part)

    @property
    def phone(self) -> str:
        """A number that is plainly made up."""
        return f"06-0000{self.number % 10_000:04}"

    def address_at(self, at: int) -> str | None:
        """The address that was theirs then; before the first one, the first, unless it was somebody else's."""
        for held in self.emails:
            if held.start <= at and (held.end is None or at < held.end):
                return held.address
        return None if self.inherited or at >= self.emails[0].start else self.emails[0].address

    def owner(self) -> Owner:
        """Of a record with their number."""
        return Owner((self.subject,))

    def owner_by_address(self) -> Owner:
        """Of a record with :meth:`address_at` and no number."""
        return Owner((), self.mailbox) if self.mailbox else self.owner()


class Guest(NamedTuple):
    """Somebody who orders without an account."""

    address: str
    name: str
    ip: str
    agent: str

    def owner(self) -> Owner:
        """Of a record with their address."""
        return Owner((f"guest:{fold(self.address)}",))


def plain(text: str) -> str:
    """A name as it may stand in an address."""
    return text.lower().replace(" ", "").replace("ı", "i")


class People:
    """Everybody of one demo shop, the cast included.

    :param cast: the fixed people by number.
    """

    def __init__(self, seed: int, customers: int, guests: int, calendar: Calendar, cast: dict[int, Person]) -> None:
        if customers % 20 or customers < 20:
            raise ValueError("a demo shop has a multiple of 20 customers")
        self.seed, self.customers, self.guests, self.calendar, self.cast = seed, customers, guests, calendar, cast
        self.linked = bytearray(FIRST + customers)
        """For each number the devices (by slot, as bits) on which that customer signed in."""
        self.customer = lru_cache(maxsize=4096)(self._customer)
        self.guest = lru_cache(maxsize=1024)(self._guest)

    def numbers(self) -> list[int] | range:
        """The numbers of the random customers."""
        return range(FIRST, FIRST + self.customers)

    def anyone(self, rng: Random) -> Person:
        """A random customer (never one of the cast)."""
        return self.customer(FIRST + int(rng.random() * self.customers))

    def any_guest(self, rng: Random) -> Guest:
        """A random guest."""
        return self.guest(int(rng.random() * self.guests))

    def device_owner(self, device: Device) -> Owner:
        """Of a record with this device and no number: who signed in on it, if it was one person."""
        subjects = {self.customer(n).subject for n in device.holders if self.linked[n] >> device.slot & 1}
        if len(subjects) == 1:
            return Owner(tuple(subjects))
        return Owner((), (), tuple(sorted(subjects))) if subjects else NOBODY

    def _guest(self, number: int) -> Guest:
        rng = Random(f"{self.seed}/guest/{number}")
        gender = _pick(rng, "vmx")
        first, (infix, last) = _pick(rng, words.FIRST_NAMES[gender]), _pick(rng, words.LAST_NAMES)
        address = f"{plain(first)}.{plain(last)}.g{number}@{_pick(rng, words.DOMAINS)}"
        return Guest(address, " ".join(p for p in (first, infix, last) if p), home(rng), _pick(rng, words.AGENTS))

    def _customer(self, number: int) -> Person:
        if number in self.cast:
            return self.cast[number]
        place = (number - FIRST) % 20
        rng = Random(f"{self.seed}/customer/{number}")
        gender = _pick(rng, "vvvmmmx")
        first, (infix, last) = _pick(rng, words.FIRST_NAMES[gender]), _pick(rng, words.LAST_NAMES)
        own = f"{plain(first)}.{plain(last)}.{number}@{_pick(rng, words.DOMAINS)}"
        earliest, latest = utc("2018-01-01"), self.calendar.now - 30 * DAY
        created = _between(rng, earliest, latest)
        emails, inherited = self._addresses(rng, place, number, own, created)
        ip = home(rng)
        devices = tuple(
            Device(f"did-{rng.getrandbits(40):010x}", slot, (number,)) for slot in range(1 + (rng.random() < 0.4))
        )
        mailbox: tuple[str, ...] = ()
        if place in (8, 18):
            ip = self.customer(number - 1).ip
        if place in (7, 8, 17, 18):
            pair = (number, number + 1) if place in (7, 17) else (number - 1, number)
            devices = (devices[0], Device(f"did-tablet-{self.seed}-{pair[0]}", 2, pair))
            mailbox = tuple(map(str, pair)) if place in (7, 8) else ()
        wed = rng.random() < 0.4
        return Person(
            number,
            gender if rng.random() < 0.9 else None,
            first,
            infix or None,
            last,
            emails[0].start,
            emails,
            ip,
            devices,
            _pick(rng, words.AGENTS),
            str(number - 1 if place == 4 else number),
            merged_into=number + 1 if place == 3 else None,
            inherited=inherited,
            mailbox=mailbox,
            birth=f"{1950 + int(rng.random() * 55)}-{1 + int(rng.random() * 12):02}-{1 + int(rng.random() * 28):02}"
            if rng.random() < 0.5
            else None,
            engaged=f"202{int(rng.random() * 4)}-02-14" if wed else None,
            wed=f"202{int(rng.random() * 3) + 4}-0{1 + int(rng.random() * 9)}-12" if wed else None,
            notes=_pick(rng, [None, None, "Klant belt liever niet.", "Korting toegezegd; zie collega."]),
        )

    def _addresses(self, rng: Random, place: int, number: int, own: str, created: int) -> tuple[tuple[Held, ...], bool]:
        late = self.calendar.now - 20 * DAY
        if place == 8:
            shared = self.customer(number - 1).emails[-1].address
            return (Held(shared.title() if shared.isascii() else shared, created, None),), False
        if place == 12:
            old = self.customer(number - 1).emails[0]
            since = _between(rng, (old.end or 0) + HOUR, late)
            return (Held(old.address, since, None),), True
        changes = 2 if place == 15 else 1 if place == 11 or (place != 7 and rng.random() < 0.08) else 0
        moments = [created, *sorted(_between(rng, created + HOUR, late - 5 * DAY) for _ in range(changes))]
        texts = [*(f"oud{n}.{number}@oud.example" for n in range(changes)), own]
        ends = [*moments[1:], None]
        return tuple(Held(*held) for held in zip(texts, moments, ends, strict=True)), False


def home(rng: Random) -> str:
    """An address of somebody's home: a few hundred for everybody, so that many share one. The cast has 192.0.2.1-63."""
    kind = rng.random()
    if kind < 0.25:
        return f"2001:db8:{0x1000 + int(rng.random() * 64):x}::{1 + int(rng.random() * 200):x}"
    last = int(rng.random() * 250)
    return f"192.0.2.{64 + last % 190}" if kind < 0.6 else f"198.51.100.{1 + last}"


def _pick(rng: Random, among):  # type: ignore[no-untyped-def]
    return among[int(rng.random() * len(among))]


def _between(rng: Random, low: int, high: int) -> int:
    """A whole second."""
    return (low + int(rng.random() * max(1, high - low))) // 1_000_000 * 1_000_000
