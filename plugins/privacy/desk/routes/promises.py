"""The page of promises, and the verification that it stands on."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from privacy.desk import promises
from privacy.desk.access import may_start, who
from privacy.desk.shown import house_of, page, root
from privacy.rights import evidence_last

router = APIRouter()

VERIFY = "verify_evidence"
"""The DAG that verifies ledger and stores, every day by itself."""


@router.get("/promises")
def the_promises(request: Request, started: bool = False) -> HTMLResponse:
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
        checked=checked, found=found, started=started, offered=may_start(request, VERIFY),
    )  # fmt: skip


@router.post("/promises/verify")
def verify(request: Request) -> Response:
    """Start the daily verification now. :raises HTTPException: 403: they may not start that DAG."""
    if not may_start(request, VERIFY):
        raise HTTPException(403, f"You may not start {VERIFY}.")
    request.app.state.airflow.start(VERIFY, {}, who(request))
    return RedirectResponse(f"{root(request)}/promises?started=true", 303)
