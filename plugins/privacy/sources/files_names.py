"""What the name of a file says: whether it is a record of the dataset, and the values of the columns in it.

A name is a person's own words more often than not (``CV-Anna-de-Vries.pdf``). So no error quotes one: it names the
dataset and a :func:`place`, a short digest that the operator looks up on a terminal (``privacy datamap place``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Protocol

from privacy.datamap.models import REQUEST, Column, Dataset, did_you_mean
from privacy.errors import BadConfiguration
from privacy.sources.base import schema_of
from privacy.sources.convert import day
from privacy.sources.convert_nested import Lost
from privacy.sources.instants import instant, micros
from privacy.storage import Entry

FILE, BYTES, MODIFIED, MEDIA_TYPE, SHA256 = "file", "bytes", "modified", "media_type", "sha256"
BUILT_IN = {FILE: "text", BYTES: "integer", MODIFIED: "datetime", MEDIA_TYPE: "text", SHA256: "text"}
"""The columns that every file has, with their types; a dataset may declare fewer."""

IN_NAMES = ("integer", "text", "date", "datetime")
"""The types that a group of ``names`` can have."""

DELIVERED = "DELIVERED"
"""The name of the file that says what a delivery consists of (``privacy.rights.deliveries``); no record itself."""

Value = int | str | date | None
"""A column's value out of a name; a datetime is whole microseconds since 1970 in UTC."""

_DIGITS = re.compile(r"-?[0-9]{1,19}")  # Those of other scripts are digits to Python too.
_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")


def place(key: str) -> str:
    """A stable word for a file that does not tell its name: letters alone, so that it is no number of anybody's."""
    return sha256(key.encode(errors="surrogateescape")).hexdigest()[:8].translate(_LETTERS)


def unclaimed(key: str, excused: Sequence[str]) -> str:
    """How an inventory names what lies under no dataset's prefix: by its excuse, or by a :func:`place`."""
    names = (name for name in excused if key == name or key.startswith(name.rstrip("/") + "/"))
    return next(names, None) or f"(place {place(_top(key))})"


def called(keys: Iterable[str], word: str) -> list[str]:
    """The keys, and the first folders of keys, that a :func:`place` stands for."""
    known = list(keys)
    tops = dict.fromkeys(top for key in known if (top := _top(key)).endswith("/") and place(top) == word)
    return list(map(text_of, [*(key for key in known if place(key) == word), *tops]))


def _top(key: str) -> str:
    """The first folder of a key, or a file that lies in none."""
    head, slash, _ = key.partition("/")
    return head + slash


def text_of(key: str) -> str:
    """A key as a text column can hold it: bytes that are no UTF-8 are written as ``\\xff``."""
    return key if key.isascii() else key.encode(errors="surrogateescape").decode("utf-8", "backslashreplace")


class Named(Protocol):
    """What a file's name and its time say: all that a selection goes by."""

    @property
    def key(self) -> str:
        """What the record is called; see :func:`text_of`."""
        ...

    @property
    def values(self) -> dict[str, Value]:
        """By column, of the groups of ``names``."""
        ...

    @property
    def modified(self) -> int:
        """In microseconds since 1970 in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A record: a file whose name fits.

    :param values: by column, of the groups of ``names``.
    """

    entry: Entry = field(repr=False)
    values: dict[str, Value] = field(repr=False)

    @property
    def key(self) -> str:
        """What the record is called; see :func:`text_of`."""
        return text_of(self.entry.key)

    @property
    def version(self) -> str:
        """A digest that differs when the file was changed or replaced; its content need not be read for it."""
        return version_of(self.entry.identity, self.entry.bytes, self.modified)

    @property
    def modified(self) -> int:
        """See :class:`Named`."""
        return micros(self.entry.modified)


