"""A dataset of records: where in a record each column stands, and what its values are in Arrow's types.

Besides paths, a dataset may declare ``file`` (the object's key), ``row`` (the record's number in its file, from 1), and
columns that are named groups of ``names``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from math import isinf
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from privacy.datamap.models import Column, Dataset
from privacy.datamap.stores import Records
from privacy.errors import BadConfiguration, Unreadable
from privacy.sources.base import schema_of
from privacy.sources.convert import integer, to_arrow
from privacy.sources.convert_nested import Lost
from privacy.sources.instants import instant, micros
from privacy.sources.records_path import Path, Record, own

FILE, ROW = "file", "row"
BUILT_IN = {FILE: "text", ROW: "integer"}

OTHER_DAY = (
    "Correct that column's `zone`, in which a file has the records of one day; or leave `records.day` out: then every "
    "file is looked into."
)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands.

    :param key: the object's key. ``row``: its number in it, from 1. ``where``: how an error names the file.
    """

    key: str = field(repr=False)
    row: int
    where: str

    def __str__(self) -> str:
        return f"{self.where}, row {self.row}"


@dataclass(slots=True)
class Row:
    """A picked record.

    :param record: its members, with exact values. ``subject``, ``party``: as in the contract.
    """

    place: Place
    record: Record = field(repr=False)
    subject: int | None
    party: str | None


