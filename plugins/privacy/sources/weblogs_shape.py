"""A format as regular expressions over many lines at once: proofs that each of a run of lines is of one day or hour.

Only formats are served of which this is certain: the time stands at one place alone that a line leaves no choice about.
All before it is literal, or a class of bytes that ends where the next one must begin; the same holds for its end. What
comes after it may be any regular expression that looks at nothing but the bytes it takes. For all others there is none,
and every line is looked at by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

BYTES = range(256)
NEWLINE, RETURN = 10, 13
RARE = b"\t\r\v\f"
"""Blanks that hardly any log has. Where there are none, ``\\S`` is all but a blank: far faster to search for."""

MANY = 128
"""So many lines are proven at once."""

_TIME = frozenset(b"0123456789/:-+. TZ" + b"JanFebMarAprMayJunJulAugSepOctNovDec")
"""All bytes of which the times consist that are looked for."""

_GROUP = re.compile(rb"\((?:\?P<(\w+)>|\?:|(?!\?))")
_REPEAT = re.compile(rb"([*+?]|\{(\d+)(,\d*)?\})([?+]?)")
_CLASS = re.compile(rb"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(rb"\\[dDsSwWnrtfv]|\\[^0-9A-Za-z]", re.DOTALL)
_DOUBTFUL = re.compile(rb"\{[\d,]")
_SPECIAL = b"\\^$*+?()|[]"


_Write = Callable[[frozenset[int]], bytes]


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a format: one byte out of some, so many times; or a bracket, a bar.

    :param taken: the bytes; empty: it is ``text``. :param least: how many at least. :param sure: and no more.
    :param time: it is the time, all of it.
    """

    text: bytes
    taken: frozenset[int] = frozenset()
    repeat: bytes = b""
    least: int = 1
    sure: bool = True
    time: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A format of which many lines can be proven at once.

    :param before: the byte that stands before each time, whatever the line is.
    :param after: bytes of which one follows it.
    """

    before: bytes
    after: frozenset[int]
    _lead: tuple[_Part, ...]
    _tail: tuple[_Part, ...]

    def many(self, times: bytes) -> re.Pattern[bytes]:
        """What takes :data:`MANY` lines whose times are such; each has one newline if they have so many together.

        It holds for bytes among which there is none of :data:`RARE`.

        :param times: a regular expression for whole times, of bytes that times consist of.
        """
        return re.compile(b"(?:%s\n){%d}+" % (self._line(times, _quick), MANY))

    def some(self, times: bytes) -> re.Pattern[bytes]:
        """What takes up to :data:`MANY` lines whose times are such, and never a newline inside one."""
        return re.compile(b"(?:%s\r?\n){1,%d}+" % (self._line(times, _strict), MANY))

    def each(self, times: bytes) -> re.Pattern[bytes]:
        """What finds lines whose times are such, and the text of the one group in ``times``: all those of a piece, if
        they are as many as its newlines. It holds for the same bytes as :meth:`many`.
        """
        return re.compile(b"^%s\n" % self._line(times, _quick), re.MULTILINE)

    def _line(self, times: bytes, write: _Write) -> bytes:
        return _written(self._lead, write) + b"(?:%s)" % times + _written(self._tail, write)


def shape(form: bytes, name: str) -> Shape | None:
    """The shape of a format.

    :param form: a regular expression over a line. :param name: of the group that is the time.
    :returns: None: it is none of those that can be served.
    """
    parts = _parts(form, name)
    at = next((n for n, part in enumerate(parts or ()) if part.time), -1)
    if parts is None or not 0 < at < len(parts) - 1:
        return None
    lead, time, tail = parts[:at], parts[at], parts[at + 1 :]
    last = lead[-1]
    certain = all(
        part.taken and (part.sure or _ends(part, after)) for part, after in zip(lead, parts[1:], strict=False)
    )
    if not certain or len(last.taken) != 1 or last.repeat or not _ends(time, tail[0]) or not time.taken >= _TIME:
        return None
    if time.repeat not in (b"+", b"*") or last.taken <= _TIME or tail[0].taken & _TIME:
        return None
    if any(part.taken and not part.taken - {NEWLINE, RETURN} for part in parts):
        return None
    return Shape(bytes(last.taken), tail[0].taken, tuple(lead), tuple(tail))


def only(form: bytes, names: Sequence[bytes]) -> bytes | None:
    """A format with no other groups than these, each of which it has once; otherwise it takes the very same.

    :returns: None: it has something in it that looks at more than the bytes it takes, as the beginning of a line.
    """
    if _parts(form, "") is None:
        return None
    made, at, met = b"", 0, []
    while at < len(form):
        group = _GROUP.match(form, at)
        known = group or _CLASS.match(form, at) or _ESCAPE.match(form, at)
        text = known[0] if known else form[at : at + 1]
        at += len(text)
        if group:
            met += [group[1]] if group[1] in names else []
            text = text if group[1] in names else b"(?:"
        made += text
    return made if met == list(names) else None


def _parts(form: bytes, name: str) -> list[_Part] | None:
    """A format's pieces; None: it has some that looks at more than the byte it takes, or that nobody here knows."""
    found: list[_Part] = []
    opened: list[int] = []
    at, timed = 0, -1
    while at < len(form):
        if group := _GROUP.match(form, at):
            if group[1] == name.encode() and not opened:
                timed = len(found) + 1
            opened.append(len(found))
            found.append(_Part(b"(?:"))
            at = group.end()
        elif form[at : at + 1] == b"|" and opened:
            found.append(_Part(b"|"))
            at += 1
        elif form[at : at + 1] == b")" and opened:
            begin, at = opened.pop(), at + 1
            repeat = _REPEAT.match(form, at)
            if repeat and repeat[4] == b"+":
                return None
            inside, text = found[begin + 1 :], b")" + (repeat[0] if repeat else b"")
            at += len(text) - 1
            if timed == begin + 1:
                if len(inside) != 1 or not inside[0].taken or repeat:
                    return None
                found[begin:] = [replace(inside[0], time=True)]
                timed = -1
            elif all(part.taken for part in inside) and not repeat:
                found[begin:] = inside  # It groups nothing.
            else:
                found.append(_Part(text))
        else:
            part, at = _atom(form, at)
            if part is None:
                return None
            found.append(part)
    return None if opened else found


