"""What is asked of a mail server about the messages of the folder that is open."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from imapclient import IMAPClient
from imapclient.exceptions import ProtocolError

CHUNK = 2 * 2**20
"""So many bytes of a large message are fetched at once."""

DELETED = b"\\Deleted"
_ADDED = re.compile(rb"\[APPENDUID \d+ (\d+)\]")


class Remote(io.RawIOBase):
    """A message as a file, of which pieces are fetched as they are read.

    :param piece: so many bytes from there on, fewer at the end.
    """

    def __init__(self, piece: Callable[[int, int], bytes]) -> None:
        self._piece, self._at, self._have, self._ended = piece, 0, b"", False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See :class:`io.RawIOBase`."""
        if not self._have and not self._ended:
            self._have = self._piece(self._at, CHUNK)
            self._at += len(self._have)
            self._ended = len(self._have) < CHUNK
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._have))
        view[:count] = self._have[:count]
        self._have = self._have[count:]
        return count

    def readall(self) -> bytes:
        """The rest of it."""
        made = bytearray(self._have)
        self._have = b""
        while not self._ended:
            piece = self._piece(self._at, CHUNK)
            self._at += len(piece)
            self._ended = len(piece) < CHUNK
            made += piece
        return bytes(made)


def searched(client: IMAPClient, criteria: str) -> set[int]:
    """The numbers of the messages that meet criteria."""
    return set(client.search(criteria))


def flags(client: IMAPClient, uids: list[int]) -> dict[int, bool]:
    """Whether each message, of those that are still there, is marked for removal."""
    return {uid: DELETED in row.get(b"FLAGS", ()) for uid, row in client.fetch(uids, ["FLAGS"]).items()}


def expunged(client: IMAPClient, uids: list[int]) -> list[int]:
    """Remove messages; the numbers of those that are there all the same."""
    client.add_flags(uids, [DELETED], silent=True)
    client.uid_expunge(uids)
    return list(client.search(f"UID {','.join(map(str, uids))}"))


def appended(client: IMAPClient, folder: bytes, like: int, at: datetime, data: bytes) -> int | None:
    """Add a message with the flags of one that is there; its number. None: that one is gone.

    :param at: when it is to have been received. :raises ProtocolError: the server does not say which number it has.
    """
    row = client.fetch([like], ["FLAGS"]).get(like)
    if row is None or b"FLAGS" not in row:
        return None
    kept = [flag for flag in row[b"FLAGS"] if flag not in (DELETED, b"\\Recent")]
    said = client.append(folder, data, kept, at)
    found = _ADDED.search(said if isinstance(said, bytes) else str(said).encode())
    if found is None:
        raise ProtocolError
    return int(found[1])


def by_number(client: IMAPClient, numbers: range, what: list[str]) -> dict[int, dict[bytes, Any]]:
    """By their place in the folder, which does not change while they are fetched."""
    client.use_uid = False
    try:
        return cast("dict[int, dict[bytes, Any]]", client.fetch(list(numbers), what))
    finally:
        client.use_uid = True


def unmark(client: IMAPClient, uids: list[int]) -> None:
    """Take the mark for removal away."""
    client.remove_flags(uids, [DELETED], silent=True)
