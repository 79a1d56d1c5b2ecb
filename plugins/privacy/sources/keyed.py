"""One record by its key: what an operator who has a key from a database or a bundle asks about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from privacy.datamap.load import Ref
from privacy.datamap.models import Column
from privacy.errors import BadInput
from privacy.sources.base import ByKey, Partition, Selection, Source

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
Key = tuple[object, ...]


def typed_key(ref: Ref, parts: Sequence[str]) -> Key:
    """A key as it was typed, in the types of the dataset's key columns.

    :raises BadInput: ``keyed.parts``, ``keyed.type``; nothing that was typed is repeated.
    """
    names = ref.dataset.key
    if len(parts) != len(names):
        raise BadInput(
            "keyed.parts",
            f"A key of this dataset has {len(names)} parts: {', '.join(names)}.",
            where=ref.full,
            advice="Give each as a word of its own; - asks for one.",
        )
    return tuple(_typed(ref, name, text) for name, text in zip(names, parts, strict=True))


def _typed(ref: Ref, name: str, text: str) -> object:
    column = ref.dataset.columns[name]
    try:
        return _value(column, text)
    except (ValueError, InvalidOperation, KeyError):
        raise BadInput(
            "keyed.type", f"Column {name!r} of the key is no {column.type}.", where=ref.full,
            advice="Write it as privacy datamap show says its type.",
        ) from None  # fmt: skip


def _value(column: Column, text: str) -> object:
    if column.type == "integer":
        # Python would read 1_001 too, and digits of other scripts.
        if not _WHOLE.fullmatch(text.strip()):
            raise ValueError
        found = int(text)
        if not -(2**63) <= found < 2**63:
            raise ValueError
        return found
    if column.type == "date":
        return date.fromisoformat(text)
    if column.type == "datetime":
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(column.zone or "UTC"))
    if column.type == "boolean":
        return {"true": True, "false": False}[text.lower()]
    if column.type == "number":
        return float(text)
    if column.type.startswith("decimal"):
        return Decimal(text)
    if column.type != "text":
        raise ValueError
    return text


def by_key(source: Source, ref: Ref, key: Key) -> tuple[Partition, dict[str, Any]] | None:
    """The record with that key, and the piece that it stands in; None: there is none.

    :raises RetryLater, Unreadable: as :meth:`Source.read`.
    """
    selection = Selection(ref.name, ByKey(keys=frozenset([key])))
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            for row in batch.to_pylist():
                # Looked at once more: a source may give more than it was asked for, and an answer is about one record.
                if tuple(row[name] for name in ref.dataset.key) == key:
                    return partition, row
    return None
