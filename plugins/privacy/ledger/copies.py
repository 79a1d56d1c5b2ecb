"""Copies of the signed head, kept elsewhere: what tells of a ledger that was cut off and signed anew.

Whoever has the master key and the database can write another history and sign for it. They cannot have signed for it
last month: each copy says what the ledger was when it was made, and has to be part of what it is now (edge case 26).
The folder is best one of another machine to which this one may add, and in which it may not change or remove anything.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy.errors import GiveUp
from privacy.ledger.archive import Archive
from privacy.ledger.chain import SignedHead

_NAME = re.compile(r"head-(?P<seq>\d{12,})-[0-9a-f]{16}\.json")


@dataclass(frozen=True, slots=True)
class Wrong:
    """A copy that speaks against the ledger.

    :param name: of its file. :param why: one sentence.
    """

    name: str
    why: str


class HeadCopies:
    """The folder of copies.

    :param folder: made when the first copy is written; one that is not there has none.
    """

    def __init__(self, folder: Path, public: Ed25519PublicKey) -> None:
        self._folder = folder
        self._public = public

    def add(self, head: SignedHead) -> Path:
        """Keep a head, in a file of its own that is never written again; one that is there stays.

        :raises GiveUp: ``copies.denied``: it cannot be kept.
        """
        path = self._folder / f"head-{head.head.seq:012d}-{head.head.hash[:16]}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists():
                return path
            new = self._folder / f".{path.name}.{os.getpid()}"
            try:
                with new.open("w") as file:
                    json.dump(head.as_json(), file)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)
        except OSError:
            raise self._denied() from None
        return path

    def heads(self) -> Iterator[SignedHead]:
        """The genuine ones, by number. :raises GiveUp: ``copies.denied``: the folder cannot be read."""
        for path in self._files():
            if isinstance(found := self._read(path), SignedHead):
                yield found

    def against(self, archive: Archive, told: dict[int, str]) -> Iterator[Wrong]:
        """Every copy that the ledger does not have as it is, and every one that is told of and is not there.

        :param told: what the ledger itself says that was copied: number -> hash.
        :raises GiveUp: ``copies.denied``: the folder cannot be read.
        """
        there: dict[int, set[str]] = {}
        found: list[tuple[str, SignedHead]] = []
        for path in self._files():
            head = self._read(path)
            if isinstance(head, Wrong):
                yield head
                continue
            there.setdefault(head.head.seq, set()).add(head.head.hash)
            found.append((path.name, head))
        stored = archive.hashes(sorted(there))
        for name, head in found:
            if head.head.seq not in stored:
                yield Wrong(name, f"It was signed for {head.head.seq} entries; the ledger has fewer now.")
            elif stored[head.head.seq] != head.head.hash:
                yield Wrong(name, f"Entry {head.head.seq} was another one when it was signed for.")
        for seq, hash_ in told.items():
            if hash_ not in there.get(seq, ()):
                yield Wrong(
                    f"head-{seq:012d}-{hash_[:16]}.json", "The ledger says that this copy was kept; it is not there."
                )

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if not path.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError:
            raise self._denied() from None

    def _read(self, path: Path) -> SignedHead | Wrong:
        try:
            head = SignedHead.parsed(path.read_bytes(), self._public)
        except ValueError:
            return Wrong(path.name, "It is no head that this installation has signed.")
        except OSError:
            raise self._denied() from None
        named = _NAME.fullmatch(path.name)
        if named is None or int(named["seq"]) != head.head.seq:
            return Wrong(path.name, "It is not called as it was when it was made.")
        return head

    def _denied(self) -> GiveUp:
        return GiveUp(
            "copies.denied", "The folder with copies of the ledger's head cannot be read or written.",
            where=str(self._folder), advice="Correct PRIVACY_HEAD_COPIES, or the folder's permissions.",
        )  # fmt: skip
