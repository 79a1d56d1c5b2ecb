"""Whose a message is.

Theirs are those that name an address of a subject, exactly, in a field of a party of the dataset (``parties:``), while
the address was the subject's. Of a message in which it stands elsewhere only (in what the message says, in another
field, in a name), the subject's number is given and nothing else: it is withheld, for a person to look at.

With few addresses, :class:`Sieve` looks for pieces of them in the raw bytes first, and only messages that hold them, or
that hold them in a form that cannot be searched, are read as messages. With many, every message is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from privacy.datamap.models import Dataset
from privacy.sources.base import Of, Subject
from privacy.sources.mailbox_addresses import INVISIBLE, Address, addresses, canonical, domain_of, mentioned
from privacy.sources.mailbox_headers import Head, head
from privacy.sources.mailbox_parts import Part, parts
from privacy.sources.mailbox_sieve import Sieve
from privacy.sources.mailbox_store import Sought
from privacy.sources.mailbox_words import decoded, guessed, quoted_printable, text_of

FIELDS: dict[str, tuple[str, ...]] = {
    "sender": ("from", "sender", "resent-from", "resent-sender"),
    "reply_to": ("reply-to", "resent-reply-to"),
    "to": ("to", "resent-to"),
    "cc": ("cc", "resent-cc"),
    "bcc": ("bcc", "resent-bcc"),
    "envelope": ("return-path", "delivered-to", "x-original-to", "envelope-to", "x-envelope-from", "x-envelope-to"),
}
"""The columns of addresses, and the fields that each is made of."""

INTERNAL, MENTION = "internal", "mention"

MOST_NEEDLES = 16
"""With more addresses than this, reading every message is faster than searching it for each."""

_BLOCK = re.compile(r"</?(?:br|p|div|t[dhr]|li|h[1-6])\b[^<>]*>", re.IGNORECASE)
"""Tags between which there is never one word."""
_TAG = re.compile(r"<[^<>]*>")
_AROUND = re.compile(r"(?:(?<!\s)\s+)?([@.])\s*")
_SOFT_BREAK = re.compile(rb"=[ \t]*\r?\n|=[0-9A-Fa-f]{2}")


class Claim(NamedTuple):
    """That an address was a subject's: from ``low``, until before ``high``."""

    subject: int
    low: datetime | None
    high: datetime | None
    contested: bool

    def holds(self, at: datetime) -> bool:
        """Whether it was then."""
        return (self.low is None or self.low <= at) and (self.high is None or at < self.high)


class Row(NamedTuple):
    """That a message is a subject's.

    :param party: which parties they are, comma separated; None: it is withheld.
    :param withheld: why (a code), else None.
    """

    subject: int
    party: str | None
    withheld: str | None


