"""Plans that wait for an operator: the same questions, and the same answers, as under Airflow's Required Actions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from privacy.desk import asking, forms
from privacy.desk.access import may_answer, who
from privacy.desk.airflow import REJECT
from privacy.desk.shown import page, root
from privacy.errors import BadInput, Refused

router = APIRouter()


@router.get("/approvals")
def approvals(request: Request, said: str = "") -> HTMLResponse:
    """All that wait."""
    return page(
        request, "approvals", here="approvals", questions=asking.waiting(request), said=forms.heard(request, said),
        elsewhere=asking.elsewhere(request),
    )  # fmt: skip


@router.post("/approvals/{question}")
def answer(request: Request, question: str, form: Annotated[FormData, Depends(forms.fields)]) -> Response:
    """Answer a question, as whoever is signed in: Airflow's own row, by Airflow's own code.

    :raises HTTPException: 403: Airflow does not let them. :raises Refused: ``airflow.no_question``: it waits no more.
    :raises BadInput: ``desk.option``: that is none of its answers.
    """
    found = next((one for one in asking.waiting(request) if one.question.id == question), None)
    if found is None:
        # Who may answer nothing does not learn what waits.
        if not may_answer(request, "erase_subject"):
            raise HTTPException(403, "You may not answer this.")
        raise Refused("airflow.no_question", "The question does not wait any more.", where=question)
    if not found.answerable:
        raise HTTPException(403, "You may not answer this: Airflow does not let you.")
    option = str(form.get("option", ""))
    if option not in found.question.options:
        raise BadInput("desk.option", "That is none of the answers.")
    if found.why and option != REJECT:
        # The library would refuse it too, and the run would be lost; here nothing is lost.
        raise Refused("desk.four_eyes", found.why)
    request.app.state.airflow.answer(found.question, option, who(request))
    said = forms.told(request, f"{found.question.subject} Answered: {option}. The run goes on with that.")
    if form.get("back") == "request":
        return RedirectResponse(f"{root(request)}/requests/{found.question.about}?said={said}", 303)
    return RedirectResponse(f"{root(request)}/approvals?said={said}", 303)
