"""A bucket as :class:`privacy.storage_s3.S3Store` sees it: what is in it now, and which versions there are of each.

SeaweedFS (4.48) walks folder by folder where S3 goes by key, so that versions may be missing from a list of several
pages. A list that lacks the version which is there now is noticed (:meth:`Versions.has`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice, takewhile
from threading import Lock
from typing import Any, TypeVar

from privacy.connections import Connection
from privacy.errors import PrivacyError
from privacy.storage import Entry
from privacy.storage_errors import no_key
from privacy.storage_s3_errors import translated
from privacy.storage_s3_place import THREADS, Place

T = TypeVar("T")

MODIFIED = "privacy-modified"
"""Metadata of an object that replaces another: when that was changed, in microseconds since 1970 in UTC."""
WRITTEN = "privacy-written"
"""Metadata of what was written here: a random word for each write. The versions below it are to go."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker."""

    id: str
    marker: bool
    latest: bool
    bytes: int
    modified: datetime


@dataclass(slots=True)
class Versions:
    """What a bucket has of one key, the newest first."""

    all: list[Version] = field(default_factory=list)

    @property
    def current(self) -> Version | None:
        """The one that the key means; None: the key is deleted, or the list did not show it."""
        return next((version for version in self.all if version.latest and not version.marker), None)

    @property
    def newest(self) -> Version | None:
        """The newest that has content."""
        return next((version for version in self.all if not version.marker), None)

    def has(self, entry: object) -> bool:
        """Whether an object is among them: a list that lacks it may lack others."""
        if not isinstance(entry, Entry):
            return False
        if entry.identity == "hidden":
            return self.newest is not None
        return any(version.id == (of_version(entry) or "null") for version in self.all)


