"""Whom a log may be about: a filter over the identifiers in it, so that a log without a subject's need not be read.

A filter never denies what is there; once in ten thousand times it affirms what is not, and the log is read. It is
keyed: without the key nobody can ask it for anybody. What stands in lines in no known form is asked for by pieces of
text, as whoever reads them looks for identifiers anywhere in such a line.
"""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import index, itemgetter
from typing import Any

from rbloom import Bloom

from privacy.sources.weblogs_lines import LineFormat, empty
from privacy.sources.weblogs_match import Matcher
from privacy.sources.weblogs_shape import only
from privacy.sources.weblogs_spelling import canonicaliser

FORM = 1
"""Another number makes every log be read anew."""

MISTAKEN = 1e-4
"""How often a filter affirms what is not in a log: at two and a half bytes a value."""

MOST_VALUES = 4_000_000
"""A log with more different values has no filter: to make it takes more memory than a task may have."""

MOST_ODD = 16 * 1024
"""Bytes. A log with more text in no known form has no filter: it is read."""

_HEADER = struct.Struct("<32sI?qB8s??I")
_SEAL = 32
_SHORT, _LONG = 4, 8
_ODD = "\0"
"""No column is called so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a selection looks for, as filters know it.

    :param tokens: of values in columns. :param texts: of each text that may stand in a line in no known form the tokens
        of its pieces; an empty one: too short to be asked for.
    """

    tokens: tuple[int, ...] = field(repr=False)
    texts: tuple[tuple[int, ...], ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class Ids:
    """The filter of one log, and what else is known of it without reading it.

    :param head, size, begins: see :class:`privacy.sources.weblogs_index.Known`.
    :param tail: the last bytes of the compressed file: checksum and length of its content; empty: its version says it.
    :param odd: it has lines in no known form. :param read: it is always to be read: no filter could be made.
    :param count: how many values it was made from. ``filter``: as it is written; empty: of none.
    """

    head: str
    size: int
    begins: int | None
    tail: bytes
    odd: bool
    read: bool
    count: int
    filter: bytes = field(repr=False)

    def may(self, wanted: Wanted) -> bool:
        """Whether the log may hold something of it; False is certain."""
        if self.read or (self.odd and () in wanted.texts):
            return True
        if not self.filter:
            return False
        known = Bloom.load_bytes(self.filter, index)
        if any(token in known for token in wanted.tokens):
            return True
        return self.odd and any(all(token in known for token in pieces) for pieces in wanted.texts)

    def written(self, secret: bytes, name: str) -> bytes:
        """As it is kept, sealed as being about ``name``."""
        begun = self.begins is not None
        body = _HEADER.pack(
            bytes.fromhex(self.head), self.size, begun, self.begins or 0, len(self.tail), self.tail, self.odd,
            self.read, self.count,
        ) + self.filter  # fmt: skip
        return _seal(secret, name, body) + body

    @classmethod
    def parsed(cls, secret: bytes, name: str, raw: bytes) -> Ids:
        """What :meth:`written` made. :raises ValueError: it is damaged, about another log, or of another key."""
        body = raw[_SEAL:]
        if not hmac.compare_digest(raw[:_SEAL], _seal(secret, name, body)):
            raise ValueError
        # Only what was sealed whole is taken apart: the filter's own code trusts what it is given.
        head, size, begun, begins, long, tail, odd, read, count = _HEADER.unpack_from(body)
        rest = body[_HEADER.size :]
        return cls(head.hex(), size, begins if begun else None, tail[:long], odd, read, count, rest)


class Words:
    """What turns values into what filters know.

    :param secret: 32 bytes.
    """

    def __init__(self, form: LineFormat, secret: bytes) -> None:
        self._form, self._secret = form, secret
        self.columns = [
            name for name in form.group if form.dataset.columns[name].identity
        ]  # In the order of the format.

    def token(self, column: str) -> Callable[[bytes], int]:
        """How a value of a column is known: 128 bits, which only the key can make."""
        begun = blake2b(column.encode() + b"\0", key=self._secret, digest_size=16, person=b"log-ids")

        def token(value: bytes) -> int:
            made = begun.copy()
            made.update(value)
            return int.from_bytes(made.digest(), "little", signed=True)

        return token

    def of_values(self, column: str, values: Iterable[bytes]) -> set[int]:
        """The tokens of all forms in which a field's value may be looked for (see :meth:`whose.Column.find`)."""
        kind, token = str(self._form.dataset.columns[column].identity), self.token(column)
        as_text, as_number = canonicaliser(kind, False), canonicaliser(kind, True)
        forms = {form for raw in values if not empty(raw) for form in (raw, as_text(raw), as_number(raw))}
        return set(map(token, forms))

    def of_text(self, text: bytes) -> set[int]:
        """The tokens of all pieces of a line in no known form."""
        token = self.token(_ODD)
        pieces = {text[at : at + size] for size in (_SHORT, _LONG) for at in range(len(text) - size + 1)}
        return set(map(token, pieces))

    def wanted(self, matcher: Matcher) -> Wanted:
        """What a selection looks for."""
        tokens: list[int] = []
        for _, columns in matcher.parties:
            for column in columns:
                tokens += map(self.token(column.name), {*column.claims, *column.windows})
        return Wanted(tuple(dict.fromkeys(tokens)), tuple(map(self._pieces, matcher.needles)))

    def of_visits(self, matcher: Matcher, visits: set[int]) -> Wanted:
        """The addresses of these visits."""
        tokens: list[int] = []
        for _, columns in matcher.parties:
            for column in columns:
                used = {a for a, windows in column.windows.items() if any(w.number in visits for w in windows)}
                tokens += map(self.token(column.name), used)
        return Wanted(tuple(dict.fromkeys(tokens)))

    def _pieces(self, needle: bytes) -> tuple[int, ...]:
        size = _LONG if len(needle) >= _LONG else _SHORT
        token = self.token(_ODD)
        return tuple(token(needle[at : at + size]) for at in range(len(needle) - size + 1))


class Gathered:
    """The identifiers of one log, gathered block by block."""

    def __init__(self, form: LineFormat, words: Words) -> None:
        self._form, self._words = form, words
        self._values: list[set[bytes]] = [set() for _ in words.columns]
        self._odd: set[int] = set()
        self._odd_bytes = self.lines = self.bytes = 0
        self.odd = False
        quick = only(str(form.dataset.format).encode(), [name.encode() for name in words.columns])
        self._quick = None if quick is None else _whole_lines(quick, words.columns)

    @property
    def too_much(self) -> bool:
        """Whether a filter would be too large."""
        return self._odd_bytes > MOST_ODD or sum(map(len, self._values)) > MOST_VALUES

    def add(self, block: bytearray, count: int) -> None:
        """A block of whole lines. :param count: how many lines it has."""
        self.bytes += len(block)
        self.lines += count
        found = self._quick(block) if self._quick is not None and 13 not in block else []
        if len(found) != count:
            # Some line is in no known form, or a field took the end of one for its own: then each is looked at.
            found = self._each(block)
        for number, values in enumerate(self._values):
            values.update(map(itemgetter(number), found))

    def _each(self, block: bytearray) -> list[tuple[bytes, ...]]:
        found: list[tuple[bytes, ...]] = []
        groups = [self._form.group[name] for name in self._words.columns]
        for line in bytes(block).removesuffix(b"\n").split(b"\n"):
            match = self._form.match(line)
            if match is not None:
                found.append(tuple(match.group(group) or b"" for group in groups))
                continue
            self.odd = True
            self._odd_bytes += len(line)
            if not self.too_much:
                self._odd |= self._words.of_text(line)
        return found

    def filter(self) -> tuple[int, bytes]:
        """How many values there are, and the filter over them; empty: of none."""
        tokens = set(self._odd)
        for name, values in zip(self._words.columns, self._values, strict=True):
            tokens |= self._words.of_values(name, values)
        if not tokens:
            return 0, b""
        made = Bloom(len(tokens), MISTAKEN, index)
        made.update(tokens)
        return len(tokens), made.save_bytes()


def _whole_lines(pattern: bytes, columns: Sequence[str]) -> Callable[[bytearray], list[tuple[bytes, ...]]]:
    """What finds the columns of all lines of a block, if it finds as many as there are lines.

    Each begins where a line does, ends where one does, and none begins within another: so as many are all of them.
    """
    found: Any = re.compile(b"^(?:%s)$" % pattern, re.MULTILINE).findall
    return found if len(columns) > 1 else lambda block: [(one,) for one in found(block)]


def _seal(secret: bytes, name: str, body: bytes) -> bytes:
    return hmac.digest(secret, b"log-index\0" + name.encode() + b"\0" + body, "sha256")
