"""Where messages are: on a mail server, over IMAP. Whose a message is, is not asked here.

A message is named by what Dovecot knows it by for good (its GUID: in a Maildir the name of its file, so that both ways
to read one archive give one name); on another server by UIDVALIDITY and UID. Both numbers are part of its version:
where a mailbox was made anew (UIDVALIDITY changed), what was planned is ``changed``, and not gone.

Folders are opened to look only (EXAMINE) and messages fetched with BODY.PEEK: nothing is marked as read, and an account
that may only read suffices for exports. Removing needs UIDPLUS: EXPUNGE without it removes whatever others have marked.

Folders have the names that a Maildir++ gives them: a dot between levels, whatever the server puts there, and nothing in
front, where it has a user's own folders below INBOX.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from privacy.connections import Connection
from privacy.errors import BadConfiguration, Unreadable
from privacy.sources.base import Problem
from privacy.sources.mailbox_imap_folder import NO_UIDPLUS, ImapFolder
from privacy.sources.mailbox_imap_server import SCHEMES, MailServer, no_folder
from privacy.sources.mailbox_names import folder_name
from privacy.sources.mailbox_store import INBOX

__all__ = ["SCHEMES", "ImapStore"]

SEARCHES = ("server", "whole")
"""Who looks for a subject's messages: the server (see ``mailbox_imap_search``); we, in every message, whole."""


class ImapStore:
    """A mailbox of a mail server.

    :param connection: see :class:`MailServer`; its option ``search`` is one of :data:`SEARCHES`.
    :param where: how errors begin: the system's name.
    :raises BadConfiguration: ``mailbox.connection``, ``mailbox.search``.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self.server = MailServer(connection, where)
        self._where = where
        self._search = self.server.options.get("search", SEARCHES[0])
        if self._search not in SEARCHES:
            raise BadConfiguration(
                "mailbox.search", "There is no such way to search.", where=connection.name,
                advice=f"Write search: {' or '.join(SEARCHES)}.",
            )  # fmt: skip
        self._raw: dict[str, bytes] = {}
        self._lasting: bool | None = None

    def folders(self) -> list[str]:
        """The names of all folders, sorted.

        :raises Unreadable: ``mailbox.same_folder``. :raises PrivacyError: see :meth:`MailServer.ask`.
        """
        prefix, found = self.server.prefix(), dict[str, bytes]()
        for raw, delimiter in self.server.names().items():
            own = raw[len(prefix) :] if prefix and raw.startswith(prefix) and raw != prefix else raw
            text = own.decode("ascii", "backslashreplace")
            name = folder_name(text.replace(delimiter, ".") if delimiter else text)
            name = INBOX if name.upper() == INBOX else name
            if name in found:
                raise Unreadable(
                    "mailbox.same_folder", "Two folders have one name.", where=self._where,
                    advice="Rename one of them: a name with a dot, or in UTF-8 composed and decomposed.",
                )  # fmt: skip
            found[name] = raw
        self._raw = found
        return sorted(found)

    @contextmanager
    def folder(self, name: str, where: str, label: str) -> Iterator[ImapFolder]:
        """Open a folder.

        :param where: how errors name it. :param label: what its messages have for its name.
        :raises Unreadable: ``mailbox.no_folder``, ``mailbox.denied``.
        """
        if name not in self._raw:
            self.folders()
        if name not in self._raw:
            raise no_folder(where)
        if self._lasting is None:
            self._lasting = self.server.is_dovecot()
        self.server.open(self._raw[name], where, again=True)
        yield ImapFolder(
            self.server, self._raw[name], label, where, lasting=self._lasting, whole=self._search == SEARCHES[1]
        )

    def leftovers(self, before: datetime) -> int:
        """None: what a server half took in, nobody else sees."""
        return 0

    def problems(self) -> Iterator[Problem]:
        """That nothing can be removed from it."""
        if not self.server.able("UIDPLUS"):
            message, advice = NO_UIDPLUS
            yield Problem("mailbox.no_uidplus", message, self._where, advice)
