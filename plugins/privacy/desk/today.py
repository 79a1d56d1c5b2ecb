"""What needs a person now, and what does not although it is not as it should be: each with a place to go.

Only what the installation's own database answers at once is asked: which deliveries have come, what the stores hold and
whether everything is proven, the daily runs look, and say so in the ledger. The mailbox has a part of its own
(:mod:`privacy.desk.mailbox`). Lines hold numbers, rules, processors and days: nothing personal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from privacy.database import reading, translated
from privacy.desk import today_others, today_requests
from privacy.desk.promises import Checked, checked
from privacy.desk.today_requests import SHOWN, Line
from privacy.desk.waiting import waiting
from privacy.ledger.tables import ledger
from privacy.rights.states import State

if TYPE_CHECKING:
    from privacy.desk.airflow import NextRun
    from privacy.rights.house import House


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind. :param more: how many are not among them, and ``href``: where those are.

    :param to_do: how many need somebody, those that are not shown too.
    """

    title: str
    lines: tuple[Line, ...]
    more: int
    href: str
    to_do: int


@dataclass(frozen=True, slots=True)
class Today:
    """The page. :param at: when it was looked at. :param checked: when ledger and stores were verified last.

    :param since: of the last entry of the ledger: what needed somebody and does not any more has one by then.
    """

    groups: tuple[Group, ...]
    at: datetime
    checked: Checked
    since: datetime | None = None

    @property
    def to_do(self) -> int:
        """How many lines need somebody."""
        return sum(group.to_do for group in self.groups)


def today(
    house: House, now: datetime, pages: frozenset[str], upcoming: Mapping[str, NextRun], expected: Collection[str] = ()
) -> Today:
    """What there is to do.

    :param now: aware. :param pages: the paths that the desk's navigation has: links lead to those.
    :param upcoming: when each DAG runs next, as far as Airflow knows it. :param expected: those that should be there.
    """
    from privacy.rights.evidence_rules import Latest

    found, latest = waiting(house), Latest(house, now)
    local = now.astimezone(ZoneInfo(house.policy.zone)).date()
    whole = checked(house, now)
    groups = [
        _group("Answers that are late or due within 7 days", today_requests.due(found, local), "requests?soon=true"),
        _group("Questions that wait for an answer", today_others.questions(house, now, pages)),
        _group("Whose is it?", today_requests.in_state(found, State.UNDECIDED), "requests?state=undecided"),
        _group("Identity to be proven", *today_requests.unproven(found)),
        _group("Copies to review and release", today_requests.to_release(found), "requests?state=proven"),
        _group("Objections and complaints to decide", today_requests.to_decide(found)),
        _group(
            "To be told or handed over",
            [
                *today_requests.in_state(found, State.ACTED),
                *today_requests.undelivered(house, now),
                *today_requests.untold(house, now),
            ],
        ),
        _group(
            "Pipelines that do not run",
            [*today_others.asleep(expected, upcoming), *today_requests.unstarted(house, found, now)],
        ),
        _group("Pipelines that fail", today_requests.failing(house, found, now)),
        _group("Purges", today_others.purges(house, latest, now, pages, upcoming)),
        _group("Evidence", [*today_others.clock(house, now), *today_others.evidence(house, found, whole)]),
        _group(
            "Others who have not confirmed",
            [*today_others.others(house, now, local, found), *today_others.camera(house, now)],
        ),
        _group("Holds to look at again", today_others.yearly(house, found, now)),
        _group("Letters that could not be sent", today_others.letters(house)),
        _group("Erasures that go on by themselves", today_requests.partly(house, found), "requests?state=partly_done"),
    ]
    return Today(tuple(g for g in groups if g.lines), now, whole, _last_entry(house))


def _last_entry(house: House) -> datetime | None:
    query = sa.select(ledger.c.at).order_by(ledger.c.seq.desc()).limit(1)
    with translated("ledger"), reading(house.engine).connect() as connection:
        at = connection.execute(query).scalar()
    return None if at is None else datetime.fromisoformat(str(at))


def _group(title: str, lines: list[Line] | Iterator[Line], href: str = "") -> Group:
    order = {"red": 0, "amber": 1, "plain": 2}
    every = sorted(lines, key=lambda line: order[line.urgency])
    to_do = sum(line.urgency != "plain" for line in every)
    return Group(title, tuple(every[:SHOWN]), max(0, len(every) - SHOWN), href, to_do)
