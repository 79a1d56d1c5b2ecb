"""Sources: one contract (``base``), one implementation a kind of store, one registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from privacy.connections import Connection, Connections
from privacy.datamap.load import Ref
from privacy.datamap.models import System, did_you_mean
from privacy.errors import BadConfiguration
from privacy.sources.base import Source


@dataclass(frozen=True, slots=True)
class Learned:
    """Where a source keeps what it learns of its files, and with which key: see :func:`source_for`."""

    index: Path | None
    secret: Callable[[], bytes] | None = None


def source_for(
    system: System, connections: Connections, *, home: Path, batch_rows: int = 10_000, index: Path | None = None,
    secret: Callable[[], bytes] | None = None,
) -> Source:  # fmt: skip
    """The source that serves a system of the data map.

    :param home: ``PRIVACY_HOME``, where a SQL system's SELECTs stand.
    :param batch_rows: most rows in one batch.
    :param index: a folder for what a source learns of its files, so that it need not read those again that nobody
        changes any more (the log index); it may be deleted at any time. None: the source keeps it in memory.
    :param secret: gives the key (32 bytes) of what in it says whom a file may be about; None: nothing in it does.
    :raises BadConfiguration: an unknown kind of source, or no such connection.
    """
    make = _MADE.get(system.source)
    if make is None:
        raise BadConfiguration(
            "sources.unknown", f"There is no kind of source {system.source!r}{did_you_mean(system.source, KINDS)}.",
            where=system.system,
        )  # fmt: skip
    return make(system, connections.get(system.connection), home, batch_rows, Learned(index, secret))


def item_key(ref: Ref) -> list[str]:
    """The types of what names an item of a dataset (see ``Item.key``), as the data map writes types.

    A row's are those of its key; what lies in files changes by file.
    """
    if ref.system.source in ("sql", "mailbox"):
        return [ref.dataset.columns[column].type for column in ref.dataset.key]
    return ["text"]


def _sql(system: System, connection: Connection, home: Path, batch_rows: int, _: Learned) -> Source:
    from privacy.sources.sql import SqlSource

    return SqlSource(system, connection, home=home, batch_rows=batch_rows)


def _weblogs(system: System, connection: Connection, _: Path, batch_rows: int, learned: Learned) -> Source:
    from privacy.sources.weblogs import WeblogSource

    return WeblogSource(system, connection, batch_rows=batch_rows, index=learned.index, secret=learned.secret)


def _records(system: System, connection: Connection, _: Path, batch_rows: int, __: Learned) -> Source:
    from privacy.sources.records import RecordSource

    return RecordSource(system, connection, batch_rows=batch_rows)


def _files(system: System, connection: Connection, _: Path, batch_rows: int, __: Learned) -> Source:
    from privacy.sources.files import FilesSource

    return FilesSource(system, connection, batch_rows=batch_rows)


def _mailbox(system: System, connection: Connection, _: Path, batch_rows: int, __: Learned) -> Source:
    from privacy.sources.mailbox import MailboxSource

    return MailboxSource(system, connection, batch_rows=batch_rows)


_MADE: dict[str, Callable[[System, Connection, Path, int, Learned], Source]] = {
    "sql": _sql,
    "weblogs": _weblogs,
    "records": _records,
    "files": _files,
    "mailbox": _mailbox,
}
KINDS = tuple(_MADE)
