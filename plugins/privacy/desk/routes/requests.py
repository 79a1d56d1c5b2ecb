"""The register: its list, and a request."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from privacy.desk import finding
from privacy.desk.access import may_start, who
from privacy.desk.shown import chosen, house_of, page, root
from privacy.errors import Refused
from privacy.rights.house import House
from privacy.rights.rows import Request as Asked
from privacy.rights.states import MOMENTS, Right, State

router = APIRouter()

Text = Annotated[str, Query(max_length=100)]


@router.get("/requests")
def the_requests(
    request: Request, state: Text = "", right: Text = "", overdue: bool = False, after: Text = ""
) -> HTMLResponse:
    """The register, the latest first."""
    house = house_of(request)
    found = finding.find(
        house, state=chosen(State, state), right=chosen(Right, right), overdue=overdue, after=after
    )  # fmt: skip
    today = house.clock.now().astimezone(_zone(house)).date()
    return page(
        request, "requests", here="requests", found=found, today=today, states=list(State),
        rights=list(Right), state=state, right=right, overdue=overdue,
        left=lambda one: days_left(one, today),
    )  # fmt: skip


@router.get("/requests/{number}")
def one_request(request: Request, number: str, started: bool = False) -> HTMLResponse:
    """A request: its dates, what was done, what comes next; nothing personal."""
    house = house_of(request)
    found = house.register.get(number)
    today = house.clock.now().astimezone(_zone(house)).date()
    dates = [(name.removesuffix("_at"), at) for name in MOMENTS if (at := getattr(found.dates, name)) is not None]
    offered = found.dates.closed_at is None and may_start(request, found.right.pipeline)
    return page(
        request, "request", here="requests", found=found, left=days_left(found, today),
        dates=sorted(dates, key=lambda one: one[1]), entries=[_entry(e.entry) for e in
        house.ledger.entries(request=found.number)], offered=offered, started=started,
    )  # fmt: skip


@router.post("/requests/{number}/start")
def start(request: Request, number: str) -> Response:
    """Start the DAG that does what a request asks for, as whoever is signed in; a missing hold is placed before.

    :raises HTTPException: 403: they may not start that DAG.
    :raises Refused: it is closed, or there is no DAG for it.
    """
    house, user = house_of(request), who(request)
    # Asked before the register: whoever may start nothing learns nothing of a number here.
    if not any(may_start(request, dag) for dag in {right.pipeline for right in Right if right.pipeline}):
        raise HTTPException(403, "You may not start this.")
    found = house.register.get(number)
    dag = found.right.pipeline
    if dag is None:
        raise Refused("request.no_pipeline", "A person does what this request asks for; there is nothing to start.")
    if not may_start(request, dag):
        raise HTTPException(403, f"You may not start {dag}.")
    if found.dates.closed_at:
        raise Refused(f"request.{found.state.value}", f"The request is {found.state.value}: nothing was started.")
    house.register.hold(found.number, author=user.actor)
    request.app.state.airflow.start(dag, {"request": found.number}, user)
    return RedirectResponse(f"{root(request)}/requests/{found.number}?started=true", 303)


def days_left(found: Asked, today: Any) -> tuple[str, str]:
    """(how urgent, the deadline as days left): ``late``, ``near``, ``fine`` or ``closed``."""
    if not found.dates.awaited:
        return "closed", ""
    days = (found.due - today).days
    words = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    if days < 0:
        return "late", f"{words} late"
    return ("near" if days <= 7 else "fine"), ("today" if days == 0 else f"{words} left")


def _entry(entry: dict[str, object]) -> dict[str, object]:
    from datetime import datetime

    more = [
        f"{name.replace('_', ' ')} {entry[name]}" for name in ("status", "reason", "ground", "count", "run")
        if entry.get(name) not in (None, "", 0)
    ]  # fmt: skip
    return {
        "at": datetime.fromisoformat(str(entry["at"])), "kind": entry["kind"], "actor": entry["actor"],
        "more": ", ".join(more),
    }  # fmt: skip


def _zone(house: House) -> Any:
    return ZoneInfo(house.policy.zone)
