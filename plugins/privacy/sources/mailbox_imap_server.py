"""A connection to a mail server: TLS and login, one opened folder at a time, errors that are ours.

Nothing that the server says is passed on: it quotes folders, logins and queries. A connection that is cut is
:class:`RetryLater`, and the next try connects anew. ``imaplib`` writes every line to the debug log; that is off here.
"""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError, ProtocolError

from privacy.connections import Connection
from privacy.errors import BadConfiguration, GiveUp, PrivacyError, RetryLater, Unreadable

CONNECT_SECONDS, ANSWER_SECONDS = 20.0, 120.0
"""How long a server may be silent; while it searches, it says that it does."""

IDLE_SECONDS = 20.0
"""After so long a connection is tried before it is used: servers end those that are idle."""

SCHEMES = ("imaps", "imap")
"""TLS from the first byte; STARTTLS, without which nothing is sent."""

_CODE = re.compile(r"\[([A-Z-]+)")
_LATER = frozenset(("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA", "EXPUNGEISSUED"))
_Given = TypeVar("_Given")


class MailServer:
    """See the module; connects when it is first asked.

    :param connection: ``imaps://user:password@host:port/``; the option ``ca_file`` (or ``?ca_file=`` in the URL) names
        the authority of its certificate where that is none of the machine's, ``password`` the password.
    :param where: how errors begin: the system's name.
    :raises BadConfiguration: ``mailbox.connection``: the URL says no server or no user.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        parts = urlsplit(connection.url)
        self.where = where
        self.options = dict(parse_qsl(parts.query)) | dict(connection.options)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in SCHEMES or not parts.hostname or not parts.username or port == 0:
            raise BadConfiguration(
                "mailbox.connection", "The connection names no mail server and user.", where=connection.name,
                advice="Write it as imaps://user:password@host:993/, with %40 for an @ in the user's name.",
            )  # fmt: skip
        self._starttls = parts.scheme == "imap"
        self._host, self._port = parts.hostname, port or (143 if self._starttls else 993)
        self._user = unquote(parts.username)
        self._password = self.options.get("password") or unquote(parts.password or "")
        self._client: IMAPClient | None = None
        self._closing: weakref.finalize[..., MailServer] | None = None
        self._used = 0.0
        self._opened: tuple[bytes, bool] | None = None
        self.uidvalidity = 0
        self.exists = 0

    def ask(self, do: Callable[[IMAPClient], _Given], where: str = "") -> _Given:
        """What the server answers.

        :param do: asks it; may be anything but a command that opens a folder.
        :param where: how an error names what it is about.
        :raises RetryLater: ``mailbox.connection``: the connection was cut; ``mailbox.busy``: it cannot answer now.
        :raises GiveUp: ``mailbox.refused``, ``mailbox.denied``; of connecting ``mailbox.login`` and the like.
        """
        with self._told(where or self.where):
            client = self._client or self._connected()
            given = do(client)
            self._used = time.monotonic()
            return given

    def open(self, folder: bytes, where: str, *, writing: bool = False, again: bool = False) -> int:
        """Have a folder open, to look at it only unless ``writing``: looking marks nothing as read, or as seen by us.

        :param folder: its name, as the server writes it.
        :param again: also when it is open: what is in it is asked anew.
        :returns: its UIDVALIDITY.
        :raises Unreadable: ``mailbox.no_folder``, ``mailbox.denied``. :raises PrivacyError: see :meth:`ask`.
        """
        self._fresh()
        if self._opened == (folder, writing) and not again:
            return self.uidvalidity
        self._opened = None
        try:
            said = self.ask(lambda client: client.select_folder(folder, readonly=not writing), where)
        except RetryLater:
            raise
        except GiveUp as problem:
            if problem.code in ("mailbox.refused", "mailbox.no_folder") and folder not in self.names():
                raise no_folder(where) from None
            if problem.code == "mailbox.refused":
                raise denied(where) from None
            raise
        self.exists = int(said.get(b"EXISTS", 0))
        self.uidvalidity = int(said.get(b"UIDVALIDITY", 0))
        if not self.uidvalidity or (writing and b"READ-ONLY" in said):
            raise denied(where) if self.uidvalidity else _no_uids(where)
        self._opened = (folder, writing)
        return self.uidvalidity

    def names(self) -> dict[bytes, str]:
        """The folders that can be opened, as the server writes them, each with the character between its levels."""
        self._fresh()
        listed = self.ask(lambda client: client.list_folders())
        found: dict[bytes, str] = {}
        for flags, delimiter, name in listed:
            if not {flag.lower() for flag in flags} & {b"\\noselect", b"\\nonexistent"}:
                raw = name if isinstance(name, bytes) else str(name).encode()
                found[raw] = (delimiter or b"").decode("ascii", "replace")
        return found

    def prefix(self) -> bytes:
        """What the user's own folders' names begin with, where the server has them below INBOX."""
        if not self.able("NAMESPACE"):
            return b""
        personal = self.ask(lambda client: client.namespace().personal) or ()
        first = next(iter(personal), ("", ""))[0]
        return first if isinstance(first, bytes) else str(first).encode()

    def able(self, what: str) -> bool:
        """Whether the server has a capability."""
        return self.ask(lambda client: bool(client.has_capability(what)))

    def is_dovecot(self) -> bool:
        """Whether it says that it is Dovecot, which knows a message by more than a number in its folder."""
        return self.able("ID") and self.ask(lambda client: b"dovecot" in repr(client.id_()).lower().encode())

    def close(self) -> None:
        """End the connection; the next question makes another."""
        self._opened, client, self._client = None, self._client, None
        if self._closing is not None:
            self._closing.detach()
        if client is not None:
            _end(client)

    def _fresh(self) -> None:
        """Try a connection that was idle, and have another where it is gone."""
        if self._client is not None and time.monotonic() - self._used > IDLE_SECONDS:
            try:
                self.ask(lambda client: client.noop())
            except RetryLater:
                self.close()

    def _connected(self) -> IMAPClient:
        logging.getLogger("imapclient").setLevel(logging.WARNING)
        context, timeout = self._context(), SocketTimeout(CONNECT_SECONDS, ANSWER_SECONDS)
        client = IMAPClient(
            self._host, self._port, ssl=not self._starttls, ssl_context=None if self._starttls else context,
            timeout=timeout,
        )  # fmt: skip
        try:
            client._imap.debug = 0  # Else each line is made ready for a log that has none of them.
            client.folder_encode, client.normalise_times = False, False
            if self._starttls:
                if not client.has_capability("STARTTLS"):
                    raise BadConfiguration(
                        "mailbox.no_tls", "The mail server has no TLS on this port; nothing was sent to it.",
                        where=self.where, advice="Write imaps:// and the port on which it has (993).",
                    )  # fmt: skip
                client.starttls(context)
            client.login(self._user, self._password)
            client.capabilities()
        except BaseException:
            _end(client)
            raise
        self._client, self._opened = client, None
        self._closing = weakref.finalize(self, _end, client)
        return client

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.options.get("ca_file") or None)
        except (OSError, ssl.SSLError):
            raise BadConfiguration(
                "mailbox.ca_file", "The file of the certificate's authority cannot be read.", where=self.where,
                advice="Correct the connection's ca_file: a file of certificates (PEM).",
            ) from None  # fmt: skip

    @contextmanager
    def _told(self, where: str) -> Iterator[None]:
        """Turn what goes wrong with the server into our errors, ``from None``."""
        try:
            yield
        except PrivacyError:
            raise
        except BaseException as problem:
            made = self._error(problem, where)
            if made is None:
                # Whatever stopped us in the middle of an answer: the rest of it would answer the next question.
                self.close()
                raise
            if isinstance(made, RetryLater) or not isinstance(problem, imaplib.IMAP4.error):
                self.close()
            raise made from None

    def _error(self, problem: BaseException, where: str) -> PrivacyError | None:
        if isinstance(problem, ssl.SSLCertVerificationError):
            return BadConfiguration(
                "mailbox.certificate", "The mail server's certificate is not to be trusted; nothing was sent to it.",
                where=where, advice="Correct the host's name, renew its certificate, or name its authority in ca_file.",
            )  # fmt: skip
        if isinstance(problem, imaplib.IMAP4.readonly):
            return denied(where)
        # A login that is cut off is told as one that is refused.
        cut = problem.__context__ if isinstance(problem, LoginError) else problem
        if isinstance(cut, (OSError, EOFError, imaplib.IMAP4.abort, ProtocolError)):
            return _cut(where)
        if isinstance(problem, UnicodeError):
            return _refused(where)
        if not isinstance(problem, imaplib.IMAP4.error):
            return None
        found = _CODE.search(str(problem))
        code = found[1] if found else ""
        if code in _LATER:
            return RetryLater("mailbox.busy", "The mail server cannot answer now.", where=where)
        if isinstance(problem, LoginError):
            return _login(code, where)
        if code == "NONEXISTENT":
            return no_folder(where)
        if code == "NOPERM":
            return denied(where)
        return _refused(where)


def _end(client: IMAPClient) -> None:
    with suppress(OSError, imaplib.IMAP4.error, AttributeError, ValueError):
        client.shutdown()


def _refused(where: str) -> Unreadable:
    return Unreadable(
        "mailbox.refused", "The mail server refuses what it is asked.", where=where,
        advice="Its log says why; ask whoever runs it.",
    )  # fmt: skip


def _cut(where: str) -> RetryLater:
    return RetryLater(
        "mailbox.connection", "The mail server cannot be reached, or the connection to it was cut.", where=where,
        advice="The next try connects anew.",
    )  # fmt: skip


def _login(code: str, where: str) -> BadConfiguration:
    if code == "EXPIRED":
        return BadConfiguration(
            "mailbox.expired", "The password of the mail server's user has expired.", where=where,
            advice="Set a new one, there and in the connection.",
        )  # fmt: skip
    return BadConfiguration(
        "mailbox.login", "The mail server does not let this user in.", where=where,
        advice="Is the password in the connection still right? Was it changed, or has it expired?",
    )  # fmt: skip


def denied(where: str) -> Unreadable:
    """That the user may not."""
    return Unreadable(
        "mailbox.denied", "The user of the connection may not do that in the folder.", where=where,
        advice="Give the user the right to read it, and, for purges, to delete and expunge in it.",
    )  # fmt: skip


def _no_uids(where: str) -> Unreadable:
    return Unreadable(
        "mailbox.no_uids", "The mail server's numbers of messages do not last (no UIDVALIDITY).", where=where,
        advice="Use another server, or its Maildir.",
    )  # fmt: skip


def no_folder(where: str) -> Unreadable:
    """That there is no such folder."""
    return Unreadable(
        "mailbox.no_folder", "There is no such folder.", where=where, advice="Correct its name in the data map.",
    )  # fmt: skip
