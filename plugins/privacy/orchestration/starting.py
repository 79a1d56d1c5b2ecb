"""Which requests a pipeline is to be started for, without anybody's pressing a button (promise R-30D).

A request is started when it waits for its pipeline; one whose run failed is started again after a while that doubles,
an hour at the least and a day at the most. Each start has a number of its own in the name of its run, and is written
into the ledger once Airflow has it: a second look in between names the same run, which Airflow makes once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from privacy.errors import PrivacyError

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request

STARTED = "request.started"
"""Of the ledger: Airflow was told to do what a request asks for; ``reason`` is the name of its run there."""

ACTOR = "start_requests"

FIRST, LONGEST = timedelta(hours=1), timedelta(hours=24)
"""After how long one that failed is tried again: the first time, and the longest that it grows to."""

GRACE = timedelta(minutes=5)
"""What was registered, decided or proven only now may be started by whoever did it (``--start``)."""

LOST = timedelta(hours=24)
"""A run that has begun so long ago and not ended was lost with its machine."""


@dataclass(frozen=True, slots=True)
class Start:
    """A run to be started. :param number: of the request; :param run: what it is called in Airflow: nobody's name."""

    dag: str
    number: str
    run: str

    def as_json(self) -> dict[str, str]:
        """What the task that starts it is given."""
        return {"dag": self.dag, "number": self.number, "run": self.run}


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


def waiting(house: House) -> list[Start]:
    """The runs to be started now, in the order of the requests' arrival. Changes nothing."""
    now = house.clock.now()
    found = []
    for request in house.register.list(broken=[]):
        pipeline = request.right.pipeline
        if pipeline is None or not wanted(request):
            continue
        tried = tried_of(house, request.number)
        if _its_turn(request, tried, now):
            found.append(Start(pipeline, request.number, f"start-{request.number}-{tried.starts + 1}"))
    return found


def started(house: House, starts: Sequence[Start]) -> int:
    """Write down that Airflow has these runs. Safe to repeat. :returns: how many are new."""
    new = 0
    for start in starts:
        if all(e.entry.get("reason") != start.run for e in house.ledger.entries(request=start.number, kind=STARTED)):
            house.ledger.event(STARTED, actor=ACTOR, request=start.number, reason=start.run)
            new += 1
    return new


def tidy(house: House) -> dict[str, int]:
    """What else goes on by itself: erasures that a client's notice opens, purposes that are new, liftings of today.

    :returns: counts. :raises PrivacyError: something of it cannot be done now; the rest was.
    """
    from privacy.rights.clients import follow_up
    from privacy.rights.restricting import lift_due

    problems: list[PrivacyError] = []
    counts: dict[str, int] = {}
    steps: dict[str, Callable[[], int]] = {
        "refreshed": lambda: house.stops.refresh(author=ACTOR),
        "followed": lambda: follow_up(house, author=ACTOR),
        "lifted": lambda: len(lift_due(house, author=ACTOR)),
    }
    for name, do in steps.items():
        try:
            counts[name] = do()
        except PrivacyError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    return counts


def failing(house: House) -> Iterator[tuple[Request, Tried]]:
    """Requests that wait for their pipeline, and whose last run failed: an operator has to look."""
    for request in house.register.list(broken=[]):
        if request.right.pipeline is not None and wanted(request):
            tried = tried_of(house, request.number)
            if tried.failed:
                yield request, tried


def wanted(request: Request) -> bool:
    """Whether a pipeline has something to do for the request, as far as its dates say."""
    from privacy.rights.states import Right, State

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


def _its_turn(request: Request, tried: Tried, now: datetime) -> bool:
    if tried.last is None:
        return tried.ready is None or now - tried.ready >= GRACE
    passed = now - tried.last
    if tried.going:
        # An approval may wait for days; a copy, and what is stopped, take no day.
        return passed >= LOST and not _waits_for_people(request)
    if tried.failed.endswith(".refused"):
        return False  # An operator said no; asking again every hour would wear the answer down.
    if tried.failed:
        return passed >= min(FIRST * (1 << min(tried.failures - 1, 10)), LONGEST)
    if request.run is None or request.dates.begun_at is None:
        # It was started and has not begun, or was begun for another answer.
        return passed >= FIRST
    return _goes_on(request) and passed >= LONGEST


def _waits_for_people(request: Request) -> bool:
    from privacy.rights.states import Right

    return request.right in (Right.ERASURE, Right.RECTIFICATION)


def _goes_on(request: Request) -> bool:
    """Whether its last run was done, and left something for later: a consent's record that was held."""
    from privacy.rights.states import Right

    return request.right is Right.CONSENT_WITHDRAWAL and request.dates.partly_at is not None
