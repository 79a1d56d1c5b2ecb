"""Writing a file of records anew without, or with changed, rows, in the same form.

What is not touched stays: byte for byte in NDJSON and in JSON documents (of a changed record only the value's own bytes
are others), value for value in Parquet, whose schema, metadata, compression and row groups are kept.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip

from privacy.datamap.models import Column
from privacy.errors import Refused
from privacy.sources.base import Redaction
from privacy.sources.instants import FACTOR, micros
from privacy.sources.records_files import File, Form, RecordFiles
from privacy.sources.records_given import decoding
from privacy.sources.records_json import Document, Found, chunks, content, exact, lines, quick
from privacy.sources.records_layout import Layout
from privacy.sources.records_match import Seen
from privacy.sources.records_own import Elements, follow

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")
_CODECS = {"UNCOMPRESSED": "none", "LZ4_RAW": "lz4"}


@dataclass(slots=True)
class Changes:
    """What becomes of a file's rows: those that go, and the columns that others are given."""

    gone: set[int] = field(default_factory=set)
    values: dict[int, dict[str, object]] = field(default_factory=dict, repr=False)
    still: dict[int, Callable[[Seen], bool]] = field(default_factory=dict, repr=False)
    """Of rows that others are in too, what tells that a subject is still in it: then nothing is changed."""

    def __bool__(self) -> bool:
        return bool(self.gone or self.values)


def rewrite(files: RecordFiles, file: File, changes: Changes) -> None:
    """Put a changed file in the old one's place, whole or not at all.

    :raises RetryLater: ``storage.changed``: it is another by now. :raises Refused: ``records.cannot_set``.
    """
    with ExitStack() as stack:
        if file.form is Form.PARQUET:
            raw = stack.enter_context(files.opened(file))
            out = stack.enter_context(files.store.write(file.entry.key, replacing=file.entry))
            stack.enter_context(decoding(file.where))
            _parquet(files.layout, raw, out, changes)
            return
        stream = stack.enter_context(content(files, file))
        out = stack.enter_context(files.store.write(file.entry.key, replacing=file.entry))
        if file.entry.key.endswith(".gz"):
            made = igzip.IGzipFile(  # type: ignore[no-untyped-call]
                fileobj=out, mode="wb", compresslevel=2, mtime=int(file.entry.modified.timestamp()), filename=""
            )
            out = cast(BinaryIO, stack.enter_context(made))
        pieces = chunks(stream, file.where)
        anew = _lines if file.form is Form.LINES else _document
        for piece in anew(files.layout, file, pieces, changes):
            out.write(piece)


def _lines(layout: Layout, file: File, pieces: Iterator[bytes], changes: Changes) -> Iterator[bytes]:
    row = 0
    for line in lines(pieces, file.where):
        raw = line.strip(b" \t\r\n")
        row += bool(raw)
        if raw and row in changes.gone:
            continue
        if raw and row in changes.values:
            at = line.index(raw)
            yield line[:at] + _record(layout, raw, changes, (row, file)) + line[at + len(raw) :]
        else:
            yield line


def _document(layout: Layout, file: File, pieces: Iterator[bytes], changes: Changes) -> Iterator[bytes]:
    between: list[str] = []
    started, kept = False, 0
    for part in Document(pieces, layout.at, file.where).parts():
        if isinstance(part, str):
            between.append(part)
            if not started:
                yield "".join(between).encode()
                between.clear()
            continue
        started = True
        if part.row not in changes.gone:
            # Before the first that stays there is no comma.
            yield "".join(between).encode() if kept else b""
            yield _changed(layout, part, changes, file)
            kept += 1
        between.clear()
    yield "".join(between).encode()


def _changed(layout: Layout, found: Found, changes: Changes, file: File) -> bytes:
    return _record(layout, found.raw, changes, (found.row, file)) if changes.values.get(found.row) else found.raw


def _record(layout: Layout, raw: bytes, changes: Changes, at: tuple[int, File]) -> bytes:
    """A record with other values; its other bytes stay.

    :raises Refused: ``records.not_redacted``: a subject would still be a party of it.
    """
    row, file = at
    exact(raw, file.where)  # No member of it stands twice.
    text = raw.decode("utf-8")
    for name, value in changes.values[row].items():
        if isinstance(value, Elements):
            text = _elements(layout, text, name, value)
            continue
        span = _span(text, layout.paths[name].names or ())
        if span is not None:
            column = layout.dataset.columns[name]
            new = _json(column, value, quoted=text[span[0]] == '"', where=f"{layout.full}, column {name}")
            text = text[: span[0]] + new + text[span[1] :]
    made = text.encode("utf-8")
    if row in changes.still and changes.still[row]((quick(made, file.where), row, file)):
        raise not_redacted(file.where)
    return made


def not_redacted(where: str) -> Refused:
    """A subject would still be found."""
    return Refused(
        "records.not_redacted", "A subject would still be a party of a record; the file is as it was.", where=where,
        advice="Set every column that identifies a party (`erasure: shared`).",
    )  # fmt: skip


