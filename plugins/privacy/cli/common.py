"""What the commands share: composition, identifiers that are asked for, output for people and for machines.

Nothing heavy is imported here: ``privacy --help`` is instant.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.errors import BadInput

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.datamap.load import DataMap
    from privacy.errors import PrivacyError
    from privacy.rights.house import House
    from privacy.rights.rows import Request
    from privacy.sources.base import Identifier

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The request, e.g. AVG-2026-0042-9.", show_default=False)]


def workbench() -> House:
    """This installation, with the connections of the environment."""
    from privacy.connections import EnvironmentConnections
    from privacy.rights.house import House
    from privacy.settings import settings

    return House(settings(), EnvironmentConnections())


def actor() -> str:
    """Who types, as the ledger names them: the user of the machine, by the machine and not by the environment."""
    import os
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name, in a container
        name = f"uid {os.getuid()}"
    # The ledger takes no @; users of a domain have one.
    return name.replace("@", " at ")[:100]


def on_behalf(author: str | None) -> str:
    """Who a record says did it: who types, or somebody named by them, who is never alone (edge case 32).

    :raises BadInput: ``cli.author``: the name cannot stand in the ledger.
    """
    if author is None:
        return actor()
    name = author.strip()
    if not name or len(name) > 80 or "@" in name or not name.isprintable():
        raise BadInput("cli.author", "An author is a short name without @.", advice="Leave it out to be it yourself.")
    return f"{name}, by {actor()}"


def on_a_terminal() -> bool:
    """Whether a person looks at the output, so that what is personal may be shown."""
    return sys.stdout.isatty()


def given(value: str, what: str) -> str:
    """An option's value; ``-`` asks for it, or reads a line of standard input, and keeps it out of the shell's history.

    :raises BadInput: nothing came, or nothing stands there.
    """
    if not value.strip():
        raise BadInput("cli.empty", f"Nothing is given for: {what}.", advice="Give it, or leave the option out.")
    if value != "-":
        return value
    if sys.stdin.isatty():
        return str(typer.prompt(what, err=True)).strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise BadInput(
            "cli.nothing_read", f"Standard input has no line for: {what}.", advice="Write a line for each -."
        )
    return line


def identifiers(
    datamap: DataMap, emails: Sequence[str], phones: Sequence[str], others: Sequence[str]
) -> list[Identifier]:
    """The identifiers that a request names, in their normal form.

    :param others: ``KIND=VALUE``.
    :raises BadInput: an unknown kind, or a value that cannot be one.
    """
    pairs = [("email", given(value, "E-mail address")) for value in emails]
    pairs += [("phone", given(value, "Phone number")) for value in phones]
    for other in others:
        kind, equals, value = other.partition("=")
        if not equals:
            raise BadInput("named.identifier", "An identifier is written as KIND=VALUE.", advice="E.g. --id shop.id=-")
        pairs.append((kind.strip(), given(value, kind.strip())))
    if not pairs and sys.stdin.isatty():
        pairs.append(("email", given("-", "E-mail address")))
    from privacy.rights.naming import identifier

    return [identifier(datamap, kind, value) for kind, value in pairs]


def tell(data: Any, text: str, *, as_json: bool) -> None:
    """Write the answer: ``data`` as JSON, or ``text``."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str) if as_json else text)


def lines(problem: PrivacyError) -> list[str]:
    """An error for people: one line, or one a mistake where there are several (a data map's)."""
    first, *more = (part.strip() for part in problem.message.splitlines() or [""])
    if not more:
        return [str(problem)]
    place = f" ({problem.where})" if problem.where else ""
    first = first.removeprefix(f"{problem.where.rpartition('/')[2]}: ")
    return [f"[{problem.code}] {len(more) + 1} mistakes{place}", *(f"  {part}" for part in (first, *more))]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as they need to be."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def local(at: Any, zone: str) -> str:
    """A moment for people: in the policy's zone, which it names, to the minute; empty for None."""
    from zoneinfo import ZoneInfo

    return "" if at is None else at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def moment(text: str, zone: str) -> datetime:
    """As :func:`privacy.rights.naming.moment`, which is imported when it is needed."""
    from privacy.rights.naming import moment

    return moment(text, zone)


def shown(value: str | int) -> str:
    """A person's value for a terminal: without what a terminal obeys, or that turns the order of what is read."""
    import unicodedata

    return "".join(c for c in str(value) if unicodedata.category(c)[0] != "C")


def line(request: Request, zone: str, *, held: bool = True) -> tuple[str, ...]:
    """A request as a row of a table.

    :param held: whether it has the hold that it needs, where it needs one.
    """
    return (
        request.number,
        request.right.value,
        request.state.value,
        local(request.dates.received_at, zone),
        request.due.isoformat(),
        request.dates.next_step if held else f"NOT HELD: privacy request start {request.number}",
    )
