"""When the term of this person's own records runs out: of the oldest, and of the newest.

A request, a hold or a dispute may keep a record longer; the page says what the promise says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from privacy.datamap.load import Ref
from privacy.datamap.policy import Policy, Term
from privacy.retention import due
from privacy.retention.terms import Bound

_INSTANT = timedelta(microseconds=1)


@dataclass(slots=True)
class Starts:
    """From when on the records' terms count.

    :param first, last: None: none of them has one. :param waiting: records whose term has not begun.
    :param kinds: the same of the records of each kind that has a word; those are in none of the others.
    """

    first: date | datetime | None = field(default=None, repr=False)
    last: date | datetime | None = field(default=None, repr=False)
    waiting: int = 0
    kinds: dict[str, Starts] = field(default_factory=dict, repr=False)

    def add(self, file: Path, column: str, kind: str | None = None) -> None:
        """The records of a Parquet file too: its footer knows, so that no record is read again.

        :param kind: the column that says of which kind a record is; then that column and the other are read.
        """
        if kind is not None:
            self._add_by_kind(file, column, kind)
            return
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

    def _add_by_kind(self, file: Path, column: str, kind: str) -> None:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(columns=[column, kind]):
                table = pa.table({"at": batch.column(column), "kind": batch.column(kind)})
                told = table.group_by("kind").aggregate(
                    [("at", "min"), ("at", "max"), ("at", "count"), ("at", "count", pc.CountOptions(mode="all"))]
                )
                for word, first, last, begun, every in zip(
                    *(told.column(n).to_pylist() for n in range(5)), strict=True
                ):
                    of = self if word is None else self.kinds.setdefault(word, Starts())
                    of.waiting += every - begun
                    if begun:
                        of._include(first, last)

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
    """When records that started then fall due, by the term of their dataset and kind; empty where no date says so."""
    term = policy.term_of(ref.dataset)
    if not (term.keep_at_least or term.keep_at_most):
        return Expiry()
    several = [(term, starts), *((term.of(kind), its) for kind, its in starts.kinds.items())]
    bounds = [bound for each, _ in several for bound in (each.keep_at_least, each.keep_at_most) if bound]

    def span(bound: Bound) -> Span | None:
        found = [span for each, its in several if (span := _span(each, bound, its, policy.zone)) is not None]
        return Span(min(s.first for s in found), max(s.last for s in found)) if found else None

    return Expiry(
        span("keep_at_least"),
        span("keep_at_most"),
        all(bound.seconds for bound in bounds),
        sum(its.waiting for _, its in several),
    )


def _span(term: Term, bound: Bound, starts: Starts, zone: str) -> Span | None:
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
