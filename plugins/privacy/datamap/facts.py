"""Facts of a person that may be corrected (art. 16 GDPR, promise R-RECT), and which columns say them.

A *fact* (``email``, ``name.last``, ``address.street``) has one name in all systems. A column says it **currently**:
then a correction changes it wherever the same old value stands. Or it is **historic**: a past order, an invoice. That
is what was said then, it is never altered, and a supplementary statement is linked to the record instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from privacy.datamap.stores import Strict

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap, Ref
    from privacy.datamap.models import Column, Dataset

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Fact = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]


class Former(Strict):
    """Where a value is kept that a correction replaces: records under an address of the past are still that person's.

    :param to: a dataset of the same system, whose table gets a row.
    :param copy: column of that row -> column of this dataset, as it stood.
    :param until: its datetime column that gets the moment of the correction.
    :param number: its key column that counts on: one more than the highest with the same rest of the key.
    """

    to: Name
    copy_: dict[Name, Name] = Field(alias="copy", min_length=1)
    until: Name
    number: Name | None = None


class Rectification(Strict):
    """What a correction does with a dataset.

    :param current: column -> the fact that it says now.
    :param only: column -> its values (``null`` too) in records that are current; any other record is historic.
    :param since: column that is current -> the datetime column that says since when its value is the person's.
    :param former: column that is current -> where the value that is replaced is kept.
    :param historic: column -> the facts that it says, or that are part of what it says; never altered.
    """

    current: dict[Name, Fact] = Field(default_factory=dict)
    only: dict[Name, tuple[str | None, ...]] = Field(default_factory=dict)
    since: dict[Name, Name] = Field(default_factory=dict)
    former: dict[Name, Former] = Field(default_factory=dict, max_length=1)
    historic: dict[Name, tuple[Fact, ...]] = Field(default_factory=dict)

    @field_validator("historic", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: [facts] if isinstance(facts, str) else facts for name, facts in value.items()}
        return value

    @model_validator(mode="after")
    def _whole(self) -> Rectification:
        if not self.current and not self.historic:
            raise ValueError("say which columns are `current`, or `historic`")
        if both := sorted(self.current.keys() & self.historic.keys()):
            raise ValueError(f"column {both[0]!r} is either current or historic; `only` says which records are current")
        for word, named in (("since", self.since), ("former", self.former)):
            if beside := sorted(named.keys() - self.current.keys()):
                raise ValueError(f"{word}: column {beside[0]!r} is not `current`")
        if self.only and not self.current:
            raise ValueError("`only` says which records are `current`, and no column is")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """Every column of the dataset that it names, with the word under which it does."""
        found = dict.fromkeys(self.current, "current") | dict.fromkeys(self.historic, "historic")
        found |= dict.fromkeys(self.only, "only") | dict.fromkeys(self.since.values(), "since")
        return found | {name: "former" for former in self.former.values() for name in former.copy_.values()}

    def is_current(self, row: dict[str, object]) -> bool:
        """Whether a record is current: its columns in ``only`` have one of the values there."""
        return all(row[name] in values for name, values in self.only.items())


@dataclass(frozen=True, slots=True)
class Standing:
    """A column that says a fact currently."""

    ref: Ref
    column: str


def facts_of(datamap: DataMap) -> dict[str, list[Standing]]:
    """Every fact that may be corrected, and the columns that say it currently, in the data map's order."""
    found: dict[str, list[Standing]] = {}
    for ref in datamap:
        if ref.dataset.rectification is not None:
            for column, fact in ref.dataset.rectification.current.items():
                found.setdefault(fact, []).append(Standing(ref, column))
    return found


def spoken(standing: list[Standing]) -> Column:
    """The column after which values of a fact are read and compared: one with an identity kind, if any has one."""
    columns = [one.ref.dataset.columns[one.column] for one in standing]
    return next((column for column in columns if column.identity), columns[0])


