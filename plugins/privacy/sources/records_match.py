"""Whose a record of a file is: :mod:`privacy.sources.whose` over records of JSON and Parquet."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa

from privacy.datamap.kinds import fold, normal
from privacy.errors import BadInput
from privacy.sources.base import ByKey, Due, Of
from privacy.sources.instants import micros
from privacy.sources.records_files import File
from privacy.sources.records_layout import Layout, Place, whole
from privacy.sources.records_path import Record
from privacy.sources.whose import AGENT, Judged, Whose

Seen = tuple[Record, int, File]
"""A record, its number in its file, and the file."""

_BLANKS = " \t\n\v\f\r"
LAST_BLANK = "!"
"""No blank text comes after it: Parquet's statistics can tell that a column has none."""

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,20}\s*", re.ASCII)


def place(seen: Seen) -> Place:
    """Where a record stands."""
    return Place(seen[2].entry.key, seen[1], seen[2].where)


class _Words:
    """How records say whose they are. See :class:`privacy.sources.whose.Words`. Values are compared as texts."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def field(self, name: str) -> Callable[[Seen], Any]:
        layout = self._layout
        if name in layout.named:
            return lambda seen: _filled(layout.of_name(seen[2].entry.key)[name])
        get, many = layout.paths[name].get, self.many(name)

        def field(seen: Seen) -> Any:
            value = get(seen[0])
            if value is None:
                return None
            if type(value) is str and not many:
                return value if value and value > LAST_BLANK else _filled(value)
            return self._several(name, value, seen) if many else self._one(name, value, seen)

        return field

    def _one(self, name: str, value: Any, seen: Seen) -> str | None:
        if isinstance(value, str):
            return _filled(value)
        if isinstance(value, bool):
            raise self._layout.lost(name, str(place(seen)))
        if isinstance(value, int):
            return str(value)
        if (found := whole(value)) is not None:
            return str(found)
        raise self._layout.lost(name, str(place(seen)))

    def _several(self, name: str, value: Any, seen: Seen) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            raise self._layout.lost(name, str(place(seen)))
        found = (None if one is None else self._one(name, one, seen) for one in value)
        return tuple(one for one in found if one is not None) or None

    def many(self, name: str) -> bool:
        return pa.types.is_list(self._layout.dataset.columns[name].arrow)

    def canonical(self, kind: str, numeric: bool) -> Callable[[str], str]:
        return number if numeric else CANONICAL.get(kind, str)

    def spellings(self, value: str | int) -> set[str]:
        return {str(value)}

    def blank(self, value: str | int) -> bool:
        return not str(value).strip(_BLANKS)

    def clock(self) -> Callable[[Seen], int | None] | None:
        layout = self._layout
        name = layout.dataset.time
        return None if name is None else lambda seen: layout.moment(name, seen[0], place(seen))

    def agent(self) -> Callable[[Seen], str | None] | None:
        if AGENT not in self._layout.dataset.columns:
            return None
        layout = self._layout

        def agent(seen: Seen) -> str | None:
            value = layout.value(AGENT, seen[0], place(seen))
            return _filled(value) if isinstance(value, str) else None

        return agent


def _filled(text: str | None) -> str | None:
    return text if text and text.strip(_BLANKS) else None


def number(text: str) -> str:
    """A whole number without leading zeros; any other text as it is."""
    return str(int(text)) if _WHOLE.fullmatch(text) else text


@lru_cache(maxsize=4096)
def _ip(text: str) -> str:
    return text if ":" not in text else _normal("ip", text)


def _normal(kind: str, text: str) -> str:
    try:
        return str(normal(kind, text))
    except BadInput:
        return text


CANONICAL: dict[str, Callable[[str], str]] = {"ip": _ip, "email": fold, "phone": lambda text: _normal("phone", text)}
"""How texts of a global kind are compared; all others are compared as they are."""


class Matcher(Whose[Seen, str]):
    """A selection of subjects over one dataset's records."""

    def __init__(
        self, layout: Layout, of: Of, on: tuple[str, ...] | None = None, shared: bool | None = None
    ) -> None:  # fmt: skip
        super().__init__(layout.dataset, _Words(layout), of, on, shared)

    def reaches(self, span: tuple[int, int] | None) -> bool:
        """Whether a record of that time may be anybody's of the selection; None: of any time."""
        if span is None:
            return True
        low, high = span
        for _, columns in self.parties:
            for column in columns:
                for claims in column.claims.values():
                    if any((c.low is None or c.low < high) and (c.high is None or c.high > low) for c in claims):
                        return True
        return any(window.low <= high and window.high >= low for window in self.windows)


class DueRule:
    """The records whose term began before a bound. One without a start has none that could end (edge case 11)."""

    windows: tuple[()] = ()

    def __init__(self, layout: Layout, due: Due) -> None:
        self._layout, self.before = layout, micros(due.before)
        self.selects = layout.starts is not None

    def judge(self, seen: Seen) -> Judged | None:
        """What the selection says of a record; None: nothing."""
        time = self._layout.moment(self._layout.starts, seen[0], place(seen))
        return Judged([(None, None)], time) if time is not None and time < self.before else None

    def reaches(self, span: tuple[int, int] | None) -> bool:
        """Whether a record of that time may be due."""
        return span is None or self._layout.starts != self._layout.dataset.time or span[0] < self.before


class KeyRule(DueRule):
    """The records with these keys; a part that may be written in several ways is left to who asks."""

    def __init__(self, layout: Layout, pick: ByKey) -> None:
        super().__init__(layout, pick)
        columns, self.selects = layout.dataset.columns, True
        self._names = [n for n in layout.dataset.key if columns[n].type in ("text", "integer")]
        at = [layout.dataset.key.index(name) for name in self._names]
        self._keys = {tuple(str(key[n]) for n in at) for key in pick.keys}

    def judge(self, seen: Seen) -> Judged | None:
        """What the selection says of a record; None: nothing."""
        key = tuple(str(self._layout.value(name, seen[0], place(seen))) for name in self._names)
        return Judged([(None, None)]) if key in self._keys else None

    def reaches(self, span: tuple[int, int] | None) -> bool:
        """Any file may have one."""
        return True


class OfDue:
    """All versions of records that are due, in :class:`DueRule`'s place.

    :param begins: when each began, by its key, as the version that holds says.
    """

    windows: tuple[()] = ()
    selects = True

    def __init__(self, layout: Layout, begins: dict[bytes, int]) -> None:
        self._layout, self._begins = layout, begins

    def judge(self, seen: Seen) -> Judged | None:
        """Whether it is one of them."""
        at = self.begins(seen)
        return None if at is None else Judged([(None, None)], at)

    def begins(self, seen: Seen) -> int | None:
        """When a record began, whichever version of it this is: an earlier one is not late because it says less."""
        return self._begins.get(self._layout.key(seen[0], place(seen)))

    def reaches(self, span: tuple[int, int] | None) -> bool:
        """Any file may have one."""
        return True


Pick = Matcher | DueRule | OfDue
