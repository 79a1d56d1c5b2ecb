"""Whose a log line is.

A party's subject columns stand in order of precedence: the first that is filled in decides. A line that only has an
address is a subject's inside one of their visits, with the same user agent, and only if no line with that address and
with a user or device id of somebody else falls within that visit; then the visit as a whole is nobody's (ADR 1).

Two ways lead to the same result: with few identifiers, :meth:`Matcher.candidates` searches the raw block for them and
only lines that hold one are parsed; with many, every line is parsed and looked up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import TypeVar

from privacy.sources.base import Due, Of
from privacy.sources.weblogs_lines import LineFormat, empty
from privacy.sources.weblogs_spelling import blank, canonicaliser, needles, spellings
from privacy.sources.weblogs_times import micros

AGENT = "user_agent"
"""The column that a visit's user agent is compared with."""

MOST_NEEDLES = 16
"""With more texts to search for than this, parsing every line is faster."""

FOREVER = 2**62

Span = tuple[int, int]

_KEY = os.urandom(32)


@dataclass(frozen=True, slots=True)
class _Claim:
    """An identifier's word that a line is a subject's: from ``low`` until before ``high``."""

    subject: int
    low: int | None
    high: int | None
    contested: bool

    def holds(self, time: int | None) -> bool:
        if self.low is None and self.high is None:
            return True
        return time is not None and (self.low is None or self.low <= time) and (self.high is None or time < self.high)


@dataclass(frozen=True, slots=True)
class Window:
    """A visit: an address, from ``low`` to ``high`` (both inclusive), with or without a user agent as logs write it."""

    number: int
    subject: int
    low: int
    high: int
    agents: frozenset[bytes | None] = field(repr=False)
    contested: bool

    def holds(self, time: int) -> bool:
        """Whether the time falls within it."""
        return self.low <= time <= self.high

    def owned(self, owner: list[_Claim], time: int | None) -> bool:
        """Whether a line that these are known to be the owners of is the subject's own."""
        return any(o.subject == self.subject and not o.contested and o.holds(time) for o in owner)


@dataclass(slots=True)
class _Column:
    """A subject column: its group, how its fields are normalised, and who is known by which value."""

    group: int
    ip: bool
    canonical: Callable[[bytes], bytes]
    claims: dict[bytes, list[_Claim]] = field(default_factory=dict, repr=False)
    windows: dict[bytes, list[Window]] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Picked:
    """What a selection says of a line.

    :param found: the line's fields; None: it is in no known form.
    :param rows: (subject, party) of each row that it gives, in order of the subjects.
    :param time: when it was written, in microseconds since 1970 in UTC.
    :param aside: it has an address that a subject used then, or an id of theirs, and may be somebody else's.
    """

    found: re.Match[bytes] | None = field(repr=False)
    rows: list[tuple[int | None, str | None]]
    time: int | None = None
    aside: bool = False


