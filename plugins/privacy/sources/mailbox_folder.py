"""An opened folder of a Maildir: its messages, each found again under whatever flags it has by now."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import BinaryIO, cast

from privacy.errors import Refused, RetryLater, Unreadable
from privacy.sources.mailbox_content import loaded
from privacy.sources.mailbox_names import EPOCH, arrived, base_name, spoken
from privacy.sources.mailbox_redact import token
from privacy.sources.mailbox_store import Made, Opened, Sought, Stored
from privacy.sources.mailbox_written import sized, written
from privacy.storage import translated

_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_TRIES = 5


class MaildirFolder:
    """See :class:`Folder`; valid inside :meth:`Maildir.folder` only.

    :param name: what its messages have for its name.
    :param handles: its opened subfolders.
    :param places: where messages were when they were last listed.
    :param names_of: how many messages of the mailbox a file is, by its inode.
    :param tmp: its opened ``tmp``, where files lie that are being written.
    """

    def __init__(
        self,
        name: str,
        where: str,
        handles: dict[str, int],
        places: dict[str, tuple[str, str]],
        names_of: Callable[[int], int],
        tmp: int | None = None,
    ) -> None:
        self._tmp = tmp
        self._name, self.where, self._handles, self._places, self._names_of = name, where, handles, places, names_of

    def messages(self) -> list[Stored]:
        """See :meth:`Folder.messages`."""
        before = self._files()
        for _ in range(_TRIES):
            files = self._files()
            found, clash = self._named(files)
            if clash is None and (files == before or {base_name(f) for _, f in before} <= found.keys()):
                stored = [self._stored(name, found[name]) for name in sorted(found)]
                listed = [one for one in stored if one is not None]
                if len(listed) == len(stored):
                    self._places.clear()
                    self._places.update(found)
                    return listed
                # One has other flags since a moment ago, or is gone: the next list tells.
            before = files
        if clash is not None:
            raise Unreadable(
                "mailbox.same_name", "Two messages of a folder have one name.", where=self.place(clash),
                advice="Remove one of them if they are the same; else give one a name of its own.",
            )  # fmt: skip
        raise RetryLater("mailbox.busy", "The folder changes faster than it can be listed.", where=self.where)

    def size(self) -> int:
        """About how many bytes its messages have."""
        size = 0
        with translated(self.where):
            for handle in self._handles.values():
                with os.scandir(handle) as entries:
                    size += sum(_size(entry) for entry in entries if not entry.name.startswith("."))
        return size

    def _files(self) -> list[tuple[str, str]]:
        with translated(self.where):
            listed = [(sub, file) for sub, handle in self._handles.items() for file in os.listdir(handle)]  # noqa: PTH208
        return [(sub, file) for sub, file in listed if file[0] != "."]

    def _named(self, files: list[tuple[str, str]]) -> tuple[dict[str, tuple[str, str]], str | None]:
        """The files by name, and a name that two files have that are not one."""
        found: dict[str, tuple[str, str]] = {}
        clash = None
        for place in files:
            name = base_name(place[1])
            if name in found and self._inode(found[name]) != self._inode(place):
                clash = name
            found[name] = place
        return found, clash

    def _inode(self, place: tuple[str, str]) -> object:
        try:
            return os.stat(place[1], dir_fd=self._handles[place[0]], follow_symlinks=False).st_ino
        except FileNotFoundError:
            return place

    def _stored(self, name: str, place: tuple[str, str]) -> Stored | None:
        """A message with when it arrived; None: it is no longer there.

        By the seconds that its name begins with, or its file's time where that is earlier: a mail server gives a
        message that is moved a new name, and leaves its file's time. No message gets younger by being filed.
        """
        try:
            status = os.stat(place[1], dir_fd=self._handles[place[0]], follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError:
            with translated(self.place(name)):
                raise
        filed = EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
        return Stored(self._name, name, place, arrived(name, filed))

    def find(self, name: str) -> Stored | None:
        """See :meth:`Folder.find`."""
        place = self._places.get(name)
        if place is not None and place[0] in self._handles and (stored := self._stored(name, place)) is not None:
            return stored
        return next((stored for stored in self.messages() if stored.name == name), None)

    def open(self, stored: Stored) -> Opened:
        """See :meth:`Folder.open`."""
        for _ in range(_TRIES):
            try:
                return self._open(stored)
            except FileNotFoundError:
                again = self.find(stored.name)
                if again is None:
                    break
                stored = again
        raise self.moved(stored.name)

    def contents(self, listed: Sequence[Stored], sought: Sought | None = None) -> Iterator[tuple[Opened, bytes]]:
        """See :meth:`Folder.contents`: each is given, whoever reads it looks for himself."""
        for stored in listed:
            yield loaded(self, stored)

    def _open(self, stored: Stored) -> Opened:
        sub, file = stored.place
        # Not `translated` as a whole: that a name is gone means something else here. And this is done 20,000 times.
        try:
            handle = os.open(file, _FILE, dir_fd=self._handles[sub])
        except FileNotFoundError:
            raise
        except OSError:
            with translated(self.place(stored.name)):
                raise
        try:
            status = os.fstat(handle)
            if not modes.S_ISREG(status.st_mode):
                raise Unreadable(
                    "storage.special", "It is no regular file.", where=self.place(stored.name),
                    advice="Put the message itself there, or remove it.",
                )  # fmt: skip
            return Opened(
                stored,
                cast(BinaryIO, os.fdopen(handle, "rb", 0)),
                status.st_size,
                lambda: version(stored.name, status),
            )
        except BaseException:
            os.close(handle)
            raise

    def status(self, stored: Stored) -> tuple[int, str] | None:
        """A message's size and version, without opening it; None: it is no regular file.

        :raises RetryLater: as :meth:`open`.
        """
        for _ in range(_TRIES):
            try:
                status = os.stat(stored.place[1], dir_fd=self._handles[stored.place[0]], follow_symlinks=False)
            except FileNotFoundError:
                again = self.find(stored.name)
                if again is None:
                    break
                stored = again
            else:
                regular = modes.S_ISREG(status.st_mode)
                return (status.st_size, version(stored.name, status)) if regular else None
        raise self.moved(stored.name)

    def delete(self, opened: Opened) -> None:
        """See :meth:`Folder.delete`.

        :raises Refused: ``storage.hard_link``: it has another name, which would keep its content.
        """
        self._at(opened, os.fstat(opened.file.fileno()), lambda sub, file: os.unlink(file, dir_fd=sub))

    def replace(self, opened: Opened, made: Made) -> None:
        """See :meth:`Folder.replace`: under its own name, of which only the size that mail servers put there differs.

        A mail server knows a message by the name of its file, and keeps what it has read of it: the new size makes it
        a new one to it, which it reads anew.

        :raises Refused: ``storage.hard_link``; ``mailbox.no_tmp``, ``mailbox.owner``: it cannot be written so that
            others can read it as before.
        """
        mine, name = os.fstat(opened.file.fileno()), opened.stored.name
        new = made(token)
        with translated(self.place(name)), written(self._tmp, self.place(name), name, mine, new) as file:
            there: list[tuple[int, str]] = []

            def swap(sub: int, old: str) -> None:
                to = sized(old, new)
                # First the old one by its new name, so that a cut between the two leaves the old one, whole.
                os.rename(old, to, src_dir_fd=sub, dst_dir_fd=sub)
                os.rename(file, to, src_dir_fd=self._tmp, dst_dir_fd=sub)
                there.append((sub, to))

            self._at(opened, mine, swap)
            self._places.pop(name, None)
            for _ in range(_TRIES):
                # As many names as before, but the one that was replaced.
                if os.fstat(opened.file.fileno()).st_nlink < mine.st_nlink:
                    return
                again = self._renamed(name, there[-1], mine.st_ino)
                if again is None:
                    return
                os.rename(there[-1][1], again[1], src_dir_fd=there[-1][0], dst_dir_fd=again[0])
                there.append(again)
        raise RetryLater("mailbox.busy", "The message is renamed faster than it is changed.", where=self.place(name))

    def _renamed(self, name: str, mine: tuple[int, str], inode: int) -> tuple[int, str] | None:
        """The old one, where a mail program gave it other flags in the very moment it was replaced."""
        for sub, file in self._files():
            if base_name(file) == name and (self._handles[sub], file) != mine and self._inode((sub, file)) == inode:
                return self._handles[sub], file
        return None

    def _at(self, opened: Opened, mine: os.stat_result, do: Callable[[int, str], None]) -> None:
        """Do something to a message's file, by its opened subfolder and its name, whatever flags it has by now."""
        stored: Stored | None = opened.stored
        for _ in range(_TRIES):
            if stored is None:
                break
            with translated(self.place(opened.stored.name)):
                try:
                    sub, file = stored.place
                    status = os.stat(file, dir_fd=self._handles[sub], follow_symlinks=False)
                    if (status.st_dev, status.st_ino) != (mine.st_dev, mine.st_ino):
                        break
                    # What is another message of the mailbox too is that one's to keep or delete.
                    if status.st_nlink > 1 and self._names_of(status.st_ino) < status.st_nlink:
                        raise Refused(
                            "storage.hard_link", "The file has another name elsewhere, which would keep its content.",
                            where=self.place(opened.stored.name), advice="Remove the other hard link first.",
                        )  # fmt: skip
                    do(self._handles[sub], file)
                except FileNotFoundError:
                    stored = self.find(opened.stored.name)
                else:
                    return
        raise self.moved(opened.stored.name)

    def settle(self) -> frozenset[str]:
        """See :meth:`Folder.settle`; what was removed before, :meth:`delete` has told."""
        with translated(self.where):
            for handle in self._handles.values():
                os.fsync(handle)
        return frozenset()

    def place(self, name: str) -> str:
        """How an error names a message."""
        return f"{self.where}, message {spoken(name)}"

    def moved(self, name: str) -> RetryLater:
        """A message is no longer in its folder."""
        return RetryLater(
            "mailbox.moved", "A message was removed, or moved to another folder, while its folder was read.",
            where=self.place(name), advice="The next try lists the folders again.",
        )  # fmt: skip


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0  # Moved meanwhile.


def version(name: str, status: os.stat_result) -> str:
    """A digest of what a message's file is. Flags stand in its name alone, so they do not change it."""
    text = f"{name}\0{status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return sha256(text.encode("utf-8", "replace")).hexdigest()
