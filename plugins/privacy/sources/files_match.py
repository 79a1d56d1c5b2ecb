"""Whose a file is, by the identifiers in its name, and which files are due.

A party's subject columns stand in order of precedence: the first that is filled in decides. An identifier that was
somebody's for a while counts for files of that time alone (the dataset's ``time`` column).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from privacy.datamap.kinds import normal
from privacy.datamap.models import GLOBAL_KINDS
from privacy.errors import BadInput
from privacy.sources.base import ByKey, Due, Every, Identifier, Of, Selection
from privacy.sources.files_names import Named, NameForm, Value
from privacy.sources.instants import micros


@dataclass(slots=True)
class Picked:
    """What a selection says of a file.

    :param rows: (subject, party) of each row that it gives, in order of the subjects.
    :param asides: an identifier of these subjects stands in its name, and it may be somebody else's: contested, or of a
        time that the file does not tell.
    """

    rows: list[tuple[int | None, str | None]]
    asides: Set[int] = frozenset()

    @property
    def aside(self) -> bool:
        """Whether it may be somebody else's."""
        return bool(self.asides)


class Matcher:
    """A selection of subjects over one dataset's files.

    :param on: match these columns instead of the dataset's parties.
    :param shared: see :class:`privacy.sources.base.Selection`.
    """

    def __init__(
        self, form: NameForm, of: Of, on: tuple[str, ...] | None = None, shared: bool | None = None
    ) -> None:  # fmt: skip
        self._form, self._shared = form, shared
        parties = {name: party.subject for name, party in form.dataset.people.items()}
        self._parties = list((parties if on is None else {name: (name,) for name in on}).items())
        kinds = {str(form.dataset.columns[name].identity) for _, names in self._parties for name in names}
        self._known: dict[tuple[str, str], list[tuple[int, Identifier]]] = {}
        for subject in of.subjects:
            for identifier in subject.identifiers:
                value = _canonical(identifier.kind, identifier.value)
                if identifier.kind in kinds and value:
                    self._known.setdefault((identifier.kind, value), []).append((subject.no, identifier))
        self.selects = bool(self._known)
        every = [identifier for known in self._known.values() for _, identifier in known]
        self._timeless = all(i.valid_from is None and i.valid_to is None for i in every)
        self._columns = tuple(dict.fromkeys(name for _, names in self._parties for name in names))
        self._last: tuple[list[Value], Picked] | None = None

    def pick(self, file: Named) -> Picked:
        """What the selection says of a file."""
        if not self._timeless:
            return self._pick(file)
        # The next file is mostly of the same person.
        said, last = list(map(file.values.get, self._columns)), self._last
        if last is None or last[0] != said:
            self._last = last = said, self._pick(file)
        return last[1]

    def _pick(self, file: Named) -> Picked:
        mine: dict[int, dict[str, None]] = {}
        aside: set[int] = set()
        for party, names in self._parties:
            for subject, identifier in self._claims(file, names):
                held = self._holds(file, identifier)
                if held and not identifier.contested:
                    mine.setdefault(subject, {})[party] = None
                elif held is not False:
                    aside.add(subject)
        if self._shared is not None:
            theirs = {party for parties in mine.values() for party in parties}
            named = (
                any(str(file.values.get(n) or "").strip() for n in names)
                for p, names in self._parties
                if p not in theirs
            )
            if any(named) is not self._shared:
                return Picked([])
        rows: list[tuple[int | None, str | None]] = [(no, ",".join(mine[no])) for no in sorted(mine)]
        return Picked(rows, aside - mine.keys())

    def _claims(self, file: Named, names: tuple[str, ...]) -> Iterator[tuple[int, Identifier]]:
        for name in names:
            value, column = file.values.get(name), self._form.dataset.columns[name]
            text = "" if value is None else str(value)
            if text.strip():
                kind = str(column.identity)
                yield from self._known.get((kind, _canonical(kind, text)), ())
                return

    def _holds(self, file: Named, identifier: Identifier) -> bool | None:
        """Whether it was theirs then; None: that cannot be told."""
        first, last = identifier.valid_from, identifier.valid_to
        if identifier.kind == "ip" and (first is None or last is None or identifier.agent is not None):
            return None  # An address alone, outside of a known visit, is nobody's.
        if first is None and last is None:
            return True
        at = self._form.moment(file, self._form.dataset.time)
        if at is None:
            return None
        after = last is not None and (at > micros(last) if identifier.kind == "ip" else at >= micros(last))
        return not after and (first is None or micros(first) <= at)


class DueMatcher:
    """The files whose term began before a bound; one that does not say when it began is never due."""

    def __init__(self, form: NameForm, due: Due) -> None:
        self._form, self._before = form, micros(due.before)
        self._starts = form.dataset.starts.column if form.dataset.starts else None
        self._every = isinstance(due, Every)
        self.selects = self._every or self._starts is not None

    def pick(self, file: Named) -> Picked:
        """What the selection says of a file."""
        if self._every:
            return Picked([(None, None)])
        at = self._form.moment(file, self._starts)
        return Picked([(None, None)] if at is not None and at < self._before else [])


class KeyMatcher:
    """The files of these names, whoever they are about."""

    selects = True

    def __init__(self, pick: ByKey) -> None:
        self._keys = pick.keys

    def pick(self, file: Named) -> Picked:
        """What the selection says of a file."""
        return Picked([(None, None)] if (file.key,) in self._keys else [])


AnyMatcher = Matcher | DueMatcher | KeyMatcher


def matcher(form: NameForm, selection: Selection) -> AnyMatcher:
    """The way to tell which files are selected."""
    pick = selection.pick
    if isinstance(pick, ByKey):
        return KeyMatcher(pick)
    return DueMatcher(form, pick) if isinstance(pick, Due) else Matcher(form, pick, selection.on, selection.shared)


def _canonical(kind: str, value: str | int) -> str:
    """A value as it is compared; empty: nothing can be it."""
    if kind not in GLOBAL_KINDS:
        return str(value)
    try:
        return str(normal(kind, value))
    except BadInput:
        return ""