class Layout:
    """A dataset's description, checked and ready for use.

    :param full: ``system.dataset``, for errors.
    :raises BadConfiguration: with what to write instead.
    """

    def __init__(self, full: str, dataset: Dataset) -> None:
        self.full, self.dataset, self.schema = full, dataset, schema_of(dataset)
        if dataset.prefix is None or dataset.names is None:
            raise self.wrong("a dataset of records has a `prefix`, and `names` for the files below it")
        self.prefix, self.names = dataset.prefix, re.compile(dataset.names)
        self.records = dataset.records or Records()
        self.latest = self.records.latest
        self.at = self._at()
        self.paths: dict[str, Path] = {}
        self.named: set[str] = set()
        for name, column in dataset.columns.items():
            self._column(name, column)
        self._people()
        self._days()
        self._settable()
        self.starts = dataset.starts.column if dataset.starts else None
        if self.latest in (FILE, ROW) or (self.latest and {FILE, ROW} & set(dataset.key)):
            raise self.wrong("records.latest: the key tells records apart by file or row, so no two are one record")

    def wrong(self, what: str) -> BadConfiguration:
        """What the data map says cannot be served."""
        return BadConfiguration("records.layout", f"The dataset cannot be read: {what}.", where=self.full)

    def _at(self) -> tuple[str, ...]:
        if self.records.at is None:
            return ()
        try:
            names = Path(self.records.at).names
        except ValueError as problem:
            raise self.wrong(f"records.at: {problem}") from None
        if names is None:
            # Whatever else JMESPath can say of a document would need all of it in memory.
            raise self.wrong("records.at: write a plain dotted path to the list, e.g. `export.tickets`")
        return names

    def _column(self, name: str, column: Column) -> None:
        if column.original:
            raise self.wrong(f"column {name!r}: a record has no original of its own; leave `original` out")
        if name in BUILT_IN and column.path is None:
            if column.type != BUILT_IN[name]:
                raise self.wrong(f"column {name!r} is made by the source and has type {BUILT_IN[name]}")
        elif name in self.names.groupindex and column.path is None:
            self.named.add(name)
        else:
            try:
                self.paths[name] = own(name) if column.path is None else Path(column.path)
            except ValueError as problem:
                raise self.wrong(f"column {name!r}: path: {problem}") from None

    def _people(self) -> None:
        for party in self.dataset.people.values():
            for name in party.subject:
                if name in BUILT_IN:
                    raise self.wrong(f"subject: column {name!r} is made by the source and names nobody")
                kind = self.dataset.columns[name].arrow
                inner = kind.value_type if pa.types.is_list(kind) else kind
                if not (pa.types.is_string(inner) or pa.types.is_integer(inner)):
                    raise self.wrong(f"subject: column {name!r} is text, integer, or a list of these")

    def _settable(self) -> None:
        for name in (*(self.dataset.erasure.set or ()), *(self.dataset.erasure.referenced or ())):
            if not self.settable(name):
                raise self.wrong(
                    f"erasure.set: column {name!r} is no plain path (like visitor.email): nothing can be set there"
                )

    def settable(self, name: str) -> bool:
        """Whether a value can be written where a column stands."""
        return name in self.paths and self.paths[name].names is not None

    def _days(self) -> None:
        if self.records.day is None:
            return
        if self.dataset.time is None:
            raise self.wrong("records.day: say which column tells a record's time (`time:`)")
        self._zone = ZoneInfo(self.dataset.columns[self.dataset.time].zone or "UTC")

    def span(self, key: str) -> tuple[int, int] | None:
        """Between which microseconds the records of a file lie, by the day in its name; None: it does not say.

        :raises Unreadable: the day is none.
        """
        found = self.names.fullmatch(key[len(self.prefix) :]) if self.records.day else None
        text = found[str(self.records.day)] if found else None
        if text is None:
            return None
        try:
            day = date.fromisoformat(text)
            low, high = (
                micros(datetime.combine(d, time(), self._zone).astimezone(UTC) + way * _HOUR)
                for d, way in ((day, -1), (day + timedelta(days=1), 1))
            )
        except (ValueError, OverflowError):
            raise Unreadable(
                "records.day", "The day in a file's name is none.", where=self.full,
                advice="Rename the file, or correct `names`.",
            ) from None  # fmt: skip
        return low, high

    def dated(self, day: tuple[int, int] | None, at: int | None, where: str) -> None:
        """Make sure that a record is of its file's day: by that day, files are passed over.

        :param day: see :meth:`span`. ``at``: when the record came to be. ``where``: how an error names it.
        :raises Unreadable: ``records.day``: it is further than an hour from it.
        """
        if day is not None and at is not None and not day[0] <= at <= day[1]:
            raise Unreadable(
                "records.day", "A file has records of another day than its name says.",
                where=f"{where}, column {self.dataset.time}", advice=OTHER_DAY,
            )  # fmt: skip

    def of_name(self, key: str) -> dict[str, str | None]:
        """The columns that stand in a file's name."""
        found = self.names.fullmatch(key[len(self.prefix) :]) if self.named else None
        return {name: found[name] if found else None for name in self.named}

    def value(self, name: str, record: Record, place: Place) -> Any:
        """A column's value in a record, as the file writes it."""
        if name in self.paths:
            try:
                return self.paths[name].get(record)
            except Unreadable as problem:
                raise Unreadable(problem.code, problem.message, where=f"{place}, column {name}") from None
        if name in self.named:
            return self.of_name(place.key)[name]
        return _text(place.key) if name == FILE else place.row

    def moment(self, name: str | None, record: Record, place: Place) -> int | None:
        """The instant in a date or datetime column; None: it has none.

        :raises Unreadable: ``records.lost_type``: it is no time.
        """
        value = None if name is None else self.value(name, record, place)
        if name is None or value is None:
            return None
        column = self.dataset.columns[name]
        if column.type == "date" and isinstance(value, str):
            value = value.strip()
        found = instant(value, column.form, column.zone or "UTC")
        if found is None:
            raise self.lost(name, str(place))
        return found

    def lost(self, name: str, where: str) -> Unreadable:
        """A value is not of its column's type."""
        return Unreadable(
            "records.lost_type", f"A value is not exactly a {self.dataset.columns[name].type}.",
            where=f"{where}, column {name}",
            advice="Correct the type, the form or the path in the data map, or the file.",
        )  # fmt: skip

    def key(self, record: Record, place: Place) -> bytes:
        """A digest of the record's key. :raises Unreadable: ``records.no_key``: it has none."""
        made = blake2b(digest_size=16)
        for name in self.dataset.key:
            value = self.value(name, record, place)
            if value is None:
                raise Unreadable(
                    "records.no_key", "A record has no key.", where=f"{place}, column {name}",
                    advice="Correct the path in the data map, or the file.",
                )  # fmt: skip
            made.update(repr(self._part(name, value, record, place)).encode("utf-8", "surrogatepass") + b"\0")
        return made.digest()

    def _part(self, name: str, value: Any, record: Record, place: Place) -> Any:
        """A part of a key as its column has it: one dump may write a number as 7, another as "7" or 7.0.

        :raises Unreadable: ``records.lost_type``: it is none of the column's type, so which record it is nobody knows.
        """
        kind = self.dataset.columns[name].type
        if kind in ("date", "datetime"):
            return self.moment(name, record, place)
        found = whole(value)
        found = value if found is None else found
        if kind == "text":
            return found if isinstance(found, str) else str(found)
        if kind == "integer":
            try:
                return integer(found)
            except Lost:
                raise self.lost(name, str(place)) from None
        return found

    def order(self, record: Record, place: Place) -> tuple[int, Any]:
        """What ``records.latest`` compares versions of a record by: nothing comes before something."""
        name = str(self.latest)
        column, value = self.dataset.columns[name], self.value(name, record, place)
        if value is None:
            return (0, 0)
        if column.type in ("date", "datetime"):
            return (1, self.moment(name, record, place))
        (found,) = self.array(name, [value], [str(place)]).to_pylist()
        return (1, found)

    def batch(self, rows: Sequence[Row]) -> pa.RecordBatch:
        """Picked records as a batch of the dataset's schema."""
        where = [str(row.place) for row in rows]
        arrays: list[pa.Array[Any]] = []
        for name in self.dataset.columns:
            values = [self.value(name, row.record, row.place) for row in rows]
            if name in self.dataset.key and None in values:
                self.key(rows[values.index(None)].record, rows[values.index(None)].place)
            arrays.append(self.array(name, values, where))
        return self.finished(arrays, [(row.subject, row.party) for row in rows])

    def finished(self, arrays: list[pa.Array[Any]], whose: Sequence[tuple[int | None, str | None]]) -> pa.RecordBatch:
        """A batch of converted columns, with whose each row is."""
        subjects = pa.array([subject for subject, _ in whose], pa.int32())
        parties = pa.array([party for _, party in whose], pa.string())
        return pa.RecordBatch.from_arrays([*arrays, subjects, parties], schema=self.schema)

    def array(self, name: str, values: list[Any], where: Sequence[str], *, json: bool = True) -> pa.Array[Any]:
        """Values as the column's exact type.

        :param json: they are JSON's, whose numbers may be any column's.
        :raises Unreadable: ``records.lost_type``, with the first row that is to blame.
        """
        column = self.dataset.columns[name]
        try:
            return to_arrow(_shaped(values, column, json), column, "")
        except (Unreadable, ValueError):
            for value, here in zip(values, where, strict=True):
                try:
                    to_arrow(_shaped([value], column, json), column, "")
                except (Unreadable, ValueError):
                    raise self.lost(name, here) from None
            raise self.lost(name, where[0] if where else self.full) from None


