"""A plan's items on disk: streamed into an encrypted Parquet file, and read back from it, in order.

Items name records by their keys, which may be personal: so the file is encrypted (Parquet Modular Encryption, AES-GCM)
under a key of its own, which stands in the plan, wrapped by the master key. Memory is that of one row group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

from privacy.errors import Tampered
from privacy.keys import MasterKey, new_key
from privacy.plans.keys import instant, read, written
from privacy.sources.base import Item
from privacy.sources.collecting import collecting_nothing
from privacy.sources.instants import micros
from privacy.storage_errors import staging_full

NAME = "items.parquet"
_ROWS = 10_000

_TYPES: dict[str, pa.DataType] = {
    "step": pa.int32(), "key": pa.binary(), "version": pa.string(), "records": pa.int64(), "bytes": pa.int64(),
    "oldest": pa.int64(), "whole": pa.bool_(), "digest": pa.string(),
}  # fmt: skip
_SCHEMA = pa.schema(_TYPES)


class Writer:
    """Takes a plan's items one by one. Make it with :func:`writing`."""

    def __init__(self, out: pq.ParquetWriter) -> None:
        self._out = out
        self._steps: list[int] = []
        self._items: list[Item] = []

    def add(self, step: int, item: Item) -> None:
        """One more item of the step of that number."""
        self._steps.append(step)
        self._items.append(item)
        if len(self._items) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory."""
        if self._items:
            keys, versions, records, sizes, begun, wholes, digests = zip(*self._items, strict=True)
            keyed, since = list(map(written, keys)), list(map(_since, begun))
            values: tuple[Sequence[Any], ...] = (
                self._steps, keyed, versions, records, sizes, since, wholes, digests,
            )  # fmt: skip
            columns = [pa.array(v, f.type) for f, v in zip(_SCHEMA, values, strict=True)]
            self._out.write_batch(pa.record_batch(columns, schema=_SCHEMA))
            self._steps.clear()
            self._items.clear()


@lru_cache(maxsize=65_536)
def _since(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


@dataclass(frozen=True)
class ItemsFile:
    """The file of one plan.

    :param about: what it is bound to: a file of another plan does not open.
    :param wrapped: its key, as :meth:`create` made it.
    """

    path: Path
    about: str
    wrapped: str
    master: MasterKey = field(repr=False)

    @classmethod
    def create(cls, folder: Path, about: str, master: MasterKey) -> ItemsFile:
        """A file that is still to be written, with a fresh key."""
        return cls(folder / NAME, about, master.wrap(new_key(), about=about), master)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Write the file, from its beginning. :raises RetryLater: ``staging.full``."""
        properties = encryption.create_encryption_properties(  # type: ignore[attr-defined]
            self._key(), aad_prefix=self.about.encode(), store_aad_prefix=False
        )
        try:
            with pq.ParquetWriter(self.path, _SCHEMA, compression="zstd", encryption_properties=properties) as out:
                writer = Writer(out)
                yield writer
                writer.flush()
        except OSError:
            raise staging_full("The plan cannot be written.", self.path.parent) from None

    def items(self) -> Iterator[tuple[int, Item]]:
        """The items with the numbers of their steps, as they were written.

        :raises Tampered: ``plans.altered``: it is gone, was changed, or is another plan's.
        """
        for batch in self._batches(None):
            with collecting_nothing():
                steps, keys, versions, records, sizes, begun, wholes, digests = (c.to_pylist() for c in batch.columns)
                made = list(
                    map(
                        Item,
                        read(cast(list[bytes], keys)),
                        versions,
                        records,
                        sizes,
                        map(instant, begun),
                        wholes,
                        digests,
                    )
                )
            yield from zip(steps, made, strict=True)

    def digests(self) -> dict[int, tuple[int, str]]:
        """How many items each step has, and the digest over all of theirs. :raises Tampered: as :meth:`items`."""
        found: dict[int, Digests] = {}
        for batch in self._batches(["step", "digest"]):
            steps, digests = batch.column(0).to_pylist(), cast(list[str], batch.column(1).to_pylist())
            for step, pairs in groupby(zip(steps, digests, strict=True), key=itemgetter(0)):
                found.setdefault(step, Digests()).more([digest for _, digest in pairs])
        told = {step: digests.hexdigest() for step, digests in found.items()}
        return {step: (found[step].count, said) for step, said in told.items()}

    def _batches(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        try:
            properties = encryption.create_decryption_properties(  # type: ignore[attr-defined]
                self._key(), aad_prefix=self.about.encode()
            )
            with pq.ParquetFile(self.path, decryption_properties=properties) as file:
                yield from file.iter_batches(_ROWS, columns=columns)
        except (OSError, pa.ArrowException):
            raise Tampered(
                "plans.altered", "A plan's file is not what was written.", where=self.about,
                advice="Start the purge again: it makes a new plan.",
            ) from None  # fmt: skip

    def _key(self) -> bytes:
        return self.master.unwrap(self.wrapped, about=self.about)


class Digests:
    """The sha256 of items, in the order in which they come."""

    def __init__(self) -> None:
        self._hash, self.count, self._waiting = sha256(), 0, list[str]()

    def add(self, item: Item) -> None:
        """One more item."""
        self._waiting.append(item.digest)
        if len(self._waiting) >= _ROWS:
            self._taken()

    def more(self, digests: Sequence[str]) -> None:
        """Those of some items."""
        self._taken()
        self._waiting.extend(digests)

    def _taken(self) -> None:
        if self._waiting:
            self.count += len(self._waiting)
            self._hash.update(("\n".join(self._waiting) + "\n").encode())
            self._waiting.clear()

    def hexdigest(self) -> str:
        """Of all that came."""
        self._taken()
        return self._hash.hexdigest()
