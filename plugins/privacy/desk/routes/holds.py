"""Holds: what must not be deleted now; placing one after its records were counted, confirming, releasing."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from privacy.desk import holds
from privacy.desk.access import may_start, who
from privacy.desk.fields import Fields, fields
from privacy.desk.shown import house_of, page, root
from privacy.errors import BadInput, PrivacyError
from privacy.holds import Hold, HoldKind
from privacy.holds.listing import MANY, listed, of_requests
from privacy.rights import holding, recordings
from privacy.rights.orders import Orders

router = APIRouter()

Text = Annotated[str, Query(max_length=100)]
Form = Annotated[Fields, Depends(fields)]


@router.get("/holds")
def the_holds(request: Request, after: Text = "") -> HTMLResponse:
    """The holds in force that somebody placed, the latest first; those of open requests are counted."""
    house = house_of(request)
    now, found = house.clock.now(), listed(house.engine, house.key, after)
    rows = [holds.shown(house, hold, now) for hold in found.holds]
    return page(
        request, "holds", here="holds", rows=rows, found=found, requests=of_requests(house.engine), many=MANY,
        waiting=[row for row in rows if row.waits], lingering=Orders(house).lingering(), offered=_any(request),
        may={row.hold.id: _may(request, row.hold.datasets) for row in rows},
    )  # fmt: skip


@router.get("/holds/new")
def new(request: Request, way: Text = "camera") -> HTMLResponse:
    """The form for a hold on what a camera recorded, a person's records, single records, or a dataset."""
    return _form(request, way if way in holds.WAYS else "camera", Fields())


@router.post("/holds/new")
def place(request: Request, form: Form) -> Response:
    """Count what a hold would keep, or place it as it was counted: ``deed`` is ``count`` or ``place``.

    :raises HTTPException: 403: they may not start the pipelines that delete these records.
    """
    if not _any(request):
        raise HTTPException(403, "You may not place holds.")
    house, way, user = house_of(request), form.one("way"), who(request)
    if way not in holds.WAYS:
        raise BadInput("desk.filter", "There is no such hold.", advice="Choose one from the page.")
    secret = request.app.state.secret
    try:
        # Before anybody is looked up: what they may not hold, they may not count either.
        if not _may(request, holds.scope(house, way, form)):
            raise HTTPException(403, "You may not hold these records: you may not start what deletes them.")
        wanted = holds.wish(house, way, form)
        seen = holds.counted(secret, user.id, form)
        if form.one("deed") == "place" and hmac.compare_digest(seen, _ascii(form.one("counted"))):
            id, _ = holds.placed(house, wanted, user.actor)
            return RedirectResponse(f"{root(request)}/holds/{id}?placed=true", 303)
        counts = holding.count(house, wanted.what, wanted.names)
    except PrivacyError as problem:
        return _form(request, way, form, problem=problem)
    changed = form.one("deed") == "place"
    return _form(request, way, form, counts=counts, seen=seen, whole=wanted.whole, changed=changed)


@router.get("/holds/{hold}")
def one_hold(request: Request, hold: str, placed: bool = False) -> HTMLResponse:
    """A hold: what it is on, since when, its footage until the wipe, what the ledger has of it."""
    house = house_of(request)
    found = _hold(request, hold)
    return page(
        request, "hold", here="holds", row=holds.shown(house, found, house.clock.now()), placed=placed,
        offered=_may(request, found.datasets) and found.released_at is None, ends=holding.ENDS,
        of_request=found.kind is HoldKind.REQUEST or (found.request is not None and found.kind.value != "suspension"),
        titles=[(full, _title(request, full)) for full in found.datasets or ()],
    )  # fmt: skip


@router.get("/holds/{hold}/footage")
def countdown(request: Request, hold: str) -> HTMLResponse:
    """The footage of a hold until the wipe, for its page to show again and again."""
    house = house_of(request)
    found = _hold(request, hold)
    offered = _may(request, found.datasets) and found.released_at is None
    return page(request, "_footage", row=holds.shown(house, found, house.clock.now()), offered=offered)


