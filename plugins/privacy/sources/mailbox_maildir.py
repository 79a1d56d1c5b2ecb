"""Where messages are: a Maildir with the folders of Maildir++. Whose a message is, is not asked here.

IMAP will stand beside this behind the same calls (:class:`MessageStore`). A message is named by its folder and by the
part of its file's name that stays when it is read, flagged or moved from ``new`` to ``cur``: what comes before ``:2,``
and ``,S=``. ``new`` is listed before ``cur``, and both until two lists agree, so that no change of flags hides one.

Every component is opened without following links (edge case 9). What is no regular file is listed, and cannot be read:
nothing is passed over unseen. Files whose names begin with a dot are no messages (the Maildir format's own rule), nor
is what lies in ``tmp``: it is being delivered.
"""

from __future__ import annotations

import os
import re
import stat as modes
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

from privacy.errors import Refused, RetryLater, Unreadable
from privacy.storage import translated

INBOX = "INBOX"
SUBFOLDERS = ("new", "cur")
"""In the order of listing: a message moves from the first to the second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_NUMBER = re.compile(r"(\d{9,10})\.")
_SIZES = re.compile(r",[SW]=\d")
_ORDINARY = re.compile(r"\d{9,10}\.[A-Za-z0-9_-]*\d[A-Za-z0-9_-]*(?=[.,]|\Z)")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it was listed.

    :param name: what names it in its folder, for good.
    :param place: where it is now; the store's own.
    :param received: when it arrived, by the store's word: aware, UTC.
    """

    folder: str = field(repr=False)
    name: str = field(repr=False)
    place: tuple[str, str] = field(repr=False)
    received: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A message's bytes and what they are known by.

    :param status: of its file.
    """

    stored: Stored
    file: BinaryIO = field(repr=False)
    status: os.stat_result = field(repr=False)

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.status.st_size

    @property
    def version(self) -> str:
        """What differs when the content does, and not when flags do."""
        return version(self.stored.name, self.status)


class Folder(Protocol):
    """An opened folder."""

    def messages(self) -> list[Stored]:
        """Its messages, sorted by name. :raises RetryLater, Unreadable: it cannot be listed whole."""
        ...

    def find(self, name: str) -> Stored | None:
        """The message of that name, wherever it is in the folder now."""
        ...

    def open(self, stored: Stored) -> Opened:
        """Its bytes, also when its flags have changed since it was listed; the caller closes the file.

        :raises RetryLater: ``mailbox.moved``: it is no longer in the folder.
        :raises Unreadable: ``storage.link`` and the like.
        """
        ...

    def delete(self, opened: Opened) -> None:
        """Remove exactly this message; durable after :meth:`settle`. :raises RetryLater: ``mailbox.moved``."""
        ...

    def settle(self) -> None:
        """Make sure that what was deleted is gone from disk."""
        ...


def base_name(file: str) -> str:
    """What stays of a file's name when its flags change, as a text that Arrow can hold."""
    text = file if file.isascii() else os.fsencode(file).decode("utf-8", "backslashreplace")
    base = text.partition(":")[0]
    sizes = _SIZES.search(base) if "," in base else None
    return (base[: sizes.start()] if sizes else base) or text


def number_of(name: str) -> datetime | None:
    """When a message arrived, by the seconds since 1970 that its name starts with; None: it does not say."""
    found = _NUMBER.match(name)
    return None if found is None else _EPOCH + timedelta(seconds=int(found[1]))


def spoken(name: str) -> str:
    """A message in an error: what a mail server made up of it, or else the first digits of its name's SHA-256."""
    found = _ORDINARY.match(name)
    return found[0] if found else "sha256:" + sha256(name.encode("utf-8", "replace")).hexdigest()[:12]


def folder_name(file: str) -> str:
    """A folder's name as people write it: IMAP's own form of UTF-7 is decoded where it is one."""
    text = os.fsencode(file).decode("utf-8", "backslashreplace")
    if "&" in text and text.isascii():
        try:
            decoded = re.sub(r"&([A-Za-z0-9+,]*)-", _utf7, text)
        except (UnicodeError, ValueError):
            return text
        if "&" not in decoded.replace("&-", ""):
            text = decoded
    return unicodedata.normalize("NFC", text)


def _utf7(found: re.Match[str]) -> str:
    import base64

    coded = found[1]
    if not coded:
        return "&"
    raw = base64.b64decode(coded.replace(",", "/") + "=" * (-len(coded) % 4), validate=True)
    return raw.decode("utf-16-be")


