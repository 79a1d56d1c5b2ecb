"""An archive that lies in a Maildir and is served by Dovecot too: the same messages by both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from privacy.datamap.models import System
from privacy.sources.base import Due, Item, Of, Outcome, Selection, Step, Tally
from privacy.sources.mailbox import MailboxSource
from privacy.sources.mailbox_imap import ImapStore
from services.dovecot import Dovecot
from sources.mailbox_kit import ANNA, Archive, of, raw_system, usual


class Served(Archive):
    """An archive whose source is the mail server.

    :param options: of the connection.
    """

    def __init__(self, server: Dovecot, **options: Any) -> None:
        self.server, self.options = server, options
        self.plain = Archive(server.mail)
        self._sources: list[MailboxSource] = []
        super().__init__(server.mail)
        server.give()

    def source(self, *, batch_rows: int = 10_000, **datasets: dict[str, Any]) -> MailboxSource:
        self.server.give()
        system = System.model_validate(raw_system(**datasets)) if datasets else usual()
        made = MailboxSource(system, self.server.connection(**self.options), batch_rows=batch_rows)
        self._sources.append(made)
        return made

    def close(self) -> None:
        for source in self._sources:
            assert isinstance(source.mail, ImapStore)
            source.mail.server.close()

    def flags(self) -> dict[str, tuple[str, ...]]:
        """Of every message, by its name, with what it is: as the files have it."""
        return {file.name: (file.parent.name,) for file in self.files() if file.parent.name in ("cur", "new")}


@contextmanager
def served(server: Dovecot, **options: Any) -> Iterator[Served]:
    """An empty archive of the server's."""
    server.empty()
    archive = Served(server, **options)
    try:
        yield archive
    finally:
        archive.close()


def both(
    archive: Served, pick: Of | Due | str = ANNA, **more: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows by the server, and by the files."""
    return archive.read(pick, **more), archive.plain.read(pick, **more)


def located(archive: Archive, pick: Of | Due) -> list[tuple[Any, ...]]:
    """What a plan would have, but for the versions: those are each way's own."""
    return [(i.key, i.records, i.bytes, i.oldest, i.whole) for i in archive.locate(pick)]


__all__ = ["Item", "Outcome", "Selection", "Sequence", "Served", "Step", "Tally", "both", "located", "of", "served"]
