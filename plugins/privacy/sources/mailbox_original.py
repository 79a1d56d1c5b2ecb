"""A message as it lies in the mailbox, less the blind copies that were sent to others than its reader.

Only lines of ``Bcc`` and ``Resent-Bcc`` of the message's own head change: one that names nobody but the reader stays
as it is, one that names the reader too is written anew with the reader's own address, any other is left out. All else
is the same to the byte. Fields after a line that is no field count here too: a mail program may read them.
"""

from __future__ import annotations

import io
from collections.abc import Container
from typing import BinaryIO, cast

from privacy.sources.mailbox_addresses import addresses
from privacy.sources.mailbox_headers import Field, head

BLIND = ("bcc", "resent-bcc")
_FIRST = 64 * 1024


def without_blind_copies(file: BinaryIO, mine: Container[str]) -> BinaryIO:
    """The message as its reader may have it.

    :param file: the message; it is closed along with what is returned.
    :param mine: the reader's own addresses, in the form to compare.
    """
    read = b""
    fields: tuple[Field, ...] = ()
    size = _FIRST
    while True:
        more = _read(file, size - len(read))
        read += more
        found = head(read)
        fields = found.fields
        if len(read) < size or found.end < len(read):  # The head is whole when something stands behind it.
            break
        size *= 2
    made, at = [], 0
    for field in fields:
        if field.name in BLIND:
            made += [read[at : field.start], _for(field, read, mine)]
            at = field.end
    if at == 0:
        file.seek(0)
        return cast(BinaryIO, io.BufferedReader(_Joined(b"", file)))
    return cast(BinaryIO, io.BufferedReader(_Joined(b"".join([*made, read[at:]]), file)))


def _for(field: Field, read: bytes, mine: Container[str]) -> bytes:
    lines = read[field.start : field.end]
    found = addresses(field.value)
    own = [address for address in found if address.canonical in mine]
    if len(own) == len(found) and (own or not field.value):
        return lines
    if not own:
        return b""
    ending = lines[len(lines.rstrip(b"\r\n")) :] or b"\n"
    shown = ", ".join(dict.fromkeys(address.shown for address in own))
    return lines[: lines.index(b":") + 1] + b" " + shown.encode("utf-8", "replace") + ending


def _read(file: BinaryIO, size: int) -> bytes:
    """So many bytes, unless it ends."""
    pieces: list[bytes] = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class _Joined(io.RawIOBase):
    """Some bytes, and then the rest of a file."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = memoryview(first), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        into = memoryview(cast(bytearray, buffer))
        if self._first:
            size = min(len(into), len(self._first))
            into[:size] = self._first[:size]
            self._first = self._first[size:]
            return size
        data = self._rest.read(len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()
