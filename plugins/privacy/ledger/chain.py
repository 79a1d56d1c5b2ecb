"""The hash chain over the entries, and its signed head outside the database."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidSignature
from filelock import FileLock

from privacy.errors import Tampered
from privacy.keys import MasterKey

START = "0" * 64
"""What the first entry's hash is chained to."""


def link(previous: str, entry: str) -> str:
    """The hash (hex) of an entry's stored text, chained to the one before."""
    return hashlib.sha256(bytes.fromhex(previous) + entry.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """How far the ledger reached when it was last signed."""

    seq: int
    hash: str


class HeadFile:
    """The signed head on disk; it never goes back.

    :param path: outside the database, best on another machine's disk.
    """

    def __init__(self, path: Path, key: MasterKey) -> None:
        self._path = path
        self._signer = key.signer()

    def read(self) -> Head | None:
        """The head; None where none was ever written.

        :raises Tampered: not signed by this installation's key.
        """
        try:
            raw = json.loads(self._path.read_bytes())
            signature = bytes.fromhex(raw.pop("signature"))
            self._signer.public_key().verify(signature, rfc8785.dumps(raw))
            return Head(int(raw["seq"]), str(raw["hash"]))
        except FileNotFoundError:
            return None
        except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):
            raise Tampered(
                "ledger.head",
                "The ledger's head is not signed by this installation.",
                where=str(self._path),
                advice="Compare it with a backup; do not run anything that deletes meanwhile.",
            ) from None

    def advance(self, head: Head) -> None:
        """Write a later head, atomically; an earlier one is left out."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{self._path}.lock"):
            present = self.read()
            if present is not None and present.seq >= head.seq:
                return
            content: dict[str, int | str] = {"seq": head.seq, "hash": head.hash}
            signed = {**content, "signature": self._signer.sign(rfc8785.dumps(dict(content))).hex()}
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".head-")
            try:
                with os.fdopen(handle, "w") as file:
                    json.dump(signed, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
