"""What a mail server is asked to search for, so that only what it finds is fetched whole.

Of each address a piece of its local part and a piece of its domain are looked for (see ``mailbox_sieve``), anywhere in
a message: every server finds those as parts of words, whatever stands around them. What it finds is read, and judged
exactly. A server undoes base64, quoted-printable, encoded words and charsets before it searches; what it does not undo
is looked for by the marks that it leaves: references of HTML, percent codes, charsets that it may not know.

Parties do not depend on the search: the head of each message that was not found is read as well. What a search can miss
is a mention outside of the head, written with a tag or an invisible character within its words, or in a part that lies
about its encoding. The connection's option ``search: whole`` has every message fetched, for those who want these too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from privacy.sources.mailbox_store import Sought

MARKS = (
    "&#", "&shy", "&zw", "&lrm", "&rlm", "<wbr", "%3", "%4", "%5", "%6", "%7", "uuencode", "x-uue", "utf-7", "utf-16",
    "utf-32", "ucs-2", "ucs-4", "charset=cp", "charset=ibm", "charset=ebcdic",
)  # fmt: skip
"""What stands in messages in which letters may be written otherwise than as themselves."""

SPAN = 20_000
"""So many numbers of messages are searched at once: the answer is one line, and ``imaplib`` takes a million bytes."""

_WORD = re.compile(rb"=\?[^?\s]{1,60}\?[bq]\?[^?]*\?=", re.IGNORECASE)


def searches(sought: Sought, uids: Iterable[int]) -> list[str] | None:
    """The criteria that together find every message that may hold what is sought; None: nothing can be searched for.

    :param uids: of the messages that matter.
    """
    if not all(local or domain for local, domain in sought.pieces):
        return None
    each = [_all(f'TEXT "{piece}"' for piece in pair if piece) for pair in sought.pieces]
    wanted = _any([*each, *(f'TEXT "{mark}"' for mark in MARKS)])
    numbers = sorted(uids)
    spans = [numbers[at : at + SPAN] for at in range(0, len(numbers), SPAN)]
    return [f"UID {span[0]}:{span[-1]} {wanted}" for span in spans]


def misses(sought: Sought, head: bytes) -> bool:
    """Whether a server that did not find a message by this head finds whole words only.

    Encoded words do not count: their letters may mean others.
    """
    low = _WORD.sub(b"", head).lower()
    return any(local.encode() in low and domain.encode() in low for local, domain in sought.pieces)


def _all(criteria: Iterable[str]) -> str:
    return f"({' '.join(criteria)})"


def _any(criteria: list[str]) -> str:
    """``OR`` takes two: half of them, and the other half."""
    if len(criteria) == 1:
        return criteria[0]
    half = len(criteria) // 2
    return f"(OR {_any(criteria[:half])} {_any(criteria[half:])})"
