"""``privacy ledger``: verify, show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from privacy.cli.common import Json, local, table, tell, workbench
from privacy.errors import BadConfiguration

app = typer.Typer(no_args_is_help=True)

_SHORT = 12
"""Of a digest or an id, for people; ``--json`` has it whole."""


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
    """Show what was done, in order, of a request or a run; --json gives the entries as they are hashed."""
    house = workbench()
    if request is not None:
        from privacy import numbers

        request = numbers.check(request)
    found = house.ledger.entries(request=request, run=run)
    if as_json:
        tell([{"seq": e.seq, **e.entry, "hash": e.hash} for e in found], "", as_json=True)
        return
    try:
        zone = house.policy.zone
    except BadConfiguration:
        zone = "UTC"  # The records are there whatever has become of the policy.
    rows = [(str(e.seq), *_line(e.entry, zone)) for e in found]
    # One request's number need not stand on each of its lines.
    hidden = {3} if request is not None else set()
    head = ("no", "when", "what", "request", "by", "details")
    shown = [[cell for at, cell in enumerate(row) if at not in hidden] for row in (head, *rows)]
    typer.echo(table(shown[0], shown[1:]) if rows else "no entries")


def _line(entry: Mapping[str, Any], zone: str) -> tuple[str, ...]:
    """When, what, of which request, by whom, and the rest in words."""
    from datetime import datetime

    rest = {k: v for k, v in entry.items() if k not in ("kind", "at", "actor", "request")}
    when = local(datetime.fromisoformat(str(entry["at"])), zone)
    what = str(entry["kind"]).replace(".", " ").replace("_", " ")
    return when, what, str(entry.get("request", "")), str(entry["actor"]), ", ".join(_told(rest, zone))


def _told(rest: Mapping[str, Any], zone: str) -> list[str]:
    """The other fields of an entry: how it ended and what it counted first, what identifies it last."""
    told = [str(rest["status"])] if "status" in rest else []
    late: list[str] = []
    for name, value in rest.items():
        words = name.replace("_", " ")
        if name == "status" or value in (0, {}, None):
            continue
        if name == "datasets":
            told.append(_of_datasets(value))
        elif isinstance(value, dict):
            told.append(f"{words}: " + ", ".join(f"{key} {count}" for key, count in value.items()))
        elif isinstance(value, bool):
            told.append(words)
        elif isinstance(value, int):
            told.append(f"{value} {words}" if name in _COUNTED else f"{words} {value}")
        elif name in _MOMENTS:
            told.append(f"{words} {_when(value, zone)}")
        elif name in _IDS:
            late.append(f"{words} {value if len(str(value)) <= _SHORT else f'{str(value)[:_SHORT]}…'}")
        else:
            told.append(f"{words} {value}")
    return told + late


_COUNTED = ("records", "bytes", "deleted", "held", "failed", "unattributed", "candidates")
_MOMENTS = ("received_at", "bound", "oldest_remaining")
_IDS = ("run", "hold", "digest", "plan_digest", "inner_sha256", "outer_sha256", "code_version")


def _of_datasets(value: Any) -> str:
    """The records by dataset that an export ended with, or the datasets that a hold is on."""
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {count['records']}" for name, count in value.items()) + ")"
    return "on " + ", ".join(map(str, value))


def _when(value: str, zone: str) -> str:
    from datetime import datetime

    return local(datetime.fromisoformat(value), zone)
