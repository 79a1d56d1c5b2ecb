"""To whom a record leads, and by which rule: ADR 1, told for one record instead of for one person.

The columns say what stands there; the identity graph says whom that leads to; and the source itself says, by the same
reading that exports and erases, whether the record is then theirs. Where the three disagree the source is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from privacy.datamap.kinds import normal
from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import GLOBAL_KINDS, REQUEST
from privacy.errors import AmbiguousIdentity, BadInput
from privacy.identity import resolve
from privacy.identity.graph import Graph, Key, Link
from privacy.sources.base import Identifier, Source, Subject

Row = Mapping[str, Any]


class Rule(StrEnum):
    """By which rule a party of a record is somebody, or nobody."""

    NAMED = "named"
    """An identity column says so: the first of its party that is filled in."""
    VISIT = "visit"
    """There is an address alone, and it was then a visit's."""
    NO_VISIT = "no_visit"
    """There is an address alone, and no visit was there then: nobody's."""
    UNFILLED = "unfilled"
    """None of the party's columns is filled in: nobody's."""
    UNUSABLE = "unusable"
    """What stands there cannot be an identifier of its kind."""
    REQUEST = "request"
    """It was delivered for a request, and is its subject's."""
    SEVERAL = "several"
    """It leads to people who share it now: an operator decides, for each request."""


@dataclass(frozen=True, slots=True)
class Lead:
    """One way from a record to a person.

    :param party: the data map's name for it. :param columns: of that party, in order of precedence.
    :param column: the one that decides; None: none is filled in. :param kind: of identity, in it.
    :param people: identity kind -> how many values of it the person has; of a guest the address alone.
    :param candidates: how many people it leads to (:attr:`Rule.SEVERAL`).
    :param via: the data map's identity edges that say of a visit whose it was.
    :param subject: who it is; None: nobody, or nobody yet.
    :param theirs: the source gives it to them.
    :param withheld: it gives it not without a person's look: the code (``internal``, ``mention``).
    :param own: they are the shop's own people (an address of its domains).
    """

    party: str
    columns: tuple[str, ...]
    rule: Rule
    column: str | None = None
    kind: str | None = None
    people: Mapping[str, int] = field(default_factory=dict)
    candidates: int = 0
    via: tuple[str, ...] = ()
    subject: Subject | None = field(default=None, repr=False)
    theirs: bool = False
    withheld: str | None = None
    own: bool = False


