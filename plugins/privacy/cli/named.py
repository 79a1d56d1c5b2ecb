"""What a request may name beside an address: what stands on a letter or a receipt of the shop, a device, a visit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import given
from privacy.errors import BadInput

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.rights.payload import Visit

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


def footage(number: str, seen: tuple[Visit, ...], now: datetime) -> list[str]:
    """What to do now for the footage of visits: nobody keeps it for a request that says nothing of it elsewhere."""
    if not seen:
        return []
    from privacy.rights.naming import gone_already

    late = gone_already(seen, now)
    told = f" ({late} of {len(seen)} may be gone already)" if late else ""
    return [
        f"footage of {len(seen)} visit{'' if len(seen) == 1 else 's'}{told} is kept by an order only: "
        f"privacy hold place --camera ... --from ... --to ... --ground \"{number}\" --tell-subject yes"
    ]  # fmt: skip
