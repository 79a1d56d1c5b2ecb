"""``privacy stop``: whose data are not to be processed, and for which purposes."""

from __future__ import annotations

import csv
import enum
import io
from typing import Annotated

import typer

from privacy.cli.common import Json, local, on_a_terminal, shown, table, tell, workbench
from privacy.errors import Refused

app = typer.Typer(no_args_is_help=True)

FormatName = enum.StrEnum("FormatName", ["table", "csv", "json"])


@app.callback()
def _stop() -> None:
    """Whose data are not to be processed."""


@app.command("list")
def list_(
    purpose: Annotated[str | None, typer.Option(help="Of this purpose of the policy alone: newsletter.")] = None,
    format: Annotated[
        FormatName, typer.Option("--format", help="csv, json: for the system that obeys.")
    ] = FormatName.table,
    as_json: Json = False,
) -> None:
    """List whom an export leaves out. With a purpose: all whose data are not to be processed for it.

    The list is personal data. A table of it is for a terminal; csv and json go where a system reads them, and are
    removed when it has. Every value is exactly as it is looked up, so no spreadsheet may open it.
    """
    house = workbench()
    if purpose is not None:
        house.stops.excluded(purpose)  # an error where there is no such purpose
    found = [stop for stop in house.stops.active() if purpose is None or stop.stops(purpose)]
    if as_json or format is FormatName.json:
        data = [
            {
                "kind": stop.kind, "value": stop.value, "scope": stop.scope.value, "purposes": list(stop.purposes),
                "since": stop.since.isoformat(), "ground": stop.ground.value,
            }
            for stop in found
        ]  # fmt: skip
        tell(data, "", as_json=True)
        return
    if format is FormatName.csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("kind", "value"))
        writer.writerows(sorted({(stop.kind, stop.value) for stop in found}))
        typer.echo(text.getvalue(), nl=False)
        return
    if found and not on_a_terminal():
        raise Refused(
            "cli.not_a_terminal", "What is personal is shown on a terminal only.",
            advice="For a system that obeys it, write --format csv.",
        )  # fmt: skip
    rows = [
        (
            stop.kind, shown(stop.value), stop.scope.value, local(stop.since, house.policy.zone), stop.ground.value,
            stop.request or "",
        )
        for stop in found
    ]  # fmt: skip
    head = ("kind", "value", "scope", "since", "ground", "request")
    typer.echo(table(head, rows) if rows else "nobody is stopped")