class Maildir:
    """A Maildir below a folder of the disk.

    :param root: it; may itself be reached through links (it is the operator's word), nothing below may.
    :param where: how errors begin: the system's name.
    """

    def __init__(self, root: Path, where: str) -> None:
        self._root, self._where = root, where
        self._files: dict[str, str] = {}
        self._places: dict[str, dict[str, tuple[str, str]]] = {}

    def folders(self) -> list[str]:
        """The names of all folders, sorted. :raises Unreadable: ``storage.missing``, ``mailbox.same_folder``."""
        found: dict[str, str] = {}
        with translated(self._where), os.scandir(self._root) as entries:
            here = {entry.name for entry in entries}
        for file in sorted(here):
            if not file.startswith(".") or file.strip(".") == "":
                continue
            # Through a link too: reading it says why not, rather than passing it over.
            if not any((self._root / file / sub).is_dir() for sub in SUBFOLDERS):
                continue
            name = folder_name(file[1:])
            if name in found or name == INBOX:
                raise Unreadable(
                    "mailbox.same_folder", "Two folders have one name.", where=self._where,
                    advice="Rename one of them: a name in two encodings, or in UTF-8 composed and decomposed.",
                )  # fmt: skip
            found[name] = file
        if here & set(SUBFOLDERS):
            found[INBOX] = "."
        self._files = found
        return sorted(found)

    def leftovers(self, before: datetime) -> int:
        """How many files lie in ``tmp`` folders since before then: deliveries that were broken off."""
        count = 0
        for file in self._files.values():
            with translated(self._where):
                for entry in _entries(self._root / file / "tmp"):
                    count += _EPOCH + timedelta(seconds=entry.stat(follow_symlinks=False).st_mtime) < before
        return count

    @contextmanager
    def folder(self, name: str, where: str) -> Iterator[MaildirFolder]:
        """Open a folder.

        :param where: how errors name it.
        :raises Unreadable: ``mailbox.no_folder``, ``storage.link``.
        """
        if name not in self._files:
            self.folders()
        if name not in self._files:
            raise Unreadable(
                "mailbox.no_folder", "There is no such folder.", where=where,
                advice="Is the mailbox mounted? Correct the folder's name in the data map.",
            )  # fmt: skip
        handles: dict[str, int] = {}
        try:
            with translated(where):
                inner = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                if self._files[name] != ".":
                    top = inner
                    try:
                        inner = _open_folder(self._files[name], top)
                    finally:
                        os.close(top)
                try:
                    for sub in SUBFOLDERS:
                        try:
                            handles[sub] = _open_folder(sub, inner)
                        except FileNotFoundError:
                            continue
                finally:
                    os.close(inner)
            yield MaildirFolder(name, where, handles, self._places.setdefault(name, {}))
        finally:
            for handle in handles.values():
                os.close(handle)


class MaildirFolder:
    """See :class:`Folder`; valid inside :meth:`Maildir.folder` only.

    :param handles: its opened subfolders.
    :param places: where messages were when they were last listed.
    """

    def __init__(self, name: str, where: str, handles: dict[str, int], places: dict[str, tuple[str, str]]) -> None:
        self._name, self.where, self._handles, self._places = name, where, handles, places

    def messages(self) -> list[Stored]:
        """See :meth:`Folder.messages`."""
        before = self._files()
        for _ in range(_TRIES):
            files = self._files()
            found, clash = self._named(files)
            if clash is None and (files == before or {base_name(f) for _, f in before} <= found.keys()):
                self._places.clear()
                self._places.update(found)
                return [self._stored(name, found[name]) for name in sorted(found)]
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

    def _stored(self, name: str, place: tuple[str, str]) -> Stored:
        received = number_of(name)
        if received is None:
            try:
                status = os.stat(place[1], dir_fd=self._handles[place[0]], follow_symlinks=False)
            except FileNotFoundError:
                raise self.moved(name) from None
            received = _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
        return Stored(self._name, name, place, received)

    def find(self, name: str) -> Stored | None:
        """See :meth:`Folder.find`."""
        place = self._places.get(name)
        if place is not None and place[0] in self._handles and self._inode(place) is not place:
            return self._stored(name, place)
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
            return Opened(stored, os.fdopen(handle, "rb", 0), status)
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
        stored: Stored | None = opened.stored
        mine = os.fstat(opened.file.fileno())
        for _ in range(_TRIES):
            if stored is None:
                break
            with translated(self.place(opened.stored.name)):
                try:
                    sub, file = stored.place
                    status = os.stat(file, dir_fd=self._handles[sub], follow_symlinks=False)
                    if (status.st_dev, status.st_ino) != (mine.st_dev, mine.st_ino):
                        break
                    if status.st_nlink > 1:
                        raise Refused(
                            "storage.hard_link", "The file has another name elsewhere, which would keep its content.",
                            where=self.place(opened.stored.name), advice="Remove the other hard link first.",
                        )  # fmt: skip
                    os.unlink(file, dir_fd=self._handles[sub])
                except FileNotFoundError:
                    stored = self.find(opened.stored.name)
                else:
                    return
        raise self.moved(opened.stored.name)

    def settle(self) -> None:
        """See :meth:`Folder.settle`."""
        with translated(self.where):
            for handle in self._handles.values():
                os.fsync(handle)

    def place(self, name: str) -> str:
        """How an error names a message."""
        return f"{self.where}, message {spoken(name)}"

    def moved(self, name: str) -> RetryLater:
        """A message is no longer in its folder."""
        return RetryLater(
            "mailbox.moved", "A message was removed, or moved to another folder, while its folder was read.",
            where=self.place(name), advice="The next try lists the folders again.",
        )  # fmt: skip


def version(name: str, status: os.stat_result) -> str:
    """A digest of what a message's file is. Flags stand in its name alone, so they do not change it."""
    text = f"{name}\0{status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0  # Moved meanwhile.


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _open_folder(name: str, inside: int) -> int:
    """:raises OSError: with ELOOP for a link, which Linux calls no directory."""
    status = os.stat(name, dir_fd=inside, follow_symlinks=False)
    if modes.S_ISLNK(status.st_mode):
        import errno

        raise OSError(errno.ELOOP, "link")
    return os.open(name, _FOLDER, dir_fd=inside)
