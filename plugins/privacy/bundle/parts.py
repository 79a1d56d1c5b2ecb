"""Parts: what one task extracts of one dataset, in staging, until the bundle is written.

Here the data map's rules of access are applied: columns that are redacted, what belongs to the other people of a row,
datasets that are withheld. What is left out is counted; nothing is left out silently.

A part's folder holds ``data.parquet``, ``data.jsonl`` (one record a line, see :mod:`privacy.bundle.encode`) and, where
the records have originals, one ``raw-<n>`` for every file that they come from.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from privacy.bundle.encode import encode
from privacy.datamap.load import Ref
from privacy.errors import GiveUp, RetryLater
from privacy.sources.base import PARTY

PARQUET, JSONL = "data.parquet", "data.jsonl"

_FILE = "file"
"""The column that says which file of the store a record's original stands in."""

# Arrow makes its functions at run time; its stubs do not know them all.
_pc: Any = pyarrow.compute


@dataclass(slots=True)
class Part:
    """What a part holds: counts, digests and names of log files; never content.

    :param dataset: ``system.dataset``.
    :param records: given; ``withheld``: of a dataset that is not given; ``bytes``: of all files.
    :param unattributed, unreadable: see :class:`privacy.sources.base.Tally`.
    :param redacted: column -> values left out.
    :param files: name within the part -> (bytes, sha256).
    :param originals: name within the part -> the file of the store that these originals come from.
    :param folder: the part's folder within the run's staging.
    """

    dataset: str
    records: int = 0
    bytes: int = 0
    withheld: int = 0
    unattributed: int = 0
    unreadable: int = 0
    redacted: dict[str, int] = field(default_factory=dict)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    folder: str = ""

    def as_json(self) -> dict[str, Any]:
        """For an XCom or a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Part:
        """What :meth:`as_json` gave."""
        files = {name: (int(size), str(digest)) for name, (size, digest) in found["files"].items()}
        return cls(**{**found, "files": files})


class PartWriter:
    """Writes one part; leaves nothing behind when it fails.

    :param folder: of this part alone; made here, its parent must be there (a run's staging, made by one task).
    :raises RetryLater: ``staging.full``; ``staging.used``: another attempt has that folder.
    :raises GiveUp: ``staging.gone``.
    """

    def __init__(self, folder: Path, ref: Ref) -> None:
        self._folder = folder
        self._ref = ref
        self.part = Part(ref.full, folder=folder.name)
        columns = ref.dataset.columns
        self._given = [name for name, column in columns.items() if not column.original]
        self._originals = [name for name, column in columns.items() if column.original]
        self._withheld = ref.dataset.access is not None
        self._files: dict[str, _Digesting] = {}
        self._raw: dict[str, str] = {}
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        with self._translated():
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
            except FileExistsError:
                raise RetryLater(
                    "staging.used", "Another attempt has written this part.", where=self._ref.full
                ) from None
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch of :func:`privacy.sources.base.schema_of`."""
        if self._withheld:
            self.part.withheld += batch.num_rows
            return
        with self._translated():
            given, whole = self._redact(batch)
            if self._originals:
                self._write_originals(given, whole)
            if self._given:
                table = given.select(self._given)
                if self._parquet is None:
                    to = cast("IO[Any]", self._open(PARQUET))
                    self._parquet = pq.ParquetWriter(to, table.schema, compression="zstd")
                self._parquet.write_batch(table)
                self._open(JSONL).write(encode(table))
        self.part.records += batch.num_rows

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            with self._translated():
                if self._parquet is not None:
                    self._parquet.close()
                for file in self._files.values():
                    file.close()
        except RetryLater:
            self._clear()
            raise
        if kind is not None:
            self._clear()
            return
        self.part.files = {name: (file.size, file.digest.hexdigest()) for name, file in self._files.items()}
        self.part.originals = {name: source for source, name in self._raw.items()}
        self.part.bytes = sum(size for size, _ in self.part.files.values())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # A full disk, above all: never half a part that looks whole.
            raise RetryLater(
                "staging.full", "A part cannot be written.", where=self._ref.full, advice="Free space in PRIVACY_STATE."
            ) from None

    def _clear(self) -> None:
        for name, file in self._files.items():
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def _redact(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Any]:
        """The batch less what the subject is not given; and, by row, whether nothing was left out of it."""
        dataset = self._ref.dataset
        hidden: dict[str, Any] = {
            name: pa.array([True] * batch.num_rows) for name, column in dataset.columns.items() if column.access
        }
        party = batch.column(batch.schema.names.index(PARTY))
        for other, people in dataset.people.items() if len(dataset.people) > 1 else ():
            # A row that is the subject's only as one party hides what is private to the others.
            theirs = _pc.match_substring_regex(party, f"(^|,){other}(,|$)")
            foreign = _pc.invert(_pc.fill_null(theirs, False))
            for name in people.private:
                hidden[name] = _pc.or_(hidden[name], foreign) if name in hidden else foreign
        columns = list(batch.columns)
        whole: Any = pa.array([True] * batch.num_rows)
        for name, mask in hidden.items():
            at = batch.schema.names.index(name)
            lost = _pc.and_(mask, columns[at].is_valid())
            self._count(name, lost)
            whole = _pc.and_not(whole, lost)
            columns[at] = _pc.if_else(mask, pa.scalar(None, columns[at].type), columns[at])
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema), whole

    def _count(self, name: str, lost: Any) -> None:
        self.part.redacted[name] = self.part.redacted.get(name, 0) + (_pc.sum(lost).as_py() or 0)

    def _write_originals(self, batch: pa.RecordBatch, whole: Any) -> None:
        names = batch.schema.names
        files = batch.column(names.index(_FILE)).to_pylist() if _FILE in names else [""] * batch.num_rows
        for name in self._originals:
            array = batch.column(names.index(name))
            # An original says what was redacted too, so it is left out with it; one that was itself redacted is empty
            # by now, and counted.
            lost = _pc.and_not(array.is_valid(), whole)
            if not _pc.all(whole).as_py():
                self._count(name, lost)
            for source, original, given in zip(files, array.to_pylist(), whole.to_pylist(), strict=True):
                if original is not None and given:
                    self._raw_file(source or "").write(original + b"\n")

    def _raw_file(self, source: str) -> _Digesting:
        if source not in self._raw:
            for name in self._raw.values():
                # One handle, not one for each day of a year of logs.
                self._files[name].rest()
            self._raw[source] = f"raw-{len(self._raw) + 1}"
        return self._open(self._raw[source])

    def _open(self, name: str) -> _Digesting:
        if name not in self._files:
            self._files[name] = _Digesting(self._folder / name)
        return self._files[name]


_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
"""Names that are devices on Windows, whatever follows the dot."""


def safe(name: str) -> str:
    """A file's own name, for a path: no folder, no ``..``, nothing that a file system or a shell would read."""
    return _plain(PurePosixPath(name.replace("\\", "/")).name)


def safe_path(name: str) -> str:
    """The same with its folders in it, for files of one name in two folders."""
    return _plain(name.replace("\\", "/").strip("/").replace("/", "_"))


def _plain(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name.removesuffix(".gz"))
    kept = kept.lstrip(".")[-150:].lstrip("._-") or "original"
    return f"_{kept}" if kept.partition(".")[0].upper() in _RESERVED else kept


class _Digesting:
    """A new file (mode 0600) that knows its size and sha256; enough of a file for pyarrow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, content: Any) -> int:
        data = memoryview(content)
        if self._file is None:
            self._file = self._path.open("r+b")
            self._file.seek(0, os.SEEK_END)
        self._file.write(data)
        self.digest.update(data)
        self.size += data.nbytes
        return data.nbytes

    def rest(self) -> None:
        """Give the handle back until more is written."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        if self._file is not None:
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
            self.rest()
