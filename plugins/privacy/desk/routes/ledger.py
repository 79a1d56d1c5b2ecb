"""The ledger: what was done, entry by entry and run by run; proofs of it. Nothing personal stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse

from privacy.desk import entries, proving
from privacy.desk.access import may_start, who
from privacy.desk.jobs import Jobs
from privacy.desk.shown import house_of, page, root
from privacy.errors import BadInput

router = APIRouter()

Text = Annotated[str, Query(max_length=200)]


@router.get("/ledger")
def the_ledger(
    request: Request, show: Text = "entries", kind: Text = "", rule: Text = "", about: Text = "", run: Text = "",
    status: Text = "", since: Text = "", until: Text = "", after: Text = "",
) -> HTMLResponse:  # fmt: skip
    """Entries or runs by filters, the latest first. :param about: a request's number."""
    house = house_of(request)
    wanted = entries.asked(kind="" if show == "runs" else kind, rule=rule, request=about, run=run,
        status=status if show == "runs" else "", since=since, until=until, after=after)  # fmt: skip
    found = entries.runs(house, wanted) if show == "runs" else entries.entries(house, wanted)
    rules = [name for purge in house.policy.purges.values() for name in purge.rules]
    rules += list(type(house.policy.own).model_fields) if house.policy.own is not None else []
    filters = {"show": show, "kind": kind, "rule": rule, "about": about, "run": run, "status": status, "since": since,
        "until": until}  # fmt: skip
    jobs = Jobs(house)
    return page(
        request, "ledger", here="ledger", found=found, filters=filters, kinds=entries.kinds(house), rules=rules,
        statuses=entries.STATUSES, offered=may_start(request, proving.DAG), verifying=jobs.last(proving.VERIFY),
        reporting=jobs.last(proving.REPORT),
    )  # fmt: skip


@router.get("/ledger/entries/{seq}")
def one_entry(request: Request, seq: Annotated[int, Path(le=2**53)]) -> HTMLResponse:
    """An entry: its text as it is hashed, and its place in the chain."""
    return page(request, "ledger_entry", here="ledger", place=entries.one(house_of(request), seq))


@router.get("/ledger/runs/{run}")
def one_run(request: Request, run: str) -> HTMLResponse:
    """A run: its entries, its figures, and its receipt."""
    house = house_of(request)
    found = entries.entries(house, entries.Asked(run=run))
    if not found.entries:
        raise BadInput("desk.run", "The ledger has no such run.", advice="See the ledger's list of runs.")
    whole = entries.runs(house, entries.Asked(run=run)).runs
    return page(
        request, "ledger_run", here="ledger", run=run, found=found, whole=whole[0] if whole else None,
        offered=may_start(request, proving.DAG), receipt=Jobs(house).last(proving.receipt_of(run)),
        address=f"ledger/runs/{run}/receipt",
    )  # fmt: skip


@router.get("/ledger/runs/{run}/receipt")
def receipt_so_far(request: Request, run: str) -> Response:
    """How far a run's receipt is, as a part of a page."""
    job = Jobs(house_of(request)).last(proving.receipt_of(run))
    return page(
        request, "job", job=job, address=f"ledger/runs/{run}/receipt", file=f"ledger/runs/{run}/receipt.html",
        file_name="Download the receipt",
    )  # fmt: skip


@router.get("/ledger/runs/{run}/receipt.html")
def receipt_file(request: Request, run: str) -> Response:
    """The receipt: to be kept, and opened from where it is kept, since pages of the desk run no script of their own."""
    return _file(request, proving.receipt_of(run), "receipt.html", "text/html", f"ledger/runs/{run}")


@router.post("/ledger/runs/{run}/receipt")
def make_receipt(request: Request, run: str) -> Response:
    """Have the receipt of a run written. :raises HTTPException: 403."""
    _allowed(request)
    proving.receipt(house_of(request), who(request).actor, run)
    return RedirectResponse(f"{root(request)}/ledger/runs/{run}", 303)


@router.get("/ledger/verify")
def verification(request: Request) -> Response:
    """How far the verification is, as a part of a page."""
    return page(request, "job", job=Jobs(house_of(request)).last(proving.VERIFY), address="ledger/verify", file="")


@router.post("/ledger/verify")
def verify(request: Request) -> Response:
    """Verify ledger, register and holds now, in the background. :raises HTTPException: 403."""
    _allowed(request)
    proving.verify(house_of(request), who(request).actor)
    return RedirectResponse(f"{root(request)}/ledger", 303)


@router.get("/ledger/report")
def reporting(request: Request) -> Response:
    """How far the report is, as a part of a page."""
    return page(
        request, "job", job=Jobs(house_of(request)).last(proving.REPORT), address="ledger/report",
        file="ledger/report.zip", file_name="Download the report",
    )  # fmt: skip


@router.get("/ledger/report.zip")
def report_file(request: Request) -> Response:
    """The report for a supervisor."""
    return _file(request, proving.REPORT, "evidence.zip", "application/zip", "ledger")


@router.post("/ledger/report")
def make_report(request: Request, since: Annotated[str, Form()] = "", until: Annotated[str, Form()] = "") -> Response:
    """Have the report over a period written. :raises HTTPException: 403. :raises BadInput: ``desk.filter``."""
    _allowed(request)
    wanted, house = entries.asked(since=since, until=until), house_of(request)
    if wanted.since is None or wanted.until is None:
        raise BadInput("desk.filter", "A report is about a period.", advice="Give its first and its last day.")
    proving.report(house, who(request).actor, wanted.since, wanted.until)
    return RedirectResponse(f"{root(request)}/ledger", 303)


@router.get("/ledger/entries.jsonl")
def download(request: Request, since: Text = "", until: Text = "") -> Response:
    """Entries of a period, as JSON lines, streamed."""
    house = house_of(request)
    return _streamed(
        entries.exported(house, entries.asked(since=since, until=until)), "ledger.jsonl", "application/jsonl"
    )


@router.get("/ledger/runs.csv")
def download_runs(request: Request, since: Text = "", until: Text = "") -> Response:
    """Runs of a period, as CSV, streamed."""
    house = house_of(request)
    return _streamed(entries.exported_runs(house, entries.asked(since=since, until=until)), "runs.csv", "text/csv")


def _allowed(request: Request) -> None:
    if not may_start(request, proving.DAG):
        raise HTTPException(403, f"You may not have this done: it needs the right to start {proving.DAG}.")


def _streamed(blocks: Iterator[str], name: str, kind: str) -> Response:
    saved = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(blocks, media_type=kind, headers=saved)


def _file(request: Request, job: str, name: str, kind: str, back: str) -> Response:
    path = Jobs(house_of(request)).file(job)
    if not path.is_file():
        return RedirectResponse(f"{root(request)}/{back}", 303)
    return FileResponse(path, media_type=kind, filename=name)
