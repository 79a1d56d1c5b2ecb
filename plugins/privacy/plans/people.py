"""Rows, and the identifiers that stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from privacy.datamap.kinds import normal
from privacy.datamap.load import DataMap, Ref
from privacy.errors import BadInput
from privacy.sources.base import Identifier, Selection, Source

Key = tuple[object, ...]


def rows_of(source: Source, selection: Selection) -> Iterator[dict[str, Any]]:
    """The selected records as dicts, of all partitions; a batch at a time is held.

    :raises RetryLater, Unreadable: as :meth:`Source.read`.
    """
    for partition in source.partitions(selection):
        with closing(source.read(selection, partition)) as batches:  # type: ignore[type-var]
            for batch in batches:
                yield from batch.to_pylist()


def identifiers(datamap: DataMap, ref: Ref, row: dict[str, Any], columns: Iterable[str]) -> set[Identifier]:
    """What identifies somebody in these columns of a row, each in its normal form; nothing in a blank one."""
    found = (identifier(datamap, ref.dataset.columns[name].identity, row[name]) for name in columns)
    return {one for one in found if one is not None}


def identifier(datamap: DataMap, kind: str | None, value: object) -> Identifier | None:
    """An identifier; None: the column is of no kind, or what stands in it cannot be one."""
    if kind is None or value is None:
        return None
    declared = datamap.kind(kind)
    try:
        return Identifier(kind, normal(kind, value, declared.type if declared else "text"), origin="record")
    except BadInput:
        return None
