"""The first page, and what the pages are made of: nothing is fetched from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from privacy.desk.shown import root

router = APIRouter()


@router.get("/")
def first(request: Request) -> Response:
    """The first page."""
    from privacy.desk.routes import PAGES

    return RedirectResponse(f"{root(request)}/{PAGES[0][0]}", 303)


@router.get("/desk.css")
def style() -> Response:
    """How all pages look: ``base.css``, and one sheet for each page that has its own."""
    sheets = sorted((one for one in files("privacy.desk").joinpath("assets").iterdir() if one.name.endswith(".css")),
                    key=lambda one: (one.name != "base.css", one.name))  # fmt: skip
    return Response("\n".join(one.read_text("utf-8") for one in sheets), media_type="text/css")


@router.get("/theme.js")
def theme() -> Response:
    """Light or dark, as Airflow."""
    return _script("theme.js")


@router.get("/htmx.js")
def htmx() -> Response:
    """htmx 2.0.11 (https://htmx.org, 0BSD), as its authors ship it."""
    return _script("htmx.min.js")


def _script(name: str) -> Response:
    return Response(files("privacy.desk").joinpath("assets", name).read_bytes(), media_type="text/javascript")
