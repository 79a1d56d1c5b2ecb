"""What a request may name beside an address: what stands on a letter or a receipt of the shop, a device, a visit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import given, moment
from privacy.errors import BadInput

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.rights.payload import Visit

KINDS = {
    "order": ("order_id", "order_no", "order"),
    "invoice": ("invoice_no", "invoice_id", "invoice"),
    "application": ("application_id", "application_no", "application"),
}
"""What an option is called in a data map: the first of these names of a kind that it has."""

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

    :raises BadInput: ``cli.identifier``: the data map has no such kind, or one in several systems.
    """
    found = [f"device_id={value}" for value in devices]
    for option, values in (("order", orders), ("invoice", invoices), ("application", applications)):
        if values:
            kind = _kind(datamap, option)
            found += [f"{kind}={value}" for value in values]
    return found


def visits(texts: list[str], zone: str) -> tuple[Visit, ...]:
    """Visits as they are typed. :raises BadInput: ``cli.visit``, ``cli.moment``."""
    from privacy.rights.payload import Visit

    found = []
    for text in texts:
        camera, slash, at = given(text, "Visit").rpartition("/")
        if not slash or not camera.strip():
            raise BadInput("cli.visit", "A visit is written as CAMERA/TIME.", advice="E.g. till/2026-11-02T09:30.")
        found.append(Visit.of(camera=camera.strip(), at=moment(at, zone)))
    return tuple(found)


def footage(number: str, seen: tuple[Visit, ...], now: datetime) -> list[str]:
    """What to do now for the footage of visits: nobody keeps it for a request that says nothing of it elsewhere."""
    if not seen:
        return []
    late = sum((now - visit.at).total_seconds() > 48 * 3600 for visit in seen)
    told = f" ({late} of {len(seen)} may be gone already)" if late else ""
    return [
        f"footage of {len(seen)} visit{'' if len(seen) == 1 else 's'}{told} is kept by an order only: "
        f"privacy hold place --camera ... --from ... --to ... --ground \"{number}\" --tell-subject yes"
    ]  # fmt: skip


def _kind(datamap: DataMap, option: str) -> str:
    for name in KINDS[option]:
        found = [f"{s.system}.{kind}" for s in datamap.systems.values() for kind in s.identity.kinds if kind == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(
                "cli.identifier", f"Several systems have such numbers: {', '.join(found)}.",
                advice="Say of which: --id SYSTEM.KIND=VALUE.",
            )  # fmt: skip
    raise BadInput("cli.identifier", f"The data map has no identity kind of an {option}'s number.")
