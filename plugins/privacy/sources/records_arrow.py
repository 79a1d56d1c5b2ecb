"""Parquet's columns: where a path leads in a schema, values in the declared types, and a quick look for identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from privacy.datamap.models import Column, Form
from privacy.sources.convert import localize
from privacy.sources.records_path import Path
from privacy.sources.whose import Column as Identity

Names = tuple[str, ...]


def leaves(schema: pa.Schema) -> dict[Names, tuple[int, pa.DataType]]:
    """Every leaf of a schema by the members that lead to it, lists unseen; with its number in the file.

    One in a map has the type null: nobody looks into it without a closer look.
    """
    found: dict[Names, tuple[int, pa.DataType]] = {}
    for number, (names, kind) in enumerate(_walk(schema)):
        found.setdefault(names, (number, kind))
    return found


def _walk(fields: Any, before: Names = ()) -> Iterator[tuple[Names, pa.DataType]]:
    for one in fields:
        yield from _below(one.type, (*before, one.name))


def _below(kind: Any, names: Names) -> Iterator[tuple[Names, pa.DataType]]:
    if pa.types.is_struct(kind):
        yield from _walk([kind.field(i) for i in range(kind.num_fields)], names)
    elif pa.types.is_map(kind):
        for name, inner in (("key", kind.key_type), ("value", kind.item_type)):
            yield from ((below, pa.null()) for below, _ in _below(inner, (*names, name)))
    elif _is_list(kind):
        yield from _below(kind.value_type, names)
    else:
        yield names, kind


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def there(path: Path, schema: pa.Schema, known: dict[Names, tuple[int, pa.DataType]] | None = None) -> bool:
    """Whether a schema, of which the leaves may be known, has what a path looks for."""
    if path.leaf is not None:
        wanted = path.leaf
        known = leaves(schema) if known is None else known
        return wanted in known or any(names[: len(wanted)] == wanted for names in known)
    return path.tops is None or path.tops <= set(schema.names)


def tops(path: Path, schema: pa.Schema) -> list[str]:
    """The columns of a schema that a path looks into."""
    if path.names is not None:
        return [name for name in path.names[:1] if name in schema.names]
    return [name for name in schema.names if path.tops is None or name in path.tops]


def columns(paths: Sequence[Path], schema: pa.Schema) -> list[str]:
    """The columns of a file that paths look into, as pyarrow names them."""
    found: dict[str, None] = {}
    for path in paths:
        if path.names is not None:
            found[".".join(path.names)] = None
        else:
            found |= dict.fromkeys(tops(path, schema))
    return list(found)


def flat(array: Any, names: Names) -> tuple[Any, Any]:
    """The leaf of an array that the rest of its members lead to, and the row of each of its values; None: one each."""
    rows: Any = None
    while True:
        kind = array.type
        if pa.types.is_struct(kind):
            array = pc.call_function("struct_field", [array], pc.StructFieldOptions([kind.get_field_index(names[0])]))
            names = names[1:]
        elif _is_list(kind):
            parents = pc.call_function("list_parent_indices", [array]).to_numpy(zero_copy_only=False)
            rows = parents if rows is None else rows[parents]
            array = array.flatten()
        else:
            return array, rows


class Look:
    """A quick look at a column of identities: True for every value that may be one of those that are looked for.

    :param known: the values, in their canonical form.
    """

    def __init__(self, column: Identity[Any, str], known: Any) -> None:
        self._kind, self._numeric, self._known = column.kind, column.numeric, sorted(known)
        self._canonical = column.canonical
        self._exact = column.kind not in ("email", "phone") and not any(":" in value for value in self._known)
        self.whole = [int(v) for v in self._known if v.lstrip("-").isdigit() and abs(int(v)) < 2**63]

    def outside(self, low: Any, high: Any) -> bool:
        """Whether no value between these bounds can be one of them."""
        if isinstance(low, bool):
            return False
        if isinstance(low, int) and isinstance(high, int):
            return not any(low <= value <= high for value in self.whole)
        if not (isinstance(low, str) and isinstance(high, str) and self._exact):
            return False
        if self._numeric and not low > "1":
            return False  # A number may begin with blanks, a sign or zeros.
        first, last = low.encode(errors="surrogatepass"), high.encode(errors="surrogatepass")
        known = (value.encode(errors="surrogatepass") for value in self._known)
        # A number may have blanks after it.
        return not any(first <= value + b"\xff" * self._numeric and value <= last for value in known)

    def absent(self, dictionary: bytes) -> bool:
        """Whether none of them can stand in a dictionary page: texts, each after its length in 4 bytes."""
        if self._kind == "phone" or not (self._exact or self._kind == "email"):
            return False
        if self._kind == "email":
            dictionary = dictionary.lower()
            return dictionary.isascii() and not any(value.encode() in dictionary for value in self._known)
        return not any(self._stands(value, dictionary) for value in self._known)

    def _stands(self, value: str, dictionary: bytes) -> bool:
        raw = value.encode("utf-8", "surrogatepass")
        if len(raw).to_bytes(4, "little") + raw in dictionary:
            return True
        digits = raw.lstrip(b"-")
        if not self._numeric or digits not in dictionary:
            return False
        # Other ways to write a number: with zeros or a sign before it, with blanks around it.
        return re.search(rb"[\s+0-]" + re.escape(digits) + rb"|" + re.escape(digits) + rb"\s", dictionary) is not None

    def rows(self, batch: pa.RecordBatch, names: Names) -> Any:
        """For each row of a batch, whether a value where the names lead may be meant."""
        array = batch.column(names[0])
        leaf, parents = flat(array, names[1:])
        if isinstance(leaf, pa.DictionaryArray):
            there = self._values(leaf.dictionary)
            if not there.any():
                return np.zeros(len(array), bool)
            indices = leaf.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            hits = np.append(there, False)[indices]
        else:
            hits = self._values(leaf)
        if parents is None:
            return hits
        found = np.zeros(len(array), bool)
        found[parents[hits]] = True
        return found

    def _values(self, values: Any) -> Any:
        kind = values.type
        if pa.types.is_integer(kind):
            whole = pa.array(self.whole, pa.int64())
            wide = values if kind == pa.int64() else values.cast(pa.int64(), safe=False)
            return _bools(pc.is_in(wide, value_set=whole))
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            values = values.cast(pa.string())
        elif not pa.types.is_string(kind):
            return _bools(values.is_valid())  # Whether it is one at all, a closer look tells.
        if self._kind == "email":
            folded = pc.utf8_lower(pc.utf8_trim_whitespace(values))
            odd = pc.invert(pc.string_is_ascii(values))
            return _bools(pc.or_(self._in(folded), odd))
        if self._kind == "phone":
            return np.array([v is not None and self._canonical(v) in self._known for v in values.to_pylist()], bool)
        found = self._in(values)
        if self._numeric:
            found = pc.or_(found, pc.match_substring_regex(values, r"^[\s\v+0-]|[\s\v]$"))
        elif self._kind == "ip" and not self._exact:
            found = pc.or_(found, pc.match_substring(values, ":"))
        return _bools(found)

    def _in(self, values: Any) -> Any:
        return pc.is_in(values, value_set=pa.array(self._known, pa.string()))


def _bools(array: Any) -> Any:
    return array.fill_null(False).to_numpy(zero_copy_only=False)


def follow(table: pa.RecordBatch, names: Names) -> Any:
    """The array that a plain path leads to in a batch; None: it leads nowhere."""
    if names[0] not in table.schema.names:
        return None
    array: Any = table.column(names[0])
    for name in names[1:]:
        if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
            return None
        array = pc.call_function("struct_field", [array], pc.StructFieldOptions([array.type.get_field_index(name)]))
    return array


def converted(array: Any, column: Column) -> Any:
    """An array in a column's exact type; None: its values have to be looked at one by one.

    :raises pa.ArrowInvalid: something would be lost.
    """
    kind = column.arrow
    if isinstance(array, pa.DictionaryArray):
        array = array.cast(array.type.value_type)
    if array.type == kind:
        return array
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(array.type) and array.type.tz is None:
        naive = array.cast(pa.timestamp("us"))
        return localize(naive, kind) if column.form in (Form.ISO, Form.NATIVE) else None
    return array.cast(kind) if _castable(array.type, kind) else None


def _castable(have: Any, want: Any) -> bool:
    """Whether a checked cast gives exactly the same values, or fails."""
    t = pa.types
    if have == want or t.is_null(have):
        return True
    if _is_list(have) and t.is_list(want):
        return _castable(have.value_type, want.value_type)
    if t.is_struct(have) and t.is_struct(want):
        mine = {have.field(i).name: have.field(i).type for i in range(have.num_fields)}
        wanted = [(want.field(i).name, want.field(i).type) for i in range(want.num_fields)]
        return list(mine) == [name for name, _ in wanted] and all(_castable(mine[n], k) for n, k in wanted)
    if t.is_timestamp(have) and t.is_timestamp(want):
        return have.tz is not None
    return (
        (t.is_integer(have) and t.is_integer(want))
        or (t.is_floating(have) and t.is_float64(want))
        or (t.is_decimal(have) and t.is_decimal(want))
        or (t.is_date32(have) and t.is_date32(want))
        or ((t.is_large_string(have) or t.is_string_view(have)) and t.is_string(want))
        or ((t.is_large_binary(have) or t.is_fixed_size_binary(have) or t.is_binary_view(have)) and t.is_binary(want))
    )


def plainly(table: pa.RecordBatch) -> pa.RecordBatch:
    """A batch without views of texts and bytes, as some programs write them: Arrow cannot take rows of those."""
    kinds = [_unviewed(kind) for kind in table.schema.types]
    if kinds == table.schema.types:
        return table
    arrays = [array.cast(kind) for array, kind in zip(table.columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=table.schema.names)


def _unviewed(kind: Any) -> Any:
    t = pa.types
    if t.is_string_view(kind):
        return pa.string()
    if t.is_binary_view(kind):
        return pa.binary()
    if t.is_struct(kind):
        return pa.struct([kind.field(i).with_type(_unviewed(kind.field(i).type)) for i in range(kind.num_fields)])
    if t.is_map(kind):
        return pa.map_(_unviewed(kind.key_type), _unviewed(kind.item_type))
    if t.is_list(kind) or t.is_large_list(kind):
        inner = _unviewed(kind.value_type)
        return kind if inner == kind.value_type else pa.list_(inner) if t.is_list(kind) else pa.large_list(inner)
    return kind


def values(array: Any) -> list[Any]:
    """An array as Python's values: maps as lists of key and value, no moment cut to a microsecond unseen.

    :raises pa.ArrowInvalid: something would be lost.
    """
    kind = _pythonic(array.type)
    return list((array if kind == array.type else array.cast(kind)).to_pylist())


def records(table: pa.RecordBatch) -> list[dict[str, Any]]:
    """A batch as records."""
    names = table.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(values, table.columns), strict=True)]


def _pythonic(kind: Any) -> Any:
    t = pa.types
    if t.is_dictionary(kind):
        return kind.value_type
    if t.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if t.is_map(kind):
        return pa.list_(pa.struct([("key", _pythonic(kind.key_type)), ("value", _pythonic(kind.item_type))]))
    if _is_list(kind):
        inner = _pythonic(kind.value_type)
        return kind if inner == kind.value_type else pa.list_(inner)
    if t.is_struct(kind):
        fields = [kind.field(i).with_type(_pythonic(kind.field(i).type)) for i in range(kind.num_fields)]
        return pa.struct(fields)
    return kind
