"""An object store over S3 (AWS, SeaweedFS and others), behind the calls of :class:`privacy.storage.Store`.

What a bucket can do differs from what a folder can (docs/adr/0013-an-object-store-over-s3.md):

* *This very object* is a version, or where the bucket keeps none the ETag. Both are told to the server with each change
  (``If-Match``, ``If-None-Match``), so that nothing newer is overwritten or removed.
* A key is gone when all its versions and delete markers are; what is written takes the older versions away. A key whose
  versions somebody left below a delete marker is listed as ``hidden``: it cannot be opened, but deleted.
* S3 sets the time of change itself. What replaces an object says when that was changed in its metadata.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from io import BufferedReader
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from privacy.connections import Connection
from privacy.errors import BadInput, PrivacyError
from privacy.storage import Entry
from privacy.storage_errors import changed, irregular, missing
from privacy.storage_removal import Found, Judge
from privacy.storage_s3_bucket import MODIFIED, WRITTEN, Bucket, Versions, micros, of_version
from privacy.storage_s3_errors import FAILURES, held, hidden, of, translated, unlisted
from privacy.storage_s3_judged import Judged
from privacy.storage_s3_removal import Removal, locked
from privacy.storage_s3_stream import Reading, Sending

T = TypeVar("T")

_WEEK = 7 * 24 * 3600
"""So many seconds a link may be good for; the signature's own limit."""
_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "StorageClass",
         "ServerSideEncryption", "SSEKMSKeyId")  # fmt: skip
"""What an object that is replaced hands on, beside its metadata and tags."""


