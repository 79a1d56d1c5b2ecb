"""The errors of a store, each with the code, the words and the advice that it has wherever it comes up.

What the system says (an ``OSError``) becomes one of them; ``where`` is the key.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from privacy.errors import BadInput, GiveUp, PrivacyError, Refused, RetryLater, Unreadable

_IRREGULAR = {
    "link": "A symbolic link stands in the way; links are not followed.",
    "mount": "It lies on another filesystem than the store.",
    "special": "It is no regular file.",
}


def irregular(key: str, identity: str) -> Unreadable:
    """It is no file of the store: ``identity`` says what, as :class:`privacy.storage.Entry` does."""
    return Unreadable(
        f"storage.{identity}", _IRREGULAR[identity], where=key, advice="Put the file itself there, or excuse it."
    )


def same(problem: PrivacyError, key: str) -> PrivacyError:
    """The same problem, of another object."""
    return type(problem)(problem.code, problem.message, where=key, advice=problem.advice)


def missing(key: str) -> Unreadable:
    """There is nothing under the key."""
    return Unreadable("storage.missing", "There is no such object or folder.", where=key)


def changed(key: str) -> RetryLater:
    """What is there is not what was looked at before."""
    return RetryLater("storage.changed", "The object was changed, replaced or removed meanwhile.", where=key)


def hard_link(key: str) -> Refused:
    """Edge case 9: the content would stay under its other name."""
    return Refused(
        "storage.hard_link",
        "The file has another name elsewhere, which would keep its content.",
        where=key,
        advice="Remove the other hard link first.",
    )


def no_key(key: str) -> BadInput:
    """Edge case 9: a key that would lead out of the store, or to no object."""
    return BadInput("storage.key", "A key is relative, without '..' and empty parts.", where=key)


def staging_full(message: str, folder: Path, where: str = "") -> RetryLater:
    """Nothing can be written into a folder of ours below ``PRIVACY_STATE``: most of all, its disk is full.

    :param where: a dataset or rule; none: the folder itself, which is named after a run and nobody.
    """
    advice = (
        f"Free space in {folder.parent} (PRIVACY_STATE), or give this user the right to write there; then try again."
    )
    return RetryLater("staging.full", message, where=where or str(folder), advice=advice)


_ERRORS: dict[int, Callable[[str], PrivacyError]] = {
    errno.ENOENT: missing,
    errno.ENOTDIR: missing,
    errno.ELOOP: lambda where: irregular(where, "link"),
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT),
        lambda where: RetryLater("storage.full", "The disk is full.", where=where, advice="Make room, then try again."),
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        lambda where: Unreadable(
            "storage.denied", "This process may not do that to the file.", where=where, advice="Give it the right."
        ),
    ),
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT),
        lambda where: RetryLater("storage.busy", "The store cannot answer now.", where=where),
    ),
    errno.EIO: lambda where: Unreadable("storage.broken", "The disk cannot read or write it.", where=where),
}


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn an OSError of reading or writing into one of ours that names ``where``, ``from None``."""
    try:
        yield
    except OSError as problem:
        raise of(problem, where) from None


def of(problem: OSError, where: str) -> PrivacyError:
    """What an error of the system is as one of ours."""
    make = _ERRORS.get(problem.errno or 0)
    return GiveUp("storage.failed", "The store failed.", where=where) if make is None else make(where)
