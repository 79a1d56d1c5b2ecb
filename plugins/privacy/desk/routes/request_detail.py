"""A request: its page, what is done to it there, its letters before they go, and its run while it goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from privacy.desk import asking, forms
from privacy.desk.access import dag_of, may_start, operator
from privacy.desk.airflow import Airflow, Progress
from privacy.desk.detail import advice, days_left, detail
from privacy.desk.doing import HERE, Asked, do
from privacy.desk.routes.bundles import section
from privacy.desk.shown import house_of, page, root, status_of
from privacy.errors import PrivacyError
from privacy.rights.deeds import Deed
from privacy.rights.letter_kinds import Kind
from privacy.rights.payload import EvidenceKind, Necessity

router = APIRouter()

Said = Annotated[str, Query(max_length=2_000)]


@router.get("/requests/{number}")
def one_request(request: Request, number: str, said: Said = "") -> HTMLResponse:
    """A request: its dates, what was done, what comes next; what is personal for whoever may act on it alone."""
    return _page(request, number, said=forms.heard(request, said))


@router.post("/requests/{number}/do/{deed}")
def act(request: Request, number: str, deed: str, form: Annotated[FormData, Depends(forms.fields)]) -> Response:
    """Do what a form of the page asks for. What is refused is said at that form, and what was typed stays.

    :raises HTTPException: 403: they may not start the DAG of such requests; 404: there is no such deed.
    """
    operator(request)
    house = house_of(request)
    found = house.register.get(number)
    user, wanted = operator(request, found.right), next((one for one in HERE if one.value == deed), None)
    if wanted is None:
        raise HTTPException(404, "There is no such thing to do.")
    typed = {name: str(value) for name, value in form.items()}
    try:
        outcome = do(Asked(house, found.number, typed, user.actor), wanted)
    except PrivacyError as problem:
        return _page(request, number, status_of(problem), wrong=(wanted, problem), typed=typed)
    if outcome.post or outcome.lines:
        return page(request, "request_done", here="requests", number=found.number, outcome=outcome)
    text = forms.told(request, outcome.said)
    return RedirectResponse(f"{root(request)}/requests/{found.number}?said={text}", 303)


@router.get("/requests/{number}/letters/{kind}")
def letter(request: Request, number: str, kind: str) -> HTMLResponse:
    """What a letter would say; nothing is sent or recorded. :raises HTTPException: 403, 404."""
    operator(request)
    house = house_of(request)
    operator(request, house.register.get(number).right)
    wanted = next((one for one in Kind if one.value == kind), None)
    if wanted is None:
        raise HTTPException(404, "There is no such letter.")
    texts = [(language, house.letters.preview(number, wanted, language=language)) for language in ("nl", "en")]
    return page(request, "letter", here="requests", number=number, kind=wanted.value, texts=texts)


@router.get("/requests/{number}/progress")
def progress(request: Request, number: str, asked: int = 0) -> HTMLResponse:
    """How far the run of a request is: a part of its page, asked for again while it goes on.

    :param asked: how many questions the page shows. When there are others by now, or the run has ended, that is said
        with a link: to load the page by itself would take away what somebody is typing there.
    """
    found = house_of(request).register.get(number)
    run = _run(request, found.right.pipeline, found.number)
    now = len(_questions(request, found.number))
    ended = run is None or not run.running
    news = "It has ended." if ended else "A question waits for an answer." if now > asked else ""
    if now < asked and not ended:
        news = "The question was answered."
    return page(request, "_progress", run=run, number=found.number, asked=asked, news=news, part=True)


def _page(
    request: Request, number: str, status: int = 200, *, said: str = "",
    wrong: tuple[Deed, PrivacyError] | None = None, typed: Mapping[str, str] | None = None,
) -> HTMLResponse:  # fmt: skip
    house = house_of(request)
    shown = detail(house, number)
    today = house.clock.now().astimezone(ZoneInfo(house.policy.zone)).date()
    operates = may_start(request, dag_of(shown.found.right))
    questions = _questions(request, shown.found.number)
    return page(
        request, "request", status, here="requests", it=shown, found=shown.found, left=days_left(shown.found, today),
        operates=operates, payload=shown.payload if operates else None, said=said, wrong=wrong,
        typed=defaultdict(str, typed or {}),
        run=_run(request, shown.found.right.pipeline, shown.found.number), questions=questions,
        evidence=[one.value for one in EvidenceKind], necessities=[one.value for one in Necessity],
        number=shown.found.number, asked=len(questions), news="", part=False,
        called={name: one.name for name, one in house.policy.processors.items()},
        advice=advice, bundle=section(request, shown.found.number),
    )  # fmt: skip


def _questions(request: Request, number: str) -> list[asking.Waiting]:
    return [one for one in asking.waiting(request) if one.question.about == number]


def _run(request: Request, dag: str | None, number: str) -> Progress | None:
    airflow: Airflow = request.app.state.airflow
    run = airflow.latest(dag, number) if dag else None
    return airflow.progress(dag, run) if dag and run else None
