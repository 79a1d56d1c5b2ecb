"""Characters out of bytes: charsets that lie, are unknown or are none, and the encoded words of headers (RFC 2047).

Nothing here fails: what cannot be decoded as it says is decoded as UTF-8, else as Windows-1252, as mail programs do.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from functools import lru_cache

WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_NOT_CHARSETS = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"))
_PRINTABLE = bytes(range(32, 127))
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


@lru_cache(maxsize=1024)
def codec(charset: str) -> str | None:
    """Python's name of a charset; None: there is no such one."""
    try:
        found = codecs.lookup(charset.strip().strip("\"'").partition("*")[0])
    except (LookupError, ValueError, UnicodeError):
        return None
    text = getattr(found, "_is_text_encoding", True)
    return found.name if text and found.name.replace("_", "-") not in _NOT_CHARSETS else None


@lru_cache(maxsize=1024)
def is_plain(charset: str) -> bool:
    """Whether ASCII characters are their own bytes in a charset (in one that nobody knows, they are)."""
    name = codec(charset)
    if name is None:
        return True
    try:
        return _PRINTABLE.decode(name) == _PRINTABLE.decode("ascii") and "a".encode(name) == b"a" and name != "utf-7"
    except (UnicodeError, ValueError):
        return False


def text_of(data: bytes, charset: str = "") -> str:
    """Bytes as the charset says, without lone surrogates.

    ASCII that is none is what most programs meant by it: UTF-8, or else Windows-1252.
    """
    name = codec(charset) if charset else None
    if name is None or name == "ascii":
        return guessed(data)
    try:
        return clean(data.decode(name, "replace"))
    except (UnicodeError, ValueError, OverflowError):
        return guessed(data)


def guessed(data: bytes) -> str:
    """Bytes that say no charset."""
    for charset in ("utf-8", "cp1252"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def clean(text: str) -> str:
    """A text that can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def base64_bytes(data: bytes) -> bytes:
    """Base64 with anything between its characters, also several pieces with padding of their own."""
    pieces = data.translate(None, delete=_NOT_BASE64).split(b"=")
    return b"".join(
        binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
        for piece in pieces
        if (whole := piece[: len(piece) - (len(piece) % 4 == 1)])
    )


def quoted_printable(data: bytes, *, header: bool = False) -> bytes:
    """Quoted-printable, with soft line breaks taken out."""
    return binascii.a2b_qp(data, header=header)


def uuencoded(data: bytes) -> bytes:
    """The content between ``begin`` and ``end``; what is no such line is passed over."""
    found = []
    for line in data.splitlines():
        try:
            found.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(found)


def decoded(text: str) -> str:
    """A header's text with its encoded words decoded; blanks between two of them are part of neither."""
    if "=?" not in text:
        return text
    made: list[str] = []
    at, charset = 0, ""
    pending: list[bytes] = []
    for found in WORD.finditer(text):
        between, at, its = text[at : found.start()], found.end(), found[1].lower()
        # A character may be cut in two: the bytes of neighbours in one charset are decoded together.
        if between.strip() or its != charset or not pending:
            made.append(text_of(b"".join(pending), charset))
            if between.strip() or not charset:
                made.append(between)
            pending, charset = [], its
        pending.append(word_bytes(found[2], found[3]))
    made += [text_of(b"".join(pending), charset), text[at:]]
    return clean("".join(made))


def word_bytes(coding: str, text: str) -> bytes:
    """The bytes of an encoded word's text."""
    raw = text.encode("utf-8", "replace")
    return base64_bytes(raw) if coding in "bB" else quoted_printable(raw, header=True)


def words_in(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Charset and bytes of each encoded word, anywhere."""
    for charset, coding, raw in _WORD.findall(data):
        coded = base64_bytes(raw) if coding in b"bB" else quoted_printable(raw, header=True)
        yield charset.decode("latin-1"), coded


def in_place(data: bytes) -> bytes:
    """The bytes with those of each encoded word in its place."""
    return _WORD.sub(
        lambda word: base64_bytes(word[3]) if word[2] in b"bB" else quoted_printable(word[3], header=True), data
    )
