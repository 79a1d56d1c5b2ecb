"""``privacy disclosure``: add, list. What was given to authorities and others, on what ground (promise DISCLOSE)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.cli.common import (
    Json,
    given,
    identifiers,
    local,
    moment,
    on_a_terminal,
    on_behalf,
    shown,
    table,
    tell,
    workbench,
)
from privacy.errors import BadInput, Refused

if TYPE_CHECKING:
    from privacy.rights.disclosures import Disclosure

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    dataset: Annotated[list[str], typer.Option(help="SYSTEM.DATASET of which something was given.")],
    to: Annotated[str, typer.Option(help="Who got it, sealed; - asks for it.")],
    ground: Annotated[str, typer.Option(help="The law, lawful request or right that required it, sealed; - asks.")],
    category: Annotated[
        list[str] | None, typer.Option(help="A category of data that was given; all of the datasets by default.")
    ] = None,
    case: Annotated[str, typer.Option(help="The recipient's number of the case, sealed; - asks for it.")] = "",
    subject: Annotated[
        list[str] | None, typer.Option(metavar="KIND=VALUE", help="A person whom it is about; KIND=- asks for it.")
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="It is about nobody who is known.")] = False,
    at: Annotated[str | None, typer.Option(help="When (ISO 8601, in the policy's zone); now by default.")] = None,
    secret: Annotated[
        str, typer.Option(metavar="GROUND", help="The person is not told, on this ground, sealed; - asks for it.")
    ] = "",
    author: Annotated[str | None, typer.Option(help="Who gave it; you, by default. You are named beside them.")] = None,
    as_json: Json = False,
) -> None:
    """Record that data were given to somebody. The person's access report tells it, unless it is secret."""
    from privacy.rights.disclosures import Disclosures
    from privacy.rights.selecting import just_one

    by, house = on_behalf(author), workbench()
    if bool(subject) == nobody:
        raise BadInput(
            "disclosure.about", "A disclosure says whom it is about.", advice="Give --subject for each, or --nobody."
        )
    named = identifiers(house.datamap, [], [], subject) if subject else []
    made = Disclosures(house).add(
        datasets=dataset,
        categories=category or (),
        recipient=given(to, "To"),
        ground=given(ground, "Ground"),
        case=given(case, "Case number") if case else "",
        about=[just_one(house, identifier) for identifier in named],
        author=by,
        given_at=None if at is None else moment(at, house.policy.zone),
        secret=given(secret, "Ground of the secrecy") if secret else "",
    )
    said = "the person is not told" if made.secret else "the person's access report tells it"
    tell(_data(made), f"{made.id}\n{said if made.about else 'it is about nobody'}", as_json=as_json)


@app.command("list")
def list_(
    reveal: Annotated[bool, typer.Option("--reveal", help="Show what is sealed too; on a terminal only.")] = False,
    as_json: Json = False,
) -> None:
    """List what was given: when, what, by whom; to whom, why and about whom with --reveal."""
    from privacy.rights.disclosures import Disclosures

    if reveal and (as_json or not on_a_terminal()):
        raise Refused(
            "cli.not_a_terminal",
            "What is personal is shown on a terminal only.",
            advice="Run the command without --json, and without redirecting its output.",
        )
    house = workbench()
    zone, found = house.policy.zone, Disclosures(house).all()
    rows = [
        (d.id, local(d.given_at, zone), ", ".join(d.datasets), str(len(d.about)), "yes" if d.secret else "no", d.author)
        for d in found
    ]
    head = ("disclosure", "given", "of", "people", "secret", "by")
    lines = [table(head, rows) if rows else "no disclosures"]
    lines += [line for one in found if reveal for line in _revealed(one)]
    tell([_data(one) for one in found], "\n".join(lines), as_json=as_json)


def _data(one: Disclosure) -> dict[str, Any]:
    """For machines; nothing that is sealed."""
    return {
        "disclosure": one.id,
        "recorded_at": one.recorded_at.isoformat(),
        "given_at": one.given_at.isoformat(),
        "author": one.author,
        "datasets": list(one.datasets),
        "categories": list(one.categories),
        "people": len(one.about),
        "secret": bool(one.secret),
    }


def _revealed(one: Disclosure) -> list[str]:
    lines = [
        f"{one.id}: to {shown(one.recipient)}, {shown(one.ground)}" + (f", case {shown(one.case)}" * bool(one.case))
    ]
    if one.secret:
        lines.append(f"  secret: {shown(one.secret)}")
    return lines + ["  " + ", ".join(f"{i.kind} {shown(i.value)}" for i in s.identifiers) for s in one.about]
