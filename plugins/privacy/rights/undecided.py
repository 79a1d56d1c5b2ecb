"""Records whose term waits for a decision that nobody takes: an application that is neither rejected nor accepted.

No purge ever takes them, and nobody would notice (edge cases 11 and 16).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from privacy.datamap.policy import Period
from privacy.plans.people import rows_of
from privacy.retention.terms import due
from privacy.sources.base import Every, Selection

if TYPE_CHECKING:
    from privacy.rights.house import House


@dataclass(frozen=True, slots=True)
class Undecided:
    """Of one dataset. :param records: how many wait too long. :param since: since when the first of them does."""

    dataset: str
    records: int
    since: datetime


def undecided(house: House, now: datetime) -> Iterator[Undecided]:
    """The datasets with records that wait for a decision longer than they should.

    :param now: aware. :raises RetryLater, Unreadable: a source cannot be asked.
    """
    zone = house.policy.zone
    for ref in house.datamap:
        starts, time = ref.dataset.starts, ref.dataset.time
        if starts is None or starts.decided_within is None or time is None:
            continue
        within = Period.model_validate(starts.decided_within)
        late = [
            by
            for row in rows_of(house.source(ref.system.system), Selection(ref.name, Every()))
            if row[starts.column] is None
            and row[time] is not None
            and (by := due(row[time], within, zone, bound="keep_at_most")) <= now
        ]
        if late:
            yield Undecided(ref.full, len(late), min(late))
