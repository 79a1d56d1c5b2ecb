"""A new request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from privacy.desk import forms, typed
from privacy.desk.access import operator
from privacy.desk.shown import house_of, page, root
from privacy.errors import AskPerson, PrivacyError
from privacy.rights import recordings, visits
from privacy.rights.house import House
from privacy.rights.rows import Request as Asked
from privacy.rights.states import Right

router = APIRouter()


@router.get("/requests/new")
def new(request: Request) -> HTMLResponse:
    """The form. :raises HTTPException: 403: whoever may start nothing registers nothing."""
    operator(request)
    return _form(request, typed.empty(house_of(request)))


@router.post("/requests/new")
def register(request: Request, form: Annotated[FormData, Depends(forms.fields)]) -> Response:
    """Register it, or say at each field what is wrong; what was typed stays. An open one of the same person is told of.

    :param form: with ``prefill`` nothing is registered: the form opens with what another page knows already.
    """
    user, house = operator(request), house_of(request)
    one = {name: str(value) for name, value in form.items()}
    said = typed.Typed(one, [str(name) for name in form.getlist("purpose")])
    if said.get("prefill"):
        return _form(request, typed.Typed({**typed.empty(house).one, **one}, said.purposes))
    named = typed.identifiers(house, said)
    known = [] if said.wrong or said.get("anyway") else typed.duplicates(house, named)
    if known:
        return _form(request, said, known, 409)
    try:
        made = typed.register(house, said, named, user.actor)
    except AskPerson as problem:
        # It is registered: to send the form again would register it twice. Its page says what is missing.
        footage = _footage(house, problem.where, user.actor)
        said_of_it = [problem.message, "Do not register it again: start it, which holds them.", *footage]
        text = forms.told(request, " ".join(said_of_it))
        return RedirectResponse(f"{root(request)}/requests/{problem.where}?said={text}", 303)
    if made is None:
        return _form(request, said, status=400)
    due = f"{made.number} is registered. The answer is due on {made.due:%-d %B %Y}."
    text = " ".join([due, *_footage(house, made.number, user.actor)])
    if said.get("receipt"):
        try:
            house.letters.write(made.number, "receipt", author=user.actor)
        except PrivacyError as problem:
            text += f" The receipt was not sent: {problem.message}"
    return RedirectResponse(f"{root(request)}/requests/{made.number}?said={forms.told(request, text)}", 303)


def _footage(house: House, number: str, author: str) -> list[str]:
    return visits.told(visits.keep(house, number, author), house.clock.now())


def _cameras(house: House) -> list[str]:
    """To choose from; another may be typed, and all are where none can be read."""
    try:
        return recordings.cameras(house)
    except PrivacyError:
        return []


def _form(request: Request, said: typed.Typed, known: list[Asked] | None = None, status: int = 200) -> HTMLResponse:
    house = house_of(request)
    return page(
        request, "request_new", status, here="requests", typed=said, known=known or [], rights=list(Right),
        titles=typed.titles(house.datamap), channels=typed.CHANNELS, rows=range(1, typed.NAMED + 1),
        visits=range(1, typed.VISITS + 1), purposes=house.policy.purposes, cameras=_cameras(house),
    )  # fmt: skip
