"""Tests against real servers: `make services` installs them, `make test-services` runs these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from conftest_browser import chromium, console, tab
from conftest_demo import HOME, Made
from privacy.datamap.load import load
from services.copying import copied
from services.dovecot import Dovecot, dovecot
from services.mariadb import MariaDB, mariadb
from services.postgres import Postgres, postgres
from services.seaweed import Seaweed, seaweed
from services.whole import Servers

# One Chromium a process: a second one beside it cannot be driven.
__all__ = ["chromium", "console", "tab"]

Server = Postgres | MariaDB
SEED = 2
DATABASES = ("shop", "recruiting")


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


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A private SeaweedFS, ended with the session."""
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def imap() -> Iterator[Dovecot]:
    """A private Dovecot, ended with the session."""
    with dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def servers(mysql: MariaDB, postgresql: Postgres, s3: Seaweed, imap: Dovecot) -> Servers:
    """All that a shop runs on."""
    return Servers(mysql, postgresql, s3, imap)


@pytest.fixture(scope="session", params=["mysql", "postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    found: Server = request.getfixturevalue(request.param)
    return found


class Shop:
    """A made shop whose two databases stand on a server."""

    def __init__(self, made: Made, server: Server) -> None:
        self.made, self.server = made, server
        for name in DATABASES:
            copied(made.folder / f"{name}.db", load(HOME).systems[name], server.create(name))

    @property
    def urls(self) -> Mapping[str, str]:
        """For the account that may only read."""
        return {name: self.server.reader(name) for name in DATABASES}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A made shop, as its files have it."""
    found = Made(tmp_path_factory.mktemp("demo") / "shop", seed=SEED)
    yield found
    found.close()


@pytest.fixture(scope="session")
def on_server(server: Server, made: Made) -> Shop:
    """Its databases, on each of the two servers; nobody changes a row of them."""
    return Shop(made, server)
