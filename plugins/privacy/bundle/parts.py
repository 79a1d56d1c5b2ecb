"""Parts: what one task extracts of one dataset, in staging, until the bundle is written.

Here the data map's rules of access are applied: columns that are redacted, what belongs to the other people of a row,
datasets and records that are withheld, what a direct transfer leaves behind. What is left out is counted; nothing is
left out silently.

A part's folder holds ``data.parquet``, ``data.jsonl`` (one record a line, see :mod:`privacy.bundle.encode`) and, where
the records have originals, those and their index (see :mod:`privacy.bundle.originals`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from privacy.bundle.behind import OneBehind
from privacy.bundle.encode import encode
from privacy.bundle.files import Digesting
from privacy.bundle.originals import MESSAGE, Opener, Pack, media_type
from privacy.bundle.scope import DERIVED, Scope, left_behind, nothing_left
from privacy.datamap.load import Ref
from privacy.errors import GiveUp, RetryLater
from privacy.sources.base import LEFT_OUT, PARTY, SUBJECT, WITHHELD
from privacy.storage_errors import staging_full

PARQUET, JSONL = "data.parquet", "data.jsonl"

_FILE = "file"
"""The column that says which file of the store a record's line stands in."""

_MEDIA_TYPE = "media_type"
"""The column that says what an original is, where a source looked."""

# Arrow makes its functions at run time; its stubs do not know them all.
_pc: Any = pyarrow.compute


