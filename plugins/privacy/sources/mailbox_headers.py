"""The head of a message: its lines as they are, its fields, and where the body begins.

Lines end with LF, CR LF, CR, or CR CR LF, whatever a message mixes; a first line of an mbox ("From ...") and a byte
order mark are passed over. Fields end at the first empty line. Where a line that is no field stands before that, what
follows it names nobody (it may as well be text, in which somebody quotes another message), but it still counts as head
where it is about leaving others' blind copies out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from privacy.sources.mailbox_words import clean, guessed

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)\r?\n")
_EMPTY = re.compile(rb"\r?\n")
_LINE = re.compile(rb"[^\r\n]*(?:\r*\n|\r(?![\r\n])|\r(?=\r))?")
_NAME = re.compile(rb"([^\s:]+)[ \t]*:")
_BOM = b"\xef\xbb\xbf"
_FOLD = re.compile(r"(?:\r*\n|\r)[ \t]?")


@dataclass(slots=True)
class Field:
    """A header field as it stands in the message.

    :param name: in lower case.
    :param start, end: its lines, with what ends them.
    :param sure: it stands before any line that is no field.
    """

    name: str
    raw: bytes = field(repr=False)
    start: int
    end: int
    sure: bool

    @property
    def value(self) -> str:
        """Its text, unfolded; bytes beyond ASCII are UTF-8 or Windows-1252."""
        text = guessed(self.raw)
        if "\n" in text or "\r" in text:
            text = _FOLD.sub(" ", text)
        return clean(text.replace("\0", "")).strip()


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a message, in order.

    :param body: where its body begins.
    :param end: where its first empty line is, or its end.
    """

    fields: tuple[Field, ...] = field(default=(), repr=False)
    body: int = 0
    end: int = 0

    def named(self, *names: str) -> Iterator[Field]:
        """The fields of these names, in order, that are fields for sure."""
        return (f for f in self.fields if f.sure and f.name in names)

    def first(self, name: str) -> str | None:
        """The text of the first field of that name."""
        return next((f.value for f in self.named(name)), None)


def head(data: bytes, start: int = 0, end: int | None = None) -> Head:
    """Read the head of what stands between two places."""
    end = len(data) if end is None else end
    fields, at = [], start
    while (found := _FIELD.match(data, at, end)) is not None:
        raw, after = found[2], found.end()
        fields.append(Field(found[1].decode("ascii").lower(), raw, at, after, True))
        at = after
    if (blank := _EMPTY.match(data, at, end)) is not None:
        return Head(tuple(fields), blank.end(), at)
    return _whatever(data, start, end)


def _whatever(data: bytes, start: int, end: int) -> Head:
    """A head that is not written as it should be."""
    fields: list[Field] = []
    at = start + len(_BOM) if data.startswith(_BOM, start, end) else start
    sure, body, first = True, None, True
    name: str | None = None
    begins = value = at
    while at < end:
        found = _LINE.match(data, at, end)
        assert found is not None  # noqa: S101 - any byte is a line, or ends one
        line, after = found[0], found.end()
        if not line.strip(b"\r\n"):
            break
        if line[:1] in b" \t":
            pass  # The field before goes on; before the first field it belongs to nothing.
        else:
            if name is not None:
                fields.append(Field(name, data[value:at].rstrip(b"\r\n"), begins, at, sure))
                name = None
            bare = line.replace(b"\0", b"")
            named = _NAME.match(bare)
            if named is not None:
                name, begins = named[1].decode("latin-1").lower(), at
                value = at + line.index(b":") + 1
            elif not (first and line.startswith((b"From ", b">From "))):
                if sure:
                    body = at
                sure = False
        first, at = False, after
    if name is not None:
        fields.append(Field(name, data[value:at].rstrip(b"\r\n"), begins, at, sure))
    empty = at
    if body is None:
        blank = _LINE.match(data, at, end)
        body = blank.end() if blank is not None and at < end else end
    return Head(tuple(fields), body, empty)