class Bucket:
    """See the module.

    :param connection: see :mod:`privacy.storage_s3_place`.
    """

    def __init__(self, connection: Connection, attempts: int, seconds: float) -> None:
        self.place = Place.of(connection)
        self._attempts, self._seconds = attempts, seconds
        self._lock = Lock()
        # What objects say of the time of what they replaced, by key, ETag and time: it cannot change.
        self._kept: dict[tuple[str, str, datetime], datetime] = {}

    @cached_property
    def client(self) -> Any:
        """boto3's client, once it is known that the bucket lies within the EU. :raises BadConfiguration: see there."""
        with self._lock:
            client = self.place.client(self._attempts, self._seconds)
            self.place.require_eu(client)
            return client

    @cached_property
    def versioned(self) -> bool:
        """Whether it keeps, or may have kept, versions."""
        with translated(self.place.name):
            return bool(self.client.get_bucket_versioning(Bucket=self.place.bucket).get("Status"))

    def forget(self) -> None:
        """Ask anew whether it keeps versions."""
        self.__dict__.pop("versioned", None)

    def about(self, key: str) -> dict[str, str]:
        """The arguments of a request that name an object. :raises BadInput: ``storage.key``."""
        if not regular(key):
            raise no_key(key)
        return {"Bucket": self.place.bucket, "Key": self.place.root + key}

    def map(self, do: Any, things: Sequence[T]) -> list[Any]:
        """Ask several things at once; the answers in their order."""
        if len(things) < 2:
            return [do(thing) for thing in things]
        with ThreadPoolExecutor(min(THREADS, len(things))) as threads:
            return list(threads.map(do, things))

    def head(self, key: str, version: str = "") -> dict[str, Any]:
        """What the server says of an object, or of one version. :raises Unreadable: ``storage.missing``, ..."""
        with translated(key):
            found: dict[str, Any] = self.client.head_object(
                **self.about(key), **({"VersionId": version} if version else {})
            )
            return found

    def stat(self, key: str) -> Entry:
        """See :meth:`privacy.storage.Store.stat`; ``hidden``: only versions are left, below a delete marker."""
        try:
            return self.entry(key, self.head(key))
        except PrivacyError as problem:
            newest = self.of(key).newest if problem.code == "storage.missing" and self.versioned else None
            if newest is None:
                raise
            return Entry(key, newest.bytes, newest.modified, "hidden")

    def entry(self, key: str, head: dict[str, Any]) -> Entry:
        """An object by what the server says of it."""
        etag, at = str(head["ETag"]), _second(head["LastModified"])
        if "-" in etag:
            at = self._modified(key, etag, at, head)
        return Entry(key, int(head["ContentLength"]), at, _identity(str(head.get("VersionId") or ""), etag))

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See :meth:`privacy.storage.Store.list`, in no order, and with what is ``hidden`` or has no proper name."""
        with translated(prefix or self.place.name):
            found = {one["Key"]: one for page in self._pages(prefix) for one in page}
        yield from self._entries(found, self.versions(prefix) if self.versioned else {})

    def look(self, keys: Sequence[str]) -> tuple[list[Entry | PrivacyError | None], dict[str, Versions]]:
        """What is under some keys right now, and which versions there are of them.

        Many are looked for in a list, from the first to the last; what does not turn up there is asked for by name.

        :returns: of each an entry, what kept the server from saying, or None: nothing is there.
        """
        entries: dict[str, Entry] = {}
        versions: dict[str, Versions] = {}
        these = sorted({key for key in keys if regular(key)})
        if len(these) > THREADS:
            entries, versions = self._near(these)
        rest = [key for key in these if key not in entries]
        told: dict[str, Entry | PrivacyError | None] = {
            **entries,
            **dict(zip(rest, self.map(self._told, rest), strict=True)),
        }
        there = [key for key, one in told.items() if isinstance(one, Entry)] if self.versioned else []
        lacking = [key for key in there if not versions.get(key, Versions()).has(told[key])]
        versions |= zip(lacking, self.map(self.of, lacking), strict=True)
        return [told[key] if regular(key) else no_key(key) for key in keys], versions

    def _near(self, keys: Sequence[str]) -> tuple[dict[str, Entry], dict[str, Versions]]:
        first, last, wanted = self.place.root + keys[0], self.place.root + keys[-1], set(keys)
        prefix, most = _common(keys[0], keys[-1]), len(keys) // 250 + 2
        with translated(keys[0]):
            found: dict[str, dict[str, Any]] = {}
            for page in islice(self._pages(prefix, StartAfter=first[:-1]), most):
                found |= {one["Key"]: one for one in page if one["Key"][len(self.place.root) :] in wanted}
                if not page or page[-1]["Key"] >= last:
                    break
        versions: dict[str, Versions] = {}
        if self.versioned:
            rows = self._both(most=most, last=last, Prefix=self.place.root + prefix, KeyMarker=first[:-1])
            versions = {key: those for key, those in self._by_key(rows).items() if key in wanted}
        return {entry.key: entry for entry in self._entries(found, versions)}, versions

    def _told(self, key: str) -> Entry | PrivacyError | None:
        try:
            return self.stat(key)
        except PrivacyError as problem:
            return None if problem.code == "storage.missing" else problem

    def _entries(self, found: dict[str, dict[str, Any]], versions: dict[str, Versions]) -> Iterator[Entry]:
        again: list[str] = []
        for full, one in found.items():
            key, etag, at = full[len(self.place.root) :], str(one["ETag"]), _second(one["LastModified"])
            size = int(one["Size"])
            current = versions[key].current if key in versions else None
            if not regular(key):
                if not key.endswith("/") or size:  # A folder that somebody made in a console is no object.
                    yield Entry(key, size, at, "special")
            elif self.versioned and (current is None or (current.bytes, current.modified) != (size, at)):
                again.append(key)  # Changed between the lists, or missing in one of them.
            elif "-" in etag and (key, etag, at) not in self._kept:
                again.append(key)
            else:
                at = self._kept.get((key, etag, at), at)
                yield Entry(key, size, at, _identity(current.id if current else "", etag))
        for entry in self.map(self._told, again):
            if isinstance(entry, PrivacyError):
                raise entry
            if entry is not None:
                yield entry
        for key, those in versions.items():
            if self.place.root + key not in found and (newest := those.newest) is not None:
                yield Entry(key, newest.bytes, newest.modified, "hidden")

    def versions(self, prefix: str) -> dict[str, Versions]:
        """All versions and delete markers, by key."""
        return self._by_key(self._both(Prefix=self.place.root + prefix))

    def of(self, key: str) -> Versions:
        """All versions and delete markers of one key."""
        full = self.about(key)["Key"]
        rows = self._both(Prefix=full, Delimiter="/")
        return self._by_key(takewhile(lambda row: row[0]["Key"] <= full, rows)).get(key, Versions())

    def _by_key(self, rows: Iterable[tuple[dict[str, Any], bool]]) -> dict[str, Versions]:
        found: dict[str, Versions] = {}
        for one, marker in rows:
            key = str(one["Key"])[len(self.place.root) :]
            version = Version(
                str(one["VersionId"]),
                marker,
                bool(one["IsLatest"]),
                int(one.get("Size", 0)),
                _second(one["LastModified"]),
            )
            found.setdefault(key, Versions()).all.append(version)
        for those in found.values():
            # Stable: versions of one second stay as the server lists them, newest first.
            those.all.sort(key=lambda version: (version.latest, version.modified), reverse=True)
        return found

    def _both(
        self, most: int | None = None, last: str | None = None, **wanted: str
    ) -> Iterator[tuple[dict[str, Any], bool]]:
        """:param most: so many pages. :param last: no page after one that goes past this key."""
        with translated(self.place.name):
            pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.place.bucket, **wanted)
            for page in islice(pages, most):
                rows = [(one, False) for one in page.get("Versions", ())]
                rows += [(one, True) for one in page.get("DeleteMarkers", ())]
                rows.sort(key=lambda row: str(row[0]["Key"]))
                yield from rows
                if last is not None and rows and rows[-1][0]["Key"] > last:
                    return

    def _pages(self, prefix: str, **more: str) -> Iterator[list[dict[str, Any]]]:
        lister = self.client.get_paginator("list_objects_v2")
        for page in lister.paginate(Bucket=self.place.bucket, Prefix=self.place.root + prefix, **more):
            yield page.get("Contents", [])

    def _modified(self, key: str, etag: str, at: datetime, head: dict[str, Any]) -> datetime:
        """When the content was changed: a rewrite says so in its metadata, for no clock may restart (edge case 7)."""
        said = str(head.get("Metadata", {}).get(MODIFIED, ""))
        known = _EPOCH + timedelta(microseconds=int(said)) if said.isdecimal() and len(said) < 18 else at
        self._kept[key, etag, at] = known
        return known


def micros(at: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def regular(key: str) -> bool:
    """Whether a key is one of a store: relative, without ``..`` and empty parts (edge case 9)."""
    return "\0" not in key and all(part not in ("", ".", "..") for part in key.split("/"))


def of_version(entry: Entry) -> str:
    """The id of the version that an entry is; empty: the bucket keeps none."""
    return entry.identity.removeprefix("version:") if entry.identity.startswith("version:") else ""


def of_etag(entry: Entry) -> str:
    """The ETag of an entry that is of no version."""
    return entry.identity.removeprefix("etag:") if entry.identity.startswith("etag:") else ""


def _identity(version: str, etag: str) -> str:
    # "null" is the version of what was written while the bucket kept none: several may have it in turn.
    return f"version:{version}" if version not in ("", "null") else f"etag:{etag}"


def _second(at: datetime) -> datetime:
    """Servers tell whole seconds in one answer, and parts of them in another."""
    return at.astimezone(UTC).replace(microsecond=0)


def _common(one: str, other: str) -> str:
    """What two keys begin with alike."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:at]
