"""Over what a plan waits for a person: too much of what there is, too much at once, or too long ago to be true.

A rule that deletes every night deletes about as much each time. A clock that was set, a column that was filled anew, a
term that was mistyped: they show in the figures before anything is gone. A guard asks; it decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from privacy.datamap.policy import Guard


@dataclass(frozen=True, slots=True)
class Judged:
    """The figures of a plan: of its datasets with terms of their own.

    :param records, bytes: what would go; ``all_records``, ``all_bytes``: what there is; None: not known.
    :param oldest: the earliest start; ``floor``: the earliest that is believed.
    """

    records: int
    bytes: int
    all_records: int | None
    all_bytes: int
    oldest: datetime | None
    floor: datetime


def tripped(guard: Guard, found: Judged, *, missed: int, foreseen: int | None) -> tuple[str, ...]:
    """The guards that a plan is over, each as a sentence with its figures; none: nobody is asked.

    :param missed: runs that did not come about: so much more is due now. :param foreseen: by the last good run.
    """
    said: list[str] = []
    if found.oldest is not None and found.oldest < found.floor:
        said.append(f"age: a record began {found.oldest:%Y-%m-%d}, before {found.floor:%Y-%m-%d}")
    if found.records <= guard.at_least:
        return tuple(said)
    share = 0.0
    if found.all_records is not None:
        share = found.records / found.all_records if found.all_records else 0.0
    elif found.all_bytes:
        share = found.bytes / found.all_bytes
    if share > guard.share:
        said.append(f"share: {share:.0%} of all there is, more than {guard.share:.0%}")
    if foreseen is not None:
        # What was foreseen is of one interval; so many more have passed.
        expected = max(foreseen * (1 + missed), 1)
        if found.records > guard.times * expected:
            said.append(f"foreseen: {found.records} records, {expected} were foreseen for {1 + missed} runs")
    return tuple(said)
