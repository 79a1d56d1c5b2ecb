"""The studio of the purges' tests with its files and logs in an object store, and its mail on a mail server."""

from __future__ import annotations

import hashlib
import imaplib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

from botocore.httpsession import URLLib3Session

from conftest_purges import Studio, days
from privacy.storage_s3_bucket import MODIFIED
from services.dovecot import PASSWORD, Dovecot
from services.seaweed import REGION, Seaweed

IN_S3 = ("scans", "web")


class StoresStudio(Studio):
    """A studio on servers.

    :param bucket: of its files and logs.
    :param endpoint, port: of what stands before the object store and the mail server; none: they themselves.
    """

    s3: Seaweed
    mail: Dovecot
    bucket: str
    endpoint = ""
    port = 0

    @property
    def variables(self) -> dict[str, str]:
        login = f"{quote(self.s3.key, safe='')}:{quote(self.s3.secret, safe='')}"
        options = f"endpoint_url={quote(self.endpoint or self.s3.endpoint, safe='')}&region={REGION}"
        user, password = quote(self.mail.user, safe=""), quote(PASSWORD, safe="")
        authority = quote(str(self.mail.authority.ca), safe="")
        return super().variables | {
            **{f"PRIVACY_CONNECTION_{n.upper()}": f"s3://{login}@{self.bucket}/{n}?{options}" for n in IN_S3},
            "PRIVACY_CONNECTION_POST": f"imaps://{user}:{password}@localhost:{self.port or self.mail.port}/?ca_file={authority}",
        }

    def everything(self) -> dict[str, bytes]:
        """Every byte that there is, as no source of ours reads it: rows, objects and versions, messages with flags."""
        found = {}
        for table in ("cases", "notes", "sales"):
            found |= {f"{table} {row[0]}": repr(row).encode() for row in self.sql(f"SELECT * FROM {table}")}
        client = self.s3.client
        said = client.list_object_versions(Bucket=self.bucket)
        assert not said["IsTruncated"]
        for one in said.get("Versions", []):
            content = client.get_object(Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"])
            about = content["Metadata"].get(MODIFIED, "")
            name = f"{one['Key']} {hashlib.sha256(body := content['Body'].read()).hexdigest()}"
            found[name] = body + about.encode()
        found |= {f"marker {one['Key']} {one['VersionId']}": b"" for one in said.get("DeleteMarkers", [])}
        for path in sorted(self.mail.mail.rglob("*")):
            if path.is_file() and path.parent.name in ("cur", "new"):
                # The server writes sizes into names, and knows a new message from one that was seen.
                name, _, flags = path.name.partition(":2,")
                found[f"{path.parent.parent.name} {name.partition(',')[0]} {flags}"] = path.read_bytes()
        return found

    def close(self) -> None:
        """End its connections."""
        self.house.engine.dispose()
        for source in self.house._sources.values():
            if (server := getattr(getattr(source, "mail", None), "server", None)) is not None:
                server.close()


class Template:
    """A filled studio, from which any number of equal ones are made, one after the other, in the very same place."""

    def __init__(self, folder: Path, s3: Seaweed, mail: Dovecot, *, rows: int, versions: bool) -> None:
        self.folder, self.s3, self.mail, self.rows, self.versions = folder, s3, mail, rows, versions
        fill(Studio(folder / "made", rows=rows))

    def fresh(self, **more: Any) -> StoresStudio:
        """The studio as it was."""
        made, work = self.folder / "made", self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(made, work, symlinks=True)
        self.mail.empty()
        shutil.copytree(made / "post", self.mail.mail, dirs_exist_ok=True)
        self.mail.give()
        bucket = self.s3.bucket(versions=self.versions)
        for name in IN_S3:
            self.s3.upload(made / name, bucket, f"{name}/")
            shutil.rmtree(work / name)  # Nobody is to read what is not on the server.
        shutil.rmtree(work / "post")
        kind = type("Kind", (StoresStudio,), {"s3": self.s3, "mail": self.mail, "bucket": bucket, **more})
        return kind.at(work, rows=self.rows)  # type: ignore[attr-defined, no-any-return]


def fill(studio: Studio) -> None:
    """Cases that are due and others, with notes, papers and letters of each; logs past the bound, astride of it, young."""
    for number in range(1, 6):
        closed = None if number == 5 else days(20 if number < 4 else 2)
        studio.case(number, f"p{number}@post.example", closed, notes=1, papers=2)
        studio.letter(f"m{number}", f"p{number}@post.example", "info@atelier.example")
    studio.letter("both", "p1@post.example", "p4@post.example")
    for n in range(1, 4):
        studio.log(f"access-{n}.gz", days(380 + n), days(379), days(100), days(99))
    studio.log("access-4.gz", days(500), days(499))
    studio.log("access-5.gz", days(50))


Told = Callable[[str], None]


def _s3(method: str, url: str) -> str:
    """What a request to an object store is about."""
    query = url.partition("?")[2]
    if method == "POST":
        return "DELETE" if "delete" in query else "BEGIN" if "uploads" in query else "COMPLETE"
    return "PART" if "partNumber" in query else {"PUT": "PUT", "DELETE": "ABORT"}.get(method, "look")


@contextmanager
def listening(told: Told) -> Iterator[None]:
    """Whoever listens is told of each request to the object store, before and after, and of each line to the mail
    server, before and after it is sent: ``before DELETE s3``, ``after EXPUNGE imap``, ``before look s3``.
    """
    send, line = URLLib3Session.send, imaplib.IMAP4.send

    def sent(self: Any, request: Any) -> Any:
        what = f"{_s3(request.method, request.url)} s3"
        told(f"before {what}")
        answer = send(self, request)
        told(f"after {what}")
        return answer

    def said(self: Any, data: bytes) -> Any:
        words = data.split()
        word = (words[2] if len(words) > 2 and words[1] == b"UID" else words[1]) if len(words) > 1 else b"look"
        what = f"{word.decode() if word in (b'STORE', b'EXPUNGE') else 'look'} imap"
        told(f"before {what}")
        done = line(self, data)
        told(f"after {what}")
        return done

    with mock.patch.object(URLLib3Session, "send", sent), mock.patch.object(imaplib.IMAP4, "send", said):
        yield