def _elements(layout: Layout, text: str, name: str, its: Elements) -> str:
    """A record's text with another value in some elements of a list."""
    span = _span(text, its.base)
    if span is None or text[span[0]] != "[":
        return text
    column = _of_one(layout.dataset.columns[name])
    at, number, made, kept = _blanks(text, span[0] + 1), 0, list[str](), 0
    while text[at] != "]":
        end = _DECODER.raw_decode(text, at)[1]
        inner = _span(text[at:end], its.leaf) if number in its.which else None
        if inner is not None:
            quoted = text[at + inner[0]] == '"'
            new = _json(column, its.value, quoted=quoted, where=f"{layout.full}, column {name}")
            made += [text[kept : at + inner[0]], new]
            kept = at + inner[1]
        at, number = _blanks(text, end), number + 1
        at = _blanks(text, at + 1) if text[at] == "," else at
    return "".join([*made, text[kept:]])


def _of_one(column: Column) -> Column:
    """A list's column as the column of one of its values."""
    kind = column.arrow
    whole = pa.types.is_list(kind) and pa.types.is_integer(kind.value_type)
    return column.model_copy(update={"type": "integer" if whole else "text", "said": None})


def _span(text: str, names: Sequence[str]) -> tuple[int, int] | None:
    """Where in a record's text the value of a plain path stands; None: it has none there."""
    at = _blanks(text, 0)
    for name in names:
        if text[at] != "{":
            return None
        at = _blanks(text, at + 1)
        while text[at] != "}":
            member, end = _DECODER.raw_decode(text, at)
            at = _blanks(text, _blanks(text, end) + 1)
            if member == name:
                break
            at = _blanks(text, _DECODER.raw_decode(text, at)[1])
            at = _blanks(text, at + 1) if text[at] == "," else at
        else:
            return None
    return at, _DECODER.raw_decode(text, at)[1]


def _blanks(text: str, at: int) -> int:
    return cast("re.Match[str]", _BLANKS.match(text, at)).end()


def _json(column: Column, value: object, *, quoted: bool, where: str) -> str:
    """A value as JSON writes it: as a text where a text stood."""
    value = _plain(column, value, where)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, Decimal)) and not quoted:
        return str(value)
    text = str(value)
    return json.dumps(text, ensure_ascii=any("\ud800" <= char <= "\udfff" for char in text))


def _plain(column: Column, value: object, where: str) -> object:
    """What a change gives a row, as a store of this form writes it. :raises Refused: it cannot be written."""
    if value is None or value is Redaction.NULL:
        return None
    if value is Redaction.UNIQUE:
        if column.type == "integer":
            return 2**62 + secrets.randbits(61)  # Far above any real number; 63 bits.
        if column.type == "text":
            return f"erased-{secrets.token_hex(6)}@invalid" if column.identity == "email" else secrets.token_hex(8)
        raise cannot(where)
    if isinstance(value, datetime):
        if column.form in FACTOR:
            whole, rest = divmod(micros(value), FACTOR[column.form])
            if rest:
                raise cannot(where)
            return whole
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (str, int, Decimal)):
        return value
    raise cannot(where)


def cannot(where: str) -> Refused:
    """A value cannot stand there."""
    return Refused("records.cannot_set", "A value of that type cannot be written there.", where=where)


def _parquet(layout: Layout, raw: BinaryIO, out: BinaryIO, changes: Changes) -> None:
    parquet = pq.ParquetFile(raw)
    writer = pq.ParquetWriter(out, parquet.schema_arrow, **_options(parquet, bool(changes.values)))
    start = 1
    with writer:
        for number in range(parquet.metadata.num_row_groups):
            table = parquet.read_row_group(number)
            mine = [row for row in changes.values if start <= row < start + table.num_rows]
            for name in dict.fromkeys(name for row in mine for name in changes.values[row]):
                table = _set(layout, table, name, {r - start: v[name] for r, v in _having(changes, mine, name)})
            keep = np.array([start + n not in changes.gone for n in range(table.num_rows)], bool)
            start += table.num_rows
            left = table if keep.all() else table.filter(pa.array(keep))
            if left.num_rows:
                writer.write_table(left, row_group_size=left.num_rows)


def _having(changes: Changes, rows: list[int], name: str) -> Iterator[tuple[int, dict[str, object]]]:
    return ((row, changes.values[row]) for row in rows if name in changes.values[row])


