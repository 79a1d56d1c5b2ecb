"""What a request may name beside an address: what stands on a letter or a receipt of the shop, a device, a visit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import given
from privacy.cli.held import footage as held_footage
from privacy.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from privacy.datamap.load import DataMap
    from privacy.rights.payload import Visit
    from privacy.rights.visits import Kept

Order = Annotated[list[str] | None, typer.Option("--order", help="The number of an order; - asks for it.")]
Invoice = Annotated[list[str] | None, typer.Option("--invoice", help="The number of an invoice; - asks for it.")]
Application = Annotated[
    list[str] | None, typer.Option("--application", help="The number of an application; - asks for it.")
]
Device = Annotated[list[str] | None, typer.Option("--device", help="A device's id, from the site's cookie; - asks.")]
Visits = Annotated[
    list[str] | None,
    typer.Option("--visit", metavar="CAMERA/TIME", help="When the person was in front of a camera (ISO 8601)."),
]


def as_identifiers(
    datamap: DataMap, orders: list[str], invoices: list[str], applications: list[str], devices: list[str]
) -> list[str]:
    """The same as ``KIND=VALUE``.

    :raises BadInput: ``named.identifier``: the data map has no such kind, or one in several systems.
    """
    from privacy.rights.naming import numbered

    found = [f"device_id={value}" for value in devices]
    for option, values in (("order", orders), ("invoice", invoices), ("application", applications)):
        if values:
            kind = numbered(datamap, option)
            found += [f"{kind}={value}" for value in values]
    return found


def visits(texts: list[str], zone: str) -> tuple[Visit, ...]:
    """Visits as they are typed. :raises BadInput: ``named.visit``, ``named.moment``."""
    from privacy.rights.naming import visit

    found = []
    for text in texts:
        camera, slash, at = given(text, "Visit").rpartition("/")
        if not slash or not camera.strip():
            raise BadInput("named.visit", "A visit is written as CAMERA/TIME.", advice="E.g. till/2026-11-02T09:30.")
        found.append(visit(camera, at, zone))
    return tuple(found)


def footage(number: str, kept: Sequence[Kept], now: datetime, zone: str) -> tuple[list[str], list[str]]:
    """What became of the footage of visits: lines, and those that must not be passed over."""
    from privacy.rights.visits import LIMIT

    said: list[str] = []
    red: list[str] = []
    for one in kept:
        gone = ", MAY BE GONE ALREADY" if now - one.visit.at > LIMIT else ""
        if one.hold:
            said.append(f"footage of the visit is held: {one.hold}; once it is answered: privacy hold release{gone}")
        said += [line for order in one.orders for line in held_footage(order, zone)]
        if one.hold and one.problem:
            red.append(f"its holder is NOT TOLD to keep it [{one.problem}]: privacy hold order {one.hold}{gone}")
        elif one.problem:
            red.append(
                f"footage of a visit is NOT HELD [{one.problem}]{gone}: privacy hold place --camera ... --from ... "
                f'--to ... --ground "{number}" --tell-subject yes'
            )
    return said, red
