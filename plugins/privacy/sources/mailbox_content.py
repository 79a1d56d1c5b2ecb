"""A message's bytes, whole or not at all."""

from __future__ import annotations

from privacy.errors import Unreadable
from privacy.sources.mailbox_store import Folder, Opened, Stored
from privacy.storage import translated

MOST_BYTES = 256 * 2**20
"""A larger file is no message that a mail server took in; it is an error rather than a machine without memory."""

PACKED = (
    b"\x1f\x8b", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"Dovecot-LZ4\r", b"CRYPTED\x03\x07",
)  # fmt: skip
"""What a message begins with that the mail server compressed or encrypted: gzip, bzip2, xz, zstd, LZ4, mail_crypt."""


def loaded(folder: Folder, stored: Stored) -> tuple[Opened, bytes]:
    """A message's bytes; its file is closed. :raises RetryLater, Unreadable: see :func:`content`."""
    opened = folder.open(stored)
    try:
        return opened, content(folder, opened)
    finally:
        opened.file.close()


def content(folder: Folder, opened: Opened) -> bytes:
    """An opened message's bytes.

    :raises Unreadable: ``mailbox.too_large``; ``mailbox.packed``: as it lies there it names nobody, whoever it is to;
        ``storage.broken`` and the like.
    """
    held(folder, opened.stored, opened.bytes)
    try:
        data = opened.file.read()
    except OSError:
        with translated(folder.place(opened.stored.name)):
            raise
    return plain(folder, opened.stored, data)


def held(folder: Folder, stored: Stored, size: int) -> None:
    """Hold that a message is of a size that is read into memory. :raises Unreadable: ``mailbox.too_large``."""
    if size > MOST_BYTES:
        raise Unreadable(
            "mailbox.too_large", f"A message has more than {MOST_BYTES} bytes.", where=folder.place(stored.name),
            advice="Is it one? If not, move it out of the mailbox.",
        )  # fmt: skip


def plain(folder: Folder, stored: Stored, data: bytes) -> bytes:
    """The bytes, as they came. :raises Unreadable: ``mailbox.packed``."""
    if data.startswith(PACKED):
        raise Unreadable(
            "mailbox.packed", "A message is compressed or encrypted by the mail server.",
            where=folder.place(stored.name),
            advice="Let the mail server write it as it came (Dovecot: turn the plugin off, and copy the folders).",
        )  # fmt: skip
    return data
