"""Advice that was written for a terminal, as a page says it: where the same is done here, or not at all."""

from __future__ import annotations

import re

_OBJECT = r"(?: (?:--?[a-z][a-z-]*(?: [a-z]+)?|[A-Z]{2,}(?:-[0-9-]*[0-9])?))*"
_HERE = (
    ("ledger verify", "Verify now, on the page Ledger"),
    ("ledger show", "the page Ledger"),
    ("hold confirm", "say so on the page of the hold"),
    ("hold (?:list|release|place)", "the page Holds"),
    ("request (?:show|start|prove|decide|review|release|deliver|letter|remind|extend|lift|tell|correct)",
     "do so on the request's page"),
    ("request (?:list|new|deadlines)", "the page Requests"),
    ("datamap [a-z]+", "the page Data map"),
)  # fmt: skip
"""Commands, and where on the desk the same is done."""

_KNOWN = tuple((re.compile(rf"`{{0,2}}privacy {command}{_OBJECT}`{{0,2}}"), place) for command, place in _HERE)
_GROUPS = "request|bundle|hold|ledger|purge|datamap|disclosure|erasures|logs|notices|explain|doctor|init"
_COMMAND = re.compile(rf"\bprivacy (?:{_GROUPS})\b|(?<!\S)\(?--[a-z]")


def here(text: str) -> str:
    """Advice without a command: where the same is done here, and no sentence about what is not."""
    for command, place in _KNOWN:
        text = command.sub(place, text)
    sentences = re.split(r"(?<=[.!?])\s+", text)
    return " ".join(one for one in sentences if not _COMMAND.search(one))
