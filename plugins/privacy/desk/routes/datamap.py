"""The data map: what is held on whom, why, and for how long. Nothing personal stands in it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from privacy.desk import datamap
from privacy.desk.shown import house_of, page

router = APIRouter()


@router.get("/datamap")
def the_datamap(request: Request) -> HTMLResponse:
    """The records of processing activities (art. 30 GDPR), and what nobody has described."""
    house = house_of(request)
    return page(
        request, "datamap", here="datamap", shown=datamap.shown(house), policy=house.policy,
        processors=datamap.processors(house), terms=datamap.terms(house),
    )  # fmt: skip


@router.get("/datamap/records.md")
def as_markdown(request: Request) -> Response:
    """The records as ``privacy datamap records`` writes them."""
    from privacy.datamap.activities import activities

    return _file(activities(house_of(request).datamap), "records-of-processing.md", "text/markdown")


@router.get("/datamap/records.json")
def as_json(request: Request) -> Response:
    """The records for machines."""
    return _file(datamap.as_json(house_of(request)), "records-of-processing.json", "application/json")


@router.get("/datamap/records.csv")
def as_csv(request: Request) -> Response:
    """The records as a table."""
    return _file(datamap.as_csv(house_of(request)), "records-of-processing.csv", "text/csv")


@router.get("/datamap/datasets/{full}")
def one_dataset(request: Request, full: str) -> HTMLResponse:
    """A dataset with its columns. :raises BadInput: ``datamap.unknown_dataset``."""
    house = house_of(request)
    ref = house.datamap[full]
    return page(request, "dataset", here="datamap", row=datamap.row(house.datamap, ref), dataset=ref.dataset)


def _file(text: str, name: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