class S3Store:
    """A bucket, or what is below a prefix in it. Threads may share it.

    :param connection: see :mod:`privacy.storage_s3_place`.
    :param attempts: how often a request is tried before ``storage.busy``.
    :param seconds: how long an answer is awaited.
    :param part: bytes of a part of an upload; at least 5 MiB.
    :param lives: a writer may live so long; what was begun earlier, and not ended, is swept.
    """

    def __init__(
        self, connection: Connection, *, attempts: int = 6, seconds: float = 60, part: int = 8 << 20,
        lives: timedelta = timedelta(days=1),
    ) -> None:  # fmt: skip
        self._bucket = Bucket(connection, attempts, seconds)
        self._removal = Removal(self._bucket)
        self._part, self._lives = part, lives

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """See :meth:`Store.list`. Held in memory to be sorted: not every server sorts by key."""
        yield from sorted(self._bucket.entries(prefix), key=lambda entry: entry.key)

    def stat(self, key: str) -> Entry:
        """See :meth:`Store.stat`."""
        return self._bucket.stat(key)

    def open(self, key: str) -> BinaryIO:
        """See :meth:`Store.open`. Streamed; seeking asks for the rest from there.

        :raises RetryLater: while reading, ``storage.changed``: it was replaced; ``storage.busy``.
        """
        bucket = self._bucket
        try:
            return cast(BinaryIO, BufferedReader(Reading(bucket.client, bucket.about(key), key), 128 * 1024))
        except PrivacyError as problem:
            if problem.code == "storage.missing" and bucket.stat(key).identity == "hidden":
                raise hidden(key) from None
            raise

    @contextmanager
    def write(self, key: str, *, replacing: Entry | None = None) -> Iterator[BinaryIO]:
        """See :meth:`Store.write`. The server is told what it may replace: what was there when the block began.

        Two writers of one key do not know of each other; the one that ends last has ``storage.changed``.

        :raises Refused: ``storage.held``: what is there must not go; nothing was written.
        """
        before, older = self._target(key, replacing)
        word = f"{secrets.token_hex(8)}.{_digest(self._bucket.about(key)['Key'])}"
        made = self._made(key, before, replacing, word)
        sending = Sending(
            self._bucket.client, self._bucket.about(key), made, key, part=self._part, several=replacing is not None
        )
        done = False
        try:
            yield cast(BinaryIO, sending)
            version = self._commit(key, sending, before, word)
            done = True
        finally:
            if not done:
                sending.abort()
        if version and not self._bucket.versioned:
            self._bucket.forget()  # Somebody has turned versions on since it was asked.
            older = self._bucket.of(key)
        rest = [one.id for one in older.all if one.id != (version or "null")]
        if rest and (kept := self._removal.versions(key, rest)) is not None:
            raise kept

    def delete(self, key: str, *, expected: Entry | None = None) -> None:
        """See :meth:`Store.delete`. All versions go, the one that is there last. :raises Refused: ``storage.held``."""
        (entry,), versions = self._bucket.look([key])
        if isinstance(entry, PrivacyError):
            raise entry
        if entry is None or (expected is not None and entry != expected):
            raise missing(key) if expected is None else changed(key)
        kept = self._removal.done([entry], versions)[0]
        if kept is not None:
            raise kept

    def delete_all(self, entries: Sequence[Entry]) -> Sequence[PrivacyError | None]:
        """See :meth:`Store.delete_all`."""

        def judge(at: int, found: Found | None) -> PrivacyError | None:
            expected = entries[at]
            same = found == (expected.identity, expected.bytes, micros(expected.modified))
            return None if same else changed(expected.key)

        return self.delete_judged([entry.key for entry in entries], judge)

    def delete_judged(self, keys: Sequence[str], judge: Judge[T]) -> Sequence[T | PrivacyError | None]:
        """See :func:`privacy.storage.delete_judged`. What was put there after the look stays."""
        return Judged(self._bucket, self._removal, keys, judge).done()

    def sweep(self, prefix: str = "") -> int:
        """See :meth:`Store.sweep`: uploads that were never ended, older versions of what was written here by somebody
        who died before removing them, and delete markers that hide nothing.

        :raises Refused, Unreadable: an older version cannot be removed.
        """
        swept = self._abort(prefix)
        if not self._bucket.versioned:
            return swept
        found = self._bucket.versions(prefix)
        later = [key for key, those in found.items() if those.current is not None and len(those.all) > 1]
        ours = dict(zip(later, self._bucket.map(self._written_here, later), strict=True))
        for key, those in found.items():
            rest = [one.id for one in those.all if one is not those.current]
            if (those.newest is None or ours.get(key)) and rest:
                if (kept := self._removal.versions(key, rest)) is not None:
                    raise kept
                swept += len(rest)
        return swept

    def link(self, key: str, seconds: int) -> str:
        """A URL by which anybody may read this very object, until so many seconds from now.

        :param seconds: 1 to 604,800 (a week).
        :raises BadInput: ``storage.link_term``. :raises Unreadable: ``storage.missing``, ``storage.hidden``.
        """
        if not 1 <= seconds <= _WEEK:
            raise BadInput("storage.link_term", "A link is good for a second to a week.", where=key)
        entry = self.stat(key)
        if not entry.regular:
            raise hidden(key)
        version = of_version(entry)
        # Neither shown in the browser nor kept by it.
        about = {
            **self._bucket.about(key),
            "ResponseContentDisposition": "attachment",
            "ResponseCacheControl": "no-store",
        }
        with translated(key):
            return str(
                self._bucket.client.generate_presigned_url(
                    "get_object", Params={**about, **({"VersionId": version} if version else {})}, ExpiresIn=seconds
                )
            )

    def _target(self, key: str, replacing: Entry | None) -> tuple[dict[str, Any] | None, Versions]:
        """What may be replaced: what the server says of it, and the versions that are to go with it."""
        before = self._head(key)
        if replacing is not None:
            if replacing.identity == "hidden":
                raise hidden(key)
            if not replacing.regular:
                raise irregular(key, replacing.identity)
            if before is None or self._bucket.entry(key, before) != replacing:
                raise changed(key)
        if not self._bucket.versioned:
            return before, Versions()
        older = self._bucket.of(key)
        mine = None if before is None else str(before.get("VersionId") or "null")
        if mine is not None and all(one.id != mine for one in older.all):
            raise unlisted(key)
        rest = [one.id for one in older.all if not one.marker and one.id != mine]
        heads = self._bucket.map(lambda version: self._bucket.head(key, version), rest)
        if any(map(locked, [*heads, *([] if before is None else [before])])):
            raise held(key)
        return before, older

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return self._bucket.head(key)
        except PrivacyError as problem:
            if problem.code == "storage.missing":
                return None
            raise

    def _made(self, key: str, before: dict[str, Any] | None, replacing: Entry | None, word: str) -> dict[str, Any]:
        """The properties of what is written."""
        made: dict[str, Any] = {"Metadata": {WRITTEN: word}, "ContentType": "application/octet-stream"}
        if replacing is None or before is None:
            return made
        made |= {name: before[name] for name in _KEPT if before.get(name)}
        made["Metadata"] = {**before.get("Metadata", {}), WRITTEN: word, MODIFIED: str(micros(replacing.modified))}
        if before.get("TagCount"):
            with translated(key):
                tags = self._bucket.client.get_object_tagging(**self._bucket.about(key))["TagSet"]
            made["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
        return made

    def _commit(self, key: str, sending: Sending, before: dict[str, Any] | None, word: str) -> str:
        """The one moment in which the new content takes the old one's place. :returns: its version; empty: none."""
        now = self._head(key)
        if _same(before) != _same(now):
            raise changed(key)
        condition = {"IfNoneMatch": "*"} if before is None else {"IfMatch": str(before["ETag"])}
        try:
            try:
                answer = sending.complete(condition)
            except ClientError as problem:
                if problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 501:
                    raise
                # The server knows no conditions: the look a moment ago has to do.
                answer = sending.complete({})
            return str(answer.get("VersionId") or "")
        except FAILURES as problem:
            # An answer may be lost, and the same request sent again have met its own work.
            now = self._head(key)
            if now is None or now.get("Metadata", {}).get(WRITTEN) != word:
                raise of(problem, key) from None
            return str(now.get("VersionId") or "")

    def _written_here(self, key: str) -> bool:
        head = self._head(key) or {}
        return str(head.get("Metadata", {}).get(WRITTEN, "")).endswith("." + _digest(self._bucket.about(key)["Key"]))

    def _abort(self, prefix: str) -> int:
        bucket, swept = self._bucket, 0
        with translated(prefix or bucket.place.name):
            pages = bucket.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket.place.bucket, Prefix=bucket.place.root + prefix
            )
            for page in pages:
                # By the server's clock, whatever this machine's says.
                date = page["ResponseMetadata"]["HTTPHeaders"].get("date")
                now = parsedate_to_datetime(date) if date else datetime.now(UTC)
                for one in page.get("Uploads", ()):
                    if one["Initiated"] < now - self._lives:
                        bucket.client.abort_multipart_upload(
                            Bucket=bucket.place.bucket, Key=one["Key"], UploadId=one["UploadId"]
                        )
                        swept += 1
        return swept


def _same(head: dict[str, Any] | None) -> tuple[object, ...] | None:
    return None if head is None else (head["ETag"], head.get("VersionId"), head["LastModified"], head["ContentLength"])


def _digest(full: str) -> str:
    """A mark of the key: metadata goes along with a copy, and says nothing of the older versions there."""
    return sha256(full.encode(errors="surrogateescape")).hexdigest()[:16]
