"""Parts: what one task extracts of one dataset, in staging, until the bundle is written.

Here the data map's rules of access are applied: columns that are redacted, what belongs to the other people of a row,
datasets that are withheld. What is left out is counted; nothing is left out silently.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from privacy.bundle.encode import encode
from privacy.datamap.load import Ref
from privacy.errors import GiveUp, RetryLater
from privacy.sources.base import PARTY, SUBJECT


@dataclass(slots=True)
class Part:
    """What a part holds: counts and digests, never content.

    :param redacted: column -> values left out; ``withheld``: records of a dataset that is not given.
    :param files: name within the part -> [bytes, sha256].
    """

    dataset: str
    records: int = 0
    bytes: int = 0
    withheld: int = 0
    unattributed: int = 0
    unreadable: int = 0
    redacted: dict[str, int] = field(default_factory=dict)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For an XCom or a file."""
        return asdict(self)


class PartWriter:
    """Writes one part; leaves nothing behind when it fails.

    :param folder: of this part alone; made here, its parent must be there (a run's staging, made by one task).
    :raises RetryLater: ``staging.full``.
    :raises GiveUp: ``staging.gone``.
    """

    def __init__(self, folder: Path, ref: Ref) -> None:
        self._folder = folder
        self._ref = ref
        self.part = Part(ref.full)
        dataset = ref.dataset
        self._given = [name for name, column in dataset.columns.items() if not column.original]
        self._original = next((name for name, column in dataset.columns.items() if column.original), None)
        self._withheld = dataset.access is not None
        self._files: dict[str, _Digesting] = {}
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(mode=0o700)
        except FileNotFoundError:
            # The run was ended meanwhile: a folder that is made again now would be swept by nobody.
            raise GiveUp(
                "staging.gone",
                "The run's staging folder is gone.",
                where=self._ref.full,
                advice="Start the export again.",
            ) from None
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch of :func:`privacy.sources.base.schema_of`."""
        self.part.records += 0 if self._withheld else batch.num_rows
        if self._withheld:
            self.part.withheld += batch.num_rows
            return
        try:
            redacted = self._redact(batch)
            if self._original is not None:
                self._write_originals(batch)
            table = redacted.select(self._given)
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(
                    cast("IO[Any]", self._open("data.parquet")), table.schema, compression="zstd"
                )
            self._parquet.write_batch(table)
            self._open("data.jsonl").write(encode(table))
        except OSError:
            # A full disk, above all: never half a part that looks whole.
            raise RetryLater(
                "staging.full", "A part cannot be written.", where=self._ref.full, advice="Free space in PRIVACY_STATE."
            ) from None

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if self._parquet is not None:
                self._parquet.close()
        finally:
            for name, file in self._files.items():
                file.close()
                self.part.files[name] = (file.size, file.digest.hexdigest())
        self.part.bytes = sum(size for size, _ in self.part.files.values())
        if kind is not None:
            for name in self._files:
                (self._folder / name).unlink(missing_ok=True)

    def _redact(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        dataset = self._ref.dataset
        hidden: dict[str, Any] = {}
        for name, column in dataset.columns.items():
            if column.access is not None:
                hidden[name] = pa.array([True] * batch.num_rows)
        party = batch.column(batch.schema.names.index(PARTY))
        for other, people in dataset.people.items() if len(dataset.people) > 1 else ():
            # A row that is the subject's only as one party hides what is private to the others.
            theirs: Any = pc.match_substring_regex(party, f"(^|,){other}(,|$)")
            for name in people.private:
                foreign = pc.invert(pc.fill_null(theirs, False))
                hidden[name] = pc.or_(hidden[name], foreign) if name in hidden else foreign
        columns = list(batch.columns)
        for name, mask in hidden.items():
            at = batch.schema.names.index(name)
            lost = pc.sum(pc.and_(mask, pc.is_valid(columns[at]))).as_py() or 0
            self.part.redacted[name] = self.part.redacted.get(name, 0) + lost
            columns[at] = pc.if_else(mask, pa.scalar(None, columns[at].type), columns[at])
        kept = [n for n in batch.schema.names if n not in (SUBJECT, PARTY)]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema).select(kept)

    def _write_originals(self, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        originals: list[Any] = batch.column(names.index(str(self._original))).to_pylist()
        files: list[Any] = (
            batch.column(names.index("file")).to_pylist() if "file" in names else ["original"] * batch.num_rows
        )
        for name, original in zip(files, originals, strict=True):
            self._open(f"raw-{safe(name)}").write(original + b"\n")

    def _open(self, name: str) -> _Digesting:
        if name not in self._files:
            self._files[name] = _Digesting((self._folder / name).open("xb"))
        return self._files[name]


def safe(name: str) -> str:
    """A file's own name, for a path: no folder, no ``..``, nothing that a file system or a shell would read."""
    plain = PurePosixPath(name.replace("\\", "/")).name.removesuffix(".gz")
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in plain).lstrip(".") or "original"


class _Digesting:
    """A file that knows its size and sha256; enough of a file for pyarrow."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, content: Any) -> int:
        data = bytes(content)
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._file.close()
