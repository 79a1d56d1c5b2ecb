"""What can be wrong with a dataset's ``transfer`` and ``strays``, which name columns of other datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from privacy.datamap.models import Dataset, did_you_mean

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap


def moves(datamap: DataMap, dataset: Dataset, here: str) -> Iterator[str]:
    """The mistakes, each with its place and what to write.

    :param here: the dataset's place in its file.
    """
    if dataset.transfer is not None:
        yield from _transfer(datamap, dataset, f"{here}.transfer")
    if dataset.strays is not None:
        yield from _strays(datamap, dataset, f"{here}.strays")


def column_of(dataset: Dataset, kind: str) -> str | None:
    """The one column of a dataset in which an identity kind stands; None: none, or several."""
    found = [name for name, column in dataset.columns.items() if column.identity == kind]
    return found[0] if len(found) == 1 else None


def _transfer(datamap: DataMap, dataset: Dataset, here: str) -> Iterator[str]:
    transfer = dataset.transfer
    assert transfer is not None  # noqa: S101 - as it was asked for
    if dataset.starts is None:
        yield f"{here}: a record moves when its term is over; say what that counts from (`starts`)"
    if transfer.when not in dataset.columns:
        yield f"{here}.when: there is no column {transfer.when!r}{did_you_mean(transfer.when, dataset.columns)}"
    elif dataset.starts is not None:
        when, start = dataset.columns[transfer.when], dataset.columns[dataset.starts.column]
        if (when.type, when.zone) != (start.type, start.zone):
            yield f"{here}.when: column {transfer.when!r} is no {start.type} like {dataset.starts.column!r}"
    own = dataset if transfer.of is None else _sql(datamap, transfer.of)
    other = _sql(datamap, transfer.to)
    for name, found, key in ((transfer.of, own, "of"), (transfer.to, other, "to")):
        if found is None:
            hint = did_you_mean(str(name), [ref.full for ref in datamap if ref.system.source == "sql"])
            yield f"{here}.{key}: there is no dataset {name!r} of a database{hint}"
    if own is None or other is None:
        return
    if other.table is None:
        yield f"{here}.to: {transfer.to} names no table to write to; write `table:` there"
    for name, one in (("the dataset", dataset), (transfer.of or "the dataset", own), (transfer.to, other)):
        if column_of(one, transfer.by) is None:
            yield f"{here}.by: {name} has not exactly one column with `identity: {transfer.by}`"
    if len(set(transfer.fields.values())) < len(transfer.fields):
        yield f"{here}.fields: two of them move to one column"
    for name in transfer.agree:
        if name not in transfer.fields:
            yield f"{here}.agree: {name!r} is not among the fields{did_you_mean(name, transfer.fields)}"
    fixed = {*other.key, column_of(other, transfer.by)}
    for source, target in transfer.fields.items():
        if source not in own.columns:
            yield f"{here}.fields: there is no column {source!r}{did_you_mean(source, own.columns)}"
        elif target not in other.columns:
            yield f"{here}.fields: {transfer.to} has no column {target!r}{did_you_mean(target, other.columns)}"
        elif target in fixed:
            yield f"{here}.fields: column {target!r} says which record of {transfer.to} it is; nothing moves there"
        elif own.columns[source].arrow != other.columns[target].arrow:
            types = own.columns[source].type, other.columns[target].type
            yield f"{here}.fields: {source!r} is of type {types[0]} and {target!r} of type {types[1]}"


def _strays(datamap: DataMap, dataset: Dataset, here: str) -> Iterator[str]:
    strays = dataset.strays
    assert strays is not None  # noqa: S101 - as it was asked for
    followed = None if dataset.follows is None else _sql(datamap, dataset.follows)
    if dataset.mailbox is None or followed is None:
        yield f"{here}: only folders of a mailbox that follow a dataset have messages elsewhere"
        return
    of = _sql(datamap, strays.of)
    if of is None:
        hint = did_you_mean(strays.of, [ref.full for ref in datamap if ref.system.source == "sql"])
        yield f"{here}.of: there is no dataset {strays.of!r} of a database{hint}"
        return
    for full, one in ((strays.of, of), (str(dataset.follows), followed)):
        if column_of(one, strays.by) is None:
            yield f"{here}.by: {full} has not exactly one column with `identity: {strays.by}`"
    for name in (strays.since, *strays.until):
        if name not in of.columns:
            yield f"{here}: {strays.of} has no column {name!r}{did_you_mean(name, of.columns)}"
        elif of.columns[name].type != "datetime":
            yield f"{here}: column {name!r} of {strays.of} is no datetime"


def _sql(datamap: DataMap, full: str) -> Dataset | None:
    system, _, name = full.partition(".")
    found = datamap.systems.get(system)
    return found.datasets.get(name) if found is not None and found.source == "sql" else None