@dataclass(slots=True)
class Part:
    """What a part holds: counts and digests, a handful however much it is; never content, never a name.

    :param dataset: ``system.dataset``.
    :param records: given; ``withheld``: not given; ``bytes``: of all files.
    :param withheld_why: of those withheld, how many for which reason (a code), where there is one of their own.
    :param unattributed, unreadable: see :class:`privacy.sources.base.Tally`.
    :param redacted: column -> values left out.
    :param files: name within the part -> (bytes, sha256).
    :param originals: files of originals that the part's index names; ``originals_left_out``: those that would tell what
        was left out of their record.
    :param folder: the part's folder within the run's staging.
    """

    dataset: str
    records: int = 0
    bytes: int = 0
    withheld: int = 0
    withheld_why: dict[str, int] = field(default_factory=dict)
    unattributed: int = 0
    unreadable: int = 0
    redacted: dict[str, int] = field(default_factory=dict)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    originals: int = 0
    originals_left_out: int = 0
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
    :param originals: opens the original behind a record, by its key; for a dataset with ``originals``.
    :param scope: how much of it is given.
    :param only: the number of the subject whose part it is; rows of anybody else end it (edge case 22). None: of tests.
    :raises RetryLater: ``staging.full``; ``staging.used``: another attempt has that folder.
    :raises GiveUp: ``staging.gone``.
    """

    def __init__(
        self, folder: Path, ref: Ref, *, originals: Opener | None = None, scope: Scope = Scope.ALL,
        only: int | None = None,
    ) -> None:  # fmt: skip
        dataset = ref.dataset
        if dataset.originals is not None and originals is None:
            raise ValueError(f"{ref.full} has originals: say how they are opened")
        self._folder, self._only = folder, only
        self._ref = ref
        self.part = Part(ref.full, folder=folder.name)
        self._given = [name for name, column in dataset.columns.items() if not column.original]
        self._lines = [name for name, column in dataset.columns.items() if column.original]
        self._opener = originals
        self._withheld = dataset.access is not None
        self._behind = left_behind(dataset, scope)
        self._numbers_only = nothing_left(dataset, scope)
        self._files: dict[str, Digesting] = {}
        self._pack = Pack(self._open, ref.full)
        self._parquet: pq.ParquetWriter | None = None
        self._behind_it = OneBehind()

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
        """Add a batch of :func:`privacy.sources.base.schema_of`.

        :raises Unreadable: an original cannot be read whole.
        :raises GiveUp: ``export.anothers``: a row is not this subject's. Nothing of the batch is written.
        """
        if self._only is not None:
            self._own(batch)
        if self._withheld:
            self.part.withheld += batch.num_rows
            return
        batch = self._judged(batch)
        if self._numbers_only:
            self._withhold(DERIVED, batch.num_rows)
            return
        if batch.num_rows == 0:
            return
        with self._translated():
            given, lost = self._redact(batch)
            self._write_lines(given, lost)
            if self._given:
                table = given.select(self._given)
                self._behind_it.do(partial(self._write_table, table))
            self._write_originals(batch, given, lost)
        self.part.records += batch.num_rows

    def _own(self, batch: pa.RecordBatch) -> None:
        bears = batch.column(batch.schema.names.index(SUBJECT))
        # A row without a number is nobody's: NULL does not equal it, and is not passed over.
        if not _pc.all(_pc.fill_null(_pc.equal(bears, self._only), False)).as_py():
            raise GiveUp(
                "export.anothers", "A row of another person was about to be written.", where=self._ref.full,
                advice="This is a defect of the source: report it. Nothing was sealed.",
            )  # fmt: skip

    def _write_table(self, table: pa.RecordBatch) -> None:
        if self._parquet is None:
            to = cast("IO[Any]", self._open(PARQUET))
            self._parquet = pq.ParquetWriter(to, table.schema, compression="zstd")
        self._parquet.write_batch(table)
        self._open(JSONL).write(encode(table))

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            with self._translated():
                if kind is None:
                    self._behind_it.wait()
                    self._pack.finish()
                self._behind_it.end()
                if self._parquet is not None:
                    self._parquet.close()
                for file in self._files.values():
                    file.close()
        except BaseException:
            self._behind_it.end()
            self._clear()
            raise
        if kind is not None:
            self._clear()
            return
        inner = self._pack.inner
        self.part.files = {
            name: (file.size, file.digest.hexdigest()) for name, file in self._files.items() if name not in inner
        }
        self.part.originals = self._pack.count
        self.part.bytes = sum(file.size for file in self._files.values())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # A full disk, above all: never half a part that looks whole.
            raise staging_full("A part cannot be written.", self._folder, self._ref.full) from None

    def _clear(self) -> None:
        if self._parquet is not None:
            # Else it would write its end when it is collected, into a file that is gone.
            with suppress(OSError, pa.ArrowException):
                self._parquet.close()
        for name, file in self._files.items():
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def _judged(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch less the records that its source withholds; and counts of what it has left out of the others."""
        names = batch.schema.names
        if WITHHELD not in names:
            return batch
        why = batch.column(names.index(WITHHELD))
        for code in why.drop_null().to_pylist():
            self._withhold(str(code), 1)
        if why.null_count < batch.num_rows:
            batch = batch.filter(why.is_null())
        for name in _pc.list_flatten(batch.column(names.index(LEFT_OUT))).to_pylist():
            self._count(name, 1)
        return batch

    def _withhold(self, code: str, records: int) -> None:
        if records:
            self.part.withheld += records
            self.part.withheld_why[code] = self.part.withheld_why.get(code, 0) + records

    def _redact(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, Any]]:
        """The batch less what the subject is not given; and, by column, of which rows something was left out."""
        dataset = self._ref.dataset
        everywhere = pa.array([True] * batch.num_rows)
        hidden: dict[str, Any] = {
            name: everywhere
            for name, column in dataset.columns.items()
            if column.access or name in self._behind
        }  # fmt: skip
        party = batch.column(batch.schema.names.index(PARTY))
        for other, people in dataset.people.items() if len(dataset.people) > 1 else ():
            # A row that is the subject's only as one party hides what is private to the others.
            theirs = _pc.match_substring_regex(party, f"(^|,){other}(,|$)")
            foreign = _pc.invert(_pc.fill_null(theirs, False))
            for name in people.private:
                hidden[name] = _pc.or_(hidden[name], foreign) if name in hidden else foreign
        columns = list(batch.columns)
        lost: dict[str, Any] = {}
        for name, mask in hidden.items():
            at = batch.schema.names.index(name)
            lost[name] = _pc.and_(mask, columns[at].is_valid())
            self._count(name, _pc.sum(lost[name]).as_py() or 0)
            columns[at] = _pc.if_else(mask, pa.scalar(None, columns[at].type), columns[at])
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema), lost

    def _count(self, name: str, values: int) -> None:
        self.part.redacted[name] = self.part.redacted.get(name, 0) + values

    def _whole(self, rows: int, lost: Mapping[str, Any], besides: Collection[str] = ()) -> Any:
        """By row, whether its original says nothing that was left out of it.

        What a transfer leaves behind, the controller has derived: it does not stand in what came from outside.
        """
        whole: Any = pa.array([True] * rows)
        for name, mask in lost.items():
            if name not in self._behind and name not in besides:
                whole = _pc.and_not(whole, mask)
        return whole

    def _write_lines(self, batch: pa.RecordBatch, lost: Mapping[str, Any]) -> None:
        if not self._lines:
            return
        names = batch.schema.names
        whole = self._whole(batch.num_rows, lost)
        files = batch.column(names.index(_FILE)).to_pylist() if _FILE in names else [""] * batch.num_rows
        for name in self._lines:
            array = batch.column(names.index(name))
            # An original says what was redacted too, so it is left out with it; one that was itself redacted is empty
            # by now, and counted.
            left = _pc.and_not(array.is_valid(), whole)
            if not _pc.all(whole).as_py():
                self._count(name, _pc.sum(left).as_py() or 0)
            for source, line, given in zip(files, array.to_pylist(), whole.to_pylist(), strict=True):
                if line is not None and given:
                    self._pack.line(source or "", line)

    def _write_originals(self, batch: pa.RecordBatch, given: pa.RecordBatch, lost: Mapping[str, Any]) -> None:
        """The originals of records of which nothing was left out, but perhaps the name that they go by."""
        dataset, opener = self._ref.dataset, self._opener
        if dataset.originals is None or opener is None:
            return
        names = given.schema.names
        whole = self._whole(batch.num_rows, lost, besides=(dataset.originals,)).to_pylist()
        # What the column says of where it came from holds for what it names.
        whole = [False] * batch.num_rows if dataset.originals in self._behind else whole
        said = given.column(names.index(dataset.originals)).to_pylist()
        # What a file is, a transfer's reader has to know, whoever found it out.
        looked = batch if _MEDIA_TYPE in self._behind else given
        types = looked.column(names.index(_MEDIA_TYPE)).to_pylist() if _MEDIA_TYPE in names else [None] * len(said)
        keys = zip(*(batch.column(names.index(name)).to_pylist() for name in dataset.key), strict=True)
        told = encode(given.select(list(dataset.key))).splitlines()
        # A key that was redacted is not told either.
        tell = self._whole(batch.num_rows, {n: mask for n, mask in lost.items() if n in dataset.key}).to_pylist()
        for row, key in enumerate(keys):
            if not whole[row]:
                self.part.originals_left_out += 1
                continue
            kind = MESSAGE if dataset.mailbox is not None else media_type(types[row])
            self._pack.whole(said[row], kind, told[row] if tell[row] else None, partial(opener, key))

    def _open(self, name: str) -> Digesting:
        if name not in self._files:
            self._files[name] = Digesting(self._folder / name)
        return self._files[name]
