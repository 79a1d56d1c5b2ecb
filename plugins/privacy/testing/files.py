"""Folders of files for the suite: what is in one, and ways to break it."""

# ruff: noqa: ARG002 - the contract's parameters, whether needed here or not
from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from privacy.datamap.load import Ref
from privacy.testing.snapshots import Key


@dataclass(frozen=True)
class Blobs:
    """Files by key, whole: content and time of change; of a link, where it leads."""

    blobs: Mapping[str, tuple[bytes, int]]

    def without(self, ref: Ref, keys: Collection[Key]) -> Blobs:
        """See :class:`privacy.testing.snapshots.Snapshot`; a record's key is the file's."""
        return Blobs({name: blob for name, blob in self.blobs.items() if (name,) not in keys})

    def disregarding(self, ref: Ref, keys: Collection[Key], columns: Collection[str]) -> Blobs:
        """See :class:`privacy.testing.snapshots.Snapshot`; no column of a file can be set, so nothing is left out."""
        return self

    def difference(self, other: Blobs) -> str:
        """See :class:`privacy.testing.snapshots.Snapshot`."""
        gone, new = self.blobs.keys() - other.blobs.keys(), other.blobs.keys() - self.blobs.keys()
        changed = sum(other.blobs[name] != self.blobs[name] for name in self.blobs.keys() & other.blobs.keys())
        return f"{len(gone)} files missing, {len(new)} new, {changed} changed"


def blobs_of(root: Path) -> Blobs:
    """Everything below a folder."""
    found: dict[str, tuple[bytes, int]] = {}
    for path in root.rglob("*"):
        status = path.lstat()
        if path.is_symlink() or path.is_file():
            content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            name = path.relative_to(root).as_posix().encode(errors="surrogateescape")
            found[name.decode("utf-8", "backslashreplace")] = content, status.st_mtime_ns
    return Blobs(found)


def damages(ref: Ref) -> list[str]:
    """The ways in which a folder of files can be broken for a dataset; all make reading fail.

    A file of another name is no part of a delivery, and where any name is a record's there is none.
    """
    strange = ref.dataset.delivery is None and not re.fullmatch(str(ref.dataset.names), _name("x"), re.DOTALL)
    return ["!links", "!gone", *["!name"] * strange]


def damage(root: Path, ref: Ref, how: str, canary: str) -> None:
    """Break it, leaving the canary behind in a name."""
    folder = root / str(ref.dataset.prefix)
    if how == "!gone":
        shutil.rmtree(root)
    elif how == "!name":
        (folder / _name(canary)).write_bytes(b"")
    else:
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            path.unlink()
            path.symlink_to(_name(canary))


def _name(canary: str) -> str:
    return canary.replace("/", "_")[:120] + "\n"
