"""What the checks have in common: rows of a selection, their keys, units of change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from privacy.datamap.load import Ref
from privacy.sources.base import PARTY, SUBJECT, Due, Item, Of, Selection, Source, Subject, schema_of
from privacy.testing.snapshots import Key, plain


def must(holds: bool, ref: Ref, what: str) -> None:
    """A check's sentence, should it not hold. :raises AssertionError: it does not; under ``python -O`` too."""
    if not holds:
        raise AssertionError(f"{ref.full}: {what}.")


SIZES = (1, 2, 3, 10_000)
"""Batch sizes that are tried; at the small ones a batch ends in the middle of everything."""


def rows_of(
    source: Source, ref: Ref, pick: Of | Due, batch_rows: int | None = None, shared: bool | None = None
) -> list[dict[str, Any]]:
    """All selected records, with the subject's number and party.

    :param batch_rows: what the source was made with: batches are held to it, and never empty.
    :param shared: see :class:`privacy.sources.base.Selection`.
    """
    selection, wanted = Selection(ref.name, pick, shared=shared), schema_of(ref.dataset).names
    rows: list[dict[str, Any]] = []
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            said = f"a batch has columns {', '.join(batch.schema.names)} where the data map has {', '.join(wanted)}"
            must(batch.schema.names == wanted, ref, said)
            if batch_rows is not None:
                must(batch.num_rows > 0, ref, "a batch is empty; give none instead")
                must(
                    batch.num_rows <= batch_rows,
                    ref,
                    f"a batch has {batch.num_rows} rows where {batch_rows} is the most; "
                    "cut what is read into batches of at most batch_rows",
                )
            rows += batch.to_pylist()
    return rows


def items_of(source: Source, ref: Ref, pick: Of | Due, shared: bool | None = None) -> list[Item]:
    """All items of a selection."""
    selection = Selection(ref.name, pick, shared=shared)
    return [item for partition in source.partitions(selection) for item in source.locate(selection, partition)]


def key_of(ref: Ref, row: dict[str, Any]) -> Key:
    """A record's key in plain form."""
    return tuple(plain(row[name]) for name in ref.dataset.key)


def item_key(item: Item) -> Key:
    """An item's key in plain form: a record's, or the beginning of its records' (a file)."""
    return tuple(map(plain, item.key))


def keys_of(ref: Ref, items: Iterable[Item], rows: Iterable[dict[str, Any]]) -> set[Key]:
    """The keys of the records that items hold, among the rows that were read for the same selection."""
    found: set[Key] = set()
    beginnings: set[Key] = set()
    width = len(ref.dataset.key)
    for item in items:
        key = item_key(item)
        (found if len(key) == width else beginnings).add(key)
    for row in rows if beginnings else ():
        key = key_of(ref, row)
        if any(key[: len(start)] == start for start in beginnings):
            found.add(key)
    return found


def alike(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Rows in a form in which NaN equals NaN and 1 is not 1.0."""
    return [repr(row) for row in rows]


def record(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what reading added."""
    return {name: value for name, value in row.items() if name not in (SUBJECT, PARTY)}


def one(subject: Subject) -> Of:
    """Just this subject."""
    return Of((subject,))


@contextmanager
def naming(ref: Ref, what: str) -> Iterator[None]:
    """An error inside is the check's to tell, with what was being done; its own text may follow, being ours."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as problem:
        raise AssertionError(f"{ref.full}: {what} fails: {type(problem).__name__}: {problem}") from problem
