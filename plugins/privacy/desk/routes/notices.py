"""What a processor has said of a notice (art. 19): that it has done it, or will not."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from privacy.desk import forms
from privacy.desk.access import operator
from privacy.desk.shown import house_of, root
from privacy.rights.notices import Notices

router = APIRouter()


@router.post("/requests/{number}/notices/{notice}/{word}")
def said(request: Request, number: str, notice: str, word: str) -> Response:
    """Record a processor's word: ``confirm`` or ``refuse``.

    :raises HTTPException: 403: they may not start the DAG of such requests; 404: the request has no such notice.
    """
    operator(request)
    house = house_of(request)
    found = house.register.get(number)
    user, notices = operator(request, found.right), Notices(house)
    if word not in ("confirm", "refuse") or notice not in [one.id for one in notices.of(found.number)]:
        raise HTTPException(404, "The request has no such notice.")
    made = notices.confirm(notice, user.actor) if word == "confirm" else notices.refuse(notice, user.actor)
    text = forms.told(request, f"{made.processor}: {made.state.value.replace('_', ' ')}.")
    return RedirectResponse(f"{root(request)}/requests/{found.number}?said={text}#told", 303)