class Matcher:
    """A selection over one dataset's lines. What it learns of visits holds for one file: see :meth:`anew`.

    :param of: whose, and for ``on``: the columns to match instead of the dataset's parties, windows aside.
    """

    def __init__(self, form: LineFormat, of: Of, on: tuple[str, ...] | None = None) -> None:
        self._form, self._of = form, of
        dataset = form.dataset
        self._agent = form.group.get(AGENT)
        self._clock = form.clock(dataset.time)
        self.windows: list[Window] = []
        self.contested: set[int] = set()
        self._texts: set[bytes] = set()
        self._findable = True
        self._parties: list[tuple[str, list[_Column]]] = []
        parties = [(name, party.subject) for name, party in dataset.people.items()]
        for name, columns in parties if on is None else [(column, (column,)) for column in on]:
            self._parties.append((name, [self._column(column, of, plain=on is not None) for column in columns]))
        self._with_visits = [
            (columns, next(c for c in columns if c.ip))
            for _, columns in self._parties
            if any(c.windows for c in columns)
        ]
        self.selects = any(c.claims or c.windows for _, columns in self._parties for c in columns)
        # A text within which another one stands adds nothing: whatever holds it holds the other.
        texts = sorted(self._texts, key=lambda text: (len(text), text))
        shorter = texts if len(texts) <= MOST_NEEDLES * 4 else []
        self.needles = [n for n in texts if not any(o != n and o in n for o in shorter)]
        self.parse_all = not self._findable or len(self.needles) > MOST_NEEDLES

    def _column(self, name: str, of: Of, *, plain: bool) -> _Column:
        column = self._form.dataset.columns[name]
        kind = str(column.identity)
        known = [(s.no, i) for s in of.subjects for i in s.identifiers if i.kind == kind and not blank(i.value)]
        numeric = column.type == "integer" or any(isinstance(i.value, int) for _, i in known)
        canonical = canonicaliser(kind, numeric)
        made = _Column(self._form.group[name], kind == "ip" and not plain, canonical)
        for subject, identifier in known:
            values = {canonical(raw) for raw in spellings(identifier.value)}
            low = None if identifier.valid_from is None else micros(identifier.valid_from)
            high = None if identifier.valid_to is None else micros(identifier.valid_to)
            if kind == "ip" and plain and high is not None:
                high += 1
            if made.ip:
                window = Window(
                    len(self.windows), subject, -FOREVER if low is None else low, FOREVER if high is None else high,
                    _agents(identifier.agent),
                    identifier.contested,
                )  # fmt: skip
                self.windows.append(window)
                for value in values:
                    made.windows.setdefault(value, []).append(window)
            else:
                for value in values:
                    made.claims.setdefault(value, []).append(_Claim(subject, low, high, identifier.contested))
            texts, findable = needles(kind, numeric, identifier.value, self._form.after(name))
            self._texts |= texts
            self._findable = self._findable and findable
        return made

    def anew(self) -> Matcher:
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

    def candidates(self, block: bytearray) -> list[Span] | None:
        """The lines (from, to, without newline) in which an identifier stands, in order; None: look at every line."""
        if self.parse_all:
            return None
        found: dict[int, int] = {}
        for needle in self.needles:
            at = block.find(needle)
            while at >= 0:
                start = block.rfind(b"\n", 0, at) + 1
                end = block.find(b"\n", at)
                end = len(block) if end < 0 else end
                found[start] = end
                at = block.find(needle, end)
        return sorted(found.items())

    def observe(self, line: bytes, wanted: set[int] | None = None) -> list[int]:
        """Learn from a line which visits are contested.

        :param wanted: learn about these alone.
        :returns: the visits that the line itself would be a subject's in.
        """
        found = self._form.match(line)
        visits: list[int] = []
        if found is None:
            return visits
        for columns, address in self._with_visits:
            windows = _lookup(address.windows, found.group(address.group), address.canonical)
            if not windows:
                continue
            time = self._when(found)
            owner = self._owner(found, columns)
            decides = next(c for c in columns if not empty(found.group(c.group))) is address
            for window in windows:
                if wanted is not None and window.number not in wanted:
                    continue
                # A line of somebody else at a time that is not known may be within any visit.
                if owner is not None and (time is None or window.holds(time)) and not window.owned(owner, time):
                    self.contested.add(window.number)
                if decides and not window.contested and self._is_visit(window, time, found):
                    visits.append(window.number)
        return visits

    def _is_visit(self, window: Window, time: int | None, found: re.Match[bytes]) -> bool:
        if time is None or not window.holds(time):
            return False
        if self._agent is None:
            return True  # The log does not tell user agents.
        agent = found.group(self._agent)
        return (None if empty(agent) else agent) in window.agents

    def _owner(self, found: re.Match[bytes], columns: list[_Column]) -> list[_Claim] | None:
        """Who is known by the line's first id; none: somebody unknown; None: the line has no id."""
        for column in columns:
            if not column.ip and not empty(raw := found.group(column.group)):
                return _lookup(column.claims, raw, column.canonical) or []
        return None

    def pick(self, line: bytes) -> Picked | None:
        """What the selection says of a line; None: nothing. Visits must have been settled (:meth:`observe`)."""
        found = self._form.match(line)
        if found is None:
            # It names nobody, whatever it holds; a line that holds what identifies a subject is told of.
            return Picked(None, []) if any(needle in line for needle in self.needles) else None
        mine: dict[int, list[str]] = {}
        aside: set[int] = set()
        time: int | None = None
        timed = False
        for name, columns in self._parties:
            for column in columns:
                raw = found.group(column.group)
                if empty(raw):
                    continue
                claims = _lookup(column.claims, raw, column.canonical)
                windows = _lookup(column.windows, raw, column.canonical)
                if (claims or windows) and not timed:
                    time, timed = self._when(found), True
                self._claimed(claims or (), time, name, mine, aside)
                self._visited(windows or (), time, found, name, mine, aside)
                break
        aside -= mine.keys()
        if not mine and not aside:
            return None
        rows: list[tuple[int | None, str | None]] = [(no, ",".join(mine[no])) for no in sorted(mine)]
        return Picked(found, rows, time, bool(aside))

    def _when(self, found: re.Match[bytes]) -> int | None:
        return None if self._clock is None else self._clock(found)

    @staticmethod
    def _claimed(
        claims: Iterable[_Claim], time: int | None, party: str, mine: dict[int, list[str]], aside: set[int]
    ) -> None:
        for claim in claims:
            if not claim.holds(time):
                if time is None:
                    aside.add(claim.subject)
            elif claim.contested:
                aside.add(claim.subject)
            else:
                _add(mine, claim.subject, party)

    def _visited(
        self, windows: Iterable[Window], time: int | None, found: re.Match[bytes], party: str,
        mine: dict[int, list[str]], aside: set[int],
    ) -> None:  # fmt: skip
        for window in windows:
            if time is not None and not window.holds(time):
                continue
            mine_then = self._is_visit(window, time, found)
            if mine_then and not window.contested and window.number not in self.contested:
                _add(mine, window.subject, party)
            else:
                aside.add(window.subject)


