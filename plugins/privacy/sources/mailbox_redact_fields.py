"""The fields of a message's head without one of its parties: what else stands in them stays, to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterator

from privacy.sources.mailbox_addresses import Address, addresses
from privacy.sources.mailbox_headers import Field
from privacy.sources.mailbox_original import BLIND, ENVELOPE
from privacy.sources.mailbox_parts import parameters
from privacy.sources.mailbox_replace import Replacer, encoded
from privacy.sources.mailbox_whose import FIELDS
from privacy.sources.mailbox_words import decoded, guessed

PARTIES = frozenset(
    (*(name for names in FIELDS.values() for name in names), *BLIND, *ENVELOPE, "disposition-notification-to",
     "return-receipt-to", "errors-to", "mail-followup-to", "x-sender", "x-receiver", "x-envelope-from")
)  # fmt: skip
"""Fields in which addresses stand with names."""

TITLES = ("subject", "thread-topic")

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[,;:<>()"]|[^,;:<>()"\\]+', re.DOTALL)
_FOLD = re.compile(r"(?:\r*\n|\r)[ \t]?")

Edit = tuple[int, int, bytes]
"""From, to, and what stands there instead."""


def field_edits(data: bytes, field: Field, replacer: Replacer) -> Iterator[Edit]:
    """A field, changed where an address is in it."""
    party = field.name in PARTIES
    titled = field.name in TITLES and replacer.named(decoded(field.value))
    if not titled and not replacer.found(field.value) and not (party and _of(field.value, replacer)):
        return
    ways = [_party, _listed] if party else []
    for way in (*ways, bytes_replaced, _decoded):
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
    yield valued(data, field, made)


def _boundary(raw: bytes) -> str | None:
    return parameters(_unfolded(raw)).get("boundary")


def valued(data: bytes, field: Field, value: str | bytes) -> Edit:
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


def bytes_replaced(raw: bytes, replacer: Replacer) -> bytes:
    """Bytes that say no charset, with tokens."""
    for charset in ("utf-8", "cp1252", "latin-1"):
        try:
            return replacer.text(raw.decode(charset)).encode(charset)
        except UnicodeError:
            continue
    return raw
