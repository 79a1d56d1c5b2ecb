"""Items: a row of a dataset as a plan names it, by key and by a digest of what the store has in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any

from privacy.datamap.models import Dataset, Form
from privacy.errors import Unreadable
from privacy.sources.base import Item
from privacy.sources.instants import EPOCH, instant
from privacy.sources.sql_dialect import Key
from privacy.sources.sql_text import told

Values = tuple[Any, ...]
"""A row, its dataset's columns first, as the driver gave them."""


class Items:
    """Makes the items of a dataset's rows, many at a time.

    An item's version leaves out what its term counts from: that may be a matter of other rows (the latest invoice of an
    order), which go before it. Whether it is still due, the selection itself says when it is changed.

    :param where: the dataset's full name, for errors.
    :param versions: the rows have them: their statement was made so, by a database that does.
    """

    def __init__(self, dataset: Dataset, where: str, *, versions: bool = False) -> None:
        names = list(dataset.columns)
        places = [names.index(name) for name in dataset.key]
        self._where, self._key = where, _picked(places)
        self._start, self._form, self._zone = None if dataset.starts is None else dataset.starts.column, Form.ISO, "UTC"
        if self._start is not None:
            self._place, column = names.index(self._start), dataset.columns[self._start]
            self._form = column.form if column.type == "datetime" else Form.ISO
            self._zone = column.zone or "UTC"
        self._content = _picked([names.index(name) for name in told(dataset)])
        self._version = len(names) + 1 if versions else None

    def of(self, rows: Sequence[Values]) -> list[Item]:
        """One a row. :raises Unreadable: ``sql.key_null``: a part of a key is NULL, so it could not be found again."""
        keys, texts = self.keys(rows), self._texts(rows)
        versions = self._versions(rows, texts)
        begun: list[datetime | None] = [None] * len(rows)
        if self._start is not None:
            place, form, zone = self._place, self._form, self._zone
            begun = [_begun(row[place], form, zone) for row in rows]
        found = []
        for key, text, oldest, version in zip(keys, texts, begun, versions, strict=True):
            # The version covers the key, which is among the row's values, and the key's place is the dataset's.
            found.append(Item(key, version, 1, len(text), oldest, True, version))
        return found

    def versions(self, rows: Sequence[Values]) -> dict[Key, str]:
        """Of each row its version, by its key. :raises Unreadable: as :meth:`of`."""
        versions = self._versions(rows, self._texts(rows) if self._version is None else ())
        return dict(zip(self.keys(rows), versions, strict=True))

    def _versions(self, rows: Sequence[Values], texts: Sequence[bytes]) -> list[str]:
        if (place := self._version) is None:
            return [sha256(text).hexdigest() for text in texts]
        versions: list[str] = [row[place] for row in rows]
        if None in versions:
            raise Unreadable("sql.version", "A record is too large to be told apart.", where=self._where)
        return versions

    def keys(self, rows: Sequence[Values]) -> list[Key]:
        """Of each row its key. :raises Unreadable: as :meth:`of`."""
        keys = list(map(self._key, rows))
        if any(None in key for key in keys):
            raise Unreadable(
                "sql.key_null", "A record has no key.", where=self._where,
                advice="Give the dataset a key that is never NULL.",
            )  # fmt: skip
        return keys

    def _texts(self, rows: Sequence[Values]) -> list[bytes]:
        # The values as the driver gave them: 1, 1.0 and '1' are different contents.
        return [repr(content).encode("utf-8", "surrogatepass") for content in map(self._content, rows)]


def _picked(places: Sequence[int]) -> Callable[[Values], Key]:
    """What takes these values out of a row, as a tuple also where it is one."""
    if len(places) < 2:
        return lambda row: tuple([row[place] for place in places])
    return itemgetter(*places)


@lru_cache(maxsize=65_536, typed=True)
def _begun(value: object, form: Form, zone: str) -> datetime | None:
    """Dates come again and again."""
    found = instant(value, form, zone)
    return None if found is None else EPOCH + timedelta(microseconds=found)
