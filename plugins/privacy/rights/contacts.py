"""How the shop can reach a person beside e-mail, by its own records: where a passphrase may go."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from privacy.holds.wishes import same_person
from privacy.rights.letters import rows_of
from privacy.rights.proof import KNOWN_FOR

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.datamap.models import Party
    from privacy.rights.house import House
    from privacy.sources.base import Subject

CATEGORIES = {"phone": ("user.contact.phone_number",), "post": ("user.contact.address",)}
"""The data map's categories of what a person is reached by; those below them count too."""


def contacts(house: House, number: str, way: Literal["phone", "post"]) -> tuple[str, ...]:
    """Phone numbers, or addresses as the records have them, of the person whose a request is.

    A record that came to be in the last 90 days before the request is passed over, and one whose number or address a
    request has changed since then: whoever has taken over an account does that first (edge case 35).

    :returns: sorted, each once; empty: none is known. Of a record with two people only what is this one's own.
    """
    subject = house.subject(number)
    latest = house.register.get(number).dates.received_at - KNOWN_FOR
    found: set[str] = set()
    changed = _rectified(house, subject, latest)
    for ref in house.datamap:
        columns = _columns(ref, way)
        if not columns or ref.dataset.delivery is not None:
            continue
        for row in rows_of(house, ref, subject):
            if ref.dataset.time is not None and not _before(row[ref.dataset.time], latest):
                continue
            if changed.get((ref.full, tuple(row[name] for name in ref.dataset.key)), set()) & set(columns):
                continue
            for party in ref.dataset.people.values():
                if _theirs(ref, party, row, subject):
                    own = [c for c in columns if len(ref.dataset.people) == 1 or c in party.private]
                    if said := " ".join(str(row[c]).strip() for c in own if row[c] is not None and str(row[c]).strip()):
                        found.add(said)
    return tuple(sorted(found))


def _rectified(house: House, subject: Subject, since: datetime) -> dict[tuple[str, tuple[object, ...]], set[str]]:
    """The columns that requests have changed in this person's records since then, by dataset and key."""
    from privacy.rights.states import Right

    found: dict[tuple[str, tuple[object, ...]], set[str]] = {}
    for request in house.register.list():
        if request.right is not Right.RECTIFICATION or request.forgotten or request.dates.begun_at is None:
            continue
        payload = house.register.open(request.number)
        said = payload.correction
        if said is None or said.plan is None or not said.begun or said.plan.as_of <= since:
            continue
        if payload.subject is None or not same_person(house.datamap, subject, payload.subject):
            continue
        for change in said.plan.changes:
            found.setdefault((change.dataset, change.record), set()).update(change.cells)
    return found


def _columns(ref: Ref, way: str) -> list[str]:
    return [
        name
        for name, column in ref.dataset.columns.items()
        if column.type == "text" and any(f"{column.category}.".startswith(f"{c}.") for c in CATEGORIES[way])
    ]


def _before(at: object, latest: datetime) -> bool:
    if isinstance(at, datetime):
        return at <= latest
    return isinstance(at, date) and at < latest.date()


def _theirs(ref: Ref, party: Party, row: dict[str, object], subject: Subject) -> bool:
    """Whether a row is this person's as that party: the first of its identity columns that is filled in says so."""
    from privacy.datamap.kinds import fold

    for name in party.subject:
        value = row[name]
        if value is None:
            continue
        kind = ref.dataset.columns[name].identity
        if kind == "email":
            value = fold(str(value))
        return any(i.kind == kind and i.value == value and not i.contested for i in subject.identifiers)
    return False
