"""Tests against real servers: `make services` installs them, `make test-services` runs these."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.mariadb import MariaDB, mariadb
from services.postgres import Postgres, postgres

Server = Postgres | MariaDB


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A private PostgreSQL, ended with the session."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mysql() -> Iterator[MariaDB]:
    """A private MariaDB, ended with the session."""
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session", params=["mysql", "postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    found: Server = request.getfixturevalue(request.param)
    return found
