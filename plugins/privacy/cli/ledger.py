"""``privacy ledger``: verify, show."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from privacy.cli.common import Json, table, tell, workbench

app = typer.Typer(no_args_is_help=True)


@app.command()
def verify(as_json: Json = False) -> None:
    """Recompute the chain, hold it against the signed head, and register and holds against it; status 1 when anything
    was altered."""
    found = workbench().verify()
    data = {
        "ok": found.ok,
        "entries": found.entries,
        "anchored": found.anchored,
        "unanchored": found.unanchored,
        "recovered": [{"first": first, "last": last} for first, last in found.recovered],
        "problems": list(found.problems),
    }
    unsigned = f"{found.unanchored} of them not yet signed for" if found.unanchored else "all signed for"
    summary = f"{found.entries} entries, {unsigned}"
    later = [f"signed for later than written, compare what ran: entries {a} to {b}" for a, b in found.recovered]
    tell(data, "\n".join([summary, *later, *found.problems, "ok" if found.ok else "NOT OK"]), as_json=as_json)
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def show(
    request: Annotated[str | None, typer.Option(help="Entries of this request.")] = None,
    run: Annotated[str | None, typer.Option(help="Entries of this run.")] = None,
    as_json: Json = False,
) -> None:
    """Show the entries in order, of a request or a run."""
    house = workbench()
    if request is not None:
        from privacy import numbers

        request = numbers.check(request)
    found = house.ledger.entries(request=request, run=run)
    shown = ("kind", "at", "actor")
    rows = [
        (e.seq, *(e.entry[name] for name in shown), json.dumps({k: v for k, v in e.entry.items() if k not in shown}))
        for e in found
    ]
    text = table(("seq", *shown, "more"), rows) if rows else "no entries"
    tell([{"seq": e.seq, **e.entry, "hash": e.hash} for e in found], text, as_json=as_json)