def version_of(identity: str, size: int, modified: int) -> str:
    """See :attr:`File.version`; ``modified`` in microseconds since 1970 in UTC."""
    return sha256(f"{identity} {size} {modified}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Stray:
    """Something below the prefix that is no record, and why: the code of an error."""

    entry: Entry = field(repr=False)
    code: str


class NameForm:
    """A dataset's ``names``, ready for use.

    :param full: ``system.dataset``, for errors.
    :raises BadConfiguration: ``files.dataset``, with what to write instead.
    """

    def __init__(self, full: str, dataset: Dataset) -> None:
        self.full, self.dataset, self.schema = full, dataset, schema_of(dataset)
        if dataset.prefix is None or dataset.names is None:
            raise self._wrong("a dataset of files has a `prefix` and `names`")
        self.prefix: str = dataset.prefix
        if self.prefix and any(part in ("", ".", "..") for part in self.prefix.removesuffix("/").split("/")):
            raise self._wrong("prefix: write it relative to the connection's folder, without '..'")
        if self.prefix and not self.prefix.endswith("/"):
            raise self._wrong(f"prefix: a folder ends with a slash: {self.prefix}/")
        # A name may have any character in it, a newline too.
        self._names = re.compile(dataset.names, re.DOTALL)
        self.groups: dict[str, Column] = {}
        for name in self._names.groupindex:
            if name not in dataset.columns:
                raise self._wrong(f"names: the group {name!r} is no column{did_you_mean(name, dataset.columns)}")
            if name in BUILT_IN:
                raise self._wrong(f"names: every file has a column {name!r}; give the group another name")
            self.groups[name] = dataset.columns[name]
        for name, column in dataset.columns.items():
            self._column(name, column)
        if dataset.key != (FILE,):
            raise self._wrong(f"key: a file is told from others by its name alone; write `key: [{FILE}]`")
        self.request = next((n for n, c in self.groups.items() if c.identity == REQUEST), None)
        if dataset.delivery is not None and self.request is None:
            raise self._wrong(f"delivery: a group of `names` has the request's number, with `identity: {REQUEST}`")
        self._groups, self._delivery = tuple(self.groups.items()), dataset.delivery is not None
        self.reads = {MEDIA_TYPE, SHA256} & dataset.columns.keys()
        """The columns for which a file's content is read."""

    def _column(self, name: str, column: Column) -> None:
        if name in self.groups:
            if column.type not in IN_NAMES:
                raise self._wrong(f"column {name!r}: a group of `names` is one of {', '.join(IN_NAMES)}")
        elif name not in BUILT_IN:
            known = ", ".join([*self.groups, *BUILT_IN])
            raise self._wrong(
                f"column {name!r} is no group of `names` and none that every file has"
                f"{did_you_mean(name, [*self.groups, *BUILT_IN])} (there are: {known})"
            )
        elif column.type != BUILT_IN[name]:
            raise self._wrong(f"column {name!r} of a file is {BUILT_IN[name]}, not {column.type}")

    def _wrong(self, what: str) -> BadConfiguration:
        return BadConfiguration("files.dataset", f"The dataset cannot be read: {what}.", where=self.full)

    def matches(self, key: str) -> bool:
        """Whether a key below the prefix has a name of the dataset's, whatever its values are."""
        return self._names.fullmatch(key[len(self.prefix) :]) is not None

    def read(self, entry: Entry) -> File | Stray | None:
        """What lies under a key below the prefix; None: a delivery's own list of its files."""
        rest = entry.key[len(self.prefix) :]
        if self._delivery and rest.partition("/")[2] == DELIVERED:
            return None
        values = self.values(entry.key)
        if isinstance(values, dict):
            return File(entry, values)
        unlike = values == "files.other_name" and self._names.fullmatch(rest) is None
        return Stray(entry, f"storage.{entry.identity}" if unlike and not entry.regular else values)

    def values(self, key: str) -> dict[str, Value] | str:
        """What the name of a record says, by column; a code: why none can have it. The key is below the prefix."""
        rest = key[len(self.prefix) :]
        found = self._names.fullmatch(rest)
        if found is None:
            return "files.other_name"
        try:
            values = {name: _value(found[name], column) for name, column in self._groups}
        except (Lost, ValueError, OverflowError):
            return "files.value"
        if self._delivery:
            folder, _, below = rest.partition("/")
            if below == DELIVERED or values[str(self.request)] != folder:
                return "files.other_name"
        return values

    def moment(self, file: Named, column: str | None) -> int | None:
        """When a date or datetime column of a file is, as an instant; a date is its midnight in the column's zone."""
        if column is None:
            return None
        if column == MODIFIED:
            return file.modified
        value, declared = file.values.get(column), self.dataset.columns[column]
        return instant(value, declared.form, declared.zone or "UTC") if isinstance(value, date) else _instant(value)


def _instant(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _value(raw: str | None, column: Column) -> Value:
    """A group as a value of its column's type. :raises Lost, ValueError: it is not exactly one."""
    if raw is None:
        return None
    if column.type == "text":
        return text_of(raw)
    if column.type == "integer":
        # A folder's number may be written with zeros before it.
        if not _DIGITS.fullmatch(raw) or not -(2**63) <= (number := int(raw)) < 2**63:
            raise Lost
        return number
    if column.type == "date":
        return day(raw)
    moment = instant(raw, column.form, column.zone or "UTC", exact=True)
    if moment is None:
        raise Lost
    return moment
