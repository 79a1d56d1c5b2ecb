"""A message's file that is written anew, beside where messages are, to take the place of the old one."""

from __future__ import annotations

import os
import re
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from privacy.errors import Refused

_SIZE, _LINES = re.compile(r",S=\d+"), re.compile(r",W=\d+")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def written(tmp: int | None, where: str, name: str, like: os.stat_result, data: bytes) -> Iterator[str]:
    """Its name in the opened folder ``tmp``: whole, on disk, with the other's owner, rights and times.

    What a run that was killed left there is removed first, and what is still there afterwards as well.

    :param where: how errors name the message. :param name: the message's. :param like: the file that it is to replace.
    :raises Refused: ``mailbox.no_tmp``, ``mailbox.owner``. :raises OSError: it cannot be written.
    """
    if tmp is None:
        raise Refused(
            "mailbox.no_tmp", "The folder has no `tmp`, in which a message is written before it is there.",
            where=where, advice="Make it: a Maildir's folder has `cur`, `new` and `tmp`.",
        )  # fmt: skip
    file = f"privacy-{sha256(name.encode('utf-8', 'replace')).hexdigest()[:24]}"
    with suppress(FileNotFoundError):
        os.unlink(file, dir_fd=tmp)
    handle = os.open(file, _NEW, modes.S_IRUSR | modes.S_IWUSR, dir_fd=tmp)
    try:
        try:
            at = 0
            while at < len(data):
                at += os.write(handle, data[at:])
            its = os.fstat(handle)
            if (its.st_uid, its.st_gid) != (like.st_uid, like.st_gid):
                try:
                    os.fchown(handle, like.st_uid, like.st_gid)
                except PermissionError:
                    raise Refused(
                        "mailbox.owner", "The message belongs to another user, who could not read it any more.",
                        where=where, advice="Run this as the mail server's user.",
                    ) from None  # fmt: skip
            os.fchmod(handle, modes.S_IMODE(like.st_mode))
            os.utime(handle, ns=(like.st_atime_ns, like.st_mtime_ns))
            os.fsync(handle)
        finally:
            os.close(handle)
        yield file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(file, dir_fd=tmp)


def sized(file: str, data: bytes) -> str:
    """A message's file name with the size of other content, and its size with CRLF where that was there too."""
    base, colon, flags = file.partition(":")
    lines = len(data) + data.count(b"\n") - data.count(b"\r\n")
    base = _LINES.sub(f",W={lines}", base)
    size = f",S={len(data)}"
    return (_SIZE.sub(size, base) if _SIZE.search(base) else base + size) + colon + flags