def faults(datamap: DataMap, ref: Ref, here: str) -> Iterator[str]:
    """What cannot be in a dataset's ``rectification``, each with its place and what to write.

    :param here: the dataset's place in its file.
    """
    from privacy.datamap.models import did_you_mean

    dataset, said = ref.dataset, ref.dataset.rectification
    if said is None:
        return
    here, known = f"{here}.rectification", facts_of(datamap)
    if said.current and (ref.system.source != "sql" or dataset.table is None):
        yield f"{here}.current: only rows of a database with a `table` are corrected in place; write `historic`"
    if said.current and len(dataset.people) != 1:
        yield f"{here}.current: its records are not about one party, so nobody can tell whose a column is"
    for column, fact in said.current.items():
        yield from _current(datamap, dataset, column, fact, known[fact][0], f"{here}.current")
        identity = dataset.columns[column].identity
        leads = any(identity in other.dataset.kinds for other in datamap) and any(
            edge.dataset == ref.name and column in (edge.source, edge.target) for edge in ref.system.identity.edges
        )
        if leads and column not in said.former:
            yield (
                f"{here}.current: an identity edge leads over {column!r}, so records under an earlier value would be "
                "lost; say where that is kept (`former`), or make it `historic`"
            )
    for since in said.since.values():
        if dataset.columns[since].type != "datetime":
            yield f"{here}.since: column {since!r} is no datetime"
        elif since in said.current:
            yield f"{here}.since: column {since!r} is a fact itself"
    for former in said.former.values():
        yield from _former(ref, former, f"{here}.former")
    for column, facts in said.historic.items():
        kind = dataset.columns[column].arrow
        for fact in facts:
            if fact not in known:
                yield f"{here}.historic: no column says {fact!r} currently{did_you_mean(fact, known)}"
                continue
            types = {_arrow(one) for one in known[fact]}
            if kind not in types and not pa.types.is_string(kind) and not kind.equals(pa.list_(pa.string())):
                yield f"{here}.historic: column {column!r} is of another type than {fact!r}"


def _current(
    datamap: DataMap, dataset: Dataset, name: str, fact: str, first: Standing, here: str
) -> Iterator[str]:  # fmt: skip
    column = dataset.columns[name]
    declared = datamap.kind(column.identity) if column.identity else None
    if name in dataset.key:
        yield f"{here}: column {name!r} is of the key; it says which record it is"
    if declared is not None:
        yield f"{here}: column {name!r} is a number that the shop gave ({column.identity}); nobody corrects it"
    if column.path is not None or column.original:
        yield f"{here}: column {name!r} cannot be written to"
    other = first.ref.dataset.columns[first.column]
    if column.arrow != other.arrow or len({column.identity, other.identity} - {None}) > 1:
        yield (
            f"{here}: {fact!r} is of type {_said(column)} here, and of type {_said(other)} in "
            f"{first.ref.full}.{first.column}"
        )


def _former(ref: Ref, former: Former, here: str) -> Iterator[str]:
    from privacy.datamap.models import did_you_mean

    other = ref.system.datasets.get(former.to)
    if other is None:
        yield f"{here}.to: there is no dataset {former.to!r}{did_you_mean(former.to, ref.system.datasets)}"
        return
    if other.table is None:
        yield f"{here}.to: {former.to} names no table to write to; write `table:` there"
    written = {*former.copy_, former.until, *([former.number] if former.number else [])}
    for name in sorted(written):
        if name not in other.columns:
            yield f"{here}: {former.to} has no column {name!r}{did_you_mean(name, other.columns)}"
            return
    for there, own in former.copy_.items():
        one, two = other.columns[there], ref.dataset.columns[own]
        if (one.arrow, one.form) != (two.arrow, two.form):
            yield f"{here}.copy: {there!r} is of type {_said(one)} and {own!r} of type {_said(two)}"
    if other.columns[former.until].type != "datetime":
        yield f"{here}.until: column {former.until!r} is no datetime"
    if former.number is not None and (former.number not in other.key or other.columns[former.number].type != "integer"):
        yield f"{here}.number: column {former.number!r} is no integer of the key"
    if missing := [name for name in other.key if name not in written]:
        yield f"{here}: nothing says what stands in {missing[0]!r}, which is of the key of {former.to}"


def _arrow(standing: Standing) -> pa.DataType:
    return standing.ref.dataset.columns[standing.column].arrow


def _said(column: Column) -> str:
    return f"{column.type} ({column.identity})" if column.identity else column.type
