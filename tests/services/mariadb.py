"""A private MariaDB, and accounts of one database in it: its owner, and one who may only read."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from privacy.orchestration.embedded import free_port
from services.serving import Process, program, running


class MariaDB:
    """A running server.

    :param process: can be killed and started again. :param port: on 127.0.0.1.
    """

    kind = "mysql"

    def __init__(self, process: Process, port: int) -> None:
        self.process, self.port = process, port

    def url(self, database: str, *, user: str = "owner", password: str | None = None) -> str:
        """Of a database, as connections write it; an account's password is its name."""
        return f"mysql://{user}:{password or user}@127.0.0.1:{self.port}/{database}"

    def admin(self) -> pymysql.Connection:
        """The superuser's connection, each statement by itself."""
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", password="", autocommit=True)

    def create(self, database: str, *, collation: str = "utf8mb4_general_ci", like: str | None = None) -> str:
        """A new database that ``owner`` owns and ``reader`` may read; its URL for the owner.

        :param like: a database to copy.
        """
        with self.admin() as raw, raw.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {database}")
            cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE {collation}")
            cursor.execute(f"GRANT ALL ON {database}.* TO owner@'127.0.0.1'")
            cursor.execute(f"GRANT SELECT ON {database}.* TO reader@'127.0.0.1'")
            if like is not None:
                self._copy(cursor, like, database)
        return self.url(database)

    @staticmethod
    def _copy(cursor: Any, like: str, database: str) -> None:
        cursor.execute(f"USE {database}")
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (like,))
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE {like}.{table}")
            cursor.execute(cursor.fetchone()[1])
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {like}.{table}")

    def refill(self, database: str, like: str, tables: list[str]) -> None:
        """Make some tables of a copy what they were: in columns, rows and keys. One of them may be ``privacy_elsewhere``."""
        with self.admin() as raw, raw.cursor() as cursor:
            cursor.execute(f"USE {database}")
            cursor.execute("SET foreign_key_checks = 0")
            cursor.execute("SHOW TABLES LIKE 'privacy_elsewhere'")
            if cursor.fetchone():
                cursor.execute(f"RENAME TABLE privacy_elsewhere TO {tables[0]}")
                return
            for table in tables:
                cursor.execute(f"SHOW CREATE TABLE {like}.{table}")
                meant = cursor.fetchone()
                cursor.execute(f"SHOW CREATE TABLE {table}")
                if cursor.fetchone() == meant:
                    cursor.execute(f"DELETE FROM {table}")
                else:
                    cursor.execute(f"DROP TABLE {table}")
                    cursor.execute(meant[1])
                cursor.execute(f"INSERT INTO {table} SELECT * FROM {like}.{table}")

    def reader(self, database: str) -> str:
        """The URL of the account that may only read."""
        return self.url(database, user="reader", password="reader")

    def cut(self, database: str, but: int = 0) -> int:
        """End every connection to a database but one, as a restart would; how many there were."""
        with self.admin() as raw, raw.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s AND id <> %s", (database, but))
            found = [int(row[0]) for row in cursor.fetchall()]
            for number in found:
                cursor.execute(f"KILL {number}")
        return len(found)


@contextmanager
def mariadb() -> Iterator[MariaDB]:
    """A server on a free port, with its data in a fresh folder that is gone with it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="privacy-mariadb-", ignore_cleanup_errors=True) as made:
        folder, user = Path(made), ["--user=root"] if os.getuid() == 0 else []
        # A folder of its own for temporary tables as well: a server that starts removes those of others.
        install = [program("mariadb-install-db"), "--no-defaults", f"--datadir={made}/data", f"--tmpdir={made}", "--skip-test-db",
                   "--auth-root-authentication-method=normal", *user]  # fmt: skip
        subprocess.run(install, cwd=folder, check=True, capture_output=True)
        command = [program("mariadbd"), "--no-defaults", f"--datadir={made}/data", f"--tmpdir={made}", f"--port={port}",
                   "--bind-address=127.0.0.1", f"--socket={made}/mariadb.sock", f"--pid-file={made}/mariadb.pid",
                   "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M",
                   *user]  # fmt: skip

        def answers() -> bool:
            pymysql.connect(host="127.0.0.1", port=port, user="root", password="", connect_timeout=2).close()
            return True

        with running(command, folder, answers) as process:
            server = MariaDB(process, port)
            with server.admin() as raw, raw.cursor() as cursor:
                for name in ("owner", "reader"):
                    cursor.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{name}'")
            yield server
