"""The parts of a message (MIME), found in its bytes without copying them, however deep and however broken.

``email.parser`` was tried: line by line in Python, a message of 25 MB takes it seconds and several times its size in
memory. Here a part is a pair of places. What is damaged is a text: a multipart without its boundary, a part of no known
type, whatever lies deeper than :data:`DEEPEST`. Text parts are decoded; attachments of other kinds are not opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from privacy.sources.mailbox_headers import Head, head
from privacy.sources.mailbox_words import base64_bytes, decoded, quoted_printable, text_of, uuencoded

DEEPEST = 50
"""Deeper nested parts are one text."""

_TYPE = re.compile(r"\s*([^\s;/()<>@,\"]+)\s*/\s*([^\s;()<>@,\"]+)")
_PARAMETER = re.compile(r";\s*([^\s=;]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)", re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_TEXTS = ("application/ics", "application/xhtml+xml")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_CODINGS = ("base64", "quoted-printable", "uuencode", "x-uuencode", "x-uue", "uue")
_BLOCK = 2**20


@dataclass(slots=True)
class Part:
    """A leaf: a text, an attachment, or (``kind`` message/rfc822) the place of a message within this one.

    :param nested: in how many messages within this one it lies.
    :param alternative: which group of alternatives it is one of.
    :param aside: text between the parts, that mail programs do not show.
    """

    data: bytes = field(repr=False)
    start: int
    end: int
    head: Head
    kind: str
    parameters: dict[str, str] = field(repr=False)
    nested: int
    alternative: int | None = None
    aside: bool = False

    @property
    def coding(self) -> str:
        """Its Content-Transfer-Encoding."""
        return (self.head.first("content-transfer-encoding") or "").partition(";")[0].strip(" \t\"'").lower()

    @property
    def charset(self) -> str:
        """Its charset, as it says."""
        return self.parameters.get("charset", "")

    @property
    def is_text(self) -> bool:
        """Whether it is looked into."""
        return self.kind.startswith(("text/", "message/")) or self.kind in _TEXTS

    @property
    def name(self) -> str | None:
        """The file's name that it says, if any."""
        disposition = parameters(self.head.first("content-disposition") or "")
        found = disposition.get("filename") or self.parameters.get("name")
        return decoded(found) if found else None

    @property
    def attached(self) -> bool:
        """Whether it is an attachment rather than what the message says."""
        disposition = (self.head.first("content-disposition") or "").partition(";")[0].strip().lower()
        return disposition == "attachment" or self.name is not None or self.kind not in ("text/plain", "text/html")

    def content(self) -> bytes:
        """Its decoded bytes."""
        raw, coding = self.data[self.start : self.end], self.coding
        if coding == "base64":
            return base64_bytes(raw)
        if coding == "quoted-printable":
            return quoted_printable(raw)
        return uuencoded(raw) if coding in _CODINGS else raw

    def text(self) -> str:
        """Its decoded text."""
        return text_of(self.content(), self.charset)

    def size(self) -> int:
        """How many bytes it has, decoded; without decoding 25 MB at once."""
        coding = self.coding
        if coding != "base64":
            return self.end - self.start if coding != "quoted-printable" else len(self.content())
        characters = 0
        for at in range(self.start, self.end, _BLOCK):
            characters += len(self.data[at : min(at + _BLOCK, self.end)].translate(None, delete=_NOT_BASE64))
        return characters * 3 // 4


def parts(data: bytes, top: Head, end: int | None = None) -> Iterator[Part]:
    """The leaves of a message, in order; before those of a multipart, its head; before those of a message, that one."""
    stack = [iter([_Todo(data, top.body, len(data) if end is None else end, top, 0, 0, None)])]
    while stack:
        todo = next(stack[-1], None)
        if todo is None:
            stack.pop()
            continue
        kind, its = _kind(todo)
        boundary = its.get("boundary", "").strip(' \t"')
        part = Part(todo.data, todo.start, todo.end, todo.head, kind, its, todo.nested, todo.alternative, todo.aside)
        deeper = todo.depth < DEEPEST and not todo.aside
        if kind.startswith("multipart/") and boundary and deeper:
            group = todo.start if kind == "multipart/alternative" else todo.alternative
            part.end, part.aside = part.start, True
            yield part
            stack.append(_children(todo, boundary.encode("utf-8", "replace"), kind, group))
        elif kind in ("message/rfc822", "message/global", "message/news") and deeper:
            yield part
            stack.append(_nested(part, todo))
        else:
            if kind.startswith("multipart/"):
                part.kind = "text/plain"
            yield part


