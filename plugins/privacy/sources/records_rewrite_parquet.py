"""Writing Parquet anew without, or with changed, rows; schema, metadata, compression and row groups are kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from privacy.datamap.models import Column
from privacy.errors import Refused
from privacy.sources.base import Redaction
from privacy.sources.instants import FACTOR, micros
from privacy.sources.records_layout import Layout
from privacy.sources.records_match import Seen
from privacy.sources.records_own import Elements, follow

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


def of_one(column: Column) -> Column:
    """A list's column as the column of one of its values."""
    kind = column.arrow
    whole = pa.types.is_list(kind) and pa.types.is_integer(kind.value_type)
    return column.model_copy(update={"type": "integer" if whole else "text", "said": None})


def plain(column: Column, value: object, where: str) -> object:
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


def parquet_anew(layout: Layout, raw: BinaryIO, out: BinaryIO, changes: Changes) -> None:
    """Write a file anew. :raises Refused: ``records.cannot_set``."""
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
    column = of_one(layout.dataset.columns[name])
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
                new = plain(column, its.value, where)
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
        new = _physical([plain(column, value, where) for value in values.values()], spot.type, column, where)
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
