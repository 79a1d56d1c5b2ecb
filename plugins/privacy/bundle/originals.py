"""The originals behind a part's records: lines as a log has them, and whole files (messages, PDFs).

In a part's folder: one ``raw-<n>`` for every log file that lines come from; ``originals.pack``, in which whole files
lie one behind the other (thousands of messages are one file and one handle); and ``originals.jsonl``, the index of
both: name in the store, place, bytes, sha256, and of a whole file its media type and the key of its record. Names may
hold a person's: they stay in staging, and the part's summary has the index's digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from privacy.bundle.files import Digesting
from privacy.errors import Unreadable

INDEX, PACK = "originals.jsonl", "originals.pack"
BLOCK = 2**18
MESSAGE, UNKNOWN = "message/rfc822", "application/octet-stream"

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")

Opener = Callable[[tuple[object, ...]], BinaryIO]
"""From a record's key to the original behind it."""


@dataclass(frozen=True, slots=True)
class Original:
    """One entry of an index.

    :param name: in the store; None: it is not given. :param file: of the part's folder; ``at``: where in it.
    :param media_type: of a whole file; None: lines of a log. ``key``: of its record, by column, as its JSON says.
    """

    name: str | None = field(repr=False)
    file: str
    at: int
    bytes: int
    sha256: str
    media_type: str | None = None
    key: dict[str, Any] | None = field(default=None, repr=False)


class Changed(Exception):
    """An original in staging is not what its index says."""


class Pack:
    """Writes the originals of one part.

    :param open_file: makes a file of the part's folder. :param where: the dataset, for errors.
    """

    def __init__(self, open_file: Callable[[str], Digesting], where: str) -> None:
        self._open = open_file
        self._where = where
        self._raw: dict[str, str] = {}
        self.count = 0

    def line(self, source: str, content: bytes) -> None:
        """Add a line of a log. :param source: the file of the store that it comes from."""
        if source not in self._raw:
            for name in self._raw.values():
                # One handle, not one for each day of a year of logs.
                self._open(name).rest()
            self._raw[source] = f"raw-{len(self._raw) + 1}"
            self.count += 1
        self._open(self._raw[source]).write(content + b"\n")

    def whole(self, name: str | None, media_type: str, key: bytes | None, opened: Callable[[], BinaryIO]) -> None:
        """Add a whole file, block by block.

        :param key: its record's, as a JSON object. :param opened: gives its content.
        :raises Unreadable: it cannot be read; it is never given in part.
        """
        pack, digest = self._open(PACK), hashlib.sha256()
        at = pack.size
        with self._reading():
            source = opened()
        with source:
            while block := self._block(source):
                pack.write(block)
                digest.update(block)
        self._note(name, PACK, at, pack.size - at, digest.hexdigest(), media_type, key)
        self.count += 1

    def finish(self) -> None:
        """Write down what the files of lines became."""
        for source, name in self._raw.items():
            file = self._open(name)
            self._note(source, name, 0, file.size, file.digest.hexdigest(), None, None)

    @property
    def inner(self) -> set[str]:
        """The files that the index speaks for."""
        return {PACK, *self._raw.values()}

    def _block(self, source: BinaryIO) -> bytes:
        with self._reading():
            return source.read(BLOCK)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What fails in the store is no full disk of ours."""
        try:
            yield
        except OSError:
            raise Unreadable(
                "originals.unreadable", "An original cannot be read whole.", where=self._where,
                advice="Look whether its store is there, and start the export again.",
            ) from None  # fmt: skip

    def _note(
        self, name: str | None, file: str, at: int, size: int, sha256: str, media_type: str | None, key: bytes | None
    ) -> None:
        told = {
            "name": name, "file": file, "at": at, "bytes": size, "sha256": sha256, "media_type": media_type,
            "key": None if key is None else orjson.Fragment(key),
        }  # fmt: skip
        self._open(INDEX).write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))


def media_type(said: object) -> str:
    """A media type that was said of a file, or that of any."""
    text = said.lower() if isinstance(said, str) else ""
    return text if _MEDIA_TYPE.fullmatch(text) else UNKNOWN


def entries(lines: Iterator[bytes]) -> Iterator[Original]:
    """An index, read. :raises ValueError, TypeError: it is none."""
    for line in lines:
        found: Mapping[str, Any] = orjson.loads(line)
        yield Original(**found)


def content(folder: Path, original: Original) -> Iterator[bytes]:
    """An original's bytes, from a part's folder.

    :raises Changed: they are not those that were extracted.
    """
    digest, left = hashlib.sha256(), original.bytes
    with (folder / original.file).open("rb") as file:
        file.seek(original.at)
        while left and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            digest.update(block)
            yield block
        more = original.media_type is None and file.read(1)
    if left or more or digest.hexdigest() != original.sha256:
        raise Changed
