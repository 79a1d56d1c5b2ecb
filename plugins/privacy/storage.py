"""Object stores: files by key, listed in order, replaced whole or not at all. A folder now; S3 behind the same calls.

Keys are relative and use ``/``. A :class:`FolderStore` opens every component without following links, so that a
symbolic link swapped in between a look and a delete leads nowhere (edge case 9).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat as modes
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, runtime_checkable

from privacy.connections import Connection
from privacy.errors import BadConfiguration, PrivacyError, RetryLater
from privacy.storage_errors import changed, hard_link, irregular, missing, no_key
from privacy.storage_errors import translated as translated  # For whoever reads a file that a store has opened.
from privacy.storage_removal import Found, Judge, Removal, identity_of

T = TypeVar("T")

TEMPORARY = ".privacy-tmp"
"""How the names of half-written files end; they are never listed, and :meth:`Store.sweep` removes them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = _READ | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a store.

    :param key: relative, with ``/``.
    :param bytes: its size as stored.
    :param modified: aware, UTC, microseconds.
    :param identity: tells this very object from another under the same key: ``dev:inode`` of a file, ``version:`` or
        ``etag:`` of S3; ``link``, ``mount``, ``special`` or ``hidden`` for what is listed so that nothing is passed
        over unseen, but cannot be opened.
    """

    key: str
    bytes: int
    modified: datetime
    identity: str

    @property
    def regular(self) -> bool:
        """Whether it can be opened, replaced and deleted."""
        return ":" in self.identity


class Store(Protocol):
    """Something that holds objects. Errors are :mod:`privacy.errors`'; each names the key."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """The objects whose keys begin with ``prefix``, sorted by key.

        :raises Unreadable: ``storage.missing``, ``storage.denied``: the store cannot be listed.
        """
        ...

    def stat(self, key: str) -> Entry:
        """One object. :raises Unreadable: ``storage.missing``."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Its content, for reading; the caller closes it. :raises Unreadable: missing, denied, a link."""
        ...

    def write(self, key: str, *, replacing: Entry | None = None) -> AbstractContextManager[BinaryIO]:
        """Write an object: it appears, whole and on disk, when the block ends, and not at all when it raises.

        :param replacing: what is being replaced: its permissions, owner and time of change are kept.
        :raises RetryLater: ``storage.full``; ``storage.busy``: somebody writes it now; ``storage.changed``: what is
            there is no longer ``replacing``.
        :raises Refused: ``storage.hard_link``: it has another name elsewhere, which would keep the old content.
        """
        ...

    def delete(self, key: str, *, expected: Entry | None = None) -> None:
        """Remove an object; it is gone from disk when this returns.

        :param expected: remove it only if it is still this one (else RetryLater ``storage.changed``).
        :raises Unreadable, Refused: as in :meth:`open` and :meth:`write`.
        """
        ...

    def delete_all(self, entries: Sequence[Entry]) -> Sequence[PrivacyError | None]:
        """Remove objects that are still these; they are gone from disk when this returns.

        :returns: of each what kept it, as :meth:`delete` would raise it; None: nothing did.
        """
        ...

    def sweep(self, prefix: str = "") -> int:
        """Remove what writers that were killed left half written; how many. What is being written now stays."""
        ...


@runtime_checkable
class _Judging(Protocol):
    """A store that looks at many objects together."""

    def delete_judged(self, keys: Sequence[str], judge: Judge[T]) -> Sequence[T | PrivacyError | None]:
        """See :func:`delete_judged`."""
        ...


def store(connection: Connection) -> Store:
    """The store behind a connection.

    :raises BadConfiguration: ``storage.unknown_kind``: neither a ``file:`` nor an ``s3:`` URL.
    """
    if connection.scheme == "file":
        return FolderStore(connection.folder)
    if connection.scheme == "s3":
        # Here, because boto3 takes long to load, and most installations keep their objects in folders.
        from privacy.storage_s3 import S3Store

        return S3Store(connection)
    raise BadConfiguration(
        "storage.unknown_kind",
        "There is no store for this kind of connection.",
        where=connection.name,
        advice="Write it as file:///absolute/path, or s3://KEY:SECRET@bucket/prefix.",
    )


