"""``privacy request ask``, and what ``privacy request show`` says of processors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import Json, Number, actor, local, table, tell, workbench

if TYPE_CHECKING:
    from privacy.rights.deliveries import Delivery


def ask(
    number: Number,
    processor: Annotated[str | None, typer.Option(help="One of them, as the policy calls it; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Record that processors were asked what they hold on this person; shows what to send them. Safe to repeat."""
    from privacy.rights.deliveries import place

    house = workbench()
    found = house.deliveries.ask(number, processor, actor())
    request = house.register.get(number)
    places = {delivery.dataset: place(house, delivery, request.number) for delivery in found}
    lines = [f"{request.number}: recorded as asked. Send each of them this number, and where they deliver:"]
    for delivery in found:
        name = house.datamap.policy.processors[delivery.processor].name
        since = local(delivery.asked_at, house.datamap.policy.zone)
        lines.append(f"- {name} ({delivery.dataset}, asked {since}): {places[delivery.dataset]}")
    lines += [
        "They put there every file that they hold on this person for us, as it is; last of all the file DELIVERED:",
        "what `sha256sum` says of each of these files, a line a file; empty when they hold nothing.",
        f"Whom it is about: privacy request show {request.number} --personal",
        f"When it has come: privacy request start {request.number}",
    ]
    data = [{**delivery.as_json(), "deliver_to": places[delivery.dataset]} for delivery in found]
    tell({"number": request.number, "asked": data}, "\n".join(lines), as_json=as_json)


def answers(found: Iterable[Delivery], zone: str) -> str:
    """The processors of a request and how far they are, as a table."""
    rows = [(d.processor, d.dataset, d.state.value.replace("_", " "), local(d.asked_at, zone), d.fault) for d in found]
    return table(("processor", "dataset", "state", "asked", "why"), rows)
