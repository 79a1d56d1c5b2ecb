"""Whose a log line is: :mod:`privacy.sources.whose` over the lines of a log.

:meth:`Matcher.candidates` searches the raw block for all identifiers at once, be they few or thousands, and only lines
that hold one are parsed. Where an identifier may be written in ways that cannot be searched for, every line is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field

from privacy.sources.base import ByKey, Due, Of
from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_runs import Runs
from privacy.sources.weblogs_search import Search
from privacy.sources.weblogs_spelling import blank, canonicaliser, needles, spellings
from privacy.sources.weblogs_times import micros
from privacy.sources.whose import AGENT, Whose, Window

__all__ = ["DueMatcher", "Matcher", "Picked", "Span", "Window"]

_NESTED = 64
"""Of so many texts at most it is looked whether one stands in another."""

Span = tuple[int, int]
Fields = re.Match[bytes]

_NOTHING = (None, b"-", b"")
_NEVER = -(2**63)


@dataclass(slots=True)
class Picked:
    """What a selection says of a line.

    :param found: the line's fields; None: it is in no known form.
    :param rows: (subject, party) of each row that it gives, in order of the subjects.
    :param time: when it was written, in microseconds since 1970 in UTC.
    :param asides: of these subjects it has an address that they used then, or an id, and it may be somebody else's.
    :param told: of a line in no known form the subjects of whom it holds an identifier.
    """

    found: Fields | None = field(repr=False)
    rows: list[tuple[int | None, str | None]]
    time: int | None = None
    asides: Set[int] = frozenset()
    told: Set[int] = frozenset()

    @property
    def aside(self) -> bool:
        """Whether it may be somebody else's."""
        return bool(self.asides)


class _Words:
    """How a log's lines say whose they are. See :class:`privacy.sources.whose.Words`."""

    def __init__(self, form: LineFormat) -> None:
        self._form = form
        self.canonical, self.spellings, self.blank = canonicaliser, spellings, blank

    def field(self, name: str) -> Callable[[Fields], bytes | None]:
        group = self._form.group[name]

        def field(found: Fields) -> bytes | None:
            raw = found.group(group)
            return None if raw in _NOTHING else raw

        return field

    def many(self, name: str) -> bool:
        return False

    def clock(self) -> Callable[[Fields], int | None] | None:
        return self._form.clock(self._form.dataset.time)

    def agent(self) -> Callable[[Fields], bytes | None] | None:
        return self.field(AGENT) if AGENT in self._form.group else None


class Matcher(Whose[Fields, bytes]):
    """A selection over one dataset's lines. What it learns of visits holds for one file: see :meth:`anew`.

    :param of: whose, and for ``on``: the columns to match instead of the dataset's parties, windows aside.
    """

    def __init__(
        self, form: LineFormat, of: Of, on: tuple[str, ...] | None = None, shared: bool | None = None
    ) -> None:  # fmt: skip
        super().__init__(form.dataset, _Words(form), of, on, shared)
        self._form = form
        found: set[bytes] = set()
        self._told: dict[bytes, set[int]] = {}
        findable = True
        for name in dict.fromkeys(column.name for _, columns in self.parties for column in columns):
            (known, numeric), after = self.known(name, of), form.after(name)
            for no, i in known:
                texts, sure = needles(i.kind, numeric, i.value, after)
                found |= texts
                for text in texts:
                    self._told.setdefault(text, set()).add(no)
                findable = findable and sure
        # A text within which another one stands adds nothing: whatever holds it holds the other.
        ordered = sorted(found, key=lambda text: (len(text), text))
        shorter = ordered if len(ordered) <= _NESTED else []
        self.needles = [n for n in ordered if not any(o != n and o in n for o in shorter)]
        self.parse_all = not findable
        self._search = Search(self.needles) if findable and self.needles else None

    def candidates(self, block: bytearray) -> list[Span] | None:
        """The lines (from, to, without newline) in which an identifier stands, in order; None: look at every line."""
        if self.parse_all:
            return None
        return [] if self._search is None else self._search.lines(block)

    def observe(self, line: bytes, wanted: set[int] | None = None) -> list[int]:
        """Learn from a line which visits are contested; see :meth:`Whose.learn`."""
        found = self._form.match(line)
        return [] if found is None else self.learn(found, wanted)

    def pick(self, line: bytes) -> Picked | None:
        """What the selection says of a line; None: nothing. Visits must have been settled (:meth:`observe`)."""
        found = self._form.match(line)
        if found is None:
            # It names nobody, whatever it holds; a line that holds what identifies a subject is told of.
            if not any(needle in line for needle in self.needles):
                return None
            told = {no for needle, subjects in self._told.items() if needle in line for no in subjects}
            return Picked(None, [], told=told)
        judged = self.judge(found)
        return None if judged is None else Picked(found, judged.rows, judged.time, judged.asides)


class DueMatcher:
    """The lines of one file whose term began before a bound.

    A line without a readable time, or in no known form, is due when the file itself is: it was written before the
    file's last change (edge cases 8 and 11: never deleted by accident, never kept for ever).

    :param modified: the file's last change, in microseconds since 1970 in UTC.
    """

    parse_all = True

    def __init__(self, form: LineFormat, due: Due, modified: int) -> None:
        self._form, self._before, self._modified = form, micros(due.before), modified
        self._old = modified < self._before
        starts = form.dataset.starts
        if starts is None and not isinstance(due, ByKey):
            self._before, self._old = _NEVER, False  # Where nothing starts a term, nothing is ever due.
        column = starts.column if starts else form.dataset.time
        self._time = form.clock(column)
        self._runs = Runs(form, column, (self._before,), modified, wanted=0)

    def candidates(self, block: bytearray) -> list[Span] | None:
        """Every line has to be looked at."""
        return None

    def due(self, block: bytearray) -> Iterator[tuple[int, int, int]]:
        """The lines of a block that are due, as by :meth:`pick`, in runs: from, to (with newlines), how many."""
        for run in self._runs.of(block):
            if run.slot == 0:
                yield run.start, run.end, run.lines

    def pick(self, line: bytes) -> Picked | None:
        """What the selection says of a line; None: nothing."""
        found = self._form.match(line)
        time = None if found is None or self._time is None else self._time(found)
        due = self._old if time is None else time < self._before
        if not due and found is not None:
            return None
        # It began before the file's last change: that is as old as it is known to be.
        return Picked(found, [(None, None)] if due else [], self._modified if due and time is None else time)
