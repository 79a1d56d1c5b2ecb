"""A message without one of its parties: what others wrote stays, to the byte; the subject's own values go.

* Every address of theirs becomes one that is nobody's (``erased-<12 hex digits>@invalid``), in the fields of parties
  with the name beside it, elsewhere (``Received ... for``, quotes, invitations, messages within this one) by itself.
* What they wrote themselves becomes a short note: all of the message's body, where nobody else outside is its author.
* Fields, parts and bytes in which they are not stay as they are. Signatures of mail servers (DKIM) no longer fit; that
  is the truth.

Afterwards nobody who searches as this source does may find the subject: whoever calls this looks.
"""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from privacy.datamap.kinds import fold
from privacy.sources.mailbox_addresses import Address, addresses
from privacy.sources.mailbox_headers import Head, head
from privacy.sources.mailbox_parts import Part
from privacy.sources.mailbox_redact_fields import PARTIES, TITLES, Edit, bytes_replaced, field_edits, valued
from privacy.sources.mailbox_replace import Replacer, encoded
from privacy.sources.mailbox_whose import Message, texts_of
from privacy.sources.mailbox_words import codec, guessed

NOTE = (
    "Deze tekst is verwijderd op verzoek van degene die haar schreef.\n\n"
    "This text was removed at the request of the person who wrote it.\n"
)
"""What stands in the place of what a subject wrote."""

REMOVED = "[verwijderd / removed]"

_CONTENT = re.compile(r"content-.*|lines")
_THEIRS = frozenset(("autocrypt", "face", "x-face", "organization", "x-originating-ip", "x-sender-ip", "x-client-ip"))
"""Fields about the sender's own person, that name them without an address."""
_CODED = ("base64", "quoted-printable")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be taken out of messages.

    :param text: instead of what a subject wrote; None: it stays. :param line: instead of its subject line; None: stays.
    """

    text: str | None
    line: str | None


TOKEN = re.compile(rb"erased-[0-9a-f]{12}@invalid")


def token() -> str:
    """An address that is nobody's, and never will be: the domain is reserved for that (RFC 2606)."""
    return f"erased-{secrets.token_hex(6)}@invalid"


def redacted(message: Message, tokens: Mapping[str, str], wanted: Wanted, staff: Callable[[Address], bool]) -> bytes:
    """The message's bytes with tokens for addresses.

    :param tokens: by address, in the form to compare, what stands there instead.
    :param staff: whether an address is the shop's own.
    """
    replacer = Replacer(tokens)
    named = list(_named(message))
    others = {fold(address.name) for address in named if address.canonical not in tokens}
    for address in named:
        if address.canonical in tokens and fold(address.name) not in others:
            replacer.name(address.name, tokens[address.canonical])
    data, top = message.data, message.head
    by = list(_authors(message))
    own = bool(by) and any(a.canonical in tokens for a in by) and all(a.canonical in tokens or staff(a) for a in by)
    text = wanted.text if own else None
    ends = b"\r\n" if b"\r\n" in data[: top.end + 2] else b"\n"
    edits = list(_head(data, top, replacer, wanted.line if own else None, whole=text is not None))
    if text is None:
        return _edited(data, [*edits, *_body(message, replacer)])
    cut = min(top.body, top.end)
    first = _edited(data[:cut], [edit for edit in edits if edit[1] <= cut])
    first += b"" if first.endswith((b"\n", b"\r")) or not first else ends
    charset = b"us-ascii" if text.isascii() else b"utf-8"
    kind = [b"Content-Type: text/plain; charset=" + charset, b"Content-Transfer-Encoding: 8bit", b""]
    return first + ends.join([*kind, *text.rstrip("\n").encode().split(b"\n"), b""])


def _named(message: Message) -> Iterator[Address]:
    for field in message.head.fields:
        if field.name in PARTIES:
            yield from addresses(field.value)


def _authors(message: Message) -> list[Address]:
    """Who wrote it; one who passed it on did not."""
    for name in ("from", "sender"):
        found = [a for field in message.head.named(name) for a in addresses(field.value)]
        if found:
            return found
    return []


