"""What the ledger says of a request's runs: whether its pipeline has to be started, and what it failed for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from privacy.rights.states import Right, State

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request

STARTED = "request.started"
"""Of the ledger: Airflow was told to do what a request asks for; ``reason`` is the name of its run there."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What the ledger says of a request's runs.

    :param starts: how often it was started from here. :param last: when it was tried last, by whomever; aware.
    :param ready: since when it can be started, by what was registered, decided or proven; aware.
    :param failed: the code with which its last run failed; empty: it did not. :param failures: one after the other.
    :param going: its last run has begun and not ended.
    """

    starts: int
    last: datetime | None
    ready: datetime | None
    failed: str
    failures: int
    going: bool

    def days(self, now: datetime) -> int:
        """For how many whole days its last try has failed."""
        return (now - self.last).days if self.last else 0


def wanted(request: Request) -> bool:
    """Whether a pipeline has something to do for the request, as far as its dates say."""
    dates, right = request.dates, request.right
    if dates.closed_at or dates.undecided_at or request.forgotten:
        return False
    if right.copies:
        return dates.sealed_at is None
    if right in (Right.ERASURE, Right.RECTIFICATION):
        return request.state is State.PROVEN
    # An objection that is decided is told of by whoever decided it.
    return right is not Right.OBJECTION or dates.acted_at is None


def tried_of(house: House, number: str) -> Tried:
    """What the ledger says of a request's runs."""
    starts, last, ready, failed, failures = 0, None, None, "", 0
    going: set[object] = set()
    for recorded in house.ledger.entries(request=number):
        entry = recorded.entry
        at = datetime.fromisoformat(str(entry["at"]))
        match entry["kind"]:
            case "request.started":
                starts += 1
                last = at
            case "run.begun":
                last = at
                going.add(entry["run"])
            case "run.ended":
                going.discard(entry["run"])
                superseded = entry.get("reason") == "request.superseded"
                if entry["status"] == "done":
                    failed, failures = "", 0
                elif not superseded:
                    failed, failures = str(entry.get("reason") or entry["status"]), failures + 1
            case "request.decided" | "request.proven":
                # What it failed for may be cleared up by this.
                last, ready, failed, failures, going = None, at, "", 0, set()
            case "request.received":
                ready = at
    return Tried(starts, last, ready, failed, failures, bool(going))


def failing(house: House) -> Iterator[tuple[Request, Tried]]:
    """Requests that wait for their pipeline, and whose last run failed: an operator has to look."""
    for request in house.register.list(broken=[]):
        if request.right.pipeline is not None and wanted(request):
            tried = tried_of(house, request.number)
            if tried.failed:
                yield request, tried
