"""When the term of this person's own records runs out: of the oldest, and of the newest.

A request, a hold or a dispute may keep a record longer; the page says what the promise says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from privacy.datamap.load import Ref
from privacy.datamap.policy import Policy, Term
from privacy.retention import due

_INSTANT = timedelta(microseconds=1)


@dataclass(slots=True)
class Starts:
    """From when on the records' terms count.

    :param first, last: None: none of them has one. :param waiting: records whose term has not begun.
    """

    first: date | datetime | None = field(default=None, repr=False)
    last: date | datetime | None = field(default=None, repr=False)
    waiting: int = 0

    def add(self, file: Path, column: str) -> None:
        """The records of a Parquet file too: its footer knows, so that no record is read again."""
        with pq.ParquetFile(file) as parquet:
            schema = parquet.metadata.schema
            # Of a list or a record the file has a column for each of its leaves.
            at = next(n for n in range(len(schema)) if schema.column(n).path.partition(".")[0] == column)
            groups: list[Any] = [
                parquet.metadata.row_group(n).column(at).statistics for n in range(parquet.num_row_groups)
            ]
        for found in groups:
            self.waiting += found.null_count
            if found.has_min_max:
                self._include(found.min, found.max)

    def _include(self, *moments: Any) -> None:
        """Dates among dates, aware datetimes among those: a column has one type."""
        self.first = min(moments if self.first is None else (self.first, *moments))
        self.last = max(moments if self.last is None else (self.last, *moments))


@dataclass(frozen=True, slots=True)
class Span:
    """From the oldest record's moment to the newest's; local. ``first`` and ``last`` may be one."""

    first: datetime = field(repr=False)
    last: datetime = field(repr=False)


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the records fall due.

    :param at_least: through which day they are kept; ``at_most``: before which day they are gone; of terms in hours
        the moments themselves (``exact``).
    :param waiting: records whose term has not begun.
    """

    at_least: Span | None = None
    at_most: Span | None = None
    exact: bool = False
    waiting: int = 0

    def __bool__(self) -> bool:
        return bool(self.at_least or self.at_most or self.waiting)


def expiry(policy: Policy, ref: Ref, starts: Starts) -> Expiry:
    """When records that started then fall due, by the promise of their dataset; empty where no date says so."""
    term = policy.promises[ref.dataset.promise].term
    if term is None or not (term.keep_at_least or term.keep_at_most):
        return Expiry()
    bounds = [bound for bound in (term.keep_at_least, term.keep_at_most) if bound]
    return Expiry(
        _span(term, "keep_at_least", starts, policy.zone),
        _span(term, "keep_at_most", starts, policy.zone),
        all(bound.seconds for bound in bounds),
        starts.waiting,
    )


def _span(term: Term, bound: Literal["keep_at_least", "keep_at_most"], starts: Starts, zone: str) -> Span | None:
    period = getattr(term, bound)
    if period is None or starts.first is None or starts.last is None:
        return None
    # Kept through a day means: until the midnight that closes it.
    back = _INSTANT if bound == "keep_at_least" and not period.seconds else timedelta(0)
    try:
        first, last = (
            due(start, period, zone, bound=bound, counts_from=term.counts_from) - back
            for start in (starts.first, starts.last)
        )
        return Span(first.astimezone(ZoneInfo(zone)), last.astimezone(ZoneInfo(zone)))
    except OverflowError:
        return None
