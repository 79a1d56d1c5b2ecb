"""How ``privacy hold`` shows holds and orders: without identifiers, unless they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from privacy.cli.common import local, shown

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.holds import Hold
    from privacy.rights.order_rows import Order
    from privacy.rights.orders import Unconfirmed


def as_json(hold: Hold) -> dict[str, Any]:
    """A hold for machines; it names nobody."""
    return {
        "hold": hold.id,
        "kind": hold.kind.value,
        "datasets": None if hold.datasets is None else list(hold.datasets),
        "what": _what(hold),
        "tell_subject": hold.tell,
        "author": hold.author,
        "placed_at": hold.placed_at.isoformat(),
        "request": hold.request,
    }


def row(hold: Hold, orders: list[Order], zone: str) -> tuple[str, ...]:
    """A hold as a row of the table."""
    told = {True: "yes", False: "no", None: ""}[hold.tell]
    on = "all" if hold.datasets is None else ", ".join(hold.datasets)
    sent = ", ".join(f"{order.id} {order.state}" for order in orders)
    return (hold.id, hold.kind.value, on, _what(hold), told, hold.author, local(hold.placed_at, zone), sent)


def _what(hold: Hold) -> str:
    from privacy.holds import Everything, Keys

    if isinstance(hold.what, Everything):
        return "everything"
    if isinstance(hold.what, Keys):
        return _counted(len(hold.what.keys), "recording" if hold.what.span else "key")
    return _counted(len(hold.what or ()), "set") + " of identifiers"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def revealed(hold: Hold, zone: str) -> list[str]:
    """Whom and what it is about, and why: for a terminal alone."""
    from privacy.holds import Everything, Keys

    lines = [f"{hold.id}: {shown(hold.ground)}"]
    if isinstance(hold.what, Keys):
        span = hold.what.span
        if span is not None:
            lines.append(f"  camera {shown(span.camera)}, {local(span.begins, zone)} to {local(span.ends, zone)}")
        lines += ["  key " + ", ".join(shown(str(part)) for part in key) for key in hold.what.keys]
    elif hold.what is not None and not isinstance(hold.what, Everything):
        lines += ["  " + ", ".join(f"{i.kind} {shown(i.value)}" for i in s.identifiers) for s in hold.what]
    return lines


def footage(order: Order, zone: str) -> list[str]:
    """An order, and what it is on: cameras and times, nobody's name."""

    def until(at: datetime | None) -> str:
        return local(at, zone) or "its release"

    return [f"order {order.id} to {order.processor}: {order.state}"] + [
        f"  {x.camera or 'all cameras'}, {local(x.begins, zone)} to {until(x.ends)}; wiped by {local(x.wiped_at, zone)}"
        for x in order.lines
    ]


def alarm(one: Unconfirmed) -> str:
    """What is not confirmed, how long there is left, and what to do."""
    named = f"order {one.order}: NOT CONFIRMED" if one.order else "NO ORDER SENT"
    left = "" if one.hours_left is None else f", {one.hours_left:.1f} hours left until the wipe"
    gone = f", {one.wiped} of {one.lines} WIPED BY NOW" if one.wiped else ""
    go_on = f"privacy hold confirm {one.order}" if one.order else f"privacy hold order {one.hold}"
    return f"{named} by {one.processor} (hold {one.hold}){left}{gone}: {go_on}"


def red(text: str) -> None:
    """A line that must not be passed over."""
    typer.secho(text, fg=typer.colors.RED, bold=True)
