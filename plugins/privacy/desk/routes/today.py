"""The first page: what needs a person now."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from privacy.desk import today
from privacy.desk.access import may_start
from privacy.desk.airflow import Airflow
from privacy.desk.mailbox import Looking
from privacy.desk.shown import house_of, page
from privacy.rights.states import PIPELINES

router = APIRouter()


@router.get("/today")
def the_day(request: Request) -> HTMLResponse:
    """What needs a person now; nothing personal."""
    from privacy.desk.routes import PAGES

    house = house_of(request)
    airflow: Airflow = request.app.state.airflow
    expected = {*house.policy.purges, *(path.stem for path in (request.app.state.project / "dags").glob("*.py"))}
    upcoming = airflow.next_runs(expected)
    found = today.today(house, house.clock.now(), frozenset(name for name, _ in PAGES), upcoming, expected)
    local = found.at.astimezone(ZoneInfo(house.policy.zone)).date()
    return page(request, "today", here="today", today=found, local=local)


@router.get("/today/mailbox")
def the_mailbox(request: Request) -> HTMLResponse:
    """Unregistered messages in the general mailbox, as a part of a page; to viewers their number alone."""
    house = house_of(request)
    register = any(may_start(request, dag) for dag in sorted(set(PIPELINES.values())))
    zone = ZoneInfo(house.policy.zone)
    return page(
        request, "today_mailbox", seen=_looking(request).seen(), register=register, contact=house.policy.contact.email,
        typed=lambda at: f"{at.astimezone(zone):%Y-%m-%dT%H:%M}",
    )  # fmt: skip


def _looking(request: Request) -> Looking:
    state = request.app.state
    if not hasattr(state, "mailbox"):
        state.mailbox = Looking(state.house)
    found: Looking = state.mailbox
    return found
