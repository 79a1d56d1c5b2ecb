"""The lines of a log: a dataset's ``format``, and what a line's fields are in Arrow's types.

The format is a regular expression over a line's raw bytes, with a named group a column. Besides the groups, a dataset
may declare ``file`` (the object's key), ``line_number`` (from 1) and an ``original`` binary column (the line's own
bytes without the newline).

A field that is not of its column's type is NULL there (``-`` and an empty field are NULL in identity columns and in
all but text); the original has it as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from privacy.datamap.models import Column, Dataset
from privacy.errors import BadConfiguration
from privacy.sources.base import schema_of
from privacy.sources.weblogs_shape import Shape, shape
from privacy.sources.weblogs_times import Reader, day, reader

FILE, LINE_NUMBER = "file", "line_number"

_INT64 = 2**63
_WHOLE = re.compile(rb"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(rb"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")
_BOOLEANS = {b"1": True, b"true": True, b"on": True, b"0": False, b"false": False, b"off": False}


def empty(raw: bytes | None) -> bool:
    """Whether a field of a log says that there is nothing."""
    return raw is None or raw in (b"", b"-")


def whole(raw: bytes) -> int | None:
    """A whole number of 64 bits, or None."""
    if not _WHOLE.fullmatch(raw):
        return None
    value = int(raw)
    return value if -_INT64 <= value < _INT64 else None


@dataclass(slots=True)
class Row:
    """A picked line.

    :param file: the object's key; ``number``: of the line, from 1.
    :param found: what the format made of it; None: a line in no known form.
    :param subject, party: see ``SUBJECT`` and ``PARTY`` of :mod:`privacy.sources.base`.
    """

    file: str
    number: int
    line: bytes = field(repr=False)
    found: re.Match[bytes] | None = field(repr=False)
    subject: int | None
    party: str | None


class LineFormat:
    """A dataset's format, ready for use.

    :param full: ``system.dataset``, for errors.
    :raises BadConfiguration: with what to write instead.
    """

    def __init__(self, full: str, dataset: Dataset) -> None:
        self.full, self.dataset, self.schema = full, dataset, schema_of(dataset)
        if dataset.format is None or dataset.prefix is None:
            raise self._wrong("a dataset of web logs has a `format` and a `prefix`")
        try:
            self.regex = re.compile(dataset.format.encode())
        except re.error as problem:
            raise self._wrong(f"format: {problem.msg} at character {problem.pos}") from None
        self.group = dict(self.regex.groupindex)
        for name in self.group:
            if name not in dataset.columns:
                raise self._wrong(f"format: the group {name!r} is no column")
        for name, column in dataset.columns.items():
            ours = {FILE: "text", LINE_NUMBER: "integer"}.get(name)
            if name not in self.group and not column.original and column.type != ours:
                raise self._wrong(f"column {name!r} is no group of the format, nor file (text), line_number (integer)")
            if name in self.group and column.type.startswith(("list<", "record<")):
                raise self._wrong(f"column {name!r}: a log's field is no list or record")
        for party in dataset.people.values():
            for name in party.subject:
                if name not in self.group:
                    raise self._wrong(f"subject: column {name!r} is no group of the format")
        self._readers: dict[str, Reader] = {
            name: reader(column) for name, column in dataset.columns.items() if column.type in ("date", "datetime")
        }
        self._shapes: dict[str, Shape | None] = {}
        self._builders = {name: self._builder(name, column) for name, column in dataset.columns.items()}

    def _wrong(self, what: str) -> BadConfiguration:
        return BadConfiguration("weblogs.format", f"The dataset cannot be read: {what}.", where=self.full)

    def after(self, column: str) -> bytes:
        """The characters that always follow a column's group; empty where there are none."""
        return following(str(self.dataset.format), column)

    def match(self, line: bytes) -> re.Match[bytes] | None:
        """The fields of a line (without its newline; a carriage return before that is no part of them)."""
        return self.regex.fullmatch(line, 0, len(line) - 1 if line.endswith(b"\r") else len(line))

    def clock(self, column: str | None) -> Callable[[re.Match[bytes]], int | None] | None:
        """How to read the moment in a date or datetime column of a line, in microseconds since 1970 in UTC.

        What it gives is None where the time is unknown. None instead of it: the log does not tell.
        """
        if column is None or column not in self.group or column not in self._readers:
            return None
        group, read = self.group[column], self._readers[column]

        def clock(found: re.Match[bytes]) -> int | None:
            raw = found.group(group)
            return None if empty(raw) else read(raw)

        return clock

    def reader(self, column: str) -> Reader:
        """How to read the raw text of a date or datetime column."""
        return self._readers[column]

    def shape(self, column: str) -> Shape | None:
        """What finds many lines of one day at once, by this column; None: the format is not fit for it."""
        if column not in self._shapes:
            self._shapes[column] = shape(str(self.dataset.format).encode(), column)
        return self._shapes[column]

    def batch(self, rows: Sequence[Row]) -> pa.RecordBatch:
        """Picked lines as a batch of the dataset's schema."""
        arrays = [build(rows) for build in self._builders.values()]
        arrays.append(pa.array([row.subject for row in rows], pa.int32()))
        arrays.append(pa.array([row.party for row in rows], pa.string()))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _builder(self, name: str, column: Column) -> Callable[[Sequence[Row]], pa.Array[Any]]:
        """How to make a column's array."""
        if name not in self.group:
            if column.original:
                return lambda rows: pa.array([row.line for row in rows], pa.binary())
            if name == FILE:
                # A file name may hold bytes that are no text; a column may not.
                return lambda rows: pa.array([_text(row.file.encode(errors="surrogateescape")) for row in rows])
            return lambda rows: pa.array([row.number for row in rows], pa.int64())
        group, kind, convert = self.group[name], column.arrow, self._converter(name, column)
        between = pa.int64() if column.type == "datetime" else kind

        def build(rows: Sequence[Row]) -> pa.Array[Any]:
            fields = (None if row.found is None else row.found.group(group) for row in rows)
            array = pa.array([None if raw is None else convert(raw) for raw in fields], between)
            return array if between is kind else array.cast(kind)

        return build

    def _converter(self, name: str, column: Column) -> Callable[[bytes], object]:
        if column.type == "text":
            return (lambda raw: None if empty(raw) else _text(raw)) if column.identity else _text
        if column.type == "binary":
            return lambda raw: raw
        if column.type == "integer":
            return whole
        if column.type == "number":
            return lambda raw: float(raw) if _NUMBER.fullmatch(raw) and raw.count(b".") <= 1 else None
        if column.type == "boolean":
            return lambda raw: _BOOLEANS.get(raw.lower())
        if column.type == "date":
            return lambda raw: day(raw)
        if column.type == "datetime":
            return self._readers[name]
        exact = column.arrow
        assert isinstance(exact, pa.Decimal128Type | pa.Decimal256Type)  # noqa: S101 - what arrow_type leaves
        precision, scale = exact.precision, exact.scale
        return lambda raw: _decimal(raw, precision, scale)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _decimal(raw: bytes, precision: int, scale: int) -> Decimal | None:
    """A decimal that fits its type exactly, or None: a value is never rounded."""
    try:
        value = Decimal(raw.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        return None
    if not value.is_finite():
        return None
    exponent = value.as_tuple().exponent
    fits = -int(exponent) <= scale and value.adjusted() < precision - scale
    return value if fits else None


def following(pattern: str, name: str) -> bytes:
    """The characters that a regular expression demands right after a named group; empty when none is certain."""
    depth, at, inside, end = 0, 0, False, -1
    if pattern.startswith("(?") and not pattern.startswith(("(?P<", "(?:")):
        return b""  # Flags may change what a character means.
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 2
            continue
        if inside:
            # A bracket right after [ or [^ stands for itself.
            inside = char != "]" or pattern[at - 1] == "[" or pattern[at - 2 : at] == "[^"
        elif char == "[":
            inside = True
        elif char == "(":
            if depth == 0 and pattern.startswith(f"(?P<{name}>", at):
                end = 0
            depth += 1
        elif char == ")":
            depth -= 1
            end = at + 1 if depth == 0 and end == 0 else end
        elif char == "|" and depth == 0:
            return b""
        at += 1
    if end <= 0 or end >= len(pattern):
        return b""
    made = b""
    while end < len(pattern):
        escaped = pattern[end] == "\\"
        end += escaped
        char, then = pattern[end : end + 1], pattern[end + 1 : end + 2]
        plain = char.isascii() and (not char.isalnum() if escaped else char not in "\\.^$*+?{}[]()|")
        if not char or not plain or (then and then in "?*{"):
            break
        made += char.encode()
        if then == "+":
            break
        end += 1
    return made
