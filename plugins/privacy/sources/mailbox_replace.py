"""Putting a token in the place of an address, and of a name, wherever it stands in a text.

An address is written in more ways than one: with references of HTML, in percent signs, with tags, invisible characters
or line breaks in it. The plain way is replaced first. Where the source's own eyes (:func:`mailbox_whose.forms`) still
find it, every character may be written in any of its ways. What is then still found is for the caller to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.header import Header

from privacy.sources.mailbox_addresses import INVISIBLE, mentioned
from privacy.sources.mailbox_whose import forms
from privacy.sources.mailbox_words import WORD, decoded

_SOFT = frozenset("!#$%&'*/=?^`{|}~")
_ENDS = frozenset('<>()[],:;\\"@')
_JOINTS = frozenset("._-+")
_UNSEEN = INVISIBLE.pattern
_TAG = r"<[^<>]*>"
_SOFT_BREAK = r"=[ \t]*\r?\n"
_FOLD = r"\r?\n[ \t]"
_DOTS = ".\u3002\uff0e\uff61"
_AFTER = re.compile(rf"[{_DOTS}_\-]*")
_ENCODED = re.compile(r"[%=]([0-9A-Fa-f]{2})\Z")
_WORDS = re.compile(rf"{WORD.pattern}(?:\s+{WORD.pattern})*")
_NAMED = {"@": "&commat;", ".": "&period;", "_": "&lowbar;", "+": "&plus;"}
_LEAST = 5
"""A name of fewer letters, or of one word, may be anybody's: it stays in what others wrote."""


class Replacer:
    """See the module.

    :param tokens: by address, in the form to compare, what stands there instead.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self.tokens = tokens
        self._domains = frozenset(address.rpartition("@")[2] for address in tokens)
        self._plain = [(_written(address, plain=True), token) for address, token in tokens.items()]
        self._any: list[tuple[re.Pattern[str], str]] | None = None
        self._names: list[tuple[re.Pattern[str], str]] = []

    def name(self, name: str, token: str) -> None:
        """Replace a name as well that stands beside such an address; one that could be anybody's is left.

        :param token: of the address; the part before its @ stands for the name.
        """
        words = name.strip("\"' ").split()
        if len(words) > 1 and len("".join(words)) >= _LEAST and "@" not in name:
            pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)"
            self._names.append((re.compile(pattern, re.IGNORECASE), token.partition("@")[0]))

    def found(self, text: str) -> bool:
        """Whether one of the addresses can be read in a text."""
        return self.in_any(forms(text))

    def in_any(self, texts: Iterable[str]) -> bool:
        """The same of a text in all of its forms."""
        return any("@" in text and mentioned(text, self.tokens, self._domains) for text in texts)

    def named(self, text: str) -> bool:
        """Whether one of the names stands in a text."""
        return any(pattern.search(text) for pattern, _ in self._names)

    def text(self, text: str, *, thorough: bool = False) -> str:
        """The text with tokens; what is not replaced stays as it is, to the character.

        :param thorough: in every spelling, also where none can be read in the text by itself.
        """
        text = self._replaced(self._plain, text)
        if thorough or self.found(text):
            if self._any is None:
                self._any = [(_written(address, plain=False), token) for address, token in self.tokens.items()]
            text = self._replaced(self._any, text)
            if "=?" in text and (thorough or self.found(text)):
                text = _WORDS.sub(lambda words: self._word(words[0]), text)
        for pattern, token in self._names:
            text = pattern.sub(token, text)
        return text

    def _word(self, words: str) -> str:
        """Encoded words, anew where they hold an address."""
        clear = decoded(words)
        new = self._replaced(self._any or (), self._replaced(self._plain, clear))
        return words if new == clear else encoded(new)

    @staticmethod
    def _replaced(patterns: Iterable[tuple[re.Pattern[str], str]], text: str) -> str:
        for pattern, token in patterns:
            text = pattern.sub(lambda at, token=token: token if _alone(at) else at[0], text)  # type: ignore[misc]
        return text


def encoded(text: str, name: str = "") -> str:
    """A header's text, as encoded words where it needs them."""
    if text.isascii() and text.isprintable():
        return text
    return Header(text, "utf-8", maxlinelen=76, header_name=name or None).encode(linesep="\r\n")


def _alone(found: re.Match[str]) -> bool:
    """Whether an address stands there by itself: anna@ is not in joanna@, and a.example not in a.example.org."""
    text, at = found.string, found.start()
    while at and (text[at - 1] in _JOINTS or INVISIBLE.match(text, at - 1)):
        at -= 1
    if at:
        before = text[at - 1]
        coded = _ENCODED.search(text, max(0, at - 3), at)
        if coded is not None:
            before = chr(int(coded[1], 16))
        opens = before in _ENDS or before in _SOFT or before in _JOINTS or before.isspace() or before < " "
        if not opens:
            return False
    after = _AFTER.match(text, found.end())
    rest = text[after.end() if after else found.end() :][:1]
    return not (rest.isalnum() or rest == "_")


def _written(address: str, *, plain: bool) -> re.Pattern[str]:
    """How an address may be written."""
    local, _, domain = address.rpartition("@")
    between = "" if plain else rf"(?:{_UNSEEN}|{_TAG}|{_SOFT_BREAK}|{_FOLD})*"
    around = "" if plain else rf"(?:{_UNSEEN}|{_TAG}|{_SOFT_BREAK}|\s)*"

    def spelled(text: str) -> str:
        made = ""
        for place, char in enumerate(text):
            made += (around if char == "." or text[place - 1 : place] == "." else between) if place else ""
            made += _char(char, plain=plain)
        return made

    labels = rf"{around}(?:{_char('.', plain=plain)}|[{_DOTS}]){around}".join(
        f"(?:{spelled(label)}|{spelled(_ace(label))})" if not label.isascii() else spelled(label)
        for label in domain.split(".")
    )
    quoted = '"' + "".join(rf"\\?{re.escape(char)}" for char in local) + '"'
    return re.compile(rf"(?:{spelled(local)}|{quoted}){around}{_char('@', plain=plain)}{around}{labels}", re.IGNORECASE)


def _ace(label: str) -> str:
    return "xn--" + label.encode("punycode").decode("ascii")


def _char(char: str, *, plain: bool) -> str:
    if plain:
        return re.escape(char)
    made = [re.escape(char)]
    for code in {ord(char.lower()[0]), ord(char.upper()[0]), ord(char)}:
        made += [rf"&#0*{code}(?:;|(?!\d))", rf"&#x0*{code:x}(?:;|(?![0-9a-f]))"]
        made += [f"[%=]{code:02x}"] if code < 128 else []
    made += [re.escape(_NAMED[char])] if char in _NAMED else []
    return f"(?:{'|'.join(made)})"
