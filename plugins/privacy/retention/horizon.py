"""What a purge at some moment takes: the bound, what is past its limit by then, what the next run will take.

A term with ``keep_at_most`` alone is a limit: it is never passed between two runs, so a run takes what falls due by
its own moment, and until the next run (``every``), and ``margin`` more. A term with ``keep_at_least`` is never cut
short, so a run takes what has been kept long enough by its own moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from privacy.datamap.policy import Term
from privacy.retention.terms import before, due

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Bounds of a term at one moment; all aware, UTC, exclusive: records that started before them.

    :param before: what a run takes.
    :param late: what is past its limit already; None: the term has no limit.
    :param next: what a run one interval later takes.
    """

    before: datetime
    late: datetime | None
    next: datetime


def horizon(term: Term, as_of: datetime, zone: str) -> Horizon:
    """The bounds of a term.

    :param as_of: aware. :param zone: in which whole dates are counted.
    :raises ValueError: the term has no bound that a purge can keep.
    """
    if term.every is None or not (term.keep_at_least or term.keep_at_most):
        raise ValueError("the term has no bound, or does not say how often it is kept")
    every = term.every.longest
    late = None
    if term.keep_at_most is not None:
        late = before(as_of - _INSTANT, term.keep_at_most, zone, bound="keep_at_most", counts_from=term.counts_from)
    return Horizon(_taken(term, as_of, zone), late, _taken(term, as_of + every, zone))


def _taken(term: Term, as_of: datetime, zone: str) -> datetime:
    if term.keep_at_least is not None:
        return before(as_of, term.keep_at_least, zone, bound="keep_at_least", counts_from=term.counts_from)
    assert term.every is not None  # noqa: S101 - see horizon
    assert term.keep_at_most is not None  # noqa: S101 - see horizon
    ahead = term.every.longest + (term.margin.longest if term.margin else timedelta(0))
    return before(as_of + ahead, term.keep_at_most, zone, bound="keep_at_most", counts_from=term.counts_from)


def limit(start: date | datetime, term: Term, zone: str) -> datetime | None:
    """By when a record that started then has to be gone; None: the term has no limit. Aware, UTC."""
    if term.keep_at_most is None:
        return None
    return due(start, term.keep_at_most, zone, bound="keep_at_most", counts_from=term.counts_from)
