"""A private PostgreSQL, and accounts of one database in it: its owner, and one who may only read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from privacy.orchestration.embedded import free_port
from services.serving import Process, program, running

_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
"""PostgreSQL refuses to run as root."""

_SETTINGS = {"shared_buffers": "64MB", "max_connections": "60", "listen_addresses": "127.0.0.1"}


class Postgres:
    """A running server.

    :param process: can be killed and started again. :param port: on 127.0.0.1.
    """

    kind = "postgresql"

    def __init__(self, process: Process, port: int) -> None:
        self.process, self.port = process, port

    def url(self, database: str, *, user: str = "owner", password: str | None = None) -> str:
        """Of a database, as connections write it; an account's password is its name."""
        return f"postgresql://{user}:{password or user}@127.0.0.1:{self.port}/{database}"

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """The superuser's connection, each statement by itself."""
        return psycopg.connect(self.url(database, user="root", password="root"), autocommit=True)

    def create(self, database: str, *, collation: str = "C.UTF-8", like: str | None = None) -> str:
        """A new database that ``owner`` owns and ``reader`` may read; its URL for the owner.

        :param like: a database to copy; who has it open is cut off.
        """
        if like:
            # A pool that made it may still have it open, idle.
            self.cut(like)
        with self.admin() as raw:
            raw.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            new = f"TEMPLATE {like}" if like else f"TEMPLATE template0 ENCODING 'UTF8' LOCALE '{collation}'"
            raw.execute(f"CREATE DATABASE {database} OWNER owner {new}")
        with self.admin(database) as raw:
            raw.execute("GRANT USAGE ON SCHEMA public TO reader")
            raw.execute("REVOKE TEMPORARY ON DATABASE " + database + " FROM PUBLIC")
            raw.execute("GRANT ALL ON SCHEMA public TO owner")
            raw.execute("ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader")
        return self.url(database)

    def reader(self, database: str) -> str:
        """The URL of the account that may only read."""
        return self.url(database, user="reader", password="reader")

    def cut(self, database: str, but: int = 0) -> int:
        """End every connection to a database but one, as a restart would; how many there were."""
        with self.admin() as raw:
            text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s "
            text += "AND pid NOT IN (pg_backend_pid(), %s)"
            found = raw.execute(text, (database, but)).fetchone()
        assert found is not None
        return int(found[0])


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server on a free port, with its data in a fresh folder that is gone with it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="privacy-postgres-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        (folder / "password").write_text("root\n")
        nobody: tuple[str, ...] = ()
        if os.getuid() == 0:
            nobody = (program(_NOBODY[0]), *_NOBODY[1:])
            for path in (folder, folder / "password"):
                shutil.chown(path, "nobody", "nogroup")
        init = [program("initdb"), "-D", made + "/data", "-U", "root", "-A", "scram-sha-256", "-E", "UTF8",
                f"--pwfile={folder}/password", "--locale=C.UTF-8", "--no-sync"]  # fmt: skip
        subprocess.run([*nobody, *init], cwd=folder, check=True, capture_output=True)
        command = [*nobody, program("postgres"), "-D", made + "/data", "-p", str(port), "-k", made]
        command += [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]

        def answers() -> bool:
            with psycopg.connect(f"postgresql://root:root@127.0.0.1:{port}/postgres", connect_timeout=2):
                return True

        with running(command, folder, answers) as process:
            server = Postgres(process, port)
            with server.admin() as raw:
                for name in ("owner", "reader"):
                    raw.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
            yield server
            process.kill()  # Asked to end, it would wait for every connection that a test left open.
