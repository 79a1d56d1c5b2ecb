"""The messages of a mail server's folder, as its list has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from privacy.sources.mailbox_names import arrived, base_name
from privacy.sources.mailbox_store import Stored

FETCHED, FETCHED_BYTES = 1_000, 4 * 2**20
"""So many are fetched together, of so many bytes: servers take lines of 64 KiB."""


@dataclass(frozen=True, slots=True)
class Known:
    """A message of the list. :param version: see ``Opened``."""

    stored: Stored
    uid: int
    bytes: int
    version: str


def named(
    rows: Iterable[tuple[int, dict[bytes, Any]]], folder: str, validity: int, *, lasting: bool
) -> dict[str, Known]:
    """What a list's rows say, each with its UID: messages by name.

    :param folder: what its messages have for its name. :param validity: its UIDVALIDITY.
    :param lasting: whether the server knows messages by an id that outlasts their numbers.
    """
    found: dict[str, Known] = {}
    for uid, row in sorted(rows, key=lambda pair: pair[0]):
        name = f"{validity}.{uid:010d}"
        filed: datetime = row[b"INTERNALDATE"].astimezone(UTC)
        received = filed
        if lasting and (given := row[b"X-GUID"]) not in (b"", None):
            name = base_name(given.decode("utf-8", "backslashreplace") if isinstance(given, bytes) else str(given))
            received = arrived(name, filed)
            if name in found:  # A copy within the folder.
                name = f"{name}~{uid}"
        about = f"{name.partition('~')[0]}\0{validity} {uid} {row[b'RFC822.SIZE']} {filed.isoformat()}"
        version = sha256(about.encode("utf-8", "replace")).hexdigest()
        stored = Stored(folder, name, (str(validity), str(uid)), received)
        found[name] = Known(stored, uid, int(row[b"RFC822.SIZE"]), version)
    return found


def batches(its: Iterable[Known]) -> Iterator[list[Known]]:
    """Messages that are fetched together."""
    batch: list[Known] = []
    size = 0
    for known in its:
        if batch and (size + known.bytes > FETCHED_BYTES or len(batch) == FETCHED):
            yield batch
            batch, size = [], 0
        batch.append(known)
        size += known.bytes
    if batch:
        yield batch
