"""A request's bundle: what is in it, its report, a copy to download, its delivery, and the glass to break.

Whoever may see bundles is named in ``PRIVACY_BUNDLE_READERS``. Each look and each download leaves its entry in the
ledger before anything is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from privacy.desk import bundles
from privacy.desk.access import READ_DAG, asked_here, may_start, reads_bundles, who
from privacy.desk.app import HEADERS
from privacy.desk.shown import house_of, page, root
from privacy.errors import BadInput, PrivacyError
from privacy.rights import copies
from privacy.rights.copies import Who
from privacy.rights.delivering import WAYS, deliver
from privacy.rights.payload import GlassGround

Text = Annotated[str, Form()]

_BLOCK = 2**18


def readers_only(request: Request) -> None:
    """Before anything is looked up. :raises HTTPException: 403: they are in no group that may see bundles."""
    if not reads(request):
        raise HTTPException(403, "You may not see bundles: PRIVACY_BUNDLE_READERS names who may.")


router = APIRouter(dependencies=[Depends(readers_only), Depends(asked_here)])


def reads(request: Request) -> bool:
    """Whether who asks may see bundles."""
    return reads_bundles(who(request), house_of(request).settings.readers)


def section(request: Request, number: str) -> dict[str, object]:
    """For ``_bundle.html.j2``: what a request's page says of its bundle, and what who asks may do there."""
    house, reader, starts = house_of(request), reads(request), may_start(request, READ_DAG)
    found = bundles.section(house, number, who(request).id, reads=reader, works=starts)
    return {
        "found": found, "reads": reader, "delivers": reader and starts, "nobody": not house.settings.readers,
        "works": starts or reader, "grounds": bundles.GROUNDS, "ways": WAYS,
    }  # fmt: skip


@router.get("/requests/{number}/bundle")
def the_bundle(request: Request, number: str, language: str = "en") -> HTMLResponse:
    """Its files, what was left out and why, and the report in a frame."""
    house = house_of(request)
    with copies.look(house, number, "contents", _who(request)) as inner:
        found = bundles.contents(inner)
    shown = "LEESMIJ.html" if language == "nl" else "README.html"
    response = page(
        request, "bundle", here="requests", number=house.register.get(number).number, found=found, shown=shown
    )
    response.headers["Content-Security-Policy"] = HEADERS["Content-Security-Policy"] + "; frame-src 'self'"
    return response


@router.get("/requests/{number}/bundle/report/{name}")
def the_report(request: Request, number: str, name: str) -> Response:
    """A page of the report, from inside the sealed bundle."""
    with copies.look(house_of(request), number, "report", _who(request)) as inner:
        content, policy = bundles.report(inner, name)
    return HTMLResponse(content, headers={"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"})


@router.post("/requests/{number}/bundle/glass")
def break_glass(request: Request, number: str, ground: Text = "", because: Text = "") -> Response:
    """Give a ground and a reason to open what is closed."""
    try:
        chosen = GlassGround(ground)
    except ValueError:
        raise BadInput("glass.ground", "There is no such ground.", advice="Choose one from the list.") from None
    copies.break_glass(house_of(request), number, chosen, because, _who(request))
    return RedirectResponse(f"{root(request)}/requests/{number}#bundle", 303)


@router.post("/requests/{number}/bundle/copy")
def make_copy(request: Request, number: str, again: Text = "") -> HTMLResponse:
    """Make an encrypted copy to download, and show its passphrase, once."""
    house = house_of(request)
    made = copies.make(house, number, _who(request), again=bool(again))
    return page(
        request, "passphrase", here="requests", number=house.register.get(number).number, passphrase=made.passphrase,
        copied=made.copied, handed=None, by="",
    )  # fmt: skip


@router.post("/requests/{number}/bundle/deliver")
def deliver_it(
    request: Request, number: str, how: Text = "", passphrase_by: Text = "", again: Text = ""
) -> HTMLResponse:
    """Deliver a released copy, by e-mail or as a file that is handed over; its passphrase is shown, once.

    :raises HTTPException: 403: they may not start the export's DAG.
    """
    if not may_start(request, READ_DAG):
        raise HTTPException(403, f"You may not deliver: that needs the right to start {READ_DAG}.")
    house, person = house_of(request), _who(request)
    try:
        if how == "file":
            done, copied = copies.hand_over(house, number, passphrase_by, person, again=bool(again))
        elif how == "email":
            done, copied = deliver(house, number, passphrase_by, person.actor, again=bool(again)), None
        else:
            raise BadInput("delivery.how", "There is no such way.", advice="Choose one from the list.")
    except PrivacyError as problem:
        raise _told_here(problem) from None
    return page(
        request, "passphrase", here="requests", number=house.register.get(number).number, passphrase=done.passphrase,
        copied=copied, handed=done, by=passphrase_by,
    )  # fmt: skip


@router.get("/requests/{number}/bundle/file")
def download(request: Request, number: str) -> Response:
    """The copy that waits, in blocks; a range is not looked at: the file comes whole."""
    house, stack = house_of(request), ExitStack()
    name = house.register.get(number).number
    copied, file = stack.enter_context(copies.fetch(house, number, _who(request)))

    def blocks() -> Iterator[bytes]:
        with stack:
            while block := file.read(_BLOCK):
                yield block

    headers = {
        "Content-Disposition": f'attachment; filename="{name}.zip"', "Content-Length": str(copied.bytes),
        "Accept-Ranges": "none", "X-Content-SHA256": copied.digest,
    }  # fmt: skip
    return StreamingResponse(blocks(), media_type="application/zip", headers=headers)


ADVICE = {
    "delivery.by_hand": "Choose to hand it over as a file.",
    "delivery.done": "If it is lost, deliver it again: that makes a new passphrase.",
    "delivery.too_large": "Hand it over as a file, or keep the bundles in an object store, which has links.",
    "delivery.no_contact": "Choose another way for the passphrase: at the counter is always there.",
    "delivery.address": "Record on the request's page that somebody has seen an identity document.",
    "delivery.transfer": "Record on the request's page that somebody has seen an identity document.",
}
"""What to do on this page, where the library's advice is for the command line."""


def _told_here(problem: PrivacyError) -> PrivacyError:
    advice = ADVICE.get(problem.code, problem.advice)
    return type(problem)(problem.code, problem.message, where=problem.where, advice=advice)


def _who(request: Request) -> Who:
    user = who(request)
    return Who(user.actor, user.id)