class DueMatcher:
    """The lines of one file whose term began before a bound.

    A line without a readable time, or in no known form, is due when the file itself is: it was written before the
    file's last change (edge cases 8 and 11: never deleted by accident, never kept for ever).

    :param modified: the file's last change, in microseconds since 1970 in UTC.
    """

    parse_all = True

    def __init__(self, form: LineFormat, due: Due, modified: int) -> None:
        self._form, self._before, self._old = form, micros(due.before), modified < micros(due.before)
        starts = form.dataset.starts
        self._time = form.clock(starts.column if starts else form.dataset.time)

    def candidates(self, block: bytearray) -> list[Span] | None:
        """Every line has to be looked at."""
        return None

    def pick(self, line: bytes) -> Picked | None:
        """What the selection says of a line; None: nothing."""
        found = self._form.match(line)
        time = None if found is None or self._time is None else self._time(found)
        due = self._old if time is None else time < self._before
        if not due and found is not None:
            return None
        return Picked(found, [(None, None)] if due else [], time)


def _agents(agent: str | None) -> frozenset[bytes | None]:
    return frozenset([None]) if agent is None or blank(agent) else frozenset(spellings(agent))


def _add(mine: dict[int, list[str]], subject: int, party: str) -> None:
    parties = mine.setdefault(subject, [])
    if party not in parties:
        parties.append(party)


T = TypeVar("T")


def _lookup(known: dict[bytes, list[T]], raw: bytes | None, canonical: Callable[[bytes], bytes]) -> list[T] | None:
    if not known or raw is None:
        return None
    return known.get(raw) or known.get(canonical(raw))
