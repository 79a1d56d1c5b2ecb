"""Messages to the general mailbox that ask for something, and that nobody has registered.

What is believed: the general mailbox is the policy's own address; what comes in lies in the inbox of a system whose
source is a mailbox. A message is worth a look when it came within the last 30 days (so long an answer may take), from
outside of the staff, to that address, and its subject or its text has a word by which people ask for their rights. It
is taken as registered when a request names its sender's address that is open, or was closed after the message came; and
when its subject bears a request's number, as an answer to a letter of ours does. This finds what was
overlooked. It decides nothing: a message without such a word can be a request all the same.

Reading a mailbox takes a while: a thread does it, and what it found is kept for some minutes in this process's memory,
and nowhere else. An erasure that is closed has forgotten whom it was about; its messages are gone from the mailbox too.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from privacy import numbers
from privacy.errors import BadInput, PrivacyError
from privacy.rights.states import Right
from privacy.sources.base import Identifier

if TYPE_CHECKING:
    from privacy.datamap.models import Dataset
    from privacy.rights.house import House
    from privacy.sources.mailbox import MailboxSource

DAYS = timedelta(days=30)
MOST = 300
"""So many messages are looked at, the newest first."""

FRESH = 120.0
"""Seconds for which what was found is shown again."""

WORDS: tuple[tuple[Right, str], ...] = (
    (Right.ERASURE, r"verwijder|wissen|gewist|vergeetverzoek|vergeten te worden|erase|erasure|delete (my|all|your)|"
        r"forget me"),
    (Right.PORTABILITY, r"overdraagba|overdragen|portab|machine.?readable|machineleesba"),
    (Right.RECTIFICATION, r"rectific|corrigeer|verbeter(en)? (mijn|van)|kloppen niet|klopt niet|incorrect data"),
    (Right.RESTRICTION, r"beperk(en|ing) van|restrict(ion)? "),
    (Right.MARKETING_STOP, r"afmelden|uitschrijven|geen (reclame|nieuwsbrie\w+)|unsubscribe|stop (sending|mailing)"),
    (Right.OBJECTION, r"\bbezwaar\b|\bi object\b|objection to"),
    (Right.ACCESS, r"inzage|welke gegevens|mijn (persoons)?gegevens|persoonsgegevens|\bavg\b|\bgdpr\b|personal data|"
        r"data you (hold|have)|subject access|copy of my data"),
)  # fmt: skip
"""By which words people ask, the surest first; which right they guess at, an operator may choose otherwise."""

_WORDS = [(right, re.compile(words, re.IGNORECASE)) for right, words in WORDS]
_NUMBER = re.compile(r"[A-Z]{2,5}-\d{4}-\d{4,}-\d")


@dataclass(frozen=True, slots=True)
class Message:
    """A message that may be a request. :param right: what it seems to ask for. :param received: aware.

    :param address: its sender's; :param subject: its subject line. Both personal: for who may register it.
    """

    received: datetime
    right: Right
    address: str = field(repr=False)
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found. :param at: when (aware). :param messages: the oldest first. :param looked: how many were read.

    :param problem: why a mailbox could not be read, a sentence each; then there may be more.
    """

    at: datetime
    messages: tuple[Message, ...] = ()
    looked: int = 0
    problems: tuple[str, ...] = ()


class Looking:
    """Looks into the mailbox in a thread, at most once in some minutes. One of each process."""

    def __init__(self, house: Callable[[], House]) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._seen: Seen | None = None
        self._fresh_until = 0.0

    def seen(self) -> Seen | None:
        """What was found last; None: it is being looked for now."""
        with self._lock:
            if time.monotonic() < self._fresh_until:
                return self._seen
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, name="privacy-desk-mailbox", daemon=True)
                self._thread.start()
            return None

    def _look(self) -> None:
        house = self._house()
        try:
            found = look(house)
        except PrivacyError as problem:
            found = Seen(house.clock.now(), problems=(f"{problem.message} ({problem.code})",))
        except Exception as problem:  # noqa: BLE001 - its text may quote a message
            found = Seen(house.clock.now(), problems=(f"The mailbox could not be read ({type(problem).__name__}).",))
        with self._lock:
            self._seen, self._fresh_until = found, time.monotonic() + FRESH


