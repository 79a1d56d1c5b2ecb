"""Whose a record is, said once more and as plainly as can be: what sources are held against. No code of theirs.

Within a party the first identity column that is filled in decides; an e-mail address is compared without case, all
else exactly; of a list any element counts; an identifier that was somebody's for a while counts for records of that
time alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from privacy.datamap.kinds import fold, normal
from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import Dataset
from privacy.sources.base import Identifier, Subject

Row = Mapping[str, Any]


def examples_of(datamap: DataMap, ref: Ref) -> tuple[Subject, ...]:
    """The subjects that a dataset names as having records in it (``examples:``), numbered from 1.

    :raises BadInput: a value cannot be of its kind.
    """
    found = []
    for number, example in enumerate(ref.dataset.examples, start=1):
        identifiers = []
        for kind, value in example.items():
            known = datamap.kind(kind)
            identifiers.append(Identifier(kind, normal(kind, value, known.type if known else "text"), origin="example"))
        found.append(Subject(number, tuple(identifiers)))
    return tuple(found)


def moment(dataset: Dataset, name: str | None, row: Row) -> datetime | None:
    """A record's date or datetime as an instant: a date is its midnight in the column's zone, else in UTC."""
    value = None if name is None else row[name]
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), ZoneInfo(dataset.columns[str(name)].zone or "UTC"))
    return None


def parties(dataset: Dataset, row: Row, subject: Subject) -> list[str]:
    """The parties of a record that the subject is, in the data map's order; empty: it is not theirs."""
    found = []
    for name, party in dataset.people.items():
        column = next((c for c in party.subject if row[c] not in (None, [])), None)
        if column is not None and any(_is(dataset, row, column, i) for i in subject.identifiers):
            found.append(name)
    return found


def somebody_else(dataset: Dataset, row: Row, subject: Subject) -> bool:
    """Whether a record shows a party that is neither the subject nor of the shop's own mail domains."""
    staff = dataset.mailbox.staff if dataset.mailbox else ()
    for party in dataset.people.values():
        column = next((c for c in party.subject if row[c] not in (None, [])), None)
        values = [] if column is None else row[column] if isinstance(row[column], list) else [row[column]]
        for value in values:
            domain = fold(str(value)).rpartition("@")[2]
            own = any(domain == fold(name) or domain.endswith("." + fold(name)) for name in staff)
            if value is None or own:
                continue
            single = dict(row)
            single[str(column)] = value
            if not any(_is(dataset, single, str(column), i) for i in subject.identifiers):
                return True
    return False


def _is(dataset: Dataset, row: Row, column: str, identifier: Identifier) -> bool:
    kind, value = dataset.columns[column].identity, row[column]
    if identifier.contested or identifier.kind != kind:
        return False
    if isinstance(value, list):
        return any(one is not None and _same(kind, one, identifier) for one in value) and _during(
            dataset, row, identifier
        )
    return _same(kind, value, identifier) and _during(dataset, row, identifier)


def _same(kind: str, value: object, identifier: Identifier) -> bool:
    if kind == "email":
        return fold(str(value)) == fold(str(identifier.value))
    if type(value) is not type(identifier.value):
        return str(value) == str(identifier.value)
    return bool(value == identifier.value)


def _during(dataset: Dataset, row: Row, identifier: Identifier) -> bool:
    first, last = identifier.valid_from, identifier.valid_to
    if identifier.kind == "ip" and (first is None or last is None):
        return False
    if first is None and last is None:
        return True
    at = moment(dataset, dataset.time, row)
    if at is None:
        return False
    if identifier.kind == "ip":
        return bool(first and last and first <= at <= last and row.get("user_agent") == identifier.agent)
    return (first is None or first <= at) and (last is None or at < last)
