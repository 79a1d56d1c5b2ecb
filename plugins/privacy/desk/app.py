"""The desk as a web application: its routes, and what stands around each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from privacy import numbers
from privacy.desk import forms
from privacy.desk.access import Gate, signed_in
from privacy.desk.airflow import Airflow
from privacy.desk.shown import environment, rendered, status_of
from privacy.errors import BadInput, PrivacyError
from privacy.rights.house import House

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that a browser says of a form that it comes from nowhere.
    "Referrer-Policy": "same-origin",
}

LARGEST = 1_000_000
"""Bytes of a form: no page has one that is nearly as large."""

_log = logging.getLogger(__name__)


def make(house: Callable[[], House], gate: Gate, airflow: Airflow, secret: str, project: Path) -> FastAPI:
    """The application.

    :param house: the installation now. :param gate: who may do what. :param airflow: its runs and questions.
    :param secret: what forms are signed with. :param project: where ``dags/`` and ``tests/`` are.
    """
    from privacy.desk.routes import ROUTERS

    app = FastAPI(
        # On all of it: a route that is added later is neither open nor to be forged.
        dependencies=[Depends(signed_in), Depends(forms.genuine)],
        docs_url=None, redoc_url=None, openapi_url=None,
    )  # fmt: skip
    app.state.house, app.state.gate, app.state.airflow, app.state.secret = house, gate, airflow, secret
    app.state.project, app.state.pages = project, environment()
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(PrivacyError, _problem)
    app.add_exception_handler(RequestValidationError, _malformed)

    @app.middleware("http")
    async def guarded(request: Request, call: Callable[[Request], Any]) -> Response:
        try:
            # First of all: a form is read before anybody asks who sent it.
            response: Response = _too_large(request) or await call(request)
        except Exception as problem:  # noqa: BLE001 - whatever it is, its text may quote a person
            _log.error("A page of the desk failed: %s", type(problem).__name__)
            response = _said(request, 500, "Something went wrong; nothing of it is shown.", type(problem).__name__)
        for name, value in HEADERS.items():
            # A bundle's report brings the policy of its own script; nothing else brings any.
            response.headers.setdefault(name, value)
        return response

    return app


def _said(request: Request, status: int, message: str, code: str = "", advice: str = "") -> HTMLResponse:
    # Whoever may not do it is not told what else there is.
    back = "" if status in (401, 403) else _request(request)
    text = rendered(request, "problem", user=None, message=message, code=code, advice=advice, back=back)
    return HTMLResponse(text, status)


def _too_large(request: Request) -> Response | None:
    """What is said of a form that is larger than any, or that does not say how large it is; None: it is not."""
    if "transfer-encoding" in request.headers:
        return _said(request, 411, "A form says how large it is; nothing was done.")
    size = request.headers.get("content-length", "0")
    if size.isdecimal() and int(size[:20]) <= LARGEST:
        return None
    return _said(request, 413, "The form is too large; nothing was done.")


async def _malformed(request: Request, problem: Exception) -> Response:  # noqa: ARG001 - it quotes what was given
    return _said(request, 400, "The address or the form is not as this page makes them; nothing was done.")


def _request(request: Request) -> str:
    """The number of the request that the page was about; empty: it was about none."""
    try:
        return numbers.check(str(request.path_params.get("number", "")))
    except BadInput:
        return ""


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, AnyHTTPException)  # noqa: S101 - as it is registered
    return _said(request, problem.status_code, str(problem.detail))


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, PrivacyError)  # noqa: S101 - as it is registered
    return _said(request, status_of(problem), problem.message, problem.code, problem.advice)
