"""The page of promises."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from privacy.desk import promises
from privacy.desk.shown import house_of, page

router = APIRouter()


@router.get("/promises")
def the_promises(request: Request) -> HTMLResponse:
    """The statement's promises, for a supervisor's eyes too."""
    house = house_of(request)
    now, project = house.clock.now(), request.app.state.project
    shown = promises.promises(house, project, now)
    counts = {colour: sum(one.colour == colour for one in shown) for colour in ("red", "amber", "green")}
    return page(
        request, "promises", here="promises", shown=shown, counts=counts, policy=house.policy, now=now,
        checked=promises.checked(house, now),
    )  # fmt: skip
