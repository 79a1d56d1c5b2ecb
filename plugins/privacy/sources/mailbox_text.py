"""The text that a message shows, as plain text: for reading in a table; the message itself lies beside it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from privacy.sources.mailbox_parts import Part

_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/blockquote|/table)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<!--|<[^<>]*>")
_HIDDEN = re.compile(r"<(script|style|title|head)\b|<!--", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\f\v\xa0]+")
_LINES = re.compile(r"\n{3,}")


def shown(parts: Iterable[Part]) -> str | None:
    """The texts of a message's own body, one after the other; of alternatives the plain one; None: it has none."""
    texts: list[tuple[int | None, bool, str]] = []
    for part in parts:
        if part.nested or part.aside or part.attached:
            continue
        plain = part.kind == "text/plain"
        texts.append((part.alternative, plain, part.text() if plain else readable(part.text())))
    chosen = {group for group, plain, text in texts if group is not None and plain and text.strip()}
    kept = [text for group, plain, text in texts if plain or group not in chosen]
    return "\n\n".join(text.strip("\r\n") for text in kept) if kept else None


def readable(text: str) -> str:
    """HTML without its tags, a line for each block."""
    text = _LINES.sub("\n\n", _lines(html.unescape(_TAG.sub("", _BREAK.sub("\n", _visible(text))))))
    return text.strip()


def _lines(text: str) -> str:
    return "\n".join(_BLANKS.sub(" ", line).strip() for line in text.split("\n"))


def _visible(text: str) -> str:
    """Without what is never shown: styles, scripts, comments. One that is not closed hides nothing."""
    made: list[str] = []
    at = 0
    low = text.lower() if len(text.lower()) == len(text) else text
    closed: dict[str, bool] = {}
    while (found := _HIDDEN.search(text, at)) is not None:
        close = f"</{found[1].lower()}" if found[1] else "-->"
        end = low.find(close, found.end()) if closed.get(close, True) else -1
        if end < 0:
            closed[close] = False
            made.append(text[at : found.end()])
            at = found.end()
            continue
        made.append(text[at : found.start()])
        after = text.find(">", end)
        at = len(text) if after < 0 else after + 1
    return "".join([*made, text[at:]])
