"""``privacy hold``: place, release, list, order, confirm."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.cli import held
from privacy.cli.common import (
    Json,
    given,
    identifiers,
    on_a_terminal,
    on_behalf,
    table,
    tell,
    workbench,
)
from privacy.errors import BadConfiguration, BadInput, PrivacyError, Refused

if TYPE_CHECKING:
    from privacy.holds.models import What
    from privacy.rights.house import House
    from privacy.rights.order_rows import Order

app = typer.Typer(no_args_is_help=True)

# The library's own enumeration, written again so that --help need not import the library; a test compares them.
KindName = enum.StrEnum("KindName", ["suspension", "restriction", "objection"])
YesNo = enum.StrEnum("YesNo", ["yes", "no"])

HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="The hold, as privacy hold list has it.")]
Author = Annotated[str | None, typer.Option(help="For whom it is done; you, by default. You are named beside them.")]


@app.command()
def place(
    ground: Annotated[str, typer.Option(help="Why the records must stay, sealed; - asks for it.")],
    tell_subject: Annotated[YesNo, typer.Option(help="Whether the person may be told; no: it is secret.")],
    dataset: Annotated[list[str] | None, typer.Option(help="SYSTEM.DATASET; all by default, of a person.")] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=VALUE", help="A person, with all their records; KIND=- asks for it."),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A record of the dataset; of several parts: a JSON list; - asks for it.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All records of the datasets.")] = False,
    camera: Annotated[str | None, typer.Option(help="What this camera recorded, with --from and --to.")] = None,
    begins: Annotated[str | None, typer.Option("--from", help="ISO 8601, in the policy's zone.")] = None,
    ends: Annotated[str | None, typer.Option("--to", help="ISO 8601, in the policy's zone.")] = None,
    kind: Annotated[KindName, typer.Option(help="Why, in one word.")] = KindName.suspension,
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Keep records from every deletion from now on. On footage, order its holder to keep it too."""
    from privacy.holds import Everything, HoldKind
    from privacy.rights import holding

    by, house = on_behalf(author), workbench()
    picks = [name for name, there in _picks(subject, key, camera, everything=everything) if there]
    if len(picks) != 1 or (camera is None) != (begins is None) or (camera is None) != (ends is None):
        raise BadInput(
            "hold.selection",
            "A hold is on people, on keys, on what a camera recorded, or on all of a dataset.",
            advice="Give one of: --subject, --key, --camera with --from and --to, --all.",
        )
    names: list[str] | None = list(dataset) if dataset else None
    whole = True
    what: What
    if subject:
        what, whole = holding.people(house, identifiers(house.datamap, [], [], subject))
    elif camera is not None and begins is not None and ends is not None:
        span = holding.span(given(camera, "Camera"), begins, ends, house.policy.zone)
        what, names = holding.footage(house, span, names)
    elif key:
        what = _keys(house, key, names)
    else:
        what = Everything()
    id = house.holds.place(
        HoldKind(kind.value), what, names, ground=given(ground, "Ground"), author=by, tell=tell_subject is YesNo.yes
    )
    # Said before anything else is asked or written: the hold stands whatever comes of that.
    if not as_json:
        typer.echo(id)
    made = house.holds.get(id)
    seen = holding.noticed(house, made)
    missing = seen.absent
    data: dict[str, Any] = {**held.as_json(made), "complete": whole, "absent": missing}
    if isinstance(made.what, tuple):
        data["anything"] = seen.anything
    if not as_json:
        if not whole:
            held.red("The shop could not be asked who this is: only what was named is held. Place it again later.")
        if data.get("anything") is False:
            held.red("NOTHING FOUND under what you named: is it written as the shop writes it? The hold stands.")
        if missing:
            held.red(f"{missing} of these keys is no record now: look again (privacy explain), or release the hold.")
    _ordered(house, id, by, data, as_json=as_json)


@app.command()
def release(
    hold: HoldId,
    why: Annotated[
        str | None, typer.Option(help="Why it ends, for the ledger: over, given, mistaken or replaced.")
    ] = None,
    author: Author = None,
    as_json: Json = False,
) -> None:
    """End a hold, forget whom it was about, and withdraw its order. Safe to repeat."""
    from privacy.rights import holding

    by, house = on_behalf(author), workbench()
    id = holding.checked(hold)
    ended, withdrawn = holding.release(house, id, by, why)
    text = f"{id} is released." if ended else f"{id} was released before."
    text += "".join(f"\norder {order.id} to {order.processor} is withdrawn" for order in withdrawn)
    tell({"hold": id, "released": ended, "orders": [o.as_json() for o in withdrawn]}, text, as_json=as_json)


