"""Where messages are, as the rest of this source asks for it: listing, headers and bytes, deleting.

A Maildir serves it (``mailbox_maildir``), or a mail server over IMAP (``mailbox_imap``). Whose a message is, is not
asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from privacy.errors import RetryLater
from privacy.sources.base import Problem

INBOX = "INBOX"

Made = Callable[[Callable[[], str]], bytes]
"""Makes a message anew, with an address that is nobody's for each subject that is taken out of it, as it is given."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it was listed.

    :param folder: what its folder is called outside of the archive; see ``Mailbox.label_of``.
    :param name: what names it in its folder, for good.
    :param place: where it is now; the store's own.
    :param received: when it arrived, by the store's word, in whatever folder: aware, UTC.
    """

    folder: str = field(repr=False)
    name: str = field(repr=False)
    place: tuple[str, str] = field(repr=False)
    received: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A message's bytes and what they are known by.

    :param versioned: makes its version.
    """

    stored: Stored
    file: BinaryIO = field(repr=False)
    bytes: int
    versioned: Callable[[], str] = field(repr=False)

    @property
    def version(self) -> str:
        """What differs when the content does, and not when flags do."""
        return self.versioned()


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for in messages, for a store that can look by itself.

    :param pieces: pairs of what is in a message that has an address of the selection, lower-case ASCII letters and
        digits; empty: nothing. Where an address has no such piece, that is empty too.
    :param texts: whether what stands outside of the head counts as well.
    :param head: whether the head of a message, with nothing after it, names one of the selection.
    """

    pieces: tuple[tuple[str, str], ...] = field(repr=False)
    texts: bool
    head: Callable[[bytes, datetime], bool] = field(repr=False)


class Folder(Protocol):
    """An opened folder.

    :param where: how errors name it.
    """

    where: str

    def messages(self) -> list[Stored]:
        """Its messages, sorted by name. :raises RetryLater, Unreadable: it cannot be listed whole."""
        ...

    def size(self) -> int:
        """About how many bytes its messages have."""
        ...

    def status(self, stored: Stored) -> tuple[int, str] | None:
        """A message's size and version, without opening it; None: it is no message at all, but a link or the like.

        :raises RetryLater: as :meth:`open`.
        """
        ...

    def place(self, name: str) -> str:
        """How an error names a message."""
        ...

    def moved(self, name: str) -> RetryLater:
        """The error that a message is no longer there."""
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

    def contents(self, listed: Sequence[Stored], sought: Sought | None = None) -> Iterator[tuple[Opened, bytes]]:
        """Messages with their bytes, in the order of the list; their files are closed.

        :param sought: those that cannot hold it may be left out; None: each is given.
        :raises RetryLater, Unreadable: as :meth:`open`; ``mailbox.too_large``, ``mailbox.packed``.
        """
        ...

    def delete(self, opened: Opened) -> None:
        """Remove exactly this message; done after :meth:`settle`. :raises RetryLater: ``mailbox.moved``."""
        ...

    def replace(self, opened: Opened, made: Made) -> None:
        """Put another message in the place of exactly this one: with its flags, and received when it was.

        Its bytes are on disk when this returns; that it is there, after :meth:`settle`. Cut off in between, one of the
        two is there, or both: the next try with the first then finds the second, and takes the first away.

        :param made: what makes the other one, with tokens as they are given.
        :raises RetryLater: ``mailbox.moved``.
        """
        ...

    def settle(self) -> frozenset[str]:
        """Make sure that what was deleted is gone for good; until then it may be there.

        :returns: the names of those that somebody else had removed before.
        """
        ...


class MessageStore(Protocol):
    """A mailbox."""

    def folders(self) -> list[str]:
        """The names of all its folders, sorted. :raises RetryLater, Unreadable: it cannot be asked."""
        ...

    def folder(self, name: str, where: str, label: str) -> AbstractContextManager[Folder]:
        """Open a folder.

        :param label: what its messages have for its name.
        :param where: how errors name it.
        :raises Unreadable: ``mailbox.no_folder``: there is none.
        """
        ...

    def problems(self) -> Iterator[Problem]:
        """What keeps the mailbox as a whole from being served. :raises PrivacyError: it cannot be asked."""
        ...

    def leftovers(self, before: datetime) -> int:
        """How many messages were half delivered before then, and lie where nobody reads them."""
        ...
