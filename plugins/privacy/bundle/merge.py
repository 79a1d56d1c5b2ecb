"""From the parts of all datasets to the files of a bundle, each as a stream of chunks, in order, checked on the way.

What a part holds must be what its summary says, to the byte: a part that was cut off or changed in staging makes the
bundle fail, never smaller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from privacy.bundle.holdings import Holding, Omission, Resource, names_people
from privacy.bundle.names import unique, unpacked
from privacy.bundle.originals import INDEX, UNKNOWN, Changed, Original, content, entries
from privacy.bundle.parts import JSONL, PARQUET, Part
from privacy.datamap.load import DataMap
from privacy.errors import GiveUp
from privacy.storage_errors import staging_full

BLOCK = 2**18
ROW_GROUP = 10_000
"""Rows in a row group of a bundle's Parquet: the same whatever the parts were, so that the file is too."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A file of the bundle that is still to be written.

    :param format: None: a whole original, which ``original`` describes.
    :param most: more bytes than it can have. :param compress: its content is not compressed yet.
    :param chunks: gives its content once.
    """

    path: str
    format: str | None
    rows: int | None
    most: int
    compress: bool
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    original: Original | None = None


@dataclass(slots=True)
class Group:
    """A dataset with its parts, in order."""

    holding: Holding
    parts: list[Part] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)


def gather(
    staging: Path, work: Path, datamap: DataMap, parts: Iterable[Part], omissions: Sequence[Omission]
) -> list[Group]:
    """The parts by dataset, in the data map's order.

    :param staging: the folder of the parts' folders. :param work: where Parquet files are put together.
    :raises GiveUp: ``bundle.incomplete``: a dataset that may hold something was neither read nor omitted.
    """
    groups = {ref.full: Group(Holding(ref)) for ref in datamap if names_people(ref)}
    seen: set[str] = set()
    for part in parts:
        if part.folder in seen or part.dataset not in groups:
            raise _bad("bundle.part", "A part is not one of this export's.", part.dataset)
        seen.add(part.folder)
        group = groups[part.dataset]
        group.parts.append(part)
        _add(group.holding, part)
        _starts(staging, group.holding, part)
    read = {name for name, group in groups.items() if group.parts} | {omission.dataset for omission in omissions}
    if missing := sorted(groups.keys() - read):
        raise _bad("bundle.incomplete", f"{len(missing)} datasets were not read.", ", ".join(missing[:5]))
    for group in groups.values():
        group.streams = list(_streams(staging, work, group))
    return list(groups.values())


def sample(staging: Path, group: Group, most: int) -> list[dict[str, Any]]:
    """The first records, as their JSON says."""
    rows: list[dict[str, Any]] = []
    for part in group.parts:
        if JSONL in part.files and len(rows) < most:
            with reading(part.dataset), (staging / part.folder / JSONL).open("rb") as file:
                for line in file:
                    if len(rows) == most:
                        break
                    rows.append(orjson.loads(line))
    return rows


def _add(holding: Holding, part: Part) -> None:
    holding.records += part.records
    holding.withheld += part.withheld
    holding.originals_left_out += part.originals_left_out
    holding.unattributed += part.unattributed
    holding.unreadable += part.unreadable
    for told, counts in ((holding.redacted, part.redacted), (holding.withheld_why, part.withheld_why)):
        for name, count in counts.items():
            told[name] = told.get(name, 0) + count


def _starts(staging: Path, holding: Holding, part: Part) -> None:
    """From when on the terms of a part's records count, where they tell."""
    starts = holding.ref.dataset.starts
    if starts is not None and PARQUET in part.files and not part.redacted.get(starts.column):
        with reading(part.dataset):
            holding.starts.add(staging / part.folder / PARQUET, starts.column, starts.kind)


def _streams(staging: Path, work: Path, group: Group) -> Iterator[Stream]:
    ref, records = group.holding.ref, group.holding.records
    base = f"data/{ref.system.system}/{ref.name}"
    tabular = [part for part in group.parts if JSONL in part.files]
    if tabular:
        size = sum(part.files[JSONL][0] for part in tabular) + records + 4
        yield Stream(f"{base}.json", "json", records, size, True, lambda: _json(staging, tabular, records))
        # Rows of a whole row group may take more room than those of many small ones, but not twice as much.
        size = 2 * sum(part.files[PARQUET][0] for part in tabular) + 2**16
        yield Stream(
            f"{base}.parquet", "parquet", records, size, False, lambda: _parquet(staging, work, tabular, records)
        )
    lines: dict[str, list[tuple[Part, Original]]] = {}
    whole: list[tuple[Part, Original]] = []
    for part in group.parts:
        for original in _index(staging, part):
            if original.media_type is None:
                lines.setdefault(original.name or "", []).append((part, original))
            else:
                whole.append((part, original))
    for name, pieces in zip(unique(unpacked(lines), ".log"), lines.values(), strict=True):
        size = sum(piece.bytes for _, piece in pieces)
        yield Stream(f"{base}/{name}", "log", None, size, True, partial(_pieces, staging, pieces))
    ending = ".eml" if ref.dataset.mailbox else ""
    for name, (part, original) in zip(unique([o.name for _, o in whole], ending), whole, strict=True):
        chunks = partial(_pieces, staging, [(part, original)])
        yield Stream(f"{base}/{name}", None, None, original.bytes, not _packed(original), chunks, original)