@app.command("list")
def list_(
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show whom and what each is about; on a terminal only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the holds in force and their orders; what is not confirmed stands in red."""
    from privacy.rights.orders import Orders

    house = workbench()
    if reveal and (as_json or not on_a_terminal()):
        raise Refused(
            "cli.not_a_terminal",
            "What is personal is shown on a terminal only.",
            advice="Run the command without --json, and without redirecting its output.",
        )
    holds, orders, zone = house.holds.active(), Orders(house), house.policy.zone
    sent: dict[str, list[Order]] = {}
    for order in orders.all():
        sent.setdefault(order.hold, []).append(order)
    now, unknown = house.clock.now(), ""
    open_, over = orders.unanswered(now), orders.lingering()
    try:
        open_ = [*open_, *orders.unsent(now)]
    except BadConfiguration as problem:
        # Only the data map knows what is footage; one that is half filled in hides no hold.
        unknown = problem.code
    data = [{**held.as_json(hold), "orders": [order.as_json() for order in sent.get(hold.id, [])]} for hold in holds]
    head = ("hold", "kind", "on", "what", "subject told", "by", "since", "order")
    rows = [held.row(hold, sent.get(hold.id, []), zone) for hold in holds]
    lines = [table(head, rows) if rows else "no holds"]
    if not as_json:
        typer.echo("\n".join(lines + [part for hold in holds if reveal for part in held.revealed(hold, zone)]))
        for one in open_:
            held.red(held.alarm(one))
        if unknown:
            held.red(f"whether an order is missing is not known [{unknown}]: privacy datamap check")
        for late in over:
            held.red(f"order {late.id}: its hold is over, NOT WITHDRAWN: privacy hold release {late.hold}")
        for order in (o for hold in holds for o in sent.get(hold.id, [])):
            typer.echo("\n".join(held.footage(order, zone)))
        return
    found: dict[str, Any] = {"holds": data, "unconfirmed": [one.as_json() for one in open_]}
    if unknown:
        found["orders_unknown"] = unknown
    tell({**found, "not_withdrawn": [late.as_json() for late in over]}, "", as_json=True)


@app.command()
def order(hold: HoldId, author: Author = None, as_json: Json = False) -> None:
    """Order the holder of footage to keep it, for a hold that is in force; one that was sent is sent again."""
    from privacy.rights import holding

    by, house = on_behalf(author), workbench()
    found = house.holds.get(holding.checked(hold))
    _ordered(house, found.id, by, held.as_json(found), as_json=as_json, wanted=True)


@app.command()
def confirm(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order, as privacy hold list has it.")],
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Record that the holder of footage has confirmed that it is kept. Safe to repeat."""
    from privacy.rights.orders import Orders

    by, house = on_behalf(author), workbench()
    found = Orders(house).confirm(order.strip(), by)
    late = [x for x in found.lines if found.confirmed_at and found.confirmed_at >= x.wiped_at]
    data = {**found.as_json(), "after_the_wipe": len(late)}
    tell(data, f"order {found.id} to {found.processor} is confirmed.", as_json=as_json)
    if late and not as_json:
        held.red(
            f"{len(late)} of its {len(found.lines)} lines were past their wipe by then: ask whether they are there."
        )


def _picks(
    subject: list[str] | None, key: list[str] | None, camera: str | None, *, everything: bool
) -> list[tuple[str, bool]]:
    return [("subject", bool(subject)), ("key", bool(key)), ("camera", camera is not None), ("all", everything)]


def _keys(house: House, typed: list[str], names: list[str] | None) -> What:
    from privacy.rights import holding

    if names is None or len(names) != 1:
        raise BadInput("hold.datasets", "A hold on keys is on one dataset.", advice="Name it: --dataset.")
    return holding.keys(house, names[0], [given(value, "Key") for value in typed])


def _ordered(
    house: House, id: str, by: str, data: dict[str, Any], *, as_json: bool, wanted: bool = False
) -> None:  # fmt: skip
    """Send the orders of a hold and tell of them.

    :param wanted: that there are none is an error.
    """
    from privacy.rights.orders import Orders

    try:
        orders = Orders(house).send(id, by)
    except PrivacyError as problem:
        if as_json:
            tell({**data, "orders": [], "error": problem.code}, "", as_json=True)
        raise
    if wanted and not orders:
        raise Refused("order.nothing", "The hold is not on footage.", where=id)
    zone = house.policy.zone
    text = "\n".join(line for order in orders for line in held.footage(order, zone))
    if as_json or text:
        tell({**data, "orders": [order.as_json() for order in orders]}, text, as_json=as_json)