def delete_judged(store: Store, keys: Sequence[str], judge: Judge[T]) -> Sequence[T | PrivacyError | None]:
    """Remove what a judge lets go, after one look at each; it is gone from disk when this returns.

    :param judge: is given the position of a key in ``keys`` and what is under it right now (None: nothing), and says
        why it stays, or None: it may go. It raises nothing.
    :returns: of each key what the judge said, or the error that kept it; None: it is gone.
    """
    if isinstance(store, _Judging):
        return store.delete_judged(keys, judge)
    told: list[T | PrivacyError | None] = []
    going: list[tuple[int, Entry]] = []
    for at, key in enumerate(keys):
        try:
            entry = store.stat(key)
            told.append(judge(at, (entry.identity, entry.bytes, _micros(entry.modified))))
            if told[at] is None:
                going.append((at, entry))
        except PrivacyError as problem:
            told.append(judge(at, None) if problem.code == "storage.missing" else problem)
    for (at, _), kept in zip(going, store.delete_all([entry for _, entry in going]), strict=True):
        told[at] = kept
    return told


class FolderStore:
    """Files below one folder, on its own filesystem.

    :param root: the folder; may itself be reached through links (it is the operator's word), nothing below may.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """See :meth:`Store.list`. The keys are held in memory to be sorted, contents are not."""
        with translated(prefix or str(self._root)):
            found = [entry for entry in self._walk(prefix) if not entry.key.endswith(TEMPORARY)]
        yield from sorted(found, key=lambda entry: entry.key)

    def stat(self, key: str) -> Entry:
        """See :meth:`Store.stat`."""
        with translated(key), self._parent(key) as (folder, name):
            return _entry(key, os.stat(name, dir_fd=folder, follow_symlinks=False), self._device())

    def open(self, key: str) -> BinaryIO:
        """See :meth:`Store.open`."""
        with translated(key), self._parent(key) as (folder, name):
            _refuse_irregular(_entry(key, os.stat(name, dir_fd=folder, follow_symlinks=False), self._device()))
            handle = os.open(name, _READ | os.O_NONBLOCK, dir_fd=folder)
            try:
                # Looked at again through the handle: what the name meant a moment ago does not count.
                _refuse_irregular(_entry(key, os.fstat(handle), self._device()))
            except BaseException:
                os.close(handle)
                raise
            return os.fdopen(handle, "rb")

    @contextmanager
    def write(self, key: str, *, replacing: Entry | None = None) -> Iterator[BinaryIO]:
        """See :meth:`Store.write`."""
        with translated(key), self._parent(key, create=True) as (folder, name):
            self._target(folder, name, key, replacing)
            handle, temporary = _temporary(folder, name, key)
            file = os.fdopen(handle, "wb")
            committed = False
            try:
                yield file
                file.flush()
                status = self._target(folder, name, key, replacing)
                if replacing is not None and status is not None:
                    _keep(handle, status)
                os.fsync(handle)
                self._commit(folder, temporary, name)
                committed = True
                os.fsync(folder)
            finally:
                with suppress(OSError):
                    if not committed:
                        os.unlink(temporary, dir_fd=folder)
                with suppress(OSError):
                    # After a full disk, closing fails once more; the first error is the one to tell.
                    file.close()

    def delete(self, key: str, *, expected: Entry | None = None) -> None:
        """See :meth:`Store.delete`."""
        with translated(key), self._parent(key) as (folder, name):
            if self._target(folder, name, key, expected) is None:
                raise missing(key)
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def delete_all(self, entries: Sequence[Entry]) -> Sequence[PrivacyError | None]:
        """See :meth:`Store.delete_all`. A folder is opened, and brought to disk, once for all of its files."""

        def judge(at: int, found: Found | None) -> PrivacyError | None:
            expected = entries[at]
            if found is not None and ":" not in found[0]:
                return None  # It is refused as what it is, a link or the like.
            same = found == (expected.identity, expected.bytes, _micros(expected.modified))
            return None if same else changed(expected.key)

        return self.delete_judged([entry.key for entry in entries], judge)

    def delete_judged(self, keys: Sequence[str], judge: Judge[T]) -> Sequence[T | PrivacyError | None]:
        """See :func:`delete_judged`."""
        return Removal(self._parent, self._device(), keys, judge).done()

    def sweep(self, prefix: str = "") -> int:
        """See :meth:`Store.sweep`. A file that a living writer has locked stays."""
        swept = 0
        folders = prefix.rpartition("/")[0]
        with translated(prefix or str(self._root)):
            keys = [e.key for e in self._walk(folders and folders + "/") if e.key.endswith(TEMPORARY)]
        for key in keys:
            with translated(key), self._parent(key) as (folder, name), suppress(FileNotFoundError, BlockingIOError):
                handle = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(name, dir_fd=folder)
                    swept += 1
                finally:
                    os.close(handle)
        return swept

    def _commit(self, folder: int, temporary: str, name: str) -> None:
        """The one moment in which the new content takes the old one's place."""
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _device(self) -> int:
        return self._root.stat().st_dev

    @contextmanager
    def _parent(self, key: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """The opened folder that ``key`` lies in, and its name there; no component may be a link or a mount."""
        *folders, name = _parts(key)
        if create:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        device, handle = self._device(), os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=handle)
                if modes.S_ISLNK(os.stat(part, dir_fd=handle, follow_symlinks=False).st_mode):
                    raise irregular(key, "link")
                inner = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
                if os.fstat(handle).st_dev != device:
                    raise irregular(key, "mount")
            yield handle, name
        finally:
            os.close(handle)

    def _target(self, folder: int, name: str, key: str, expected: Entry | None) -> os.stat_result | None:
        """What stands under the name now, if it may be replaced or deleted; None: nothing."""
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            if expected is not None:
                raise changed(key) from None
            return None
        now = _entry(key, status, self._device())
        _refuse_irregular(now)
        if status.st_nlink > 1:
            raise hard_link(key)
        if expected is not None and now != expected:
            raise changed(key)
        return status

    def _walk(self, prefix: str) -> Iterator[Entry]:
        device, top = self._device(), os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

        def below(handle: int, folder: str) -> Iterator[Entry]:
            try:
                for name in sorted(os.listdir(handle)):
                    key = folder + name
                    if not (key.startswith(prefix) or prefix.startswith(key + "/")):
                        continue
                    try:
                        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                        if not modes.S_ISDIR(status.st_mode) or status.st_dev != device:
                            yield _entry(key, status, device)
                            continue
                        inner = os.open(name, _FOLDER, dir_fd=handle)
                    except FileNotFoundError:
                        continue  # Rotated away between the list and the look.
                    yield from below(inner, key + "/")
            finally:
                os.close(handle)

        return below(top, "")