def _shaped(values: list[Any], column: Column, json: bool) -> list[Any]:
    """Values in the words of :func:`to_arrow`, which knows databases: there, JSON in a text may be a list.

    :raises ValueError: a list or record where none is declared, or the other way round.
    """
    kind = column.arrow
    wanted = list if pa.types.is_list(kind) else dict if pa.types.is_struct(kind) else None
    if wanted is not None:
        if any(v is not None and type(v) is not wanted for v in values):
            raise ValueError
        return values
    if any(isinstance(v, (list, dict, tuple)) for v in values):
        raise ValueError
    if pa.types.is_integer(kind) and any(v is True or v is False for v in values):
        raise ValueError  # A database writes these as 1 and 0, a file does not.
    if json and pa.types.is_floating(kind):
        # Written in decimal digits, a JSON number is the float nearest to it: that is what JSON means by it.
        return [_nearest(v) if isinstance(v, Decimal) else v for v in values]
    return values


def _nearest(value: Decimal) -> float:
    """The float nearest to a number. :raises ValueError: it is beyond all of them."""
    found = float(value)
    if isinf(found):
        raise ValueError
    return found


def whole(value: Any) -> int | None:
    """The whole number that a float or decimal is; None: it is none, or a float cannot tell it from its neighbours."""
    least = 2**53 if isinstance(value, float) else 2**63
    fits: bool = isinstance(value, (float, Decimal)) and -least < value < least and value == int(value)
    return int(value) if fits else None


def _text(key: str) -> str:
    # A file name may hold bytes that are no text; a column may not.
    return key.encode(errors="surrogateescape").decode("utf-8", "backslashreplace")