def _atom(form: bytes, at: int) -> tuple[_Part | None, int]:
    """What takes one byte, with how often; and where it ends."""
    known = _CLASS.match(form, at) or _ESCAPE.match(form, at)
    text = known[0] if known else form[at : at + 1]
    # What begins like a repetition, and is none, is nothing to guess about.
    if not known and (text in _SPECIAL or _DOUBTFUL.match(form, at)):
        return None, at
    taken = _taken(text)
    at += len(text)
    repeat = _REPEAT.match(form, at)
    if repeat is None:
        return _Part(text, taken), at
    if repeat[4]:
        return None, at
    least = int(repeat[2]) if repeat[2] else int(repeat[1] == b"+")
    return _Part(text, taken, repeat[0], least, sure=bool(repeat[2]) and repeat[3] is None), repeat.end()


def _taken(text: bytes) -> frozenset[int]:
    """The bytes that an expression for one byte takes: by asking for each."""
    one = re.compile(re.escape(text) if len(text) == 1 and text != b"." else text)
    return frozenset(n for n in BYTES if one.fullmatch(bytes((n,))))


def _ends(part: _Part, after: _Part) -> bool:
    """Whether a piece has to end where the next one begins."""
    return bool(after.taken) and after.least > 0 and not part.taken & after.taken


def _written(parts: Sequence[_Part], write: _Write) -> bytes:
    """The pieces as a regular expression; it does not go back where there is nothing to go back for."""
    found = []
    for part, after in zip(parts, [*parts[1:], _Part(b"")], strict=True):
        stay = b"+" if not part.sure and _ends(part, after) else b""
        found.append(write(part.taken) + part.repeat + stay if part.taken else part.text)
    return b"".join(found)


def _strict(taken: frozenset[int]) -> bytes:
    """The same bytes but for the ends of lines."""
    return _class(taken - {NEWLINE, RETURN})


def _quick(taken: frozenset[int]) -> bytes:
    """The same bytes, and perhaps newlines and rare ones: a search for all but one byte is the fastest there is."""
    others = frozenset(BYTES) - taken - {NEWLINE, *RARE}
    return _class(frozenset(BYTES) - (others or {NEWLINE})) if len(others) <= 1 else _class(taken - {NEWLINE, RETURN})


def _class(taken: frozenset[int]) -> bytes:
    """A regular expression for one of some bytes."""
    if len(taken) == 1:
        return re.escape(bytes(taken))
    no = len(taken) > len(BYTES) // 2
    listed = sorted(frozenset(BYTES) - taken if no else taken)
    ranges: list[list[int]] = []
    for n in listed:
        if ranges and ranges[-1][1] == n - 1:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
    texts = (b"\\x%02x" % low if low == high else b"\\x%02x-\\x%02x" % (low, high) for low, high in ranges)
    return b"[%s%s]" % (b"^" if no else b"", b"".join(texts))
