"""Removing many objects: up to 1,000 a request, several requests at a time; what the server says of each key is read.

A key is gone when all its versions and delete markers are. The current version goes last: whoever is killed before that
finds the object as it was, and does it again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from privacy.errors import PrivacyError, RetryLater
from privacy.storage import Entry
from privacy.storage_errors import changed
from privacy.storage_s3_bucket import Bucket, Versions, of_etag, of_version
from privacy.storage_s3_errors import FAILURES, busy, held, of, of_code
from privacy.storage_s3_place import THREADS

_TOGETHER = 1_000
"""What one request may name."""
_APART = 250
"""A server works through a request key by key: several smaller ones at a time are sooner done than one large."""
_TRIES = 5
"""So often a key is asked for again that the server was too busy for."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to go: one version, or whatever has the ETag, or what is there."""

    key: str
    version: str = ""
    etag: str = ""


_MARKED = "storage.marked"
"""The code of what is said of a key of which only a delete marker was made."""


class Removal:
    """See the module."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def done(self, entries: Sequence[Entry], versions: Mapping[str, Versions]) -> list[PrivacyError | None]:
        """Remove objects that are still these.

        :param versions: of each key, if the bucket keeps any: as they were seen with the entries.
        :returns: see :meth:`privacy.storage.Store.delete_all`.
        """
        if self._bucket.versioned:
            return self._all_versions(entries, versions)
        told = self._sent([_Wanted(entry.key, etag=of_etag(entry)) for entry in entries])
        marked = [at for at, kept in enumerate(told) if kept is not None and kept.code == _MARKED]
        if marked:
            self._bucket.forget()  # Somebody has turned versions on since it was asked.
            for at in marked:
                there = self._bucket.of(entries[at].key)
                gone = [entry for entry in there.all if entry.marker or entry.id == "null"]
                told[at] = self.versions(entries[at].key, [entry.id for entry in gone])
        return told

    def versions(self, key: str, ids: Sequence[str]) -> PrivacyError | None:
        """Remove some versions of one key, in no order. :returns: the first thing that kept one."""
        told = self._sent([_Wanted(key, version) for version in ids])
        return next((problem for problem in told if problem is not None), None)

    def _all_versions(self, entries: Sequence[Entry], versions: Mapping[str, Versions]) -> list[PrivacyError | None]:
        told: list[PrivacyError | None] = [None] * len(entries)
        first: list[tuple[int, _Wanted]] = []
        last: list[tuple[int, _Wanted]] = []
        unlisted: list[int] = []
        for at, entry in enumerate(entries):
            those, hidden = versions.get(entry.key, Versions()), entry.identity == "hidden"
            mine = "" if hidden else of_version(entry) or "null"
            if not those.has(entry) and hidden:
                told[at] = changed(entry.key)
            elif not those.has(entry):
                unlisted.append(at)
            elif hidden == (those.current is not None) or (those.current is not None and those.current.id != mine):
                told[at] = changed(entry.key)
            else:
                for one in those.all:
                    # Were a marker removed before what it hides, that would be back for a moment.
                    late = one.marker if hidden else one.id == mine
                    (last if late else first).append((at, _Wanted(entry.key, one.id)))
        for stage in (first, last):
            going = [(at, wanted) for at, wanted in stage if told[at] is None]
            for (at, _), kept in zip(going, self._sent([wanted for _, wanted in going]), strict=True):
                told[at] = told[at] or kept
        for at, kept in zip(unlisted, self._bucket.map(self._peeled, [entries[at] for at in unlisted]), strict=True):
            told[at] = kept
        return told

    def _peeled(self, entry: Entry) -> PrivacyError | None:
        """Remove an object of which the server does not list the versions: each in turn becomes the current one."""
        try:
            head = self._bucket.head(entry.key)
            if self._bucket.entry(entry.key, head) != entry:
                return changed(entry.key)
            # What is newer than this is another object's.
            until: datetime = head["LastModified"].astimezone(UTC)
            while head["LastModified"].astimezone(UTC) <= until:
                kept = self.versions(entry.key, [str(head.get("VersionId") or "null")])
                if kept is not None:
                    return kept
                head = self._bucket.head(entry.key)
        except PrivacyError as problem:
            return None if problem.code == "storage.missing" else problem
        return None

    def _sent(self, wanted: Sequence[_Wanted]) -> list[PrivacyError | None]:
        size = min(_TOGETHER, max(_APART, -(-len(wanted) // THREADS)))
        chunks = [wanted[at : at + size] for at in range(0, len(wanted), size)]
        return [kept for told in self._bucket.map(self._chunk, chunks) for kept in told]

    def _chunk(self, chunk: Sequence[_Wanted]) -> list[PrivacyError | None]:
        """One request, and again for the keys that the server was too busy for."""
        told: list[PrivacyError | None] = [None] * len(chunk)
        left = list(range(len(chunk)))
        for once in range(_TRIES):
            if once:
                time.sleep(0.1 * 2**once)
            try:
                answer = self._request([chunk[at] for at in left])
            except FAILURES as problem:  # boto3 has tried that several times already.
                for at in left:
                    told[at] = of(problem, chunk[at].key)
                break
            for at, kept in zip(left, answer, strict=True):
                told[at] = kept
            left = [at for at in left if (kept := told[at]) is not None and kept.code == "storage.busy"]
            if not left:
                break
        self._tell_held(chunk, told)
        return told

    def _request(self, chunk: Sequence[_Wanted]) -> list[PrivacyError | None]:
        place = self._bucket.place
        objects: list[dict[str, str]] = []
        for one in chunk:
            version = {"VersionId": one.version} if one.version else {}
            etag = {"ETag": one.etag} if one.etag else {}
            objects.append({"Key": place.root + one.key, **version, **etag})
        answer = self._bucket.client.delete_objects(Bucket=place.bucket, Delete={"Objects": objects})
        said: dict[tuple[str, str], PrivacyError | None] = {}
        wanted = {(one.key, one.version) for one in chunk if one.version}
        for gone in answer.get("Deleted", ()):
            key, marker = str(gone["Key"]), str(gone.get("DeleteMarkerVersionId") or "")
            asked = str(gone.get("VersionId") or "")
            if not asked and (key[len(place.root) :], marker) in wanted:
                asked = marker  # SeaweedFS names a marker that was removed here alone.
            said[key, asked] = _marked(key) if gone.get("DeleteMarker") and not asked else None
        for bad in answer.get("Errors", ()):
            key, code = str(bad["Key"]), str(bad.get("Code"))
            kept = of_code(code, key[len(place.root) :])
            said[key, str(bad.get("VersionId") or "")] = None if kept.code == "storage.missing" else kept
        # A key that the answer does not speak of is not known to be gone.
        return [_said(said, one, place.root + one.key) for one in chunk]

    def _tell_held(self, chunk: Sequence[_Wanted], told: list[PrivacyError | None]) -> None:
        """Say of what was denied whether it is a hold that keeps it: only a bucket with versions knows holds."""
        denied = [at for at, kept in enumerate(told) if kept is not None and kept.code == "storage.denied"]
        if not denied or not self._bucket.versioned:
            return
        for at, yes in zip(denied, self._bucket.map(self._is_held, [chunk[at] for at in denied]), strict=True):
            told[at] = held(chunk[at].key) if yes else told[at]

    def _is_held(self, one: _Wanted) -> bool:
        try:
            return locked(self._bucket.head(one.key, one.version))
        except PrivacyError:
            return False


def _marked(key: str) -> RetryLater:
    return RetryLater(_MARKED, "The bucket keeps versions since a moment ago.", where=key)


def _said(said: Mapping[tuple[str, str], PrivacyError | None], one: _Wanted, full: str) -> PrivacyError | None:
    if (full, one.version) in said:
        return said[full, one.version]
    # An error may leave the version out.
    return said.get((full, "")) or busy(one.key)


def locked(head: Mapping[str, Any]) -> bool:
    """Whether a legal hold or a date in the future keeps a version, by what the server says of it."""
    until = head.get("ObjectLockRetainUntilDate")
    return head.get("ObjectLockLegalHoldStatus") == "ON" or (isinstance(until, datetime) and until > datetime.now(UTC))
