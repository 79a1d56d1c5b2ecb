"""The times of a period in which nothing proves that a rule was kept: a run that never was stands in no entry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.datamap.policy import Rule
    from privacy.rights.house import House

Gap = tuple[datetime, datetime]
"""From and until; aware."""


def gaps(house: House, name: str, rule: Rule, since: datetime, until: datetime) -> list[Gap]:
    """When no run of a rule that was done was young enough: each proves it for the interval (and margin) of its term.

    :param since, until: aware; what is yet to come, or was before the ledger's first entry, is no gap.
    """
    ends, term = house.ledger.archive.ends(), house.policy.promises[rule.promise].term
    if ends is None or term is None or term.every is None:
        return []
    proves = term.every.longest + (term.margin.longest if term.margin else timedelta(0))
    installed = datetime.fromisoformat(ends[0]["at"])
    since, until = max(since, installed), min(until, house.clock.now())
    done = [run.as_of for run in house.ledger.runs(name, since - proves, until) if run.done]
    return list(_uncovered([installed, *done], proves, since, until))


def _uncovered(moments: list[datetime], proves: timedelta, since: datetime, until: datetime) -> Iterator[Gap]:
    at = since
    for moment in sorted(moments):
        if at < moment <= until:
            yield at, moment
        at = max(at, moment + proves)
    if at < until:
        yield at, until
