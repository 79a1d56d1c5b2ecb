"""E-mail addresses: one form to compare them in, out of headers as they are and out of any text.

``email.utils`` and ``email.headerregistry`` were tried: the first gives nothing for a whole header that has one mistake
in it, the second is five times too slow and fails on hostile ones. What stands here never fails, and rather finds an
address in a broken header than loses it. Comments, quotes, groups, routes, folding inside an address and RFC 2047 words
are understood; domains are compared as people read them (``müller.example``, not ``xn--mller-kva.example``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from privacy.datamap.kinds import fold
from privacy.sources.mailbox_words import decoded

INVISIBLE = re.compile("[\0\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Characters that stand in an address without being seen; marks of direction come along when one is copied."""

LONGEST = 320
"""More characters than any address has."""

_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_TOKEN = re.compile(r"\s+|[<>,;:]|[^\s\"()<>,;:]+|[\"()]")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_DOMAIN = re.compile(r"\[[^\[\]\s]*\]|[\w.\-\u3002\uff0e\uff61]+")
_LOCAL_BACKWARDS = re.compile(r"[^\s\0-\x1f\x7f<>()\[\],:;\\\"@]+")
_QUOTED_BACKWARDS = re.compile(r"\"[^\"\r\n]*\"")
_SOFT = re.compile(r"[!#$%&'*/=?^`{|}~]")


@dataclass(frozen=True, slots=True)
class Address:
    """An address in a header.

    :param shown: as it is written there, its domain as people read it.
    :param name: the name beside it.
    """

    shown: str = field(repr=False)
    canonical: str = field(repr=False)
    name: str = field(repr=False)

    @property
    def domain(self) -> str:
        """The part after the @, in the form to compare."""
        return self.canonical.rpartition("@")[2]


@lru_cache(maxsize=16384)
def domain_of(text: str) -> str:
    """A domain in the form to compare: without case, final dots, and ``xn--``."""
    return ".".join(_label(label) for label in fold(text.translate(_DOTS)).strip().rstrip(".").split("."))


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
        # What is no label's proper form stays what it is: two domains never become one.
        same = not text.isascii() and text == fold(text) and text.encode("punycode") == label[4:].encode("ascii")
    except (UnicodeError, ValueError, OverflowError):
        return label
    return text if same and "." not in text.translate(_DOTS) else label


def canonical(text: str) -> str | None:
    """An address in the form to compare; None: it is none."""
    local, at, domain = text.strip().rpartition("@")
    local, domain = local.strip(), domain_of(domain)
    if not at or not local or not domain:
        return None
    if len(local) > 2 and local[0] == local[-1] == '"':
        local = _PAIR.sub(r"\1", local[1:-1])
    return f"{fold(local)}@{domain}"


def addresses(value: str) -> list[Address]:
    """The addresses of a header's value (unfolded or not), in order; also out of a broken one."""
    return list(_addresses(value.replace("\0", ""), again=True))


def _addresses(value: str, *, again: bool) -> Iterator[Address]:
    phrase: list[str] = []
    angle: list[str] | None = None
    for mark in (*_tokens(value), ","):
        if mark == "<":
            if angle is not None:
                yield from _flush(angle, phrase, again=again)
                phrase = []
            angle = []
        elif mark == ">":
            if angle is not None:
                yield from _flush(angle, phrase, again=again)
                phrase, angle = [], None
        elif mark in (",", ";"):
            yield from _flush(angle, phrase, again=again)
            phrase, angle = [], None if angle is None or mark == ";" else []
        elif mark == ":":
            # The name of a group, or a route: neither is anybody's address.
            if angle is not None:
                angle = []
            else:
                phrase = []
        else:
            (phrase if angle is None else angle).append(mark)


def _tokens(value: str) -> Iterator[str]:
    """Blanks, marks, atoms and quoted strings (with their quotes); comments are left out.

    A quote or bracket without its other end is passed over by itself, so that nothing after it is lost.
    """
    closes = _comments(value)
    at, no_quotes = 0, False
    while at < len(value):
        char = value[at]
        if char == '"' and not no_quotes:
            quoted = _QUOTED.match(value, at)
            if quoted:
                yield quoted[0]
                at = quoted.end()
                continue
            no_quotes = True
        if char == "(" and at in closes:
            yield " "
            at = closes[at] + 1
            continue
        found = _TOKEN.match(value, at)
        if found is None:
            at += 1
            continue
        if char not in '"()':
            yield found[0]
        at = found.end()


