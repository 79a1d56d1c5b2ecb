"""``privacy notices``: what processors were told, and what they answered (art. 19 GDPR)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import Json, actor, local, table, tell, workbench

if TYPE_CHECKING:
    from privacy.rights.notice_rows import Notice

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="The notice, as `privacy notices list` shows it.")]


@app.command("list")
def list_notices(
    request: Annotated[str | None, typer.Option(help="Of one request; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """List what processors were told, and how far each is."""
    from privacy import numbers
    from privacy.rights.notices import Notices

    house = workbench()
    found = Notices(house).all(request=numbers.check(request) if request else None)
    zone = house.policy.zone
    rows = [
        (n.id, n.request, n.processor, n.deed.value, n.state.value.replace("_", " "), local(n.sent_at, zone),
            local(n.reminded_at, zone), local(n.confirmed_at, zone))
        for n in found
    ]  # fmt: skip
    head = ("notice", "request", "processor", "what", "state", "sent", "reminded", "confirmed")
    tell([n.as_json() for n in found], table(head, rows) if rows else "no processor was told anything", as_json=as_json)


@app.command()
def send(as_json: Json = False) -> None:
    """Send what was not sent, and remind those that are silent; `watch_deadlines` does it each day. Safe to repeat."""
    from privacy.rights.notices import Notices

    notices = Notices(workbench())
    problems = notices.send(actor=actor())
    text = "\n".join(str(problem) for problem in problems) or "all that is due was sent"
    tell({"problems": [problem.code for problem in problems]}, text, as_json=as_json)
    if problems:
        raise typer.Exit(1)


@app.command()
def confirm(notice: Id, as_json: Json = False) -> None:
    """Record that the processor has done it: whom it was about is forgotten. Safe to repeat."""
    from privacy.rights.notices import Notices

    _told(Notices(workbench()).confirm(notice, actor()), as_json)


@app.command()
def refuse(notice: Id, as_json: Json = False) -> None:
    """Record that the processor will not, or cannot: somebody takes it up with them. It can still confirm."""
    from privacy.rights.notices import Notices

    _told(Notices(workbench()).refuse(notice, actor()), as_json)


def _told(notice: Notice, as_json: bool) -> None:
    tell(notice.as_json(), f"{notice.id} ({notice.processor}, {notice.request}): {notice.state.value}", as_json=as_json)