def _parts(key: str) -> tuple[str, ...]:
    parts = tuple(key.split("/"))
    if "\0" in key or any(part in ("", ".", "..") for part in parts):
        raise no_key(key)
    return parts


def _entry(key: str, status: os.stat_result, device: int) -> Entry:
    modified = _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
    return Entry(key, status.st_size, modified, identity_of(status, device))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _keep(handle: int, old: os.stat_result) -> None:
    """Give a file the owner, permissions and time of change of the one that it replaces (edge case 7)."""
    with suppress(PermissionError):
        # Only root may give files away; without it the file stays this process's own.
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, modes.S_IMODE(old.st_mode))
    os.utime(handle, ns=(old.st_atime_ns, old.st_mtime_ns))


def _temporary(folder: int, name: str, key: str) -> tuple[int, str]:
    """An empty file to write to, locked: one name a key, so that a killed writer's rest is used up by the next."""
    temporary = f".{blake2b(name.encode(errors='surrogateescape'), digest_size=12).hexdigest()}{TEMPORARY}"
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another writer may have put it in place between our open and our lock.
        here, mine = os.stat(temporary, dir_fd=folder, follow_symlinks=False), os.fstat(handle)
        if (here.st_ino, mine.st_nlink) != (mine.st_ino, 1):
            raise FileNotFoundError(errno.ENOENT, "moved")
        os.ftruncate(handle, 0)
    except (BlockingIOError, FileNotFoundError):
        os.close(handle)
        raise RetryLater("storage.busy", "The object is being written by another process.", where=key) from None
    except BaseException:
        os.close(handle)
        raise
    return handle, temporary


def _refuse_irregular(entry: Entry) -> None:
    if not entry.regular:
        raise irregular(entry.key, entry.identity)