def _index(staging: Path, part: Part) -> Iterator[Original]:
    """The originals of a part, as its index says, which must be the one that was written."""
    if INDEX not in part.files:
        return
    count = size = 0
    for _ in _checked(staging, part, INDEX):
        pass
    with reading(part.dataset), (staging / part.folder / INDEX).open("rb") as file:
        for original in entries(file):
            count, size = count + 1, size + original.bytes
            yield original
    others = sum(own for own, _ in part.files.values())
    if (count, others + size) != (part.originals, part.bytes):
        raise _bad("bundle.incomplete", f"The index has {count} originals, and not {part.originals}.", part.dataset)


def _packed(original: Original) -> bool:
    """Whether nothing is won by compressing it."""
    kind = original.media_type or UNKNOWN
    return kind.startswith(("image/jp", "image/png", "video/", "audio/")) or "zip" in kind or "openxml" in kind


def _json(staging: Path, parts: Sequence[Part], records: int) -> Iterator[bytes]:
    """One array, one record a line. Inside a record there is no line break: JSON escapes them."""
    yield b"[\n"
    count, held = 0, b""
    for part in parts:
        for chunk in _checked(staging, part, JSONL):
            count += chunk.count(b"\n")
            text = held + chunk
            # The last line break waits until it is known whether another record follows.
            held = b"\n" if text.endswith(b"\n") else b""
            yield (text[: -len(held)] if held else text).replace(b"\n", b",\n")
    yield held + b"]\n"
    _same(parts[0].dataset, count, records)


def _pieces(staging: Path, pieces: Sequence[tuple[Part, Original]]) -> Iterator[bytes]:
    for part, original in pieces:
        try:
            with reading(part.dataset):
                yield from content(staging / part.folder, original)
        except Changed:
            raise _bad("staging.changed", "A part in staging is not what was extracted.", part.dataset) from None


def _checked(staging: Path, part: Part, name: str) -> Iterator[bytes]:
    size, expected = part.files[name]
    digest = hashlib.sha256()
    with reading(part.dataset), (staging / part.folder / name).open("rb") as file:
        while chunk := file.read(BLOCK):
            digest.update(chunk)
            size -= len(chunk)
            yield chunk
    if size or digest.hexdigest() != expected:
        raise _bad("staging.changed", "A part in staging is not what was extracted.", part.dataset)


def _parquet(staging: Path, work: Path, parts: Sequence[Part], records: int) -> Iterator[bytes]:
    full = parts[0].dataset
    merged = work / "merged.parquet"
    try:
        with writing(full, staging):
            rows = _merge(staging, merged, parts)
        _same(full, rows, records)
        with reading(full), merged.open("rb") as file:
            while chunk := file.read(BLOCK):
                yield chunk
    finally:
        merged.unlink(missing_ok=True)


def _merge(staging: Path, to: Path, parts: Sequence[Part]) -> int:
    rows, waiting, writer = 0, [], None
    try:
        for part in parts:
            for _ in _checked(staging, part, PARQUET):
                pass
            with pq.ParquetFile(staging / part.folder / PARQUET) as source:
                if writer is None:
                    writer = pq.ParquetWriter(
                        to, source.schema_arrow, compression="zstd", compression_level=3, version="2.6"
                    )
                for batch in source.iter_batches(batch_size=ROW_GROUP):
                    rows += batch.num_rows
                    waiting.append(batch)
                    if sum(b.num_rows for b in waiting) >= ROW_GROUP:
                        # In one piece: how the records were cut into parts must not show in the file.
                        table = pa.Table.from_batches(waiting).combine_chunks()
                        writer.write_table(table.slice(0, ROW_GROUP), row_group_size=ROW_GROUP)
                        waiting = table.slice(ROW_GROUP).to_batches()
        if writer is not None and waiting:
            writer.write_table(pa.Table.from_batches(waiting).combine_chunks(), row_group_size=ROW_GROUP)
    finally:
        if writer is not None:
            writer.close()
    return rows


def _same(full: str, found: int, records: int) -> None:
    if found != records:
        raise _bad("bundle.incomplete", f"The parts hold {found} records, and not {records}.", full)


def _bad(code: str, message: str, where: str) -> GiveUp:
    return GiveUp(code, message, where=where, advice="Start the export again.")


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Errors of reading staging as ours."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException):
        raise _bad("staging.gone", "A part in staging cannot be read.", where) from None


@contextmanager
def writing(where: str, folder: Path) -> Iterator[None]:
    """Errors of writing into staging as ours. :param folder: the run's."""
    try:
        yield
    except (OSError, pa.ArrowException):
        raise staging_full("A file cannot be put together.", folder, where) from None


def finished(stream: Stream, size: int, sha256: str, lines: int) -> Resource:
    """What became of a stream. :param lines: of a log: as many as it has line breaks."""
    rows = lines if stream.format == "log" else stream.rows
    return Resource(stream.path, stream.format, size, sha256, rows, stream.original)
