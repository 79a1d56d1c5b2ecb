"""An archive that lies in a Maildir and is served by Dovecot too: the same messages by both ways; and a line that breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.sources.base import Due, Of
from privacy.sources.mailbox import MailboxSource
from privacy.sources.mailbox_imap import ImapStore
from privacy.sources.mailbox_names import base_name
from services.dovecot import Dovecot
from sources.mailbox_kit import Archive, raw_system, usual


class Served(Archive):
    """An archive whose source is the mail server; ``plain`` is the same one, read from its files.

    :param options: of :meth:`Dovecot.connection`.
    """

    def __init__(self, server: Dovecot, **options: Any) -> None:
        self.server, self.options = server, options
        self.plain = Archive(server.mail)
        self.sources: list[MailboxSource] = []
        super().__init__(server.mail)

    def connection(self) -> Connection:
        return self.server.connection(**self.options)

    def source(self, *, batch_rows: int = 10_000, **datasets: dict[str, Any]) -> MailboxSource:
        self.server.give()
        system = System.model_validate(raw_system(**datasets)) if datasets else usual()
        made = MailboxSource(system, self.connection(), batch_rows=batch_rows)
        self.sources.append(made)
        return made

    def close(self) -> None:
        for source in self.sources:
            assert isinstance(source.mail, ImapStore)
            source.mail.server.close()

    def located(self, pick: Of | Due) -> list[tuple[Any, ...]]:
        """What a plan would have of each message, but for its version: each way has its own."""
        return parts(self, pick)

    def kept(self) -> dict[tuple[str, str], tuple[str, bytes]]:
        """Of each message its flags and its bytes, by folder and name, wherever in the folder it lies."""
        files = (file for file in self.files() if file.parent.name in ("cur", "new"))
        return {
            (file.parent.parent.name, base_name(file.name)): (file.name.partition(":2,")[2], file.read_bytes())
            for file in files
        }


def parts(archive: Archive, pick: Of | Due) -> list[tuple[Any, ...]]:
    """See :meth:`Served.located`."""
    return [(i.key, i.records, i.bytes, i.oldest, i.whole) for i in archive.locate(pick)]


@contextmanager
def served(server: Dovecot, **options: Any) -> Iterator[Served]:
    """An empty archive of the server's."""
    server.empty()
    archive = Served(server, **options)
    try:
        yield archive
    finally:
        archive.close()


class Line:
    """A line to a server that breaks once, when so many bytes have come from it; the next connection holds.

    :param most: bytes; None: it never breaks.
    """

    def __init__(self, to: int, most: int | None = None) -> None:
        self.most, self.came, self.lines = most, 0, 0
        self._to = to
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self.lines += 1
                threading.Thread(target=self._copy, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._copy, args=(far, near, True), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := one.recv(4096):
                if counted:
                    self.came += len(data)
                    if self.most is not None and self.came > self.most:
                        self.most = None
                        break
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listening.close()


@contextmanager
def line(to: int, most: int | None = None) -> Iterator[Line]:
    """A line, until the block ends."""
    made = Line(to, most)
    try:
        yield made
    finally:
        made.close()


def log_of(server: Dovecot) -> str:
    """What the server wrote down."""
    return (Path(server.folder) / "dovecot.log").read_text(errors="replace")
