"""Whose a record is, for sources that look at one record after another (logs, files of records): ADR 1 in one place.

A party's subject columns stand in order of precedence: the first that is filled in decides. A record that only has an
address is a subject's inside one of their visits, with the same user agent, and only if no record with that address and
with a user or device id of somebody else falls within that visit; then the visit as a whole is nobody's.

What a record is, and how it writes an identifier, its source says (:class:`Words`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, Generic, Protocol, Self, TypeVar

from privacy.datamap.models import Dataset
from privacy.sources.base import Identifier, Of
from privacy.sources.instants import micros

AGENT = "user_agent"
"""The column that a visit's user agent is compared with."""

FOREVER = 2**62

_KEY = os.urandom(32)

R = TypeVar("R")
V = TypeVar("V", bound=Hashable)
S = TypeVar("S", contravariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claim:
    """An identifier's word that a record is a subject's: from ``low`` until before ``high``."""

    subject: int
    low: int | None
    high: int | None
    contested: bool

    def holds(self, time: int | None) -> bool:
        """Whether it was theirs then."""
        if self.low is None and self.high is None:
            return True
        return time is not None and (self.low is None or self.low <= time) and (self.high is None or time < self.high)


@dataclass(frozen=True, slots=True)
class Window:
    """A visit: an address, from ``low`` to ``high`` (both inclusive), with or without a user agent as written."""

    number: int
    subject: int
    low: int
    high: int
    agents: frozenset[Any] = field(repr=False)
    contested: bool

    def holds(self, time: int) -> bool:
        """Whether the time falls within it."""
        return self.low <= time <= self.high

    def owned(self, owner: list[Claim], time: int | None) -> bool:
        """Whether a record that these are known to be the owners of is the subject's own."""
        return any(o.subject == self.subject and not o.contested and o.holds(time) for o in owner)


class Words(Protocol[S, V]):
    """How a source's records say what decides whose they are."""

    def field(self, name: str) -> Callable[[S], V | None]:
        """How to get an identity column's value out of a record; None where it is not filled in.

        Of a column with :meth:`many` it gets a tuple of values: any of them identifies.
        """
        ...

    def many(self, name: str) -> bool:
        """Whether an identity column holds a list."""
        ...

    def canonical(self, kind: str, numeric: bool) -> Callable[[V], V]:
        """How a value of this kind is brought into the one form in which it is compared."""
        ...

    def spellings(self, value: str | int) -> set[V]:
        """How records may write a text."""
        ...

    def blank(self, value: str | int) -> bool:
        """Whether a record would write it as nothing: it identifies nobody."""
        ...

    def clock(self) -> Callable[[S], int | None] | None:
        """When a record came to be, in microseconds since 1970 in UTC; None where that is unknown."""
        ...

    def agent(self) -> Callable[[S], V | None] | None:
        """A record's user agent, None where it has none; None instead of it: records do not tell."""
        ...


@dataclass(slots=True)
class Column(Generic[R, V]):
    """A subject column: how its fields are got and normalised, and who is known by which value."""

    name: str
    kind: str
    ip: bool
    many: bool
    numeric: bool
    get: Callable[[R], Any]
    canonical: Callable[[V], V]
    claims: dict[V, list[Claim]] = field(default_factory=dict, repr=False)
    windows: dict[V, list[Window]] = field(default_factory=dict, repr=False)

    def find(self, known: dict[V, list[T]], raw: Any) -> list[T] | None:
        """What is known of a field's value."""
        if raw is None:
            return None
        if self.many:
            return [found for one in raw for found in known.get(one) or known.get(self.canonical(one)) or ()]
        return known.get(raw) or known.get(self.canonical(raw))


@dataclass(slots=True)
class Judged:
    """What a selection says of a record.

    :param rows: (subject, party) of each row that it gives, in order of the subjects.
    :param time: when it came to be, in microseconds since 1970 in UTC.
    :param asides: of these subjects it has an address that they used then, or an id, and it may be somebody else's.
    """

    rows: list[tuple[int | None, str | None]]
    time: int | None = None
    asides: Set[int] = frozenset()

    @property
    def aside(self) -> bool:
        """Whether it may be somebody else's."""
        return bool(self.asides)


class Whose(Generic[R, V]):
    """A selection of subjects over one dataset's records. What it learns of visits: see :meth:`learn`, :meth:`anew`.

    :param of: whose, and for ``on``: the columns to match instead of the dataset's parties, windows aside.
    :param shared: see :class:`privacy.sources.base.Selection`.
    """

    def __init__(
        self, dataset: Dataset, words: Words[R, V], of: Of, on: tuple[str, ...] | None = None,
        shared: bool | None = None,
    ) -> None:  # fmt: skip
        self.shared = shared
        self._of, self._dataset, self._words = of, dataset, words
        self._clock, self._agent = words.clock(), words.agent()
        self.windows: list[Window] = []
        self.contested: set[int] = set()
        self.parties: list[tuple[str, list[Column[R, V]]]] = []
        parties = [(name, party.subject) for name, party in dataset.people.items()]
        for name, columns in parties if on is None else [(column, (column,)) for column in on]:
            self.parties.append((name, [self._column(column, of, plain=on is not None) for column in columns]))
        self._with_visits = [
            (columns, next(c for c in columns if c.ip))
            for _, columns in self.parties
            if any(c.windows for c in columns)
        ]
        self.selects = any(c.claims or c.windows for _, columns in self.parties for c in columns)

    def known(self, name: str, of: Of) -> tuple[list[tuple[int, Identifier]], bool]:
        """The identifiers that may stand in a column, with their subjects; and whether they are numbers there."""
        column = self._dataset.columns[name]
        found = [
            (s.no, i)
            for s in of.subjects
            for i in s.identifiers
            if i.kind == column.identity and not self._words.blank(i.value)
        ]
        return found, column.type == "integer" or any(isinstance(i.value, int) for _, i in found)

    def _column(self, name: str, of: Of, *, plain: bool) -> Column[R, V]:
        kind = str(self._dataset.columns[name].identity)
        known, numeric = self.known(name, of)
        canonical = self._words.canonical(kind, numeric)
        made: Column[R, V] = Column(
            name, kind, kind == "ip" and not plain, self._words.many(name), numeric, self._words.field(name), canonical
        )
        for subject, identifier in known:
            values = {canonical(raw) for raw in self._words.spellings(identifier.value)}
            low = None if identifier.valid_from is None else micros(identifier.valid_from)
            high = None if identifier.valid_to is None else micros(identifier.valid_to)
            if kind == "ip" and plain and high is not None:
                high += 1
            if made.ip:
                window = Window(
                    len(self.windows), subject, -FOREVER if low is None else low, FOREVER if high is None else high,
                    self._agents(identifier.agent),
                    identifier.contested,
                )  # fmt: skip
                self.windows.append(window)
                for value in values:
                    made.windows.setdefault(value, []).append(window)
            else:
                for value in values:
                    made.claims.setdefault(value, []).append(Claim(subject, low, high, identifier.contested))
        return made

    def _agents(self, agent: str | None) -> frozenset[Any]:
        blank = agent is None or self._words.blank(agent)
        return frozenset([None]) if blank else frozenset(self._words.spellings(str(agent)))

    def anew(self) -> Self:
        """One that has learned nothing of any visit yet; looking for thousands of subjects is prepared once."""
        if self.windows:
            self.digest  # noqa: B018 - computed here, once, and copied
        made = copy(self)
        made.contested = set()
        return made

    @cached_property
    def digest(self) -> bytes:
        """What tells this selection from another, and tells nothing of it outside this process."""
        made = blake2b(key=_KEY, digest_size=16)
        for subject in self._of.subjects:
            for i in subject.identifiers:
                made.update(
                    repr((subject.no, i.kind, i.value, i.valid_from, i.valid_to, i.agent, i.contested)).encode()
                )
        return made.digest()

    def learn(self, record: R, wanted: set[int] | None = None) -> list[int]:
        """Learn from a record which visits are contested.

        :param wanted: learn about these alone.
        :returns: the visits that the record itself would be a subject's in.
        """
        visits: list[int] = []
        for columns, address in self._with_visits:
            windows = address.find(address.windows, address.get(record))
            if not windows:
                continue
            time = self._when(record)
            owner = self._owner(record, columns)
            decides = next(c for c in columns if c.get(record) is not None) is address
            for window in windows:
                if wanted is not None and window.number not in wanted:
                    continue
                # A record of somebody else at a time that is not known may be within any visit.
                if owner is not None and (time is None or window.holds(time)) and not window.owned(owner, time):
                    self.contested.add(window.number)
                if decides and not window.contested and self._is_visit(window, time, record):
                    visits.append(window.number)
        return visits

    def _is_visit(self, window: Window, time: int | None, record: R) -> bool:
        if time is None or not window.holds(time):
            return False
        return self._agent is None or self._agent(record) in window.agents

    @staticmethod
    def _owner(record: R, columns: list[Column[R, V]]) -> list[Claim] | None:
        """Who is known by the record's first id; none: somebody unknown; None: the record has no id."""
        for column in columns:
            if not column.ip and (raw := column.get(record)) is not None:
                return column.find(column.claims, raw) or []
        return None

    def judge(self, record: R) -> Judged | None:
        """What the selection says of a record; None: nothing. Visits must have been settled (:meth:`learn`)."""
        mine: dict[int, list[str]] = {}
        aside: set[int] = set()
        time: int | None = None
        timed = False
        for name, columns in self.parties:
            for column in columns:
                raw = column.get(record)
                if raw is None:
                    continue
                claims = column.find(column.claims, raw) if column.claims else None
                windows = column.find(column.windows, raw) if column.windows else None
                if claims or windows:
                    if not timed:
                        time, timed = self._when(record), True
                    _claimed(claims or (), time, name, mine, aside)
                    self._visited(windows or (), time, record, name, mine, aside)
                break
        aside -= mine.keys()
        if not mine and not aside:
            return None
        if self.shared is not None and (not mine or self._is_shared(record, time, mine) is not self.shared):
            return None
        return Judged([(no, ",".join(mine[no])) for no in sorted(mine)], time, aside)

    def _is_shared(self, record: R, time: int | None, mine: Mapping[int, Sequence[str]]) -> bool:
        """Whether a party of a record is none of the selection's subjects. A value in doubt is another's."""
        theirs = {party for parties in mine.values() for party in parties}
        for name, columns in self.parties:
            column = next((c for c in columns if c.get(record) is not None), None)
            if column is None:
                continue
            # Of one value the verdict is known; of a list each element is somebody.
            if name not in theirs or (
                column.many and not all(self.is_own(column, one, time) for one in column.get(record))
            ):
                return True
        return False

    @staticmethod
    def is_own(column: Column[R, V], value: V, time: int | None) -> bool:
        """Whether one value of a subject column was a subject's of the selection then, and nobody else's."""
        known = column.claims.get(value) or column.claims.get(column.canonical(value)) or ()
        return any(claim.holds(time) and not claim.contested for claim in known)

    def _when(self, record: R) -> int | None:
        return None if self._clock is None else self._clock(record)

    def _visited(
        self, windows: Iterable[Window], time: int | None, record: R, party: str,
        mine: dict[int, list[str]], aside: set[int],
    ) -> None:  # fmt: skip
        for window in windows:
            if time is not None and not window.holds(time):
                continue
            mine_then = self._is_visit(window, time, record)
            if mine_then and not window.contested and window.number not in self.contested:
                _add(mine, window.subject, party)
            else:
                aside.add(window.subject)


def _claimed(
    claims: Iterable[Claim], time: int | None, party: str, mine: dict[int, list[str]], aside: set[int]
) -> None:
    for claim in claims:
        if not claim.holds(time):
            if time is None:
                aside.add(claim.subject)
        elif claim.contested:
            aside.add(claim.subject)
        else:
            _add(mine, claim.subject, party)


def _add(mine: dict[int, list[str]], subject: int, party: str) -> None:
    parties = mine.setdefault(subject, [])
    if party not in parties:
        parties.append(party)
