"""Where letters go: to a mail server over SMTP, always with TLS and a certificate that is checked.

Of what the server says only its number is passed on: the rest quotes addresses. A letter may come twice where the line
breaks between the server's taking it and its saying so; both then have one Message-ID.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

from privacy.connections import Connection
from privacy.datamap.policy import Contact
from privacy.errors import BadConfiguration, BadInput, GiveUp, PrivacyError, RetryLater
from privacy.letters.letter import Letter

SCHEMES = ("smtps", "smtp")
"""TLS from the first byte (port 465); STARTTLS, without which nothing is sent (port 587)."""

SECONDS = 60.0
"""How long a server may be silent."""

_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")

_TAKEN = (250, 251)
"""It takes the letter; it takes it for where the addressee has moved to."""


class Post:
    """Letters that are sent at once.

    :param connection: ``smtps://user:password@host/`` or ``smtp://...``; without a user nobody logs in. The option
        ``ca_file`` (or ``?ca_file=`` in the URL) names the authority of the server's certificate where that is none of
        the machine's, ``password`` the password.
    :param sender: the controller's contact; what cannot be delivered comes back there.
    :raises BadConfiguration: ``letters.connection``: the URL names no mail server.
    """

    def __init__(self, connection: Connection, sender: Contact) -> None:
        parts = urlsplit(connection.url)
        options = dict(parse_qsl(parts.query)) | dict(connection.options)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in SCHEMES or not parts.hostname or port == 0:
            raise BadConfiguration(
                "letters.connection", "The connection names no mail server.", where=connection.name,
                advice="Write it as smtps://user:password@host:465/, or smtp://... for STARTTLS on port 587.",
            )  # fmt: skip
        self._name, self._sender = connection.name, sender
        self._starttls = parts.scheme == "smtp"
        self._host, self._port = parts.hostname, port or (587 if self._starttls else 465)
        self._user = unquote(parts.username or "")
        self._password = options.get("password") or unquote(parts.password or "")
        self._ca_file = options.get("ca_file") or None

    def send(self, letter: Letter) -> str:
        """Send a letter: the mail server has taken it when this returns.

        :returns: the number with which it did, e.g. ``250``.
        :raises RetryLater: ``letters.later``: it says so itself (4xx); ``letters.unreachable``.
        :raises GiveUp: ``letters.refused``: it will not take this letter (5xx).
        :raises BadConfiguration: ``letters.login``, ``letters.certificate``, ``letters.no_tls``, ``letters.address``.
        :raises BadInput: ``letters.id``, ``letters.not_ascii``.
        """
        named(letter)
        to = _envelope(letter)
        content = replace(letter, to=to).as_eml(self._sender)
        context = self._context()
        with self._told(letter.id):
            server = self._connected(context)
            try:
                if self._user:
                    server.login(self._user, self._password)
                size = [f"size={len(content)}"] if server.has_extn("size") else []
                eight = ["body=8bitmime"] if not content.isascii() and server.has_extn("8bitmime") else []
                self._taken(server.mail(self._sender.email, size + eight), letter)
                self._taken(server.rcpt(to), letter)
                return str(self._taken(server.data(content), letter))
            finally:
                # It has said what becomes of the letter; how it says goodbye changes nothing.
                with suppress(OSError):
                    server.quit()
                server.close()

    def greet(self) -> None:
        """Connect and log in, and send nothing: what a doctor tries. :raises: as :meth:`send`, of connecting alone."""
        context = self._context()
        with self._told(self._name):
            server = self._connected(context)
            try:
                if self._user:
                    server.login(self._user, self._password)
            finally:
                with suppress(OSError):
                    server.quit()
                server.close()

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        own = self._sender.email.rpartition("@")[2]
        if not self._starttls:
            secure = smtplib.SMTP_SSL(self._host, self._port, own, timeout=SECONDS, context=context)
            secure.ehlo_or_helo_if_needed()
            return secure
        server = smtplib.SMTP(self._host, self._port, own, timeout=SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            if not server.has_extn("starttls"):
                raise BadConfiguration(
                    "letters.no_tls", "The mail server has no TLS on this port; nothing was sent to it.",
                    where=self._name, advice="Write smtps:// and the port on which it has (465).",
                )  # fmt: skip
            code, _ = server.starttls(context=context)
            if code != 220:
                raise smtplib.SMTPResponseException(code, "")
            server.ehlo()
        except BaseException:
            server.close()
            raise
        return server

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError:
            raise BadConfiguration(
                "letters.ca_file", "The file of the certificate's authority cannot be read.", where=self._name,
                advice="Correct the connection's ca_file: a file of certificates (PEM).",
            ) from None  # fmt: skip

    @staticmethod
    def _taken(said: tuple[int, bytes], letter: Letter) -> int:
        if said[0] not in _TAKEN:
            raise _of(said[0], letter.id)
        return said[0]

    @contextmanager
    def _told(self, where: str) -> Iterator[None]:
        """Turn what goes wrong with the server into our errors, ``from None``."""
        try:
            yield
        except PrivacyError:
            raise
        except ssl.SSLCertVerificationError:
            raise BadConfiguration(
                "letters.certificate", "The mail server's certificate is not to be trusted; nothing was sent to it.",
                where=self._name, advice="Correct the host's name, renew its certificate, or name its authority.",
            ) from None  # fmt: skip
        except smtplib.SMTPAuthenticationError as problem:
            if problem.smtp_code < 500:
                raise _of(problem.smtp_code, where) from None
            raise self._not_let_in() from None
        except smtplib.SMTPNotSupportedError:
            raise self._not_let_in() from None
        except smtplib.SMTPResponseException as problem:
            raise _of(problem.smtp_code, where) from None
        except OSError:  # Also what smtplib says of a line that is cut.
            raise RetryLater(
                "letters.unreachable", "The mail server cannot be reached, or the line to it was cut.", where=where,
                advice="The next try sends the letter.",
            ) from None  # fmt: skip

    def _not_let_in(self) -> BadConfiguration:
        return BadConfiguration(
            "letters.login", "The mail server does not let this user in; nothing was sent.", where=self._name,
            advice="Is the password in the connection still right? Was it changed, or has it expired?",
        )  # fmt: skip


def named(letter: Letter) -> None:
    """Hold that a letter's id can be a file's name and a message's. :raises BadInput: ``letters.id``."""
    if not _NAME.fullmatch(letter.id):
        raise BadInput("letters.id", "A letter's id has letters, digits and hyphens only.")


def _of(code: int, where: str) -> PrivacyError:
    """The error of a number that the server said of a letter."""
    if 500 <= code < 600:
        return GiveUp(
            "letters.refused", f"The mail server does not take the letter ({code}).", where=where,
            advice="Its log says why: an address that is none, or a sender that it does not know.",
        )  # fmt: skip
    return RetryLater(
        "letters.later", f"The mail server does not take the letter now ({code}).", where=where,
        advice="The next try sends it.",
    )  # fmt: skip


def _envelope(letter: Letter) -> str:
    """The address as SMTP has it: ASCII, its domain as the DNS has it.

    :raises BadInput: ``letters.not_ascii``: what stands before the @ is not ASCII.
    """
    local, _, domain = letter.to.rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        raise BadInput(
            "letters.not_ascii", "The address has letters that SMTP cannot send to.", where=letter.id,
            advice="Ask for another address, or send the letter by post.",
        ) from None  # fmt: skip
