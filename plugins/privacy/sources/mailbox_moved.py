"""Messages that were moved between folders while an export read one folder after another.

A reading notes each message that it listed, as a digest of folder and name. What lies in a folder afterwards, was never
listed there, and is older than the export was moved there meanwhile. Such are few, and are looked at: only one that is
the subject's matters. Mail that arrived since is not of the time of the export.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from privacy.sources.base import Due, Selection
from privacy.sources.mailbox_store import Stored
from privacy.sources.mailbox_whose import Whose

if TYPE_CHECKING:
    from privacy.sources.mailbox import MailboxSource

SIZE = 16
"""Bytes of a digest."""


def digests(listed: Iterable[Stored]) -> bytes:
    """What a reading notes of the messages of a folder."""
    return b"".join(map(_digest, listed))


def _digest(stored: Stored) -> bytes:
    # The same name in another folder is another message: not every program gives a new one.
    about = f"{stored.folder}\0{stored.name}"
    return blake2b(about.encode("utf-8", "replace"), digest_size=SIZE).digest()


def missed(source: MailboxSource, selection: Selection, seen: bytes, since: datetime) -> int:
    """See :meth:`privacy.sources.base.Moving.missed`."""
    if isinstance(selection.pick, Due):
        return 0
    whose = Whose(source.dataset(selection.dataset), selection.pick, selection.on, shared=selection.shared)
    if not whose.selects:
        return 0
    known = {seen[at : at + SIZE] for at in range(0, len(seen), SIZE)}
    count = 0
    for label in source.folders(selection.dataset):
        with source.opened(selection.dataset, label) as folder:
            new = [m for m in folder.messages() if _digest(m) not in known and m.received < since]
            for opened, data in folder.contents(new):
                found = whose.judge(data, opened.stored.received)
                count += found is not None and bool(found[1].rows)
    return count