def _comments(value: str) -> dict[int, int]:
    """Where each bracket is closed."""
    if "(" not in value:
        return {}
    opened: list[int] = []
    closes: dict[int, int] = {}
    for found in re.finditer(r"\\.|[()]", value, re.DOTALL):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            closes[opened.pop()] = found.start()
    return closes


def _flush(angle: list[str] | None, phrase: list[str], *, again: bool) -> Iterator[Address]:
    """What stood between two commas: an address in angle brackets with a name before it, or an address by itself."""
    words, found = _joined(phrase), False
    name = " ".join(_unquoted(word) for word in words if angle is not None or "@" not in word)
    for word in _joined(angle) if angle is not None else words:
        made = _made(word, name)
        if made is not None:
            found = True
            yield made
    if found or (angle is not None and not "".join(angle)):
        return
    # Also one that is written as an encoded word, or within quotes, and stands for the whole address.
    whole = "".join(angle if angle is not None else phrase)
    clear = _unquoted(decoded(whole).strip())
    if again and clear != whole and "@" in clear:
        yield from _addresses(clear, again=False)


def _joined(tokens: list[str]) -> list[str]:
    """Tokens as words: what stands around a dot or an @ belongs together, blanks or not."""
    words: list[list[str]] = []
    blank = True
    for token in tokens:
        if token.isspace():
            blank = True
            continue
        if words and (not blank or words[-1][-1][-1] in ".@" or token[0] in ".@"):
            words[-1].append(token)
        else:
            words.append([token])
        blank = False
    return ["".join(word) for word in words]


def _made(word: str, name: str) -> Address | None:
    if "@" not in word or (word[0] == '"' and word.find('"', 1) == len(word) - 1):
        return None
    if "=?" in word:
        word = decoded(word)
    local, _, domain = word.rpartition("@")
    if local.startswith("'") and domain.endswith("'"):
        local, domain = local[1:], domain[:-1]
    compared = canonical(f"{local}@{domain}")
    if compared is None:
        return None
    readable = ".".join(_label(part.lower()) if part[:4].lower() == "xn--" else part for part in domain.split("."))
    return Address(f"{local}@{readable.rstrip('.')}", compared, decoded(name).strip())


def _unquoted(word: str) -> str:
    found = _QUOTED.fullmatch(word)
    return _PAIR.sub(r"\1", found[1]) if found else word


def mentioned(text: str, wanted: Container[str], domains: Container[str]) -> set[str]:
    """Which of the wanted addresses stand in a text, each by itself: ``anna@`` is not in ``joanna@``.

    :param wanted: in the form to compare.
    :param domains: theirs.
    """
    found: set[str] = set()
    at = text.find("@")
    while at >= 0:
        domain = _domain_after(text, at)
        if domain in domains:
            found.update(a for local in _locals_before(text, at) if (a := f"{fold(local)}@{domain}") in wanted)
        at = text.find("@", at + 1)
    return found


def _domain_after(text: str, at: int) -> str:
    after = text[at + 1 : at + LONGEST]
    found = _DOMAIN.match(after if after.isascii() else unicodedata.normalize("NFC", after))
    return domain_of(found[0].rstrip("._-\u3002\uff0e\uff61")) if found else ""


def _locals_before(text: str, at: int) -> Iterator[str]:
    before = text[max(0, at - LONGEST) : at][::-1]
    if before.startswith('"'):
        quoted = _QUOTED_BACKWARDS.match(before)
        if quoted:
            yield _PAIR.sub(r"\1", quoted[0][-2:0:-1])
        return
    run = _LOCAL_BACKWARDS.match(before)
    if run is None:
        return
    whole = run[0][::-1]
    starts = [0, *(soft.end() for soft in _SOFT.finditer(whole))]
    for start in starts:
        local = whole[start:]
        yield local
        yield local.lstrip("._-+")
