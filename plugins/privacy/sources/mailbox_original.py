"""A message as it lies in the mailbox, less what would tell its reader of others who got it unseen.

Lines of ``Bcc`` and ``Resent-Bcc`` of the message's own head change: one that names nobody but the reader stays as it
is, one that names the reader too is written anew with the reader's own address, any other is left out. The envelope
tells of blind copies as well: mail servers write whom they delivered to into the head (``Envelope-To`` all of them at
once, ``Received`` after ``for``). Of those lines stay the addresses that the reader sees elsewhere in the head, the
reader's own, and the shop's. All else is the same to the byte. Fields after a line that is no field count here too: a
mail program may read them, and the text of the message begins with them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Container
from typing import BinaryIO, cast

from privacy.sources.mailbox_addresses import Address, addresses
from privacy.sources.mailbox_headers import Field, Head, head
from privacy.sources.mailbox_words import decoded, guessed

BLIND = ("bcc", "resent-bcc", "x-bcc", "x-original-bcc")
ENVELOPE = (
    "delivered-to", "x-delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "apparently-to",
    "x-apparently-to", "x-rcpt-to", "original-recipient", "x-forwarded-to", "x-forwarded-for", "x-gm-original-to",
)  # fmt: skip
"""Fields in which mail servers say to whom they delivered a message."""

_SEEN = (
    "from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-reply-to", "resent-to",
    "resent-cc", "return-path", "x-envelope-from",
)  # fmt: skip
_ONE = rb"<?(?:\"[^\"\r\n]*\"|[^\s<>,;()@\"]+)@[^\s<>,;()@]+>?"
_FOR = re.compile(
    rb"(?<![ \t\r\n(])[ \t\r\n(]+(?:for|envelope-to)[ \t\r\n=]+("
    + _ONE
    + rb"(?:[ \t\r\n]*,[ \t\r\n]*"
    + _ONE
    + rb")*)\)?",
    re.IGNORECASE,
)
_FIRST = 64 * 1024


class Seen:
    """Which addresses of a message its reader may know of.

    :param mine: the reader's own addresses, in the form to compare. :param staff: the shop's own domains.
    """

    def __init__(self, found: Head, mine: Container[str], staff: Collection[str]) -> None:
        self._head, self._mine, self._staff = found, mine, staff
        self._others: frozenset[str] | None = None

    def __call__(self, address: Address) -> bool:
        """Whether an address of the envelope is the reader's, the shop's, or stands where every addressee reads it."""
        if address.canonical in self._mine or any(
            address.domain == own or address.domain.endswith("." + own) for own in self._staff
        ):
            return True
        if self._others is None:
            named = self._head.named(*_SEEN)
            self._others = frozenset(a.canonical for field in named for a in addresses(field.value))
        return address.canonical in self._others


def without_blind_copies(file: BinaryIO, mine: Container[str], staff: Collection[str] = ()) -> BinaryIO:
    """The message as its reader may have it.

    :param file: the message; it is closed along with what is returned.
    :param mine: the reader's own addresses, in the form to compare. :param staff: the shop's own domains.
    """
    read = b""
    size = _FIRST
    while True:
        more = _read(file, size - len(read))
        read += more
        found = head(read)
        # The head is whole when something stands behind it: more than half of the end of a line.
        if len(read) < size or read[found.end :].strip(b"\r"):
            break
        size *= 2
    return cast(BinaryIO, io.BufferedReader(_Joined(redacted(read, found, mine, staff), file)))


def redacted(read: bytes, found: Head, mine: Container[str], staff: Collection[str]) -> bytes:
    """The bytes of a message, or as many as hold its head, as its reader may have them; the same object if unchanged.

    :param found: its head.
    """
    seen = Seen(found, mine, staff)
    made, at = [], 0
    for field in found.fields:
        lines = read[field.start : field.end]
        if field.name in BLIND:
            new = _blind(field, lines, mine)
        elif field.name in ENVELOPE:
            new = _envelope(field, lines, seen)
        elif field.name == "received":
            new = _FOR.sub(lambda told: told[0] if _all_seen(told[1], seen) else b"", lines)
        else:
            continue
        if new != lines:
            made += [read[at : field.start], new]
            at = field.end
    return b"".join([*made, read[at:]]) if made else read


def _all_seen(value: bytes, seen: Seen) -> bool:
    return all(map(seen, addresses(guessed(value))))


def _blind(field: Field, lines: bytes, mine: Container[str]) -> bytes:
    found = addresses(field.value)
    own = [address for address in found if address.canonical in mine]
    if not field.value or (len(found) == len(own) == 1 and _is_one(decoded(field.value))):
        return lines
    return _anew(lines, own)


def _is_one(value: str) -> bool:
    """Whether nobody else can be named in it, be it without an address, in a comment, or as a group."""
    return value.count("@") == 1 and not any(mark in value for mark in ",;:")


def _envelope(field: Field, lines: bytes, seen: Seen) -> bytes:
    found = addresses(field.value)
    kept = [address for address in found if seen(address)]
    return lines if len(kept) == len(found) else _anew(lines, kept)


def _anew(lines: bytes, kept: list[Address]) -> bytes:
    if not kept:
        return b""
    ending = lines[len(lines.rstrip(b"\r\n")) :] or b"\n"
    shown = ", ".join(dict.fromkeys(address.shown for address in kept))
    return lines[: lines.index(b":") + 1] + b" " + shown.encode("utf-8", "replace") + ending


def _read(file: BinaryIO, size: int) -> bytes:
    """So many bytes, unless it ends."""
    pieces: list[bytes] = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class _Joined(io.RawIOBase):
    """Some bytes, and then the rest of a file."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = memoryview(first), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        into = memoryview(cast(bytearray, buffer))
        if self._first:
            size = min(len(into), len(self._first))
            into[:size] = self._first[:size]
            self._first = self._first[size:]
            return size
        data = self._rest.read(len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()