@router.post("/holds/{hold}/order")
def order(request: Request, hold: str) -> Response:
    """Order whoever has the footage to keep it; an order that was sent is sent again."""
    found = _allowed(request, hold)
    Orders(house_of(request)).send(found.id, who(request).actor)
    return _back(request, found.id)


@router.post("/holds/{hold}/orders/{order}/confirm")
def confirm(request: Request, hold: str, order: str) -> Response:
    """Record that whoever has the footage has said that it is kept."""
    found, orders = _allowed(request, hold), Orders(house_of(request))
    if order not in [one.id for one in orders.all(found.id)]:
        raise HTTPException(404, "The hold has no such order.")
    orders.confirm(order, who(request).actor)
    return _back(request, found.id)


@router.post("/holds/{hold}/release")
def release(request: Request, hold: str, form: Form) -> Response:
    """End a hold, for a reason, and withdraw its orders."""
    found = _allowed(request, hold)
    if not form.one("why"):
        raise BadInput("hold.why", "Nothing says why the hold ends.", advice="Choose a reason.")
    holding.release(house_of(request), found.id, who(request).actor, form.one("why"))
    return _back(request, found.id)


def _form(
    request: Request,
    way: str,
    form: Fields,
    *,
    problem: PrivacyError | None = None,
    counts: list[holding.Counted] | None = None,
    seen: str = "",
    whole: bool = True,
    changed: bool = False,
) -> HTMLResponse:
    """The form as it was filled in, with what was counted, or what is wrong at its field."""
    house, offered = house_of(request), _any(request)
    cameras, unasked = list[str](), ""
    if way == "camera" and offered:
        try:
            cameras = recordings.cameras(house)
        except PrivacyError as unreadable:
            unasked = unreadable.message
    place = holds.field_of(problem) if isinstance(problem, BadInput) else ""
    return page(
        request, "hold_new", 400 if problem else 200, here="holds", way=way, ways=holds.WAYS, form=form,
        offered=offered, problem=problem, place=place, counts=counts, seen=seen, whole=whole, changed=changed,
        cameras=[(name, name) for name in cameras], unasked=unasked, datasets=holds.datasets(house, way),
        kinds=holds.kinds(house),
        grounds=holding.GROUNDS, hold_kinds=[(kind.value, kind.value) for kind in holds.KINDS],
        titles={ref.full: ref.dataset.title.en for ref in house.datamap},
    )  # fmt: skip


def _hold(request: Request, id: str) -> Hold:
    try:
        return house_of(request).holds.get(holding.checked(id))
    except BadInput:
        raise HTTPException(404, "There is no such hold.") from None


def _allowed(request: Request, id: str) -> Hold:
    """A hold that who asks may change. Asked before the hold is looked up: who may change none learns of none.

    :raises HTTPException: 403; 404.
    """
    if not _any(request):
        raise HTTPException(403, "You may not change holds.")
    found = _hold(request, id)
    if not _may(request, found.datasets):
        raise HTTPException(403, "You may not change this hold: you may not start what deletes its records.")
    return found


def _may(request: Request, datasets: list[str] | tuple[str, ...] | None) -> bool:
    """Whether who asks may hold these: who may start what deletes them."""
    return all(may_start(request, dag) for dag in holding.pipelines(house_of(request).policy, datasets))


def _any(request: Request) -> bool:
    """Whether who asks may hold anything at all."""
    return any(may_start(request, dag) for dag in holding.pipelines(house_of(request).policy, None))


def _title(request: Request, full: str) -> str:
    datamap = house_of(request).datamap
    return next((ref.dataset.title.en for ref in datamap if ref.full == full), "not in the data map any more")


def _ascii(text: str) -> str:
    return text if text.isascii() else ""


def _back(request: Request, id: str) -> Response:
    return RedirectResponse(f"{root(request)}/holds/{id}", 303)
