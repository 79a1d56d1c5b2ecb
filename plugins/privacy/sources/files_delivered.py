"""Whether what a processor delivered for a request is whole, by the list that came with it.

``<prefix>/<number>/DELIVERED`` is what ``sha256sum`` writes: a line a file, its digest and its name below that folder;
empty when the processor holds nothing. It is put there last. Whole is a delivery of exactly these files with these
digests: nothing missing, nothing altered, nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from privacy.errors import RetryLater
from privacy.sources.files_content import content_of
from privacy.sources.files_found import Files
from privacy.sources.files_names import DELIVERED, File, Stray
from privacy.sources.instants import micros
from privacy.storage import Entry, translated

MOST = 16 * 2**20
"""So many bytes of a list are read; a longer one is none."""

_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)", re.DOTALL)
_ESCAPED = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


@dataclass(frozen=True, slots=True)
class Delivered:
    """What lies in the drop folder for a request.

    :param listed: its list is there.
    :param fault: why it is not whole, a code; empty: it is, or there is no list yet.
    :param stamp: a digest that differs when anything there was added, changed or removed.
    """

    listed: bool
    fault: str
    stamp: str

    @property
    def whole(self) -> bool:
        """Whether it may be given."""
        return self.listed and not self.fault


def stamp_of(files: Files, number: str) -> str:
    """See :attr:`Delivered.stamp`; of the files that it lists nothing is read."""
    return _stamp(files, number, _entries(files, number))


def delivered(files: Files, number: str) -> Delivered:
    """Look at a delivery; every file of it is read once.

    :param number: the request's.
    :raises RetryLater: ``files.changed``: it was changed meanwhile.
    :raises Unreadable: the store cannot be read.
    """
    entries = _entries(files, number)
    folder, stamp = _folder(files, number), _stamp(files, number, entries)
    there = {entry.key[len(folder) :]: entry for entry in entries if entry.key.startswith(folder)}
    for entry in entries:
        if not entry.key.startswith(folder):
            # A link, a mount or a file where the folder should be.
            raise files.refusal(Stray(entry, "files.other_name" if entry.regular else f"storage.{entry.identity}"))
    marker = there.pop(DELIVERED, None)
    fault = "" if marker is None else _fault(files, marker, there)
    if stamp_of(files, number) != stamp:
        raise RetryLater("files.changed", "A delivery was changed while it was looked at.", where=files.form.full)
    return Delivered(marker is not None, fault, stamp)


def _fault(files: Files, marker: Entry, there: dict[str, Entry]) -> str:
    if not all(entry.regular for entry in (marker, *there.values())):
        return "delivery.not_a_file"
    listed = lines_of(_list(files, marker.key))
    if listed is None:
        return "delivery.list"
    if listed.keys() - there.keys():
        return "delivery.missing"
    if there.keys() - listed.keys():
        return "delivery.unlisted"
    if not all(isinstance(files.form.read(entry), File) for entry in there.values()):
        return "delivery.name"
    for name, entry in there.items():
        with files.naming(entry.key), files.store.open(entry.key) as opened, translated(entry.key):
            if content_of(opened, whole=True)[1] != listed[name]:
                return "delivery.altered"
    return ""


def lines_of(content: bytes) -> dict[str, str] | None:
    """Name -> sha256 of a list; None: it is none. Line ends may be those of Windows, names begin with ``./``."""
    found: dict[str, str] = {}
    if len(content) > MOST:
        return None
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for line in text.split("\n"):
        written = line.removesuffix("\r")
        if not written:
            continue
        match = _LINE.fullmatch(written)
        if match is None:
            return None
        name = re.sub(r"\\[\\nr]", lambda m: _ESCAPED[m[0]], match[3]) if match[1] else match[3]
        name = name.removeprefix("./")
        if (
            any(part in ("", ".", "..") for part in name.split("/"))
            or found.get(name, match[2].lower()) != match[2].lower()
        ):
            return None
        found[name] = match[2].lower()
    # `sha256sum * > DELIVERED`, a second time, lists the list.
    found.pop(DELIVERED, None)
    return found


def _folder(files: Files, number: str) -> str:
    return f"{files.form.prefix}{number}/"


def _entries(files: Files, number: str) -> list[Entry]:
    return list(files.entries(_folder(files, number)))


def _list(files: Files, key: str) -> bytes:
    with files.naming(key), files.store.open(key) as opened, translated(key):
        return opened.read(MOST + 1)


def _stamp(files: Files, number: str, entries: list[Entry]) -> str:
    lines = [f"{e.key}\0{e.identity}\0{e.bytes}\0{micros(e.modified)}\0" for e in entries]
    marker = _folder(files, number) + DELIVERED
    if any(entry.key == marker and entry.regular for entry in entries):
        # Files may be written over within their size and time: then their list says so.
        lines.append(sha256(_list(files, marker)).hexdigest())
    return sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
