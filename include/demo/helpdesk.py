"""The helpdesk's dumps: they overlap, and of each conversation the latest version holds.

====== =============================================================================================================
9001   Anna's, by her number: open in the first dump, closed in the last
9002   Bram's, by his address alone, in another case
9003   Saskia's, in the first dump only
9004   was 1017's by mistake; corrected to 1018: the same time of change in the last two dumps, the last one holds
9005   Pieter Gast's, a guest's; Anna took part; notes of staff
9006   1026's, with Anna's address: the number decides
9007   of the household's mailbox
9008   and 9009: of an address that was passed on, in the time of the one and of the other
9010   nobody's: a chat without a name
9011   the last dump has an older version of it than the one before: what changed latest holds
9012   Daan's, in which he took part himself as well, and Noor did; words that would like to be commands
====== =============================================================================================================
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from demo import words
from demo.answers import Answers
from demo.cast import ANNA, HOUSEHOLD, LOTTES_OLD, PEOPLE, PIETER
from demo.moments import DAY, HOUR, MINUTE, SECOND, Calendar, day_of, iso, iso_micros, local, utc
from demo.owners import NOBODY, Owner
from demo.people import Guest, People
from demo.terms import MONTHS_OF_MESSAGES, months_after

DATASET = "helpdesk.conversations"
_DUMPS = (200, 100, 7)
"""How many days ago a dump was made, at 03:00; each has what changed in the 120 days before it."""

_REACH = 120 * DAY


@dataclass(frozen=True, slots=True)
class Conversation:
    """One version of a conversation.

    :param customer, email, name: of who asked; ``participants``: (address, name) of who took part.
    """

    number: int
    created: int
    updated: int
    customer: int | None
    email: str | None
    name: str | None
    owner: Owner
    participants: tuple[tuple[str, str], ...] = ()
    status: str = "open"
    text: str = "Kan dit ook in platina?"
    note: str | None = None

    def document(self) -> dict[str, Any]:
        """As the supplier writes it."""
        messages = [
            {"author": self.name or "anoniem", "at": iso(self.created), "body": self.text, "internal": False},
            {"author": "Sanne", "at": iso(self.created + 5 * MINUTE), "body": "Dat kan. 💍", "internal": False},
        ]
        if self.note is not None:
            messages.insert(1, {"author": "Tim", "at": iso(self.created + MINUTE), "body": self.note, "internal": True})
        requester = None
        if self.name is not None:
            phone = f"06-0000{self.number % 10_000:04}" if self.number % 3 else None
            requester = {"customer": self.customer, "email": self.email, "name": self.name, "phone": phone}
        return {
            "id": self.number, "subject": self.text[:40], "status": self.status, "requester": requester,
            "participants": [{"email": email, "name": name} for email, name in self.participants],
            "rating": None if self.number % 4 == 0 else self.number % 500 / 100, "tags": [words.TOPICS[self.number % 8]],
            "created_at": iso(self.created), "updated_at": iso_micros(self.updated), "messages": messages,
        }  # fmt: skip


def _cast(calendar: Calendar) -> list[tuple[Conversation | None, ...]]:
    """For each conversation its version in each dump."""
    made = [local(calendar.today - timedelta(days=days), "03:00") for days in _DUMPS]
    first, second, third = (at - 5 * DAY for at in made)

    def by(number: int, person: int, at: int, **more: object) -> Conversation:
        who = PEOPLE[person]
        given: dict[str, Any] = {
            "customer": person,
            "email": who.emails[-1].address,
            "name": who.name,
            "owner": who.owner(),
        } | more
        return Conversation(number, at, at + HOUR, **given)

    anna = by(9001, 1001, first, text="Wanneer is mijn ring klaar?", note="Klant is ongeduldig.")
    bram = by(9002, 1002, first, customer=None, email="BRAM@voorbeeld.example")
    wrong, right = by(9004, 1017, second), by(9004, 1018, second)
    guest = Conversation(
        9005,
        second,
        second + DAY,
        None,
        PIETER.address,
        PIETER.name,
        PIETER.owner() | PEOPLE[1001].owner(),
        ((ANNA.upper(), "Anna"),),
        note="Zelfde adres als 1001?",
    )
    number = by(9006, 1026, third, email=ANNA)
    mailbox = by(9007, 1005, third, customer=None, email=HOUSEHOLD.upper(), owner=PEOPLE[1005].owner_by_address())
    lotte, lars = (
        by(n, p, at, customer=None, email=LOTTES_OLD)
        for n, p, at in ((9008, 1007, utc("2021-09-01T10:00")), (9009, 1008, utc("2024-09-01T10:00")))
    )
    lotte, lars = replace(lotte, updated=first), replace(lars, updated=first)
    nobody = Conversation(9010, third, third + MINUTE, None, None, None, NOBODY)
    newer = by(9011, 1024, second)
    older = replace(by(9011, 1023, second), updated=second)
    daan = PEOPLE[1016]
    talk = by(9012, 1016, third, owner=daan.owner() | PEOPLE[1015].owner(), text=words.HOSTILE[2], note=words.HOSTILE[0],
              participants=(("daan@post.example", "Daan"), ("NOOR@post.example", words.HOSTILE[3])))  # fmt: skip
    return [
        (anna, replace(anna, status="answered", updated=second), replace(anna, status="closed", updated=third)),
        (bram, bram, None), (by(9003, 1012, first), None, None), (None, wrong, right), (None, guest, guest),
        (None, None, number), (None, None, mailbox), (lotte, None, None), (lars, None, None), (None, None, nobody),
        (None, newer, older), (None, None, talk),
    ]  # fmt: skip


class Helpdesk:
    """Writes the dumps, and tells whose the version is that holds.

    :param announce: told of every guest in one.
    """

    def __init__(
        self, to: Path, people: People, calendar: Calendar, answers: Answers, announce: Callable[[Guest], None]
    ) -> None:
        self._to, self._people, self._calendar = to / "dumps", people, calendar
        self._answers, self._announce = answers, announce
        self.count = 0

    def write(self, count: int) -> None:
        """The cast's conversations, and so many random ones."""
        self._to.mkdir(parents=True, exist_ok=True)
        made = [local(self._calendar.today - timedelta(days=days), "03:00") for days in _DUMPS]
        for place, at in enumerate(made):
            last = place == len(made) - 1
            day = self._calendar.today - timedelta(days=_DUMPS[place])
            self._dump(day, at, self._versions(place, at, count, made), plain=last)
        for versions in _cast(self._calendar):
            there = [(version.updated, place, version) for place, version in enumerate(versions) if version is not None]
            self._tell(max(there, key=lambda v: v[:2])[2])
        for number in range(count):
            conversation = self._random(number, made[-1])
            if any(at - _REACH <= conversation.updated < at for at in made):
                self._tell(conversation)

    def _tell(self, conversation: Conversation) -> None:
        self.count += 1
        self._answers.record(DATASET, [conversation.number], conversation.owner)
        due = months_after(day_of(conversation.updated), MONTHS_OF_MESSAGES)
        self._answers.term(DATASET, [conversation.number], due)

    def _versions(self, place: int, at: int, count: int, made: list[int]) -> Iterator[Conversation]:
        for versions in _cast(self._calendar):
            if (version := versions[place]) is not None:
                yield version
        for number in range(count):
            conversation = self._random(number, made[-1])
            if at - _REACH <= conversation.updated < at:
                yield conversation

    def _random(self, number: int, latest: int) -> Conversation:
        rng = Random(f"{self._people.seed}/conversation/{number}")
        at = latest - int(rng.random() * 300 * 86_400) * SECOND - 2 * DAY
        person, text = self._people.anyone(rng), words.MESSAGES[int(rng.random() * len(words.MESSAGES))]
        customer: int | None = person.number
        email, name, owner = person.address_at(at), person.name, person.owner()
        if rng.random() < 0.3 or at < person.created:
            guest = self._people.any_guest(rng)
            self._announce(guest)
            customer, email, name, owner = None, guest.address, guest.name, guest.owner()
        elif rng.random() < 0.3 and email is not None:
            customer, owner = None, person.owner_by_address()
        participants: tuple[tuple[str, str], ...] = ()
        if rng.random() < 0.15:
            other = self._people.any_guest(rng)
            self._announce(other)
            participants, owner = ((other.address.upper(), other.name),), owner | other.owner()
        updated = at + int(rng.random() * 86_400 * 2) * SECOND + int(rng.random() * 1e6)
        status = ("open", "answered", "closed")[number % 3]
        return Conversation(
            20_001 + number,
            at,
            updated,
            customer,
            email,
            name,
            owner,
            participants,
            status,
            text,
            "Let op." if number % 9 == 0 else None,
        )

    def _dump(self, day: date, at: int, conversations: Iterator[Conversation], *, plain: bool) -> None:
        """As a stream: a dump may be larger than memory."""
        file = self._to / f"conversations-{day}.json{'' if plain else '.gz'}"
        with file.open("wb") as raw:
            packed = raw if plain else gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6)
            with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text:  # type: ignore[arg-type]
                text.write(f'{{"exported_at": {json.dumps(iso(at))}, "conversations": [\n')
                for n, conversation in enumerate(conversations):
                    text.write((",\n" if n else "") + json.dumps(conversation.document(), ensure_ascii=False))
                text.write("\n]}\n")
        os.utime(file, (at // SECOND, at // SECOND))
