"""Which requests a pipeline is to be started for, without anybody's pressing a button (promise R-30D).

A request is started when it waits for its pipeline; one whose run failed is started again after a while that doubles,
an hour at the least (ten minutes, where what it read was moved or purged meanwhile) and a day at the most. Each start
has a number of its own in the name of its run, and is written into the ledger once Airflow has it: a second look in
between names the same run, which Airflow makes once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from privacy.errors import PrivacyError
from privacy.rights.attempts import STARTED, Tried, tried_of, wanted
from privacy.rights.states import Right

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.rows import Request

ACTOR = "start_requests"

FIRST, LONGEST = timedelta(hours=1), timedelta(hours=24)
"""After how long one that failed is tried again: the first time, and the longest that it grows to."""

SOON = timedelta(minutes=10)
MOVED = frozenset({"export.delivery_changed", "export.moved", "records.changed", "storage.missing", "weblogs.rotated"})
"""What was listed is elsewhere, or gone by a purge: nothing is wrong, and a new run lists anew."""

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


def waiting(house: House) -> list[Start]:
    """The runs to be started now, in the order of the requests' arrival. Changes nothing."""
    now = house.clock.now()
    found = []
    for request in house.register.list(broken=[]):
        pipeline = request.right.pipeline
        if pipeline is None or not wanted(request) or _unsaid(house, request):
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


def _unsaid(house: House, request: Request) -> bool:
    """Whether nobody has written down yet what is to be corrected: a run would only say so."""
    if request.right is not Right.RECTIFICATION:
        return False
    try:
        return house.register.open(request.number).correction is None
    except PrivacyError:
        return False  # The run tells what is wrong with it, and nobody else's waits for that.


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
        first = SOON if tried.failed in MOVED else FIRST
        return passed >= min(first * (1 << min(tried.failures - 1, 10)), LONGEST)
    if request.run is None or request.dates.begun_at is None:
        # It was started and has not begun, or was begun for another answer.
        return passed >= FIRST
    return _goes_on(request) and passed >= LONGEST


def _waits_for_people(request: Request) -> bool:
    return request.right in (Right.ERASURE, Right.RECTIFICATION)


def _goes_on(request: Request) -> bool:
    """Whether its last run was done, and left something for later: a consent's record that was held."""
    return request.right is Right.CONSENT_WITHDRAWAL and request.dates.partly_at is not None
