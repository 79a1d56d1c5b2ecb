"""Connections: which server or folder stands behind a name of the data map.

Sources never look a connection up: they are given one. Who looks it up is chosen at the edge: the command line uses
:class:`EnvironmentConnections`, the DAGs Airflow's own (``privacy.orchestration.connections``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from privacy.errors import BadConfiguration

LEDGER = "ledger"
BUNDLES = "bundles"


@dataclass(frozen=True, slots=True)
class Connection:
    """What a name stands for.

    :param name: as the data map writes it, e.g. ``shop``; Airflow's connection id is ``privacy_<name>``.
    :param url: a SQLAlchemy URL (``sqlite:////data/shop.db``), ``file:///data/logs`` for a folder,
        ``s3://KEY:SECRET@bucket/prefix`` for a bucket (``privacy.storage_s3_place``).
    :param options: what the URL has no place for.
    """

    name: str
    url: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def scheme(self) -> str:
        """The URL's first word, without a driver: ``sqlite``, ``postgresql``, ``file``."""
        return urlsplit(self.url).scheme.split("+")[0]

    @property
    def folder(self) -> Path:
        """The folder of a ``file:`` URL.

        :raises BadConfiguration: when it is another kind of connection.
        """
        parts = urlsplit(self.url)
        if parts.scheme != "file" or not parts.path:
            raise BadConfiguration(
                "connections.not_a_folder",
                "The connection is not a folder.",
                where=self.name,
                advice="Write it as file:///absolute/path.",
            )
        return Path(unquote(parts.path))


class Connections(Protocol):
    """Something that resolves names."""

    def get(self, name: str) -> Connection:
        """The connection behind ``name``.

        :raises BadConfiguration: when there is none, with what to set.
        """
        ...


class EnvironmentConnections:
    """Connections from ``PRIVACY_CONNECTION_<NAME>`` (a URL), for the command line.

    :param environment: the variables; the process's own by default.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def get(self, name: str) -> Connection:
        """See :meth:`Connections.get`."""
        variable = "PRIVACY_CONNECTION_" + name.upper()
        url = self._environment.get(variable)
        if not url:
            raise BadConfiguration(
                "connections.missing",
                "There is no such connection.",
                where=name,
                advice=f"Set {variable} to its URL (on the command line), or Airflow's connection privacy_{name}.",
            )
        return Connection(name, url)
