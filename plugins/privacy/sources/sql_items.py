"""Items: a row of a dataset as a plan names it, by key and by a digest of what the store has in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from privacy.datamap.models import Dataset, Form
from privacy.errors import Unreadable
from privacy.sources.base import Item
from privacy.sources.instants import EPOCH, instant


def items_of(dataset: Dataset, where: str, *, dated: bool = True) -> Callable[[tuple[Any, ...]], Item]:
    """What makes the items of a dataset's rows (its columns first, as the driver gave them).

    An item's version leaves out what its term counts from: that may be a matter of other rows (the latest invoice of an
    order), which go before it. Whether it is still due, the selection itself says when it is changed.

    :param dated: with the start of each; to know a row again, it is not needed.
    :raises Unreadable: when called: ``sql.key_null``: a part of a row's key is NULL, so it could not be found again.
    """
    names = list(dataset.columns)
    width, places = len(names), [names.index(name) for name in dataset.key]
    start, form, zone = None, Form.ISO, "UTC"
    if dataset.starts is not None:
        start, column = names.index(dataset.starts.column), dataset.columns[dataset.starts.column]
        form, zone = column.form if column.type == "datetime" else Form.ISO, column.zone or "UTC"

    def item(row: tuple[Any, ...]) -> Item:
        key = tuple([row[place] for place in places])
        if None in key:
            raise Unreadable(
                "sql.key_null", "A record has no key.", where=where, advice="Give the dataset a key that is never NULL."
            )
        # The values as the driver gave them: 1, 1.0 and '1' are different contents.
        content = row[:width] if start is None or start in places else (*row[:start], *row[start + 1 : width])
        text = repr(content).encode("utf-8", "surrogatepass")
        version = hashlib.sha256(text)
        found = None if start is None or not dated else instant(row[start], form, zone)
        oldest = None if found is None else EPOCH + timedelta(microseconds=found)
        told = version.hexdigest()
        # The version covers the key, which is among the row's values, and the key's place is the dataset's.
        version.update(b"\n" + repr(key).encode("utf-8", "surrogatepass"))
        return Item(key, told, 1, len(text), oldest, True, version.hexdigest())

    return item