def _options(parquet: pq.ParquetFile, changed: bool) -> dict[str, Any]:
    """How a file was written."""
    meta = parquet.metadata
    first = meta.row_group(0)
    columns = [first.column(i) for i in range(first.num_columns)]
    codecs = {c.path_in_schema: c.compression for c in columns}
    options: dict[str, Any] = {
        "compression": {path: _CODECS.get(codec, codec.lower()) for path, codec in codecs.items()},
        "use_dictionary": [c.path_in_schema for c in columns if any("DICTIONARY" in e for e in c.encodings)] or False,
        "write_statistics": [c.path_in_schema for c in columns if c.is_stats_set] or False,
        "version": "1.0" if str(meta.format_version).startswith("1") else "2.6",
        "use_compliant_nested_type": not any(".list.item" in c.path_in_schema for c in columns),
        "use_deprecated_int96_timestamps": any(c.physical_type == "INT96" for c in columns),
        "store_schema": b"ARROW:schema" in (meta.metadata or {}),
        "write_page_index": any(c.has_column_index for c in columns),
    }
    if not changed and first.sorting_columns:
        options["sorting_columns"] = first.sorting_columns
    return options


def _set(layout: Layout, table: pa.Table, name: str, values: dict[int, object]) -> pa.Table:
    """A table with other values in some rows of a column."""
    if any(isinstance(value, Elements) for value in values.values()):
        return _set_elements(layout, table, name, values)
    names, where = layout.paths[name].names or (), f"{layout.full}, column {name}"
    at = table.schema.get_field_index(names[0])
    if at < 0:
        return table
    old = table.column(at)
    array = pa.concat_arrays(old.chunks) if old.num_chunks != 1 else old.chunk(0)
    new = _put(array, table.schema.field(at), names[1:], values, layout.dataset.columns[name], where)
    return table.set_column(at, table.schema.field(at), new)


def _set_elements(layout: Layout, table: pa.Table, name: str, values: dict[int, object]) -> pa.Table:
    """A table with other values in some elements of some rows' lists."""
    where = f"{layout.full}, column {name}"
    column = _of_one(layout.dataset.columns[name])
    top = next(iter(its.base[0] for its in values.values() if isinstance(its, Elements)))
    at = table.schema.get_field_index(top)
    if at < 0 or column.type != "text" or layout.dataset.columns[name].said is not None:
        raise cannot(where)
    spot, old = table.schema.field(at), table.column(at).combine_chunks()
    array = pa.concat_arrays(old.chunks) if isinstance(old, pa.ChunkedArray) else old
    order, rows = np.arange(len(array)), list(values)
    made = []
    for row in rows:
        its, value = values[row], array[row].as_py()
        if isinstance(its, Elements):
            there = follow(value, its.base[1:]) or []
            for number in its.which:
                new = _plain(column, its.value, where)
                if its.leaf:
                    follow(there[number], its.leaf[:-1])[its.leaf[-1]] = new
                else:
                    there[number] = new
        made.append(value)
    try:
        changed = pa.array(made, array.type)
    except (pa.ArrowException, TypeError, ValueError):
        raise cannot(where) from None
    order[rows] = len(array) + np.arange(len(rows))
    return table.set_column(at, spot, pa.concat_arrays([array, changed]).take(pa.array(order)))


def _put(array: Any, spot: Any, names: Sequence[str], values: dict[int, object], column: Column, where: str) -> Any:
    if not names:
        if not spot.nullable and any(value in (None, Redaction.NULL) for value in values.values()):
            raise cannot(where)
        new = _physical([_plain(column, value, where) for value in values.values()], spot.type, column, where)
        order = np.arange(len(array))
        order[list(values)] = len(array) + np.arange(len(values))
        return pa.concat_arrays([array, new]).take(pa.array(order))
    if not pa.types.is_struct(array.type) or array.type.get_field_index(names[0]) < 0:
        return array
    at = array.type.get_field_index(names[0])
    there = array.is_valid().to_pylist()
    mine = {row: value for row, value in values.items() if there[row]}
    children = [array.field(i) for i in range(array.type.num_fields)]
    children[at] = _put(children[at], array.type.field(at), names[1:], mine, column, where)
    fields = [array.type.field(i) for i in range(array.type.num_fields)]
    return pa.StructArray.from_arrays(children, fields=fields, mask=array.is_null())


def _physical(values: list[object], kind: Any, column: Column, where: str) -> Any:
    """Values in the type that a file has."""
    if pa.types.is_timestamp(kind):
        zone = ZoneInfo(column.zone or "UTC")
        moments = [datetime.fromisoformat(v).astimezone(zone) if isinstance(v, str) else v for v in values]
        values = [m.replace(tzinfo=None) if isinstance(m, datetime) and kind.tz is None else m for m in moments]
    elif pa.types.is_date(kind):
        values = [date.fromisoformat(v) if isinstance(v, str) else v for v in values]
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = [v if v is None else str(v) for v in values]
    elif pa.types.is_floating(kind):
        values = [float(v) if isinstance(v, (int, Decimal)) else v for v in values]
    try:
        found: pa.Array[Any] = pa.array(values, kind.value_type if pa.types.is_dictionary(kind) else kind)
        return found.cast(kind) if pa.types.is_dictionary(kind) else found
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise cannot(where) from None