def _head(data: bytes, top: Head, replacer: Replacer, line: str | None, *, whole: bool) -> Iterator[Edit]:
    """What changes in a message's head.

    :param whole: the body is written anew: what the head says of it goes.
    """
    limit = min(top.body, top.end)
    begin = top.fields[0].start if top.fields else 0
    first = data[:begin]
    if first and (new := bytes_replaced(first, replacer)) != first:
        yield 0, begin, new
    for field in top.fields:
        if field.start >= limit:
            continue  # After a line that is no field the text begins, and is seen to there.
        if whole and (_CONTENT.fullmatch(field.name) or field.name in _THEIRS):
            yield field.start, field.end, b""
        elif line is not None and field.name in TITLES:
            yield valued(data, field, " " + encoded(line, field.name))
        else:
            yield from field_edits(data, field, replacer)


def _body(message: Message, replacer: Replacer) -> Iterator[Edit]:
    """What changes in a message's parts."""
    data = message.data
    done = {field.start for field in message.head.fields}
    seen: set[tuple[int, int]] = set()
    for part in message.parts():
        if part.data is not data:
            continue  # Of a message that is encoded as a whole: seen to with it.
        for field in part.head.fields:
            if field.start not in done:
                done.add(field.start)
                yield from field_edits(data, field, replacer)
        if part.kind.startswith("message/") and not part.aside and part.start < part.end:
            if part.coding in _CODED:
                inner = Message(part.content(), message.received)
                edits = [*_head(inner.data, inner.head, replacer, None, whole=False), *_body(inner, replacer)]
                if edits:
                    yield part.start, part.end, _coded(part, _edited(inner.data, edits))
            elif part.kind in ("message/rfc822", "message/global", "message/news"):
                its = head(data, part.start, part.end)
                for field in its.fields:
                    if field.end <= its.body and field.start not in done:
                        done.add(field.start)
                        yield from field_edits(data, field, replacer)
                seen.add((part.start, its.body))
            else:
                yield from _text(part, replacer)
        elif (part.start, part.end) not in seen:
            yield from _text(part, replacer)


def _text(part: Part, replacer: Replacer) -> Iterator[Edit]:
    """A text, changed where an address or a name is in it."""
    if part.start >= part.end or not (part.is_text or part.aside):
        return
    content = part.content()
    if not replacer.in_any(texts_of(part)) and not replacer.named(guessed(content)):
        return
    for charset, thorough in product(_charsets(part, content), (False, True)):
        content = replacer.text(content.decode(charset), thorough=thorough).encode(charset)
        raw = _coded(part, content)
        new = Part(raw, 0, len(raw), part.head, part.kind, part.parameters, part.nested, aside=part.aside)
        if not replacer.in_any(texts_of(new)):
            break
    if content != part.content() or replacer.in_any(texts_of(part)):
        yield part.start, part.end, _coded(part, content)


def _charsets(part: Part, content: bytes) -> Iterator[str]:
    """In which charsets a text may be changed, and written back with all else the same."""
    for name in dict.fromkeys((codec(part.charset) if part.charset else None, "utf-8", "cp1252", "latin-1")):
        if name is not None:
            try:
                same = content.decode(name).encode(name) == content
            except (UnicodeError, ValueError):
                continue
            if same:
                yield name


def _coded(part: Part, content: bytes) -> bytes:
    """A part's content as it is written in the message."""
    if part.coding not in _CODED:
        return content
    raw = part.data[part.start : part.end]
    ends = b"\r\n" if b"\r\n" in raw or b"\r\n" in part.data[: part.start] else b"\n"
    if part.coding == "base64":
        made = b"\n".join(
            binascii.b2a_base64(content[at : at + 57], newline=False) for at in range(0, len(content), 57)
        )
    else:
        made = binascii.b2a_qp(content.replace(b"\r\n", b"\n"), istext=True)
    return made.rstrip(b"\n").replace(b"\n", ends) + raw[len(raw.rstrip(b"\r\n")) :]


def _edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    made, at = [], 0
    for start, end, new in sorted(edits):
        made += [data[at:start], new]
        at = end
    return b"".join([*made, data[at:]])
