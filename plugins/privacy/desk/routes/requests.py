"""The register: its list, a search by person, and the start of what a request asks for."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from privacy.desk import finding, forms, typed
from privacy.desk.access import may_start, operator, who
from privacy.desk.airflow import Airflow
from privacy.desk.detail import days_left, next_step
from privacy.desk.shown import chosen, house_of, page, root
from privacy.errors import BadInput, Refused
from privacy.rights import naming, visits
from privacy.rights.house import House
from privacy.rights.rows import Request as Asked
from privacy.rights.states import PIPELINES, Right, State

router = APIRouter()

Text = Annotated[str, Query(max_length=100)]


@router.get("/requests")
def the_requests(
    request: Request, state: Text = "", right: Text = "", overdue: bool = False, soon: bool = False, after: Text = ""
) -> HTMLResponse:
    """The register, the latest first."""
    house = house_of(request)
    found = finding.find(
        house, state=chosen(State, state), right=chosen(Right, right), overdue=overdue, soon=soon, after=after
    )  # fmt: skip
    return _list(request, found, state=state, right=right, overdue=overdue, soon=soon)


@router.post("/requests/find")
def find(request: Request, form: Annotated[FormData, Depends(forms.fields)]) -> HTMLResponse:
    """Requests by an identifier of a person: posted, so that it stands in no address, history or log."""
    operator(request)
    house = house_of(request)
    kind, value = str(form.get("kind", "")), str(form.get("value", "")).strip()
    wrong, found = "", finding.Found((), (), "")
    try:
        found = finding.Found(house.register.search([naming.identifier(house.datamap, kind, value)]), (), "")
    except BadInput as problem:
        wrong = problem.message
    return _list(request, found, status=400 if wrong else 200, searched=(kind, value), wrong=wrong)


@router.post("/requests/{number}/start")
def start(request: Request, number: str) -> Response:
    """Start the DAG that does what a request asks for, as whoever is signed in; a missing hold is placed before.

    :raises HTTPException: 403: they may not start that DAG.
    :raises Refused: it is closed, or there is no DAG for it; ``request.goes_on``: somebody was faster.
    """
    house, user = house_of(request), who(request)
    # Asked before the register: whoever may start nothing learns nothing of a number here.
    if not any(may_start(request, dag) for dag in set(PIPELINES.values())):
        raise HTTPException(403, "You may not start this.")
    found = house.register.get(number)
    dag = found.right.pipeline
    if dag is None:
        raise Refused("request.no_pipeline", "A person does what this request asks for; there is nothing to start.")
    if not may_start(request, dag):
        raise HTTPException(403, f"You may not start {dag}.")
    if found.dates.closed_at:
        raise Refused(f"request.{found.state.value}", f"The request is {found.state.value}: nothing was started.")
    airflow: Airflow = request.app.state.airflow
    there = airflow.latest(dag, found.number)
    going = airflow.progress(dag, there) if there else None
    if going is not None and going.running:
        # A second run would take over from the first, and the question that it asks would be lost.
        raise Refused(
            "request.goes_on", "Its run goes on already; nothing was started.",
            advice="Wait for its end. If it hangs, mark the run as failed in Airflow first.",
        )  # fmt: skip
    house.register.hold(found.number, author=user.actor)
    visits.keep(house, found.number, user.actor)
    airflow.start(dag, {"request": found.number}, user)
    # Signed, for a minute: a page that is loaded again later must not say it of a run that has failed meanwhile.
    text = "Started. Airflow does the rest; this page shows how far it is."
    schedule = airflow.next_runs([dag]).get(dag)
    if schedule is not None and schedule.paused:
        text = f"It waits: {dag} is paused in Airflow, and nothing of it runs until somebody unpauses it there."
    said = forms.told(request, text)
    return RedirectResponse(f"{root(request)}/requests/{found.number}?said={said}", 303)


def _list(
    request: Request, found: finding.Found, *, status: int = 200, state: str = "", right: str = "",
    overdue: bool = False, soon: bool = False, searched: tuple[str, str] | None = None, wrong: str = "",
) -> HTMLResponse:  # fmt: skip
    house = house_of(request)
    today = house.clock.now().astimezone(_zone(house)).date()
    operates = any(may_start(request, dag) for dag in sorted(set(PIPELINES.values())))

    def left(one: Asked) -> tuple[str, str]:
        return days_left(one, today)

    over = finding.handed_over(house, found.requests)

    def step(one: Asked) -> str:
        return next_step(one, delivered=one.number in over)

    return page(
        request, "requests", status, here="requests", found=found, states=list(State), rights=list(Right), state=state,
        right=right, overdue=overdue, soon=soon, left=left, searched=searched, wrong=wrong, operates=operates,
        titles=typed.titles(house.datamap) if operates else {}, step=step,
    )  # fmt: skip


def _zone(house: House) -> Any:
    return ZoneInfo(house.policy.zone)
