"""What a mail server is asked to search for, so that only what it finds is fetched whole.

Of each address a piece of its local part and a piece of its domain are looked for (see ``mailbox_sieve``), anywhere in
a message: a server finds those as parts of words, whatever stands around them, and undoes base64, quoted-printable,
encoded words and charsets before. What it finds is read, and judged exactly: a server's search is one for substrings.

Who is a party of a message does not depend on the search: the head of each message that was not found is read as well.
What a search can miss is a mention outside of the head that is written with a tag, a reference of HTML or an invisible
character within its words, or in a part that lies about its encoding. The connection's option ``search: whole`` has
every message read instead, exactly as in a Maildir; on a fast network it takes about twice as long for one address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from privacy.sources.mailbox_store import Sought

MOST_ADDRESSES = 4
"""Servers go through all mail once more for each; with more, reading it ourselves is faster."""

SPAN = 20_000
"""So many numbers of messages are searched at once: the answer is one line, and ``imaplib`` takes a million bytes."""

_WORD = re.compile(rb"=\?[^?\s]{1,60}\?[bq]\?[^?]*\?=", re.IGNORECASE)


def searches(sought: Sought, uids: Iterable[int]) -> list[str] | None:
    """The criteria that together find every message that may hold what is sought; None: nothing can be searched for.

    :param uids: of the messages that matter.
    """
    if len(sought.pieces) > MOST_ADDRESSES or not all(local or domain for local, domain in sought.pieces):
        return None
    wanted = ""
    for pair in sought.pieces:
        both = " ".join(f'TEXT "{piece}"' for piece in pair if piece)
        wanted = f"(OR {wanted} ({both}))" if wanted else f"({both})"
    numbers = sorted(uids)
    spans = (numbers[at : at + SPAN] for at in range(0, len(numbers), SPAN))
    return [f"UID {span[0]}:{span[-1]} {wanted}" for span in spans]


def misses(sought: Sought, head: bytes) -> bool:
    """Whether a server that did not find a message by this head finds whole words only.

    Encoded words do not count: their letters may mean others.
    """
    low = _WORD.sub(b"", head).lower()
    return any(local.encode() in low and domain.encode() in low for local, domain in sought.pieces)