@dataclass(frozen=True, slots=True)
class _Todo:
    """A piece that is not looked at yet."""

    data: bytes = field(repr=False)
    start: int
    end: int
    head: Head
    depth: int
    nested: int
    alternative: int | None
    usual: str = "text/plain"
    aside: bool = False


def _kind(todo: _Todo) -> tuple[str, dict[str, str]]:
    value = None if todo.aside else todo.head.first("content-type")
    if value is None:
        return todo.usual, {}
    found = _TYPE.match(value)
    return f"{found[1]}/{found[2]}".lower() if found else "text/plain", parameters(value)


def _nested(part: Part, todo: _Todo) -> Iterator[_Todo]:
    """A message within one: its head as a text that is not shown, then what it says.

    It may not be encoded, and sometimes is: a few times it is decoded, each time a copy.
    """
    data, start, end = part.data, part.start, part.end
    if part.coding in _CODINGS and todo.nested < 4:
        data = part.content()
        start, end = 0, len(data)
    its = head(data, start, end)
    yield _Todo(data, start, its.body, Head(), todo.depth + 1, todo.nested + 1, None, aside=True)
    yield _Todo(data, its.body, end, its, todo.depth + 1, todo.nested + 1, None)


def _children(todo: _Todo, boundary: bytes, kind: str, group: int | None) -> Iterator[_Todo]:
    """The parts between the boundary's lines; before the first and after the last there is text that is not shown."""
    data, usual = todo.data, "message/rfc822" if kind == "multipart/digest" else "text/plain"
    start: int | None = None
    before, over = todo.start, False
    for line, after, last in _lines(data, b"--" + boundary, todo.start, todo.end):
        if over:
            break
        if start is None:
            yield _aside(todo, before, line)
        else:
            yield _child(todo, start, line, usual, group)
        start, over = after, last
    if start is None:
        # No line of the boundary at all: a text.
        yield _Todo(data, todo.start, todo.end, Head(), DEEPEST, todo.nested, group)
    elif over:
        yield _aside(todo, start, todo.end)
    else:
        yield _child(todo, start, todo.end, usual, group)


def _child(todo: _Todo, start: int, end: int, usual: str, group: int | None) -> _Todo:
    its = head(todo.data, start, end)
    return _Todo(todo.data, its.body, end, its, todo.depth + 1, todo.nested, group, usual)


def _aside(todo: _Todo, start: int, end: int) -> _Todo:
    return _Todo(todo.data, start, max(start, end), Head(), todo.depth + 1, todo.nested, None, aside=True)


def _lines(data: bytes, mark: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """The boundary's lines: where what stands before ends, where what follows begins, whether it is the last."""
    at = data.find(mark, start, end)
    while at >= 0:
        after = at + len(mark)
        last = data.startswith(b"--", after, end)
        if last:
            after += 2
        while after < end and data[after] in b" \t":
            after += 1
        opens = at == start or data[at - 1] in b"\r\n"
        if opens and (after >= end or data[after] in b"\r\n"):
            before = at
            if before > start and data[before - 1] == 10:
                before -= 1
            while before > start and data[before - 1] == 13:
                before -= 1
            while after < end and data[after] == 13:
                after += 1
            if after < end and data[after] == 10:
                after += 1
            yield before, min(after, end), last
        at = data.find(mark, max(after, at + 1), end)


def parameters(value: str) -> dict[str, str]:
    """The parameters of a field's value, by name in lower case; pieces and charsets of RFC 2231 put together."""
    found: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, raw in _PARAMETER.findall(";" + value.partition(";")[2]):
        text = (
            re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw[:1] == '"' and raw[-1:] == '"' and len(raw) > 1 else raw.strip()
        )
        base, star, rest = name.lower().partition("*")
        if not star:
            found.setdefault(base, text)
            continue
        number = rest.rstrip("*")
        order = int(number) if number.isdecimal() and len(number) < 6 else 0
        pieces.setdefault(base, []).append((order, name.endswith("*"), text))
    for base, its in pieces.items():
        charset, raw_bytes = "", b""
        for number, (_, coded, text) in enumerate(sorted(its, key=lambda piece: piece[0])):
            if coded and number == 0 and text.count("'") >= 2:
                charset, _, text = text.split("'", 2)
            raw_bytes += unquote_to_bytes(text) if coded else text.encode("utf-8", "replace")
        found[base] = text_of(raw_bytes, charset)
    return found