class Leads:
    """Follows one record's columns to people.

    :param source_of: gives the source of a system by its name.
    :param now: when somebody would ask for it.
    """

    def __init__(self, datamap: DataMap, source_of: Callable[[str], Source], now: datetime) -> None:
        self._map, self._source_of, self._now = datamap, source_of, now
        self._graph = Graph(datamap, source_of)

    def of(self, ref: Ref, row: Row) -> list[list[Lead]]:
        """For each value that decides: everybody whom it may lead to. Who of them has it, the source says."""
        return [ways for party in ref.dataset.people for ways in self._of_party(ref, row, party)]

    def _of_party(self, ref: Ref, row: Row, party: str) -> Iterator[list[Lead]]:
        dataset = ref.dataset
        columns = dataset.people[party].subject
        for column in columns:
            values = list(dict.fromkeys(_filled(row[column])))
            kind = str(dataset.columns[column].identity)
            for value in values:
                lead = Lead(party, columns, Rule.NAMED, column, kind, own=_staff(ref, value))
                yield list(self._followed(ref, row, lead, value))
            if values:
                return
        yield [Lead(party, columns, Rule.UNFILLED)]

    def _followed(self, ref: Ref, row: Row, lead: Lead, value: object) -> Iterator[Lead]:
        kind = str(lead.kind)
        if kind == REQUEST:
            yield replace(lead, rule=Rule.REQUEST)
            return
        try:
            known = self._identifier(kind, value)
        except BadInput:
            yield replace(lead, rule=Rule.UNUSABLE)
            return
        if kind != "ip":
            yield from self._people(lead, known)
            return
        visitors: dict[Key, list[str]] = {}
        for link in self._visits(known, moment(ref, ref.dataset.time, row), _agent(ref, row)):
            if link.owner is not None:
                visitors.setdefault(link.owner, []).append(link.origin)
        if not visitors:
            yield replace(lead, rule=Rule.NO_VISIT)
        for owner, origins in sorted(visitors.items(), key=str):
            visit = replace(lead, rule=Rule.VISIT, via=tuple(dict.fromkeys(origins)))
            yield from self._people(visit, Identifier(owner[0], owner[1]))

    def _identifier(self, kind: str, value: object) -> Identifier:
        declared = self._map.kind(kind)
        if declared is None and kind not in GLOBAL_KINDS:
            raise BadInput("identity.unknown_kind", "There is no such identity kind.")
        return Identifier(kind, normal(kind, value, declared.type if declared else "text"))

    def _people(self, lead: Lead, known: Identifier) -> Iterator[Lead]:
        """Everybody whose it is or ever was, and who is known by it alone; each once, with all that identifies them."""
        told = set()
        for named in [*self._holders(known), known]:
            try:
                subject = resolve(self._map, self._source_of, [named], at=self._now).subject
            except AmbiguousIdentity as problem:
                several = len(getattr(problem.question, "candidates", ()))
                yield replace(lead, rule=Rule.SEVERAL, candidates=several)
                return
            values = {(i.kind, i.value) for i in subject.identifiers if not i.contested}
            who = frozenset(v for v in values if self._is_person(v[0])) or frozenset(values)
            if who not in told:
                told.add(who)
                kinds = Counter(kind for kind, _ in values)
                yield replace(lead, subject=subject, people=dict(sorted(kinds.items())))

    def _holders(self, known: Identifier) -> list[Identifier]:
        if self._is_person(known.kind):
            return []
        found: set[Key] = set()
        for system, edge in self._graph.edges(visits=False):
            source, target = (self._graph.kind_of(system, edge, c) for c in (edge.source, edge.target))
            if target == known.kind and self._is_person(source):
                found |= {link.source for link in self._graph.links(system, edge, [known], by=edge.target)}
            if source == known.kind and self._is_person(target):
                found |= {link.target for link in self._graph.links(system, edge, [known], by=edge.source)}
        return [Identifier(*key) for key in sorted(found, key=str)]

    def _is_person(self, kind: str) -> bool:
        declared = self._map.kind(kind)
        return declared is not None and declared.person

    def _visits(self, address: Identifier, at: datetime | None, agent: tuple[bool, str | None]) -> Iterator[Link]:
        """The visits from an address at that moment, with that user agent, whoever's."""
        for system, edge in self._graph.edges(visits=True):
            for link in self._graph.links(system, edge, [address], by=edge.target):
                begun, ended = link.start, link.end
                inside = at is not None and begun is not None and begun <= at and (ended is None or at <= ended)
                if inside and (not agent[0] or link.agent == agent[1]):
                    yield link


def moment(ref: Ref, name: str | None, row: Row) -> datetime | None:
    """A date or datetime of a record as an instant in UTC; a date is its midnight, in its column's zone."""
    value = row[name] if name else None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    if isinstance(value, date):
        zone = ZoneInfo(ref.dataset.columns[str(name)].zone or "UTC")
        return datetime.combine(value, time(), zone).astimezone(UTC)
    return None


def _filled(value: object) -> list[object]:
    """What stands in an identity column; of a list any element identifies, blanks fill in nothing."""
    values = value if isinstance(value, list) else [value]
    return [v for v in values if v is not None and str(v).strip()]


def _agent(ref: Ref, row: Row) -> tuple[bool, str | None]:
    """Whether the record tells a user agent, and which."""
    told = "user_agent" in ref.dataset.columns
    return told, str(row["user_agent"]) if told and row["user_agent"] is not None else None


def _staff(ref: Ref, value: object) -> bool:
    mailbox = ref.dataset.mailbox
    return mailbox is not None and str(value).rpartition("@")[2].casefold() in {d.casefold() for d in mailbox.staff}
