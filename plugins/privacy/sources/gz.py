"""A file's content, compressed with gzip or not; what goes wrong in reading it becomes ours, in one way."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

from privacy.errors import PrivacyError, Unreadable
from privacy.storage import Entry, translated

_BROKEN = cast("tuple[type[Exception], ...]", (isal_zlib.IsalError, zlib.error))


@dataclass(frozen=True, slots=True)
class Gz:
    """How a kind of file is read, and what is said of one that is damaged.

    :param family: of its errors' codes. :param thing: what it is called. :param advice: what its owner can do.
    """

    family: str
    thing: str
    advice: str

    @contextmanager
    def content(self, raw: BinaryIO, entry: Entry, where: str) -> Iterator[BinaryIO]:
        """The content of an opened file. Read it inside :meth:`reading`.

        :raises Unreadable: ``<family>.truncated``: it is named ``.gz`` and is empty.
        """
        if not entry.key.endswith(".gz"):
            yield raw
        elif entry.bytes == 0:
            raise self._truncated(where)
        else:
            with cast(BinaryIO, igzip.IGzipFile(fileobj=raw, mode="rb")) as stream:  # type: ignore[no-untyped-call]
                yield stream

    @contextmanager
    def reading(self, where: str) -> Iterator[None]:
        """Errors of reading and decompressing as ours: ``<family>.truncated``, ``<family>.corrupt``, storage's."""
        try:
            with translated(where):
                yield
        except PrivacyError as problem:
            if problem.code == "storage.failed":
                raise self._corrupt(where) from None
            raise
        except EOFError:
            raise self._truncated(where) from None
        except _BROKEN:
            raise self._corrupt(where) from None

    def _truncated(self, where: str) -> Unreadable:
        return Unreadable(
            f"{self.family}.truncated", f"A compressed {self.thing} ends before its end.", where=where,
            advice=self.advice,
        )  # fmt: skip

    def _corrupt(self, where: str) -> Unreadable:
        return Unreadable(
            f"{self.family}.corrupt", f"A compressed {self.thing} is damaged.", where=where, advice=self.advice
        )