@dataclass(slots=True)
class Message:
    """A message in memory, and what was found in it so far."""

    data: bytes = field(repr=False)
    received: datetime
    head: Head = field(init=False, repr=False)
    found: dict[str, list[Address] | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.head = head(self.data)
        self.found = {}

    def addresses(self, column: str) -> list[Address] | None:
        """The addresses of a column, each once, in order; None: the message has no such field."""
        if column not in self.found:
            named = list(self.head.named(*FIELDS[column]))
            each = {a.canonical: a for f in reversed(named) for a in reversed(addresses(f.value))}
            self.found[column] = list(reversed(each.values())) if named else None
        return self.found[column]

    def parts(self) -> Iterator[Part]:
        """Its leaves."""
        return parts(self.data, self.head)


@dataclass(slots=True)
class Verdict:
    """What a selection says of a message.

    :param asides: an address that these subjects used then, and somebody else too, is in it: it may be anybody's.
    """

    rows: list[Row]
    asides: Set[int] = frozenset()


class Whose:
    """A selection of subjects over the messages of one dataset.

    :param on: columns to match instead of the dataset's parties; then nothing is withheld.
    :param perhaps: an address that somebody else used too counts as well: what is held is held in doubt.
    :param shared: see :class:`privacy.sources.base.Selection`; then nothing is withheld either.
    """

    def __init__(
        self, dataset: Dataset, of: Of, on: tuple[str, ...] | None = None, *, perhaps: bool = False,
        shared: bool | None = None,
    ) -> None:  # fmt: skip
        self._staff = staff_of(dataset)
        self._everything = on is None and shared is None
        self._shared = shared
        parties = [(name, party.subject) for name, party in dataset.people.items()]
        self._parties = parties if on is None else [(column, (column,)) for column in on]
        self._claims: dict[str, list[Claim]] = {}
        for subject in of.subjects if self._parties else ():
            for address, claim in claims(subject):
                self._claims.setdefault(address, []).append(claim._replace(contested=claim.contested and not perhaps))
        self._mine: dict[int, list[str]] = {}
        for address, its in self._claims.items():
            for no in {claim.subject for claim in its}:
                self._mine.setdefault(no, []).append(address)
        self._domains = frozenset(address.rpartition("@")[2] for address in self._claims)
        self._sieve = Sieve(self._claims) if len(self._claims) <= MOST_NEEDLES else None

    @property
    def selects(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._claims)

    @property
    def sought(self) -> Sought | None:
        """What a store may look for by itself; None: there are too many addresses, each message is to be read."""
        if self._sieve is None:
            return None
        return Sought(self._sieve.pieces, self._everything, lambda data, at: self.judge(data, at) is not None)

    def own(self, subject: int, at: datetime) -> set[str]:
        """A subject's addresses at that time, and nobody else's then."""
        mine = self._mine.get(subject, ())
        return {
            address
            for address in mine
            if any(c.subject == subject and not c.contested and c.holds(at) for c in self._claims[address])
        }

    def judge(self, data: bytes, received: datetime) -> tuple[Message, Verdict] | None:
        """What the selection says of a message; None: nothing."""
        if self._sieve is not None and not self._sieve.may_hold(data):
            return None
        message = Message(data, received)
        mine: dict[int, list[str]] = {}
        aside: set[int] = set()
        for name, columns in self._parties:
            its = next((a for c in columns if (a := message.addresses(c)) is not None), ())
            for address in its:
                for claim in self._claims.get(address.canonical, ()):
                    if claim.holds(received):
                        if claim.contested:
                            aside.add(claim.subject)
                        elif name not in mine.setdefault(claim.subject, []):
                            mine[claim.subject].append(name)
        if self._shared is not None and (not mine or self._is_shared(message) is not self._shared):
            return None
        held = self._mentioned(message, mine.keys(), aside) if self._everything else []
        aside -= mine.keys() | set(held)
        if not mine and not held and not aside:
            return None
        why = (INTERNAL if held and self._internal(message) else MENTION) if held else None
        rows = [Row(no, ",".join(names), None) for no, names in mine.items()]
        rows += [Row(no, None, why) for no in held]
        return message, Verdict(sorted(rows, key=lambda row: row.subject), aside)

    def _mentioned(self, message: Message, known: Iterable[int], aside: set[int]) -> list[int]:
        """Who stands in it without being a party of it."""
        known = set(known)
        wanted = {
            address
            for address, its in self._claims.items()
            if any(c.subject not in known and c.subject not in aside and c.holds(message.received) for c in its)
            or any(c.subject in aside and not c.contested and c.holds(message.received) for c in its)
        }
        found: set[str] = set()
        for text in texts(message) if wanted else ():
            found |= mentioned(text, wanted, self._domains)
            if len(found) == len(wanted):
                break
        held: set[int] = set()
        for claim in (c for address in found for c in self._claims[address] if c.holds(message.received)):
            if claim.subject not in known:
                (aside if claim.contested else held).add(claim.subject)
        return sorted(held)

    def _is_shared(self, message: Message) -> bool:
        """Whether a party of it is neither of the selection nor the shop's own. An address in doubt is another's."""
        for _, columns in self._parties:
            for address in next((a for c in columns if (a := message.addresses(c)) is not None), ()):
                claims = self._claims.get(address.canonical, ())
                mine = any(c.holds(message.received) and not c.contested for c in claims)
                if not mine and not self.is_staff(address):
                    return True
        return False

    def is_staff(self, address: Address) -> bool:
        """Whether an address is the shop's own."""
        return any(address.domain == own or address.domain.endswith("." + own) for own in self._staff)

    def _internal(self, message: Message) -> bool:
        """Whether all its parties are the shop's own."""
        found = [a for column in FIELDS for a in message.addresses(column) or ()]
        return bool(found) and all(map(self.is_staff, found))


def staff_of(dataset: Dataset) -> tuple[str, ...]:
    """The shop's own domains, in the form to compare."""
    return tuple(domain_of(domain) for domain in dataset.mailbox.staff) if dataset.mailbox else ()


def claims(subject: Subject) -> Iterator[tuple[str, Claim]]:
    """A subject's e-mail addresses in the form to compare."""
    for known in subject.identifiers:
        address = canonical(str(known.value)) if known.kind == "email" else None
        if address is not None:
            yield address, Claim(subject.no, known.valid_from, known.valid_to, known.contested)


def texts(message: Message) -> Iterator[str]:
    """All that a message says, in every form in which an address can be read in it."""
    for header in message.head.fields:
        yield from forms(header.value)
    for part in message.parts():
        for header in part.head.fields if part.head is not message.head else ():
            yield from forms(header.value)
        yield from texts_of(part)


def texts_of(part: Part) -> Iterator[str]:
    """The same of one part, without its head."""
    if part.start >= part.end or (not part.is_text and not part.aside):
        return
    raw = part.data[part.start : part.end]
    content = part.content()
    text = text_of(content, part.charset)
    yield from forms(text)
    if not content.isascii() and (other := guessed(content)) != text:
        yield from forms(other)
    if content != raw:
        yield from forms(guessed(raw))
    if part.coding != "quoted-printable" and _SOFT_BREAK.search(raw):
        yield from forms(guessed(quoted_printable(raw)))


def forms(text: str) -> Iterator[str]:
    """A text as it is, and with what stands between, or for, the characters of an address taken out."""
    yield text
    if "=?" in text and (clear := decoded(text)) != text:
        text = clear
        yield text
    if "&" in text and (clear := html.unescape(text)) != text:
        text = clear
        yield text
    if "<" in text and (clear := _TAG.sub("", _BLOCK.sub(" ", text))) != text:
        yield clear
        text = clear if "@" in clear else text
    if "%" in text and (clear := unquote(text)) != text:
        yield clear
        text = clear
    if ("\0" in text or not text.isascii()) and (clear := INVISIBLE.sub("", text)) != text:
        yield clear
        text = clear
    if "@" in text and (clear := _AROUND.sub(r"\1", text)) != text:
        yield clear
