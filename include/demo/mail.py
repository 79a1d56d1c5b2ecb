"""The e-mail archive: a Maildir++ whose messages are written byte by byte, with who is on each and who is only named in it.

A message's name is that of the time at which it came in: the same seed gives the same names, bytes and file times.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from random import Random

from demo import words
from demo.answers import Answers
from demo.files import pdf
from demo.moments import DAY, HOUR, SECOND, Calendar, day_of, iso, mail_date, utc
from demo.owners import NOBODY, Owner
from demo.people import Guest, People
from demo.terms import MONTHS_OF_MESSAGES, YEARS_OF_ACCOUNTS, months_after, years_of_accounts

FIRST_DAY = utc("2019-01-01")
INFO, STAFF = "info@diamonto.example", ("sanne@diamonto.example", "tim@diamonto.example")
DATASETS = {
    "INBOX": "correspondence", "Klanten": "correspondence", "Verzonden": "correspondence",
    "Administratie": "administration", "Sollicitaties": "applications",
}  # fmt: skip
"""The first part of a folder's name -> the dataset that the data map puts it in."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it will lie in the archive.

    :param at: when it came in (whole seconds count).
    :param head: header lines, as bytes, each without its line end.
    :param owner: of all who are on it; ``blind``: each of its blind copies; ``unseen``: each whom the envelope alone names.
    :param mentioned: who is named in it only; ``internal``: likewise, where all who are on it are staff.
    :param name: the file's whole name, where it is no ordinary one; with ``base``: what of it names the message.
    """

    folder: str
    at: int
    head: tuple[bytes, ...]
    body: bytes
    owner: Owner = NOBODY
    blind: tuple[Owner, ...] = ()
    unseen: tuple[Owner, ...] = ()
    mentioned: Owner = NOBODY
    internal: Owner = NOBODY
    flags: str = "S"
    fresh: bool = False
    sizes: bool = False
    name: str = ""
    base: str = ""


@dataclass(slots=True)
class Mail:
    """Writes messages.

    :param to: the Maildir.
    """

    to: Path
    answers: Answers
    counts: dict[str, int] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._folder("INBOX")

    def put(self, message: Message) -> None:
        """Write one, and tell whose it is."""
        number = sum(self.counts.values()) + 1
        content = b"\n".join((*message.head, b"", message.body)) if message.head or message.body else b""
        base = message.base or f"{message.at // SECOND}.M{message.at % SECOND:06}P{number}.mail"
        name = message.name or base
        if message.sizes:
            name += f",S={len(content)},W={len(content) + content.count(10)}"
        folder = self._folder(message.folder)
        file = folder / ("new" if message.fresh else "cur") / (name if message.fresh else f"{name}:2,{message.flags}")
        file.write_bytes(content)
        os.utime(file, (message.at // SECOND, message.at // SECOND))
        dataset = DATASETS[message.folder.partition(".")[0]]
        self.counts[f"mail.{dataset}"] = self.counts.get(f"mail.{dataset}", 0) + 1
        withheld = {"internal": message.internal, "mention": message.mentioned}
        aside = {"bcc": message.blind, "envelope": message.unseen}
        left_out = {column: _others(message.owner, its) for column, its in aside.items() if its}
        self.answers.record(
            f"mail.{dataset}", [_label(message.folder), base], message.owner, withheld=withheld, left_out=left_out
        )
        # The mail of applications follows the applicants, who are written later.
        if dataset == "correspondence":
            due = months_after(day_of(message.at), MONTHS_OF_MESSAGES)
            self.answers.term(f"mail.{dataset}", [_label(message.folder), base], due)
        elif dataset == "administration":
            due = years_of_accounts(day_of(message.at), YEARS_OF_ACCOUNTS)
            self.answers.term(f"mail.{dataset}", [_label(message.folder), base], due, least=True)

    def _folder(self, name: str) -> Path:
        folder = self.to if name == "INBOX" else self.to / f".{_utf7(name)}"
        if name not in self._made:
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            if name != "INBOX":
                (folder / "maildirfolder").touch()
                os.utime(folder / "maildirfolder", (0, 0))
            self._made.add(name)
        return folder


def _others(owner: Owner, blind: tuple[Owner, ...]) -> Owner:
    """Of whose copies a blind copy of somebody else is left out."""

    def sees_less(subject: str) -> bool:
        return any(subject not in b.always and subject not in b.theirs for b in blind)

    return Owner(tuple(filter(sees_less, owner.always)), tuple(filter(sees_less, owner.theirs)))


def _label(folder: str) -> str:
    """What a folder is called outside of the archive: by its name where the data map has it, else `Klanten.* #<digest>`."""
    if folder in DATASETS:
        return folder
    return f"{folder.partition('.')[0]}.* #{hashlib.sha256(folder.encode()).hexdigest()[:12]}"


def _utf7(name: str) -> str:
    """A folder's name as IMAP writes it: in a UTF-7 of its own."""
    if name.isascii():
        return name
    made = []
    for char in name:
        if char.isascii():
            made.append("&-" if char == "&" else char)
        else:
            made.append("&" + base64.b64encode(char.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-")
    return "".join(made)


def word(text: str) -> str:
    """A text as an encoded word, if it needs to be one."""
    return text if text.isascii() else f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def lines(*given: str) -> tuple[bytes, ...]:
    """Header lines."""
    return tuple(line.encode() for line in given)


def in_base64(data: bytes) -> bytes:
    """Base64 in lines."""
    return base64.encodebytes(data)


def in_quoted_printable(text: str) -> bytes:
    """Quoted-printable, with soft line breaks."""
    return binascii.b2a_qp(text.encode(), istext=True)


def coded(text: str, how: int) -> tuple[tuple[bytes, ...], bytes]:
    """Header lines and body of a text: as it is, quoted-printable, or base64."""
    kind = "Content-Type: text/plain; charset=utf-8"
    if how == 1:
        return lines("MIME-Version: 1.0", kind, "Content-Transfer-Encoding: quoted-printable"), in_quoted_printable(
            text
        )
    if how == 2:
        return lines("MIME-Version: 1.0", kind, "Content-Transfer-Encoding: base64"), in_base64(text.encode())
    return lines("MIME-Version: 1.0", kind, "Content-Transfer-Encoding: 8bit"), text.encode()


def parts(*given: tuple[str, bytes], boundary: str = "=_grens", kind: str = "mixed", closed: bool = True):  # type: ignore[no-untyped-def]
    """Header lines and body of a message in parts: (header lines, body) each."""
    body = b"".join(b"--%s\n%s\n\n%s\n" % (boundary.encode(), head.encode(), content) for head, content in given)
    head = lines("MIME-Version: 1.0", f'Content-Type: multipart/{kind}; boundary="{boundary}"')
    return head, body + (b"--%s--\n" % boundary.encode() if closed else b"")


def attached(name: str, kind: str, data: bytes, times: int = 1) -> tuple[str, bytes]:
    """A part: a file in base64; one of whole lines may stand in it many times."""
    head = (
        f'Content-Type: {kind}\nContent-Disposition: attachment; filename="{name}"\nContent-Transfer-Encoding: base64'
    )
    return head, in_base64(data) * times


def plain(text: str) -> tuple[str, bytes]:
    """A part: a text."""
    return "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", text.encode()


class Threads:
    """Random conversations by e-mail: customers and guests with staff, and what staff and others write about them.

    :param announce: told of every guest who is on a message.
    """

    def __init__(self, mail: Mail, people: People, calendar: Calendar, announce) -> None:  # type: ignore[no-untyped-def]
        self._mail, self._people, self._calendar, self._announce = mail, people, calendar, announce

    def write(self, number: int) -> None:
        """One conversation."""
        rng = Random(f"{self._people.seed}/thread/{number}")
        span = self._calendar.now - 3 * DAY - FIRST_DAY
        at = FIRST_DAY + int(rng.random() ** 0.5 * span)
        private = None
        if rng.random() < 0.75:
            person = self._people.anyone(rng)
            address, name, owner = person.address_at(at), person.name, person.owner_by_address()
            if address is None:
                return
            private = person.owner() if not person.mailbox else None
        else:
            guest = self._guest(rng)
            address, name, owner = guest.address, guest.name, guest.owner()
        if rng.random() < 0.3 and address.isascii():
            address = address.upper() if rng.random() < 0.5 else address.title()
        self._talk(rng, number, at, address, name, owner)
        if private is not None:
            self._about(rng, number, at + 3 * HOUR, address, private)

    def _guest(self, rng: Random) -> Guest:
        guest = self._people.any_guest(rng)
        self._announce(guest)
        return guest

    def _talk(self, rng: Random, number: int, at: int, address: str, name: str, owner: Owner) -> None:
        staff = STAFF[number % 2]
        question = words.MESSAGES[int(rng.random() * len(words.MESSAGES))].replace("\r\n", "\n")
        topic = f"Vraag {number} over een {words.KINDS[int(rng.random() * 7)]}"
        asked = f"vraag-{number}@brievenbus.example"
        year = (iso(at) or "")[:4]
        how, copy = int(rng.random() * 3), rng.random()
        head = [
            f"Return-Path: <{address}>", f"From: {word(name)} <{address}>", f"To: Diamonto <{INFO}>",
            f"Subject: {word(topic + ' 💍' if how else topic)}", f"Message-ID: <{asked}>", f"Date: {mail_date(at)}",
        ]  # fmt: skip
        everybody, partner = owner, ""
        if copy < 0.2:
            guest = self._guest(rng)
            everybody, partner = owner | guest.owner(), guest.address
            head.append(f"Cc: {word(guest.name)} <{partner}>")
        more, body = coded(question, how)
        if copy > 0.85:
            more, body = parts(plain(question), attached("foto.pdf", "application/pdf", pdf(f"Ring {number}")))
        folder = "INBOX" if how else f"Klanten.{year}"
        self._mail.put(Message(folder, at, (*lines(*head), *more), body, everybody, sizes=how == 2, fresh=copy > 0.97))
        if rng.random() < 0.8:
            self._answer(rng, number, at + 2 * HOUR, staff, address, partner, question, everybody)
        if rng.random() < 0.15:
            more, body = parts(
                plain("In de bijlage uw factuur."),
                attached(f"F{number}.pdf", "application/pdf", pdf(f"Factuur {number}")),
            )
            head = [
                "From: facturen@diamonto.example",
                f"To: {address}",
                f"Subject: Factuur {number}",
                f"Date: {mail_date(at + HOUR)}",
            ]
            folder = "Administratie" if how else "Administratie.Facturen"
            self._mail.put(Message(folder, at + HOUR, (*lines(*head), *more), body, owner))

    def _answer(
        self, rng: Random, number: int, at: int, staff: str, address: str, partner: str, question: str, owner: Owner
    ) -> None:
        head = [
            f"From: {staff}", f"To: <{address}>", f"Subject: Re: vraag {number}", f"Date: {mail_date(at)}",
            f"Message-ID: <antwoord-{number}@mail.diamonto.example>", f"In-Reply-To: <vraag-{number}@brievenbus.example>",
        ]  # fmt: skip
        if partner:
            head.append(f"Cc: {partner}")
        blind: tuple[Owner, ...] = ()
        if rng.random() < 0.15:
            head.append("Bcc: archief@diamonto.example")
            blind = (NOBODY,)
        elif rng.random() < 0.05:
            guest = self._guest(rng)
            if not guest.owner().touches(owner):
                head.append(f"Bcc: {guest.address}")
                blind, owner = (guest.owner(),), owner | guest.owner()
        quoted = "\n".join(f"> {line}" for line in question.split("\n"))
        more, body = coded(
            f"Beste klant,\n\nDank voor uw bericht, wij bellen u.\n\n{address} schreef:\n{quoted}\n",
            int(rng.random() * 3),
        )
        self._mail.put(Message("Verzonden", at, (*lines(*head), *more), body, owner, blind=blind))

    def _about(self, rng: Random, number: int, at: int, address: str, person: Owner) -> None:
        """What others write of a customer."""
        kind = rng.random()
        if kind < 0.08:
            head = (f"From: {STAFF[0]}", f"To: {STAFF[1]}", f"Subject: Klant {number}", f"Date: {mail_date(at)}")
            more, body = coded(f"Kun jij {address} terugbellen?\n", int(rng.random() * 3))
            self._mail.put(Message("INBOX", at, (*lines(*head), *more), body, internal=person))
        elif kind < 0.12:
            smith = Guest(f"werkplaats{number % 7}@atelier.example", "Goudsmid", "", "")
            self._announce(smith)
            head = (f"From: {smith.address}", f"To: {INFO}", f"Subject: Reparatie {number}", f"Date: {mail_date(at)}")
            more, body = coded(f"De ring van {address} is klaar.\n", int(rng.random() * 3))
            self._mail.put(Message("INBOX", at, (*lines(*head), *more), body, smith.owner(), mentioned=person))


def union(*owners: Owner) -> Owner:
    """The owners of a message with all of these on it."""
    return reduce(or_, owners, NOBODY)
