"""Removing many files of a folder store: one look at each, right before it goes.

Nearly all of the time is the system's, so the rest is kept small: a folder is opened once, what the system says of a
file is compared as numbers, and two folders are worked on at a time (the system's part runs beside Python's).
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from privacy.errors import PrivacyError
from privacy.storage_errors import hard_link, irregular, no_key, of, same, translated

T = TypeVar("T")

Found = tuple[str, int, int]
"""What is under a key: identity (as in ``Entry``), bytes, and when it was changed, in microseconds since 1970 in UTC."""

Judge = Callable[[int, Found | None], T | None]
"""See :func:`privacy.storage.delete_judged`."""

_THREADS = 2
_WORTH_A_THREAD = 200
"""So many files; starting a thread takes as long as removing ten."""


def identity_of(status: os.stat_result, device: int) -> str:
    """See :class:`privacy.storage.Entry`.

    :param status: of the name itself, no link followed.
    :param device: the store's.
    """
    if modes.S_ISLNK(status.st_mode):
        return "link"
    if status.st_dev != device:
        return "mount"
    if not modes.S_ISREG(status.st_mode):
        return "special"
    return f"{status.st_dev}:{status.st_ino}"


class Removal(Generic[T]):
    """One removal.

    :param parent: opens the folder that a key lies in, no link or mount on the way: a handle, and the name there.
    :param device: the number of the filesystem that the store is on.
    """

    def __init__(
        self,
        parent: Callable[[str], AbstractContextManager[tuple[int, str]]],
        device: int,
        keys: Sequence[str],
        judge: Judge[T],
    ) -> None:
        self._parent, self._device, self._keys, self._judge = parent, device, keys, judge
        self._told: list[T | PrivacyError | None] = [None] * len(keys)

    def done(self) -> list[T | PrivacyError | None]:
        """Do it. :returns: see :func:`privacy.storage.delete_judged`."""
        folders: dict[str, list[int]] = {}
        for at, key in enumerate(self._keys):
            folder, _, name = key.rpartition("/")
            if name in ("", ".", "..") or "\0" in key:
                self._told[at] = no_key(key)
            else:
                folders.setdefault(folder, []).append(at)
        shares = list(_shares(list(folders.values())))
        if len(shares) == 1:
            self._share(shares[0])
        elif shares:
            with ThreadPoolExecutor(len(shares)) as threads:
                list(threads.map(self._share, shares))
        return self._told

    def _share(self, folders: Sequence[list[int]]) -> None:
        for these in folders:
            first, absent = self._keys[these[0]], list[int]()
            try:
                with translated(first), self._parent(first) as (handle, _):
                    if self._folder(handle, these, absent):
                        os.fsync(handle)
            except PrivacyError as problem:
                # The folder itself: what was removed from it may not be on disk yet, and is asked for again.
                for at in these:
                    if self._told[at] is None or at in absent:
                        self._told[at] = same(problem, self._keys[at])

    def _folder(self, handle: int, these: list[int], absent: list[int]) -> bool:
        """The files of one folder.

        :param absent: is given what was gone already: an earlier try may have removed it, and died before the disk had it.
        :returns: whether something is gone from it.
        """
        # A local name costs a third of an attribute; this is the loop that everything waits for.
        keys, told, judge, device = self._keys, self._told, self._judge, self._device
        lstat, unlink, regular = os.lstat, os.unlink, modes.S_ISREG
        cut, gone = keys[these[0]].rfind("/") + 1, False
        for at in these:
            key = keys[at]
            name = key[cut:]
            try:
                status = lstat(name, dir_fd=handle)
                if regular(status.st_mode) and status.st_dev == device:
                    identity = f"{device}:{status.st_ino}"
                else:
                    identity = identity_of(status, device)
                kept = judge(at, (identity, status.st_size, status.st_mtime_ns // 1000))
                if kept is not None:
                    told[at] = kept
                elif ":" not in identity:
                    told[at] = irregular(key, identity)
                elif status.st_nlink > 1:
                    told[at] = hard_link(key)
                else:
                    unlink(name, dir_fd=handle)
                    gone = True
            except FileNotFoundError:
                told[at] = judge(at, None)
                absent.append(at)
            except OSError as problem:
                told[at] = of(problem, key)
        return gone or bool(absent)


def _shares(folders: list[list[int]]) -> Iterator[list[list[int]]]:
    """The folders, in their order, divided among threads by the number of their files."""
    left, threads = sum(map(len, folders)), min(_THREADS, len(folders), len(os.sched_getaffinity(0)))
    share: list[list[int]] = []
    most, size = max(left // max(threads, 1), _WORTH_A_THREAD), 0
    for folder in folders:
        share.append(folder)
        size, left = size + len(folder), left - len(folder)
        if size >= most and left >= _WORTH_A_THREAD // 2:
            yield share
            share, size = [], 0
    if share:
        yield share
