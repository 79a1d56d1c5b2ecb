"""Resolving an identity: the rules of "Whose is it".

* Links come from declared edges alone, read from the shop's own records.
* A person is a person-kind value (a customer number) with all that merges join to it. Two that no merge joins are two.
* An e-mail address or phone number that two people hold at the same time stops for a person to decide. One that was
  passed on belongs to each for their own time.
* A device, or another id, that two people used identifies neither: it is contested.
* A record's own number (of an order, an invoice, an application) leads to whose the record is.
* An address (IP) identifies during the subject's own visits only, with the same user agent; a visit that anybody else's
  visit from that address overlaps is contested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from privacy.datamap.kinds import normal, twin
from privacy.datamap.load import DataMap
from privacy.datamap.models import GLOBAL_KINDS
from privacy.errors import AmbiguousIdentity, BadInput
from privacy.identity.graph import Graph, Key, Link
from privacy.identity.sharing import Candidate, Decision, Question
from privacy.sources.base import Identifier, Source, Subject

ASKING = frozenset({"email", "phone"})
"""Kinds for which a person decides when two people hold one at the same time."""

_MOST = 10_000
_BEGINNING = datetime.min.replace(tzinfo=UTC)

Span = tuple[datetime | None, datetime | None]
"""From (inclusive) and to (exclusive), UTC."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who it is.

    :param subject: every identifier, contested ones marked.
    :param notes: counts for the manifest: ``contested_visits``, ``contested_ids``, ``shared_addresses``.
    """

    subject: Subject
    notes: dict[str, int] = field(default_factory=dict)


def resolve(
    datamap: DataMap,
    source_of: Callable[[str], Source],
    named: Sequence[Identifier],
    *,
    at: datetime,
    decision: Decision | None = None,
    no: int = 1,
) -> Resolution:
    """Every identifier of the person that a request names.

    :param source_of: the source of a system by its name.
    :param named: what the request says; any form, normalised here.
    :param at: when the request arrived (aware): an address leads to who held it then.
    :param decision: the operator's answer to an earlier question.
    :param no: the subject's number in selections.
    :raises AmbiguousIdentity: with a :class:`Question`; nothing may be exported meanwhile.
    :raises BadInput: an identifier of an unknown kind, or none at all.
    """
    if not named:
        raise BadInput(
            "identity.nothing_named", "The request names no identifier.", advice="Give an e-mail address or a number."
        )
    work = _Resolver(datamap, source_of, at, decision)
    work.start(named)
    work.lead()
    work.expand()
    work.settle_ids()
    work.settle_visits()
    return work.result(no)


class _Resolver:
    """The work of one resolution; its methods run in the order in which they stand."""

    def __init__(
        self, datamap: DataMap, source_of: Callable[[str], Source], at: datetime, decision: Decision | None
    ) -> None:
        self._map = datamap
        self._graph = Graph(datamap, source_of)
        self._at = at
        self._decision = decision
        given = decision.about if decision is not None and decision.address == "theirs" else ()
        self._theirs = {one for identifier in given for one in _spelled(self._normal(identifier))}
        self._origin: dict[Key, str] = {}
        self._links: dict[Key, list[Link]] = defaultdict(list)  # what ties an identifier to the subject
        self._named: set[Key] = set()
        self._persons: set[Key] = set()
        self._shared: set[Key] = set()
        self._contested: set[Key] = set()
        self._visits: list[tuple[Link, bool]] = []
        self._holders_of: dict[Key, list[tuple[Key, Link]]] = {}

    def start(self, named: Sequence[Identifier]) -> None:
        """Take what the request names."""
        for identifier in named:
            key = self._normal(identifier)
            for one in _spelled(key):
                self._origin.setdefault(one, "request")
                self._named.add(one)
            if self._is_person(key[0]):
                self._add_person(key, "request")
        for identifier in self._decision.person if self._decision else ():
            self._add_person(self._normal(identifier), "decision")
        if self._decision is None:
            # A second number that no merge joins to the first is a second person, who asks for themselves.
            self._ask_if_several(self._persons, shared=())

    def lead(self) -> None:
        """From the numbers of records that the request names to whose each is: a person, or a guest's address."""
        people: set[Key] = set()
        for key in sorted(self._named, key=str):
            if key[0] in GLOBAL_KINDS or self._is_person(key[0]):
                continue
            for link, other in self._of_record(key):
                if other != link.owner:
                    continue  # The record is somebody else's, by what counts before this.
                if self._is_person(other[0]):
                    people.add(other)
                    self._add_person(other, link.origin)
                elif other[0] == "email":
                    for one in _spelled(other):
                        self._origin.setdefault(one, link.origin)
                        self._named.add(one)
        if self._decision is None and people:
            self._ask_if_several(self._persons, shared=())

    def _of_record(self, key: Key) -> list[tuple[Link, Key]]:
        """The links of a record's number, each with what stands at its other end."""
        found: list[tuple[Link, Key]] = []
        for system, edge in self._graph.edges(visits=False):
            for column, back in ((edge.source, False), (edge.target, True)):
                if self._graph.kind_of(system, edge, column) == key[0]:
                    links = self._graph.links(system, edge, [self._identifier(key)], by=column)
                    found += [(link, link.source if back else link.target) for link in links]
        return found

    def expand(self) -> None:
        """Follow edges until nothing new is learned."""
        done: set[Key] = set()
        while fresh := sorted((self._persons | self._named | set(self._links)) - done, key=str):
            if len(done) > _MOST:
                raise BadInput(
                    "identity.runaway",
                    f"More than {_MOST} identifiers of one person.",
                    advice="An identity edge of the data map is wrong: run privacy datamap check.",
                )
            done.update(fresh)
            for key in fresh:
                if key in self._persons:
                    self._learn_from_person(key)
            for key in fresh:
                if key[0] in ASKING:
                    self._look_for_holders(key)

    def _learn_from_person(self, person: Key) -> None:
        for system, edge in self._graph.edges(visits=False):
            target = self._graph.kind_of(system, edge, edge.target)
            source = self._graph.kind_of(system, edge, edge.source)
            ways = [(edge.source, False)] if source == person[0] else []
            if edge.both and target == person[0]:
                ways.append((edge.target, True))
            for column, back in ways:
                for link in self._graph.links(system, edge, [self._identifier(person)], by=column):
                    other = link.source if back else link.target
                    if other == person:
                        continue
                    if self._is_person(other[0]):
                        self._add_person(other, link.origin)
                    else:
                        for one in _spelled(other):
                            self._origin.setdefault(one, link.origin)
                            self._links[one].append(link)

    def _look_for_holders(self, key: Key) -> None:
        """An address of the subject's: whose else is it, and in which other systems?"""
        own = self._links.get(key, [])
        others: set[Key] = set()
        for person, link in self._holders(key):
            if person in self._persons:
                continue
            if any(link.overlaps(mine) for mine in own) if own else link.holds(self._at):
                others.add(person)
        if not others:
            return
        if self._decision is not None:
            self._shared.add(key)
            return
        for kind in sorted({person[0] for person in others}):
            of_kind = {p for p in others if p[0] == kind}
            self._ask_if_several(of_kind | {p for p in self._persons if p[0] == kind}, shared=_spelled(key))
        for person in sorted(others, key=str):
            self._add_person(person, "address")

    def _holders(self, key: Key) -> list[tuple[Key, Link]]:
        """Every person that an address is or was linked to, in any system."""
        if key not in self._holders_of:
            found, known = [], [self._identifier(one) for one in _spelled(key)]
            for system, edge in self._graph.edges(visits=False):
                source = self._graph.kind_of(system, edge, edge.source)
                target = self._graph.kind_of(system, edge, edge.target)
                if target == key[0] and self._is_person(source):
                    links = self._graph.links(system, edge, known, by=edge.target)
                    found += [(link.source, link) for link in links]
                if source == key[0] and self._is_person(target):
                    links = self._graph.links(system, edge, known, by=edge.source)
                    found += [(link.target, link) for link in links]
            self._holders_of[key] = found
        return self._holders_of[key]

    def _add_person(self, key: Key, origin: str) -> None:
        for person in sorted(self._merged(key), key=str):
            self._origin.setdefault(person, origin if person == key else "merged account")
            self._persons.add(person)

    def _merged(self, key: Key) -> frozenset[Key]:
        """The person with all accounts that merges join to it, in both directions."""
        found, fresh = {key}, [key]
        while fresh:
            person = fresh.pop()
            for system, edge in self._graph.edges(visits=False):
                if {self._graph.kind_of(system, edge, c) for c in (edge.source, edge.target)} != {person[0]}:
                    continue
                for column in (edge.source, edge.target):
                    for link in self._graph.links(system, edge, [self._identifier(person)], by=column):
                        new = {link.source, link.target} - found
                        found |= new
                        fresh += sorted(new, key=str)
        return frozenset(found)

    def _ask_if_several(self, people: Iterable[Key], shared: Sequence[Key]) -> None:
        groups: dict[str, set[frozenset[Key]]] = defaultdict(set)
        for person in people:
            groups[person[0]].add(self._merged(person))
        several = sorted((sorted(g) for kind in groups.values() if len(kind) > 1 for g in kind), key=str)
        if not several:
            return
        error = AmbiguousIdentity(
            "identity.ambiguous",
            f"The request leads to {len(several)} people.",
            advice="An operator decides whose it is: privacy request decide.",
        )
        error.question = Question(
            tuple(Candidate(n, tuple(map(self._identifier, group))) for n, group in enumerate(several, start=1)),
            tuple(map(self._identifier, shared)),
        )
        raise error

    def settle_ids(self) -> None:
        """An id that somebody else used too identifies nobody."""
        for key in [*self._links, *sorted(self._named, key=str)]:
            if key[0] in ASKING or key[0] == "ip" or self._is_person(key[0]):
                continue
            if any(person not in self._persons for person, _ in self._holders(key)):
                self._contested.add(key)
        self._contested |= self._shared - self._theirs

    def settle_visits(self) -> None:
        """The subject's own visits, and which of them anybody else's visit overlaps."""
        known = [i for i in self._identifiers() if not i.contested]
        mine: dict[tuple[object, ...], Link] = {}
        for system, edge in self._graph.edges(visits=True):
            for link in self._graph.links(system, edge, known, by=edge.source):
                if self._is_mine(link):
                    mine.setdefault((link.target, link.start, link.end, link.agent), link)
        addresses = [self._identifier(key) for key in sorted({link.target for link in mine.values()}, key=str)]
        foreign: dict[Key, list[Link]] = defaultdict(list)
        for system, edge in self._graph.edges(visits=True):
            for link in self._graph.links(system, edge, addresses, by=edge.target):
                if not self._is_mine(link):
                    foreign[link.target].append(link)
        for link in mine.values():
            self._visits.append((link, any(link.meets(other) for other in foreign[link.target])))

    def _is_mine(self, link: Link) -> bool:
        """Whether the row that says so is the subject's own."""
        if link.owner in self._persons:
            return True
        moment = link.at or link.start or _BEGINNING
        return any(
            (i.kind, i.value) == link.owner
            and not i.contested
            and (i.valid_from or _BEGINNING) <= moment
            and (i.valid_to is None or moment < i.valid_to)
            for i in self._identifiers()
        )

    def result(self, no: int) -> Resolution:
        """The subject, with every identifier once, in a stable order."""
        visits = [
            Identifier("ip", link.target[1], link.start, link.end, link.origin, link.agent, contested)
            for link, contested in self._visits
        ]
        everything = sorted(
            {*self._identifiers(), *visits},
            key=lambda i: (i.kind, str(i.value), i.valid_from or _BEGINNING, str(i.valid_to), i.agent or ""),
        )
        notes = {
            "contested_visits": sum(contested for _, contested in self._visits),
            "contested_ids": len(self._contested - self._shared),
            "shared_addresses": len(self._shared),
        }
        return Resolution(Subject(no, tuple(everything)), notes)

    def _identifiers(self) -> list[Identifier]:
        found = [self._identifier(person) for person in self._persons]
        for key in {*self._links, *(k for k in self._named if not self._is_person(k[0]))}:
            if key[0] == "ip":
                continue  # A bare address names nobody: it counts inside a visit only.
            found += [
                Identifier(key[0], key[1], start, end, self._origin[key], None, key in self._contested)
                for start, end in (self._spans(key) if key[0] in ASKING else {(None, None)})
            ]
        return found

    def _spans(self, key: Key) -> set[Span]:
        """When an address was the subject's: as linked, and before that too where nobody else held it before."""
        others = [link for person, link in self._holders(key) if person not in self._persons]
        own = self._links.get(key, [])
        if key in self._shared & self._theirs:
            others = [other for other in others if not any(other.overlaps(mine) for mine in own)]
        if not own:
            # Named, and held by nobody now: a guest's, since the last who held it, until the next who does.
            ended = max((link.end for link in others if link.end is not None), default=None)
            follows = (link.start for link in others if link.start is not None and link.start > self._at)
            return {(ended, min(follows, default=None))}
        spans: set[Span] = set()
        for link in own:
            earlier = any((o.start or _BEGINNING) < (link.start or _BEGINNING) for o in others)
            spans.add((link.start if earlier else None, link.end))
        # A span inside another adds nothing but a second match of the same record.
        return {span for span in spans if not any(other != span and _within(span, other) for other in spans)}

    def _identifier(self, key: Key) -> Identifier:
        return Identifier(key[0], key[1], origin=self._origin.get(key, "record"))

    def _is_person(self, kind: str) -> bool:
        declared = self._map.kind(kind)
        return declared is not None and declared.person

    def _normal(self, identifier: Identifier) -> Key:
        declared = self._map.kind(identifier.kind)
        if declared is None and identifier.kind not in GLOBAL_KINDS:
            raise BadInput("identity.unknown_kind", f"There is no identity kind {identifier.kind!r} in the data map.")
        return identifier.kind, normal(identifier.kind, identifier.value, declared.type if declared else "text")


def _spelled(key: Key) -> tuple[Key, ...]:
    """An identifier as it stands; an address with an international domain in both spellings: it is one address."""
    other = twin(key[1]) if key[0] == "email" and isinstance(key[1], str) else None
    return (key,) if other is None else (key, (key[0], other))


def _within(inner: Span, outer: Span) -> bool:
    starts = outer[0] is None or (inner[0] is not None and outer[0] <= inner[0])
    ends = outer[1] is None or (inner[1] is not None and inner[1] <= outer[1])
    return starts and ends
