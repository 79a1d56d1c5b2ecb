"""``privacy request extend`` and ``deadlines``: when answers are due, and the one extension (promise R-30D)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import Json, Number, actor, table, tell, workbench

if TYPE_CHECKING:
    from privacy.errors import Tampered

NecessityName = enum.StrEnum("NecessityName", ["complexity", "number_of_requests"])
"""The library's own, written again so that --help need not import the library; a test compares them."""


def extend(
    number: Number,
    ground: Annotated[NecessityName, typer.Option(help="Why it takes longer; the law knows these two.")],
    by_post: Annotated[
        bool, typer.Option("--by-post", help="The request names no e-mail address: print the notice, and post it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell the person that the answer takes two months longer: once, and within the first term."""
    from privacy.rights.extending import extend
    from privacy.rights.payload import Necessity

    found, notice = extend(workbench(), number, Necessity(ground.value), actor(), by_post=by_post)
    text = f"{found.number} is extended: the answer is due on {found.due.isoformat()}."
    text += "" if notice.sent else f" Post this today:\n\n{notice.subject}\n\n{notice.text}"
    posted = {} if notice.sent else {"subject": notice.subject, "text": notice.text}
    tell({**found.as_json(), "sent": notice.sent, **posted}, text, as_json=as_json)


def deadlines(as_json: Json = False) -> None:
    """List what is due within 7 days, or late, and who is waited for; status 1 when an answer is late."""
    from privacy.rights.deadlines import Kind, Level
    from privacy.rights.deadlines import deadlines as standing

    house = workbench()
    broken: list[Tampered] = []
    found = standing(house, house.clock.now(), broken)
    rows = [(one.level.value, f"{one.kind.value} {one.about}", one.when, one.waits_for, one.advice) for one in found]
    rows += [("broken", f"request {p.where}", "", "", p.message) for p in broken]
    data = [one.as_json() for one in found]
    data += [{"kind": "request", "about": p.where, "level": "broken", "error": p.code} for p in broken]
    head = ("level", "what", "when", "waits for", "what to do")
    tell(data, table(head, rows) if rows else "nothing is due within 7 days", as_json=as_json)
    if broken or any(one.level is Level.LATE and one.kind is Kind.REQUEST for one in found):
        raise typer.Exit(1)
