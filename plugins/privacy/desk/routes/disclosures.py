"""Disclosures: what was given to authorities and others, on what ground (promise DISCLOSE)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from privacy.desk import disclosing, forms, holds
from privacy.desk.access import may_start, who
from privacy.desk.fields import Fields, fields
from privacy.desk.shown import house_of, page, root
from privacy.errors import BadInput, PrivacyError

router = APIRouter()

TELLS = "export_subject"
"""Whoever may start it may record what was given: the access report tells it."""

Text = Annotated[str, Query(max_length=100)]
Said = Annotated[str, Query(max_length=2_000)]
Form = Annotated[Fields, Depends(fields)]


@router.get("/disclosures")
def the_disclosures(request: Request, after: Text = "", said: Said = "") -> HTMLResponse:
    """What was given, the latest first: when, of what, by whom, how many people it is about; the rest is sealed."""
    house = house_of(request)
    return page(
        request, "disclosures", here="holds", found=disclosing.listed(house, after),
        said=forms.heard(request, said),
        offered=may_start(request, TELLS),
    )  # fmt: skip


@router.get("/disclosures/new")
def new(request: Request) -> HTMLResponse:
    """The form for a disclosure."""
    return _form(request, Fields())


@router.post("/disclosures/new")
def add(request: Request, form: Form) -> Response:
    """Record that data were given to somebody. :raises HTTPException: 403."""
    if not may_start(request, TELLS):
        raise HTTPException(403, f"You may not record disclosures: you may not start {TELLS}.")
    try:
        disclosing.add(house_of(request), form, who(request).actor)
    except PrivacyError as problem:
        return _form(request, form, problem)
    return RedirectResponse(f"{root(request)}/disclosures?said={forms.told(request, 'Recorded.')}", 303)


def _form(request: Request, form: Fields, problem: PrivacyError | None = None) -> HTMLResponse:
    house = house_of(request)
    place = disclosing.field_of(problem) if isinstance(problem, BadInput) else ""
    return page(
        request, "disclosure_new", 400 if problem else 200, here="holds", form=form, problem=problem, place=place,
        offered=may_start(request, TELLS), datasets=holds.datasets(house, "dataset"), kinds=holds.kinds(house),
        categories=[(key, words.en) for key, words in house.policy.categories.items()], people=range(disclosing.PEOPLE),
    )  # fmt: skip
