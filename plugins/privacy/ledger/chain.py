"""The hash chain over the entries, and its signed head outside the database."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from filelock import FileLock, Timeout

from privacy.errors import GiveUp, PrivacyError, RetryLater, Tampered
from privacy.keys import MasterKey

START = "0" * 64
"""What the first entry's hash is chained to."""

_WAIT = 30.0
"""Seconds to wait for another process that writes the head."""

_log = logging.getLogger(__name__)


def link(previous: str, entry: str) -> str:
    """The hash (hex) of an entry's stored text, chained to the one before."""
    return hashlib.sha256(bytes.fromhex(previous) + entry.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """How far the ledger reached when it was last signed; ``seq`` 0: it was founded, and had no entry."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head as it was signed once.

    :param at: when (ISO 8601, UTC), as it was signed. :param signature: Ed25519 (hex) over the canonical JSON of the
        other three.
    """

    head: Head
    at: str
    signature: str

    @classmethod
    def made(cls, head: Head, at: datetime, signer: Ed25519PrivateKey) -> Self:
        """Sign a head. :param at: aware."""
        when = at.astimezone(UTC).isoformat(timespec="microseconds")
        return cls(head, when, signer.sign(_content(head, when)).hex())

    @classmethod
    def parsed(cls, raw: bytes, public: Ed25519PublicKey) -> Self:
        """What a file of :meth:`as_json` holds. :raises ValueError: it is none, or another key signed it."""
        try:
            found = json.loads(raw)
            made = cls(Head(int(found["seq"]), str(found["hash"])), str(found["at"]), str(found["signature"]))
            public.verify(bytes.fromhex(made.signature), _content(made.head, made.at))
        except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("no head that this key has signed") from None
        return made

    def as_json(self) -> dict[str, int | str]:
        """For a file, or a page that checks it."""
        return {"seq": self.head.seq, "hash": self.head.hash, "at": self.at, "signature": self.signature}


def _content(head: Head, at: str) -> bytes:
    return rfc8785.dumps({"seq": head.seq, "hash": head.hash, "at": at})


class HeadFile:
    """The signed head on disk; it never goes back.

    :param path: outside the database, best on another machine's disk.
    """

    def __init__(self, path: Path, key: MasterKey) -> None:
        self._path = path
        self._signer = key.signer()

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What its signature, and every copy's, is checked with."""
        return self._signer.public_key()

    def sign(self, head: Head, at: datetime) -> SignedHead:
        """Sign for a head that was verified, beside the one that stands. :param at: aware."""
        return SignedHead.made(head, at, self._signer)

    def read(self, *, settled: bool = False) -> Head | None:
        """The head; None where none was ever written.

        :param settled: wait for a writer that is putting its head in place.
        :raises Tampered: not signed by this installation's key.
        :raises GiveUp: the file cannot be read.
        :raises RetryLater: another process keeps the lock.
        """
        if settled:
            with self._locked():
                return self.read()
        found = self.signed()
        return None if found is None else found.head

    def signed(self) -> SignedHead | None:
        """The head with its signature; None where none was ever written. :raises: as :meth:`read`."""
        try:
            return SignedHead.parsed(self._path.read_bytes(), self._signer.public_key())
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise self._failed(problem) from None
        except ValueError:
            raise Tampered(
                "ledger.head",
                "The ledger's head is not signed by this installation.",
                where=str(self._path),
                advice="Compare it with a backup; do not run anything that deletes meanwhile.",
            ) from None

    def found(self, at: datetime) -> None:
        """Sign that the ledger is empty, before its first entry: entries without any head are an alarm from then on."""
        with self.staged(Head(0, START), at) as publish:
            publish()

    @contextmanager
    def staged(self, head: Head, at: datetime) -> Iterator[Callable[[], None]]:
        """A later head, written out and signed, that takes its place when the function given is called.

        Whatever can go wrong with the disk goes wrong here, before the commit of what the head covers. The file's lock
        is kept meanwhile; an earlier head than the one that stands is left out.

        :param at: when it is signed (aware).
        :raises RetryLater: the disk is full, or another process keeps the lock.
        :raises GiveUp: the file cannot be written.
        """
        next_ = self._path.with_name(f".{self._path.name}.next")
        with self._locked():
            present = self.read()
            if present is not None and present.seq >= head.seq:
                yield lambda: None
                return
            try:
                try:
                    with next_.open("w") as file:
                        json.dump(self.sign(head, at).as_json(), file)
                        file.flush()
                        os.fsync(file.fileno())
                except OSError as problem:
                    raise self._failed(problem) from None
                yield lambda: self._publish(next_)
            finally:
                next_.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(f"{self._path}.lock", timeout=_WAIT, poll_interval=0.01)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
        except Timeout:
            raise RetryLater("ledger.head_busy", "The ledger's head is in use.", where=str(self._path)) from None
        except OSError as problem:
            raise self._failed(problem) from None
        try:
            yield
        finally:
            lock.release()

    def _publish(self, next_: Path) -> None:
        try:
            next_.replace(self._path)
        except OSError as problem:
            # The entry is committed: to fail now would tell its writer that it is not. The next append signs for it.
            _log.warning("the ledger's head could not be put in place (errno %s)", problem.errno)

    def _failed(self, problem: OSError) -> PrivacyError:
        where = str(self._path)
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            return RetryLater("storage.full", "The disk is full.", where=where, advice="Make room; nothing is lost.")
        return GiveUp(
            "ledger.head_denied",
            "The ledger's head cannot be read or written.",
            where=where,
            advice="Correct the folder's permissions.",
        )
