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
from privacy.sources.mailbox_headers import Field, Head, head
from privacy.sources.mailbox_original import BLIND, ENVELOPE
from privacy.sources.mailbox_parts import Part, parameters
from privacy.sources.mailbox_replace import Replacer, encoded
from privacy.sources.mailbox_whose import FIELDS, Message, texts_of
from privacy.sources.mailbox_words import codec, decoded, guessed

NOTE = (
    "Deze tekst is verwijderd op verzoek van degene die haar schreef.\n\n"
    "This text was removed at the request of the person who wrote it.\n"
)
"""What stands in the place of what a subject wrote."""

REMOVED = "[verwijderd / removed]"

_PARTIES = frozenset(
    (*(name for names in FIELDS.values() for name in names), *BLIND, *ENVELOPE, "disposition-notification-to",
     "return-receipt-to", "errors-to", "mail-followup-to", "x-sender", "x-receiver", "x-envelope-from")
)  # fmt: skip
_CONTENT = re.compile(r"content-.*|lines")
_TITLES = ("subject", "thread-topic")
_THEIRS = frozenset(("autocrypt", "face", "x-face", "organization", "x-originating-ip", "x-sender-ip", "x-client-ip"))
"""Fields about the sender's own person, that name them without an address."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[,;:<>()"]|[^,;:<>()"\\]+', re.DOTALL)
_FOLD = re.compile(r"(?:\r*\n|\r)[ \t]?")
_CODED = ("base64", "quoted-printable")

Edit = tuple[int, int, bytes]


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
        if field.name in _PARTIES:
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
    if first and (new := _bytes(first, replacer)) != first:
        yield 0, begin, new
    for field in top.fields:
        if field.start >= limit:
            continue  # After a line that is no field the text begins, and is seen to there.
        if whole and (_CONTENT.fullmatch(field.name) or field.name in _THEIRS):
            yield field.start, field.end, b""
        elif line is not None and field.name in _TITLES:
            yield _valued(data, field, " " + encoded(line, field.name))
        else:
            yield from _field(data, field, replacer)


def _field(data: bytes, field: Field, replacer: Replacer) -> Iterator[Edit]:
    """A field, changed where an address is in it."""
    party = field.name in _PARTIES
    titled = field.name in _TITLES and replacer.named(decoded(field.value))
    if not titled and not replacer.found(field.value) and not (party and _of(field.value, replacer)):
        return
    ways = [_party, _listed] if party else []
    for way in (*ways, _bytes, _decoded):
        made = way(field.raw, replacer)
        named = titled and replacer.named(decoded(_unfolded(made)))
        if (
            not named
            and not _seen(made, replacer)
            and (not party or _others(made, replacer) == _others(field.raw, replacer))
        ):
            break
    else:
        if party:
            return
        made = b" " + next(iter(replacer.tokens.values())).encode()
    if b"boundary" in field.raw.lower() and _boundary(made) != _boundary(field.raw):
        return  # The parts would be lost; whoever called this sees that the address is still there.
    yield _valued(data, field, made)


def _boundary(raw: bytes) -> str | None:
    return parameters(_unfolded(raw)).get("boundary")


def _valued(data: bytes, field: Field, value: str | bytes) -> Edit:
    """A field with another value; its name, and what ends it, stay."""
    lines = data[field.start : field.end]
    ending = lines[len(lines.rstrip(b"\r\n")) :] or b"\n"
    made = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if b"\r\n" not in ending:
        made = made.replace(b"\r\n", b"\n")
    return field.start, field.end, lines[: lines.index(b":") + 1] + made + ending


def _seen(value: bytes, replacer: Replacer) -> bool:
    text = _unfolded(value)
    return replacer.found(text) or bool(_of(text, replacer))


def _of(value: str, replacer: Replacer) -> list[Address]:
    return [address for address in addresses(value) if address.canonical in replacer.tokens]


def _unfolded(value: bytes) -> str:
    return _FOLD.sub(" ", guessed(value)).replace("\0", "").strip()


def _others(raw: bytes, replacer: Replacer) -> list[str]:
    tokens = set(replacer.tokens.values())
    found = (address.canonical for address in addresses(_unfolded(raw)))
    return [address for address in found if address not in replacer.tokens and address not in tokens]


def _decoded(raw: bytes, replacer: Replacer) -> bytes:
    """A field's text, read as mail programs show it, and written anew."""
    return b" " + encoded(replacer.text(decoded(_unfolded(raw)))).encode("utf-8", "replace")


def _listed(raw: bytes, replacer: Replacer) -> bytes:
    """A list of addresses written anew, for one that is no list as it stands there."""
    made = []
    for address in addresses(_unfolded(raw)):
        own = replacer.tokens.get(address.canonical)
        name = "" if own else address.name
        shown = f"<{own or address.shown}>"
        plain = name.isascii() and name.isprintable()
        quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"' if plain else encoded(name)
        made.append(f"{quoted} {shown}" if name else shown)
    return (" " + ",\r\n ".join(made)).encode("utf-8", "replace")


def _party(raw: bytes, replacer: Replacer) -> bytes:
    """A list of addresses with some of them replaced, name and all; else as it is."""
    made: list[tuple[bytes, bytes]] = []
    for piece, mark in _pieces(raw):
        found = addresses(_unfolded(piece))
        its = [address for address in found if address.canonical in replacer.tokens]
        if not its:
            made.append((piece, mark))
            continue
        if len(its) < len(found):
            return raw
        new = replacer.tokens[its[0].canonical].encode()
        new = b"<" + new + b">" if b"<" in piece else new
        first = piece
        # A name with a comma in it, unquoted, is cut in two.
        while made and made[-1][1] == b"," and made[-1][0].strip() and not addresses(_unfolded(made[-1][0])):
            first = made.pop()[0]
        made.append((first[: len(first) - len(first.lstrip())] + new + piece[len(piece.rstrip()) :], mark))
    return b"".join(piece + mark for piece, mark in made)


def _pieces(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """What stands between commas, semicolons and the colons of groups, each with the mark after it."""
    text = raw.decode("latin-1")
    piece, deep, angle = "", 0, False
    for found in _TOKEN.finditer(text):
        mark = found[0]
        if mark == "(":
            deep += 1
        elif mark == ")":
            deep = max(0, deep - 1)
        elif mark in "<>" and not deep:
            angle = mark == "<"
        elif mark in ",;:" and len(mark) == 1 and not deep and not angle:
            yield piece.encode("latin-1"), mark.encode("latin-1")
            piece = ""
            continue
        piece += mark
    yield piece.encode("latin-1"), b""


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
                yield from _field(data, field, replacer)
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
                        yield from _field(data, field, replacer)
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


def _bytes(raw: bytes, replacer: Replacer) -> bytes:
    """Bytes that say no charset, with tokens."""
    for charset in ("utf-8", "cp1252", "latin-1"):
        try:
            return replacer.text(raw.decode(charset)).encode(charset)
        except UnicodeError:
            continue
    return raw


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
