"""Sources: one contract (``base``), one implementation a kind of store, one registry."""

from __future__ import annotations

from pathlib import Path

from privacy.connections import Connections
from privacy.datamap.models import System, did_you_mean
from privacy.errors import BadConfiguration
from privacy.sources.base import Source

KINDS = ("sql", "weblogs")


def source_for(system: System, connections: Connections, *, home: Path, batch_rows: int = 10_000) -> Source:
    """The source that serves a system of the data map.

    :param home: ``PRIVACY_HOME``, where a SQL system's SELECTs stand.
    :param batch_rows: most rows in one batch.
    :raises BadConfiguration: an unknown kind of source, or no such connection.
    """
    if system.source == "sql":
        from privacy.sources.sql import SqlSource

        return SqlSource(system, connections.get(system.connection), home=home, batch_rows=batch_rows)
    if system.source == "weblogs":
        from privacy.sources.weblogs import WeblogSource

        return WeblogSource(system, connections.get(system.connection), batch_rows=batch_rows)
    raise BadConfiguration(
        "sources.unknown", f"There is no kind of source {system.source!r}{did_you_mean(system.source, KINDS)}.",
        where=system.system,
    )  # fmt: skip
