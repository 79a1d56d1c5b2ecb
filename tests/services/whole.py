"""One installation on real servers: a made demo shop moved there, its connections, and a plain look at all of it.

Shop and recruiting stand on MariaDB, the ledger with register and holds on PostgreSQL, everything that is files in one
bucket of SeaweedFS, the mail on Dovecot.
"""

from __future__ import annotations

import gzip
import imaplib
import re
import shutil
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql

from conftest_demo import HOME
from conftest_look import ALONE, DATABASES, SHARED, Rows, like, message_name
from privacy.datamap.load import load
from services.copying import copied
from services.dovecot import PASSWORD, Dovecot
from services.mariadb import MariaDB
from services.postgres import Postgres
from services.seaweed import REGION, Seaweed

BUNDLES = "bundles"
_TIMED = re.compile(rb"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]")


@dataclass(frozen=True)
class Servers:
    """The four that a shop runs on."""

    mysql: MariaDB
    postgresql: Postgres
    s3: Seaweed
    imap: Dovecot


class Whole:
    """A made shop's data on the servers. See :class:`conftest_look.Place`.

    :param data: the made shop; it is not changed. :param name: of this installation, for its databases.
    :param endpoint: by which S3 is spoken to; None: the server itself. :param versions: the bucket keeps older ones.
    """

    def __init__(
        self, data: Path, servers: Servers, name: str, *, endpoint: str | None = None, versions: bool = False
    ) -> None:
        self.servers, self.databases = servers, {one: f"{name}_{one}" for one in DATABASES}
        systems, self.bucket = load(HOME).systems, servers.s3.bucket(versions=versions)
        for one, database in self.databases.items():
            copied(data / f"{one}.db", systems[one], servers.mysql.create(database))
        for one in (*SHARED, *ALONE):
            files = [path for path in sorted((data / one).rglob("*")) if path.is_file()]
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda path, one=one: self._upload(one, path, data / one), files))  # type: ignore[misc]
        servers.imap.empty()
        shutil.copytree(data / "mail", servers.imap.mail, dirs_exist_ok=True, copy_function=shutil.copy2)
        servers.imap.give()
        self.user = servers.imap.user
        self.ledger = servers.postgresql.create(f"{name}_ledger")
        self.urls: Mapping[str, str] = self._urls(endpoint or servers.s3.endpoint)
        self._objects: dict[tuple[str, ...], bytes] = {}
        self._messages: dict[tuple[str, ...], tuple[str, bytes]] = {}

    def _upload(self, system: str, path: Path, root: Path) -> None:
        """A file with its time, but for logs of which every line says its own: a list says nothing of times that are kept
        beside an object, so that each of those is asked for again in every task.
        """
        key, content = path.relative_to(root).as_posix(), path.read_bytes()
        plain = gzip.decompress(content) if path.suffix == ".gz" else content
        if system == "weblogs" and all(_TIMED.search(line) for line in plain.splitlines()):
            self.put(system, key, content)
        else:
            self.servers.s3.send(self.bucket, f"{system}/{key}", path)

    def _urls(self, endpoint: str) -> dict[str, str]:
        s3, imap = self.servers.s3, self.servers.imap
        login, asked = f"{quote(s3.key, safe='')}:{quote(s3.secret, safe='')}", quote(endpoint, safe="")
        urls = {one: self.servers.mysql.url(database) for one, database in self.databases.items()}
        urls |= {
            one: f"s3://{login}@{self.bucket}/{one}?endpoint_url={asked}&region={REGION}"
            for one in (*SHARED, *ALONE, BUNDLES)
        }
        user, ca = f"{quote(self.user, safe='')}:{quote(PASSWORD, safe='')}", quote(str(imap.authority.ca), safe="")
        return urls | {"mail": f"imaps://{user}@localhost:{imap.port}/?ca_file={ca}", "ledger": self.ledger}

    # What is there, as the servers' own clients see it

    def anew(self) -> None:
        """Forget what was read: the next look reads every object and message again, changed or not."""
        self._objects.clear()
        self._messages.clear()

    def _connection(self, system: str) -> pymysql.Connection:
        return pymysql.connect(
            host="127.0.0.1", port=self.servers.mysql.port, user="root", database=self.databases[system],
            autocommit=True, charset="utf8mb4",
        )  # fmt: skip

    def tables(self, system: str) -> Iterator[Rows]:
        """Every table, in the order of its key."""
        with closing(self._connection(system)) as db, db.cursor() as cursor:
            cursor.execute("SHOW TABLES")
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT * FROM `{table}`")
                yield table, [column[0] for column in cursor.description], cursor.fetchall()

    def objects(self, system: str) -> Iterator[tuple[str, bytes]]:
        """Every object. One is read once as long as the server says by ETag, size and time that it is the same."""
        client, found = self.servers.s3.client, []
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{system}/"):
            found += [
                (one["Key"], one["ETag"], str(one["Size"]), one["LastModified"].isoformat())
                for one in page.get("Contents", ())
            ]

        def read(entry: tuple[str, ...]) -> bytes:
            content: bytes = client.get_object(Bucket=self.bucket, Key=entry[0])["Body"].read()
            return content

        missing = [entry for entry in found if entry not in self._objects]
        with ThreadPoolExecutor(8) as threads:
            self._objects |= dict(zip(missing, threads.map(read, missing), strict=True))
        for entry in sorted(found):
            yield entry[0].removeprefix(f"{system}/"), self._objects[entry]

    def versions(self) -> dict[str, list[str]]:
        """Of every object the ids of all versions and delete markers that are stored."""
        found: dict[str, list[str]] = {}
        for page in self.servers.s3.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                found.setdefault(one["Key"], []).append(one["VersionId"])
        return found

    def messages(self) -> Iterator[tuple[str, str, bytes]]:
        """Every message with its flags but for ``\\Deleted``, which whoever was killed may leave. Its text is read once."""
        context = ssl.create_default_context(cafile=str(self.servers.imap.authority.ca))
        with imaplib.IMAP4_SSL("127.0.0.1", self.servers.imap.port, ssl_context=context, timeout=60) as client:
            client.login(self.user, PASSWORD)
            for line in client.list()[1]:
                found = re.fullmatch(rb'\([^)]*\) (?:"[^"]*"|NIL) (.+)', line)
                assert found is not None
                yield from self._folder(client, found[1].strip(b'"').decode())

    def _folder(self, client: imaplib.IMAP4, folder: str) -> Iterator[tuple[str, str, bytes]]:
        status, told = client.select(f'"{folder}"', readonly=True)
        assert status == "OK", told
        if told == [b"0"]:
            return
        validity = str(client.response("UIDVALIDITY")[1][0])
        place = "." if folder == "INBOX" else f".{folder}"
        flags = {}
        for line in client.uid("FETCH", "1:*", "(FLAGS)")[1]:
            found = re.search(rb"UID (\d+)", line)
            assert found is not None
            those = {flag.decode() for flag in imaplib.ParseFlags(line)} - {"\\Recent", "\\Deleted"}
            flags[found[1].decode()] = " ".join(sorted(those))
        if missing := [uid for uid in flags if (folder, validity, uid) not in self._messages]:
            for one in client.uid("FETCH", ",".join(missing), "(X-GUID BODY.PEEK[])")[1]:
                if isinstance(one, tuple):
                    uid, guid = re.search(rb"UID (\d+)", one[0]), re.search(rb"X-GUID (\S+)", one[0])
                    assert uid is not None
                    assert guid is not None
                    key = (folder, validity, uid[1].decode())
                    self._messages[key] = (message_name(guid[1].decode().strip('"')), one[1])
        for uid, those in flags.items():
            name, content = self._messages[folder, validity, uid]
            yield place, name, those.encode() + b"\n" + content

    # What arrives

    def put(self, system: str, key: str, content: bytes) -> None:
        self.servers.s3.client.put_object(Bucket=self.bucket, Key=f"{system}/{key}", Body=content)

    def add(self, system: str, table: str, values: Mapping[str, Any]) -> None:
        with closing(self._connection(system)) as db, db.cursor() as cursor:
            cursor.execute(f"SELECT * FROM `{table}` LIMIT 1")
            row = like(cursor, values)
            names = ", ".join(f"`{name}`" for name in row)
            cursor.execute(f"INSERT INTO `{table}` ({names}) VALUES ({', '.join(['%s'] * len(row))})", [*row.values()])
