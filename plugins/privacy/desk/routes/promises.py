"""The page of promises."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from privacy.desk import promises
from privacy.desk.shown import house_of, page
from privacy.rights import evidence_last

router = APIRouter()


@router.get("/promises")
def the_promises(request: Request) -> HTMLResponse:
    """The statement's promises, for a supervisor's eyes too."""
    house = house_of(request)
    now, project = house.clock.now(), request.app.state.project
    shown, checked = promises.promises(house, project, now), promises.checked(house, now)
    looked = evidence_last.last(house)
    # The file beside the ledger says what was missing; only that of the very verification that the ledger tells of.
    found = looked.found if looked is not None and len(looked.found) == checked.count else ()
    counts = {colour: sum(one.colour == colour for one in shown) for colour in ("red", "amber", "green")}
    return page(
        request, "promises", here="promises", shown=shown, counts=counts, policy=house.policy, now=now,
        checked=checked, found=found,
    )  # fmt: skip
