"""Which messages cannot hold an address: told from their raw bytes, without reading them as messages.

Of each address a run of ASCII letters and digits of its local part, and one of its domain, are looked for, without
case. Such a run is never broken by comments, folding or quotes; where it may be written otherwise (quoted-printable,
encoded words, references of HTML, other charsets, invisible characters, base64), that is undone, or the message is
read. ``False`` is certain, ``True`` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from privacy.sources.mailbox_headers import head
from privacy.sources.mailbox_parts import Part, parts
from privacy.sources.mailbox_words import in_place, is_plain, quoted_printable, words_in

LARGE = 2**15
"""Messages of more bytes are looked at part by part: attachments that are no text are neither copied nor searched."""

_RUN = re.compile(r"[a-z0-9]+")
_CHARSET = re.compile(rb"charset\*?0?\*?\s*=\s*[\"']*([^\s\"';>/]{1,60})")
_REFERENCE = re.compile(
    rb"&(?:#(?:0*(?:4[89]|5[0-7]|6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2]|173|1564|820[3-7]|823[4-8]|829[0-24-7]|828[89]|65279)(?!\d)"
    rb"|x0*(?:3\d|[46][1-9a-f]|[57][0-9a]|ad|61c|200[b-f]|202[a-e]|206[0-46-9]|feff)(?![0-9a-f]))|shy|zw|nobreak|zerowidth|negative|fjlig|[lr]rm|af;|i[ct];|applyf|invisible)"
)
_PAIR = re.compile(rb"\\[a-z0-9][^\"\r\n]{0,200}\"\s{0,99}[(@]")
_SPLIT = re.compile(rb"<(?<=[a-z0-9]<)(?!/?(?:br|p|div|t[dhr]|li|h[1-6])\b)[^<>]*>(?:<[^<>]*>)*[a-z0-9]")
"""A tag within a word, as where programs put <wbr> into long ones."""
_PERCENT = re.compile(rb"%(?:3\d|[46][1-9a-f]|[57][0-9a])")
_UNSEEN = (
    (b"\xc2\xad", b"\xd8\x9c", b"\xef\xbb\xbf", b"\xe2\x84\xaa", b"\xc5\xbf"),
    *(
        (start, *(start + bytes((last,)) for last in lasts))
        for start, lasts in (
            (b"\xe2\x80", (*range(0x8B, 0x90), *range(0xAA, 0xAF))),
            (b"\xe2\x81", (*range(0xA0, 0xA5), *range(0xA6, 0xAA))),
        )
    ),
)
"""Invisible characters, and the two letters beyond ASCII that are ASCII letters in another case: some, then for each
beginning that others have in common the beginning, and these."""
_UUENCODE = re.compile(rb"content-transfer-encoding:\s*\"?(?:x-)?uue")


class Sieve:
    """See the module.

    :param addresses: in the form to compare.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        pairs = set()
        for address in addresses:
            local, _, domain = address.rpartition("@")
            # Labels beyond ASCII are written in two ways.
            labels = [label for label in domain.split(".") if label.isascii()]
            pairs.add((_longest(local), _longest(".".join(labels[:-1])) or _longest(".".join(labels))))
        self._pairs = sorted(pairs)

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """What is looked for, of each address: of its local part, of its domain."""
        return tuple((local.decode(), domain.decode()) for local, domain in self._pairs)

    def may_hold(self, data: bytes) -> bool:
        """Whether one of the addresses may be in a message."""
        if not self._pairs:
            return False
        if len(data) > LARGE:
            return self._large(data)
        low = data.lower()
        if self._seen(low) or _foreign(low) or _unclear(low):
            return True
        if b"=?" in low and self._words(data, low):
            return True
        if _quoted(low):
            clear = quoted_printable(low).lower()
            if self._seen(clear) or _unclear(clear):
                return True
        return b"base64" in low and self._parts(data)

    def _seen(self, low: bytes, beside: bytes = b"") -> bool:
        """Whether the pieces of an address are there, or partly in what stands beside."""
        for local, domain in self._pairs:
            if (local in low or local in beside) and (domain in low or domain in beside):
                return True
        if b"\0" in low:  # Of a charset of two or four bytes.
            return self._seen(low.replace(b"\0", b""), beside)
        return False

    def _words(self, data: bytes, low: bytes) -> bool:
        """Whether they are in the encoded words, which count as neighbours whether they are or not."""
        words = list(words_in(data))
        joined = b"".join(raw for _, raw in words).lower()
        if not all(is_plain(charset) for charset, _ in words) or _unclear(joined) or self._seen(joined, low):
            return True
        # A word may stand for a part of a run only, although none should.
        return self._seen(in_place(data).lower())

    def _parts(self, data: bytes) -> bool:
        """Whether a text that is written in base64 may hold one."""
        for part in parts(data, head(data)):
            if part.end > part.start and part.is_text and part.coding == "base64":
                content = part.content()
                low = content.lower()
                if self._seen(low) or _unclear(low) or (b"=?" in low and self._words(content, low)):
                    return True
        return False

    def _large(self, data: bytes) -> bool:
        """The same, part by part; attachments that are no text are not looked into."""
        top = head(data)
        if top.end > LARGE or self.may_hold(data[: top.end]):
            return True
        for part in parts(data, top):
            for header in part.head.fields if part.head is not top else ():
                if len(header.raw) > LARGE or self.may_hold(header.raw):
                    return True
            if part.start < part.end and (part.is_text or part.aside) and self._text(part):
                return True
        return False

    def _text(self, part: Part) -> bool:
        """Whether a text may hold one, decoded or as it stands there, should what it says of itself be a lie."""
        content, raw = part.content(), part.data[part.start : part.end]
        if not is_plain(part.charset or "ascii"):
            return True
        for view in (content, raw) if part.coding else (content,):
            low = view.lower()
            if self._seen(low) or _foreign(low) or _unclear(low) or (b"=?" in low and self._words(view, low)):
                return True
            if part.coding != "quoted-printable" and _quoted(low):
                clear = quoted_printable(low).lower()
                if self._seen(clear) or _unclear(clear):
                    return True
        return False


def _quoted(low: bytes) -> bool:
    """Whether it may be quoted-printable, be it declared or not."""
    return b"quoted-printable" in low or b"=\n" in low or b"=\r\n" in low or b"=40" in low


def _foreign(low: bytes) -> bool:
    """Whether a charset is named in which letters are no ASCII bytes, or a coding that is not undone here."""
    if b"charset" in low:
        named = (found.decode("latin-1") for found in _CHARSET.findall(low))
        if b"charset*" in low or not all(map(is_plain, named)):
            return True
    return b"uue" in low and _UUENCODE.search(low) is not None


def _unclear(low: bytes) -> bool:
    """Whether letters or digits may be written otherwise than as themselves."""
    if b"&" in low and _REFERENCE.search(low):
        return True
    if b"\\" in low and _PAIR.search(low):
        return True
    if b"%" in low and _PERCENT.search(low):
        return True
    if b"<" in low and _SPLIT.search(low):
        return True
    if not low.isascii():  # A few searches for bytes are several times faster than one for an expression.
        some, *groups = _UNSEEN
        if any(unseen in low for unseen in some):
            return True
        for start, *those in groups:
            if start in low and any(unseen in low for unseen in those):
                return True
    return False


def _longest(text: str) -> bytes:
    return max(_RUN.findall(text), key=len, default="").encode()
