"""The lines of a log in runs: many in a row that begin their term on the same side of each of some bounds.

One line says what day or hour it is of; then it is proven, not guessed, that those after it are of it as well. Where
that cannot be done a line is a run of its own, judged by its own match. So it makes no difference to what is found, and
lines may be in any order: only how long it takes depends on it.

Two proofs there are. A regular expression takes whole lines of that day (:class:`privacy.sources.weblogs_shape.Shape`).
Or all that could be a time, in a piece of a log, is one of that day: the byte that stands before each time is followed
by the day wherever it stands. Then a line that does not fit the format is as old as its file, so this proof is for days
on the same side as that.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from privacy.sources.weblogs_blocks import newlines
from privacy.sources.weblogs_lines import LineFormat
from privacy.sources.weblogs_shape import MANY, RARE, Shape
from privacy.sources.weblogs_times import Reader, written

PIECE = 512 * 1024
"""So many bytes are proven by counting at once."""

LEAST = 2048
"""So many where first and last times are wanted and lines were not alike; more and more while they are."""

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_FURTHEST = 8 * _DAY
"""No offset that can be written in a log makes a moment so far from what its clock says."""

_NGINX = re.compile(rb"(\d\d/[A-Z][a-z]{2}/\d{4}:)(\d\d):\d\d:\d\d()( [+-]\d{4}|)")
_ISO = re.compile(rb"(\d{4}-\d\d-\d\d[T ])(\d\d):\d\d:\d\d(\.\d{3}|\.\d{6}|)(Z|[+-]\d\d:\d\d|)")

_PATIENCE = 6
"""After so many short runs in a row, only one line in 2 to that power is asked what run it begins."""

_MISSES = 3
_UNITS = 1000


_Key = tuple[bytes, bytes, int, bytes]


class Run(NamedTuple):
    """Lines in a row.

    :param start, end: where they are in their block, with their newlines (the last one of a log may have none).
    :param lines: how many; 0: it is of no interest. :param slot: how many of the bounds are not later than their start.
    :param first, last: the earliest and latest start, in microseconds since 1970 in UTC; None: there is none, or nobody
        asked.
    :param undated: how many of them have no time that can be read, so that the file's last change stands for it; it is
        not in ``first`` and ``last``, which are those of the others.
    """

    start: int
    end: int
    lines: int
    slot: int
    first: int | None
    last: int | None
    undated: int


@dataclass(slots=True)
class _Unit:
    """A day, or an hour, as one writer writes it.

    :param day: the day as it is written. :param before: what its times begin with: the day, or more.
    :param clock: a regular expression for what follows. :param after: what they end with: an offset.
    :param slot: of all of them. :param far: also of all that are written as of that day, with whatever offset.
    """

    day: bytes
    before: bytes
    clock: bytes
    after: bytes
    slot: int
    far: bool
    many: re.Pattern[bytes] | None = None
    some: re.Pattern[bytes] | None = None
    each: re.Pattern[bytes] | None = None


class Runs:
    """How one file's lines fall into runs.

    :param column: the one whose time begins the term; None: nothing does, all lines are as old as the file.
    :param bounds: sorted; microseconds since 1970 in UTC, as all times here.
    :param modified: the file's last change.
    :param spans: whether the first and last time of runs are wanted.
    :param wanted: the one slot whose runs are of interest; None: all are.
    """

    def __init__(
        self, form: LineFormat, column: str | None, bounds: Sequence[int], modified: int, *,
        spans: bool = False, wanted: int | None = None,
    ) -> None:  # fmt: skip
        self._form, self._bounds, self._spans, self._wanted = form, bounds, spans, wanted
        self._undated = bisect_right(bounds, modified)
        self._clock = form.clock(column)
        self._shape: Shape | None = None
        self._read: Reader | None = None
        self._group = 0
        if self._clock is not None and column is not None and written(form.dataset.columns[column]):
            self._shape, self._read, self._group = form.shape(column), form.reader(column), form.group[column]
        self._units: dict[_Key, _Unit | None] = {}
        self._misses, self._size = 0, LEAST
        self._quick: bool | None = None  # Whether the block is without rare bytes; None: nobody has looked yet.

    def of(self, block: bytearray) -> Iterator[Run]:
        """A block of whole lines (see :meth:`privacy.sources.weblogs_blocks.Log.blocks`), run by run, in order."""
        at = short = wait = 0
        self._quick = None
        alone: Run | None = None  # The lines just before that were looked at one by one, all in one slot.
        while at < len(block):
            end = block.find(b"\n", at)
            whole = end >= 0
            end = end if whole else len(block)
            found = self._form.match(bytes(block[at:end]))
            time = None if found is None or self._clock is None else self._clock(found)
            if found is not None and time is not None and whole and self._shape is not None and not wait:
                run = self._run(block, at, found.group(self._group))
                short = 0 if run is not None and run.lines != 1 else min(short + 1, _PATIENCE)
                wait = 2**short - 1
                if run is not None:
                    if alone is not None:
                        yield alone
                    alone = None
                    yield run
                    at = run.end
                    continue
            wait = max(wait - 1, 0)
            slot = self._undated if time is None else bisect_right(self._bounds, time)
            one = Run(at, end + whole, 1, slot, time, time, int(time is None))
            if alone is not None and alone.slot != slot:
                yield alone
                alone = None
            alone = one if alone is None else _joined(alone, one)
            at = end + 1
        if alone is not None:
            yield alone

    def _run(self, block: bytearray, at: int, raw: bytes) -> Run | None:
        """The run that begins at a line with this time; None: it has to be looked at by itself."""
        unit = self._unit(raw)
        if unit is None or self._shape is None:
            return None
        if self._spans:
            return self._spanned(block, at, unit)
        if unit.far and (counted := self._counted(block, at, unit)) is not None:
            return counted
        end, lines = at, 0
        times = re.escape(unit.before) + unit.clock + re.escape(unit.after)
        unit.many = unit.many or self._shape.many(times)
        unit.some = unit.some or self._shape.some(times)
        while self._plain(block) and (taken := unit.many.match(block, end)):
            if newlines(block, end, taken.end()) != MANY:
                break  # One of them is no line: it goes on in the next.
            end, lines = taken.end(), lines + MANY
        if taken := unit.some.match(block, end):
            lines += newlines(block, end, taken.end())
            end = taken.end()
        return Run(at, end, lines, unit.slot, None, None, 0) if lines else None

    def _spanned(self, block: bytearray, at: int, unit: _Unit) -> Run | None:
        """A piece all lines of which are of a unit, with their first and last time."""
        if self._shape is None or self._read is None or not unit.after or not self._plain(block):
            return None  # What a clock without an offset says need not go up with time.
        if unit.each is None:
            unit.each = self._shape.each(re.escape(unit.before) + b"(%s)" % unit.clock + re.escape(unit.after))
        end = block.rfind(b"\n", at, at + self._size) + 1
        clocks = unit.each.findall(block, at, end) if end else []
        if not clocks or len(clocks) != newlines(block, at, end):
            self._size = max(self._size // 16, LEAST)
            return None
        self._size = min(self._size * 4, PIECE)
        first, last = (self._read(unit.before + clock + unit.after) for clock in (min(clocks), max(clocks)))
        return Run(at, end, len(clocks), unit.slot, first, last, 0)

    def _plain(self, block: bytearray) -> bool:
        """Whether a block is without rare bytes."""
        if self._quick is None:
            self._quick = not any(blank in block for blank in RARE)
        return self._quick

    def _counted(self, block: bytearray, at: int, unit: _Unit) -> Run | None:
        """A piece in which nothing can be a time but of the unit's day."""
        if self._shape is None or unit.slot != self._undated or self._misses >= _MISSES:
            return None
        end = block.rfind(b"\n", at, at + PIECE) + 1
        if not end or not _followed(block, at, end, self._shape.before, unit.day):
            self._misses += 1
            return None
        self._misses = 0
        lines = 0 if self._wanted not in (None, unit.slot) else newlines(block, at, end)
        return Run(at, end, lines, unit.slot, None, None, 0)

    def _unit(self, raw: bytes) -> _Unit | None:
        parts = _NGINX.fullmatch(raw) or _ISO.fullmatch(raw)
        if parts is None:
            return None
        day, hour, fraction, offset = parts.groups()
        found = self._known(day, b"", len(fraction), offset)
        return self._known(day, hour, len(fraction), offset) if found is None else found

    def _known(self, *key: *_Key) -> _Unit | None:
        if key not in self._units:
            if len(self._units) >= _UNITS:
                self._units.clear()
            self._units[key] = self._make(*key)
        return self._units[key]

    def _make(self, day: bytes, hour: bytes, fraction: int, offset: bytes) -> _Unit | None:
        """The hour, or without one the day, if all of it is in one slot; None: a bound is in it."""
        low, high = (b":00:00", b":59:59") if hour else (b"00:00:00", b"23:59:59")
        # Without an offset it is the zone's, which may change within the hour.
        slot = self._slot(day + hour + low + offset, day + hour + high + offset, 0 if offset else 2 * _DAY)
        if slot is None:
            return None
        far = self._slot(day + b"00:00:00" + offset, day + b"23:59:59" + offset, _FURTHEST) is not None
        clock = b"" if hour else rb"(?:[01][0-9]|2[0-3])"
        clock += rb":[0-5][0-9]:[0-5][0-9]" + (rb"\.[0-9]{%d}" % (fraction - 1) if fraction else b"")
        return _Unit(day, day + hour, clock, offset, slot, far)

    def _slot(self, low: bytes, high: bytes, more: int) -> int | None:
        """The slot of all times from one to the other, and so much before and after; None: they have several."""
        if self._read is None or (first := self._read(low)) is None or (last := self._read(high)) is None:
            return None
        slots = {bisect_right(self._bounds, first - more), bisect_right(self._bounds, last + _SECOND - 1 + more)}
        return slots.pop() if len(slots) == 1 else None


def _joined(one: Run, next_: Run) -> Run:
    """Two runs that follow each other in one slot."""
    first, last = one.first, one.last
    if next_.first is not None and next_.last is not None:
        first = next_.first if first is None else min(first, next_.first)
        last = next_.last if last is None else max(last, next_.last)
    return Run(one.start, next_.end, one.lines + next_.lines, one.slot, first, last, one.undated + next_.undated)


def _followed(block: bytearray, start: int, end: int, mark: bytes, text: bytes) -> bool:
    """Whether this text, of 8 bytes or more, stands after the byte ``mark`` wherever that is, and that is somewhere."""
    at = np.flatnonzero(np.frombuffer(block, np.uint8, end - start, start) == mark[0]) + 1
    if not at.size or at[-1] + len(text) > end - start:
        return False
    # Each place as the number that 8 bytes are: those that the text begins with, and those that it ends with.
    eights: np.ndarray[tuple[int], np.dtype[np.uint64]] = np.ndarray(
        (end - start - 7,), "<u8", block, offset=start, strides=(1,)
    )
    first, last = (int.from_bytes(part, "little") for part in (text[:8], text[-8:]))
    return bool((eights[at] == first).all() and (eights[at + (len(text) - 8)] == last).all())