def look(house: House) -> Seen:
    """What asks for something in the general mailbox and is not registered.

    :raises BadConfiguration: policy or data map cannot be read.
    """
    now = house.clock.now()
    found, looked, problems = list[Message](), 0, list[str]()
    for source, name in _inboxes(house, problems):
        try:
            for message in _asking(house, source, name, now - DAYS):
                looked += 1
                if message is not None:
                    found.append(message)
        except PrivacyError as problem:
            problems.append(f"{source.system.title.en}: {problem.message} ({problem.code})")
    open_ones = [message for message in found if not _registered(house, message)]
    return Seen(now, tuple(sorted(open_ones, key=lambda m: m.received)), looked, tuple(problems))


def _inboxes(house: House, problems: list[str]) -> Iterator[tuple[MailboxSource, str]]:
    """Mailboxes and the dataset of each that has the inbox."""
    from privacy.sources.mailbox import MailboxSource
    from privacy.sources.mailbox_store import INBOX

    for name, system in house.datamap.systems.items():
        if system.source != "mailbox":
            continue
        try:
            source = house.source(name)
        except PrivacyError as problem:
            problems.append(f"{system.title.en}: {problem.message} ({problem.code})")
            continue
        for dataset, described in system.datasets.items():
            if isinstance(source, MailboxSource) and described.mailbox and INBOX in described.mailbox.folders:
                yield source, dataset


def _asking(house: House, source: MailboxSource, dataset: str, since: datetime) -> Iterator[Message | None]:
    """The messages to the general address since then, None for each that asks for nothing."""
    from privacy.sources.mailbox_store import INBOX

    with source.opened(dataset, INBOX) as folder:
        listed = [one for one in folder.messages() if one.received >= since]
        newest = sorted(listed, key=lambda one: one.received, reverse=True)[:MOST]
        for opened, data in folder.contents(newest):
            yield _read(house, source.dataset(dataset), data, opened.stored.received)


def _read(house: House, dataset: Dataset, data: bytes, received: datetime) -> Message | None:
    from privacy.sources.mailbox_addresses import canonical
    from privacy.sources.mailbox_text import shown
    from privacy.sources.mailbox_whose import Message as Parsed
    from privacy.sources.mailbox_whose import staff_of

    message = Parsed(data, received)
    senders = message.addresses("reply_to") or message.addresses("sender") or []
    general = canonical(house.policy.contact.email)
    to = {a.canonical for name in ("to", "cc", "envelope") for a in message.addresses(name) or ()}
    staff = staff_of(dataset)
    if general not in to or not senders or any(_of_staff(one.domain, staff) for one in senders):
        return None
    subject = next((one.value for one in message.head.named("subject")), "")
    if any(_is_number(one[0]) for one in _NUMBER.finditer(subject)):
        return None
    said = f"{subject}\n{shown(message.parts()) or ''}"
    right = next((right for right, words in _WORDS if words.search(said)), None)
    return None if right is None else Message(received, right, senders[0].canonical, subject[:200])


def _of_staff(domain: str, staff: tuple[str, ...]) -> bool:
    return any(domain == one or domain.endswith(f".{one}") for one in staff)


def _is_number(text: str) -> bool:
    try:
        numbers.check(text)
    except BadInput:
        return False
    return True


def _registered(house: House, message: Message) -> bool:
    """Whether a request that names its sender is open, or was closed after the message came."""
    requests = house.register.search([Identifier("email", message.address)])
    return any(one.dates.closed_at is None or one.dates.closed_at >= message.received for one in requests)
