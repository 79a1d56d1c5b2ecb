"""Where messages are: a Maildir with the folders of Maildir++. Whose a message is, is not asked here.

IMAP (``mailbox_imap``) stands beside this behind the same calls (``mailbox_store``). A message is named by its folder
and by the part of its file's name that stays when it is read, flagged or moved from ``new`` to ``cur``: what comes
before ``:2,`` and ``,S=``. ``new`` is listed before ``cur``, and both until two lists agree, so that no change of
flags hides one.

Every component is opened without following links (edge case 9). What is no regular file is listed, and cannot be read:
nothing is passed over unseen. Files whose names begin with a dot are no messages (the Maildir format's own rule), nor
is what lies in ``tmp``: it is being delivered.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from privacy.errors import Unreadable
from privacy.sources.base import Problem
from privacy.sources.mailbox_folder import MaildirFolder
from privacy.sources.mailbox_names import EPOCH, folder_name
from privacy.sources.mailbox_store import INBOX
from privacy.storage import translated

SUBFOLDERS = ("new", "cur")
"""In the order of listing: a message moves from the first to the second."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


class Maildir:
    """A Maildir below a folder of the disk.

    :param root: it; may itself be reached through links (it is the operator's word), nothing below may.
    :param where: how errors begin: the system's name.
    """

    def __init__(self, root: Path, where: str) -> None:
        self._root, self._where = root, where
        self._files: dict[str, str] = {}
        self._places: dict[str, dict[str, tuple[str, str]]] = {}
        self._inodes: Counter[int] | None = None

    def folders(self) -> list[str]:
        """The names of all folders, sorted.

        :raises Unreadable: ``storage.missing``; ``mailbox.none``: there is not one folder, as where nothing is mounted;
            ``mailbox.layout``: a folder lies as another layout has it; ``mailbox.same_folder``.
        """
        found: dict[str, str] = {}
        with translated(self._where), os.scandir(self._root) as entries:
            here = {entry.name for entry in entries}
        for file in sorted(here):
            if not file.startswith("."):
                self._is_no_folder(file)
                continue
            if file.strip(".") == "":
                continue
            # Through a link too, and one that leads nowhere: reading it says why not, rather than passing it over.
            with translated(self._where):
                path = self._root / file
                lost = path.is_symlink() and not path.exists()
                if not lost and not any((path / sub).is_dir() for sub in SUBFOLDERS):
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
        if not found:
            # What is due in it, or somebody's, would be nothing: a run that did nothing and looks like one that did.
            raise Unreadable(
                "mailbox.none", "It is no mailbox: there is no folder in it.", where=self._where,
                advice="Is the mailbox mounted? Correct the connection.",
            )  # fmt: skip
        self._files, self._inodes = found, None
        return sorted(found)

    def _is_no_folder(self, file: str) -> None:
        """Hold that what has no dot before its name has no messages either: nobody would read them."""
        with translated(self._where):
            if file in (*SUBFOLDERS, "tmp") or not any((self._root / file / sub).is_dir() for sub in SUBFOLDERS):
                return
        raise Unreadable(
            "mailbox.layout", "A folder of messages has no dot before its name.", where=self._where,
            advice="It is no Maildir++ (Dovecot: LAYOUT=fs): convert the mailbox, or move the folder out of it.",
        )  # fmt: skip

    def names_of(self, inode: int) -> int:
        """How many messages of the mailbox are one file: mail servers copy a message by giving it a second name."""
        if self._inodes is None:
            self._inodes = Counter()
            for file in self._files.values():
                for sub in SUBFOLDERS:
                    self._inodes.update(entry.inode() for entry in _entries(self._root / file / sub))
        return self._inodes[inode]

    def problems(self) -> Iterator[Problem]:
        """None but those of its folders."""
        yield from ()

    def leftovers(self, before: datetime) -> int:
        """How many files lie in ``tmp`` folders since before then: deliveries that were broken off."""
        count = 0
        for file in self._files.values():
            with translated(self._where):
                for entry in _entries(self._root / file / "tmp"):
                    count += EPOCH + timedelta(seconds=entry.stat(follow_symlinks=False).st_mtime) < before
        return count

    @contextmanager
    def folder(self, name: str, where: str, label: str) -> Iterator[MaildirFolder]:
        """Open a folder.

        :param where: how errors name it. :param label: what its messages have for its name.
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
                    for sub in (*SUBFOLDERS, "tmp"):
                        try:
                            handles[sub] = _open_folder(sub, inner)
                        except FileNotFoundError:
                            continue
                finally:
                    os.close(inner)
            read = {sub: handle for sub, handle in handles.items() if sub != "tmp"}
            places = self._places.setdefault(name, {})
            yield MaildirFolder(label, where, read, places, self.names_of, handles.get("tmp"))
        finally:
            for handle in handles.values():
                os.close(handle)


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
        raise OSError(errno.ELOOP, "link")
    return os.open(name, _FOLDER, dir_fd=inside)
