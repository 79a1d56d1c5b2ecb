"""``privacy ledger``: verify, show, evidence, export, receipt, key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.cli.common import Json, actor, local, moment, table, tell, workbench
from privacy.errors import BadConfiguration

if TYPE_CHECKING:
    from privacy.rights.house import House

app = typer.Typer(no_args_is_help=True)

_SHORT = 12
"""Of a digest, for people; ``--json`` has it whole. A run and a hold are whole: other commands want them."""


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
    zone = _zone(house)
    rows = [(str(e.seq), *_line(e.entry, zone)) for e in found]
    # One request's number need not stand on each of its lines.
    hidden = {3} if request is not None else set()
    head = ("no", "when", "what", "request", "by", "details")
    shown = [[cell for at, cell in enumerate(row) if at not in hidden] for row in (head, *rows)]
    typer.echo(table(shown[0], shown[1:]) if rows else "no entries")


@app.command()
def evidence(
    record: Annotated[
        bool, typer.Option("--record", help="Write into the ledger what was found, and keep a copy of its head.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show which promises stand without a proof, until when they are kept, and what to do; status 1 when any does."""
    from privacy.rights import evidence as looked

    house = workbench()
    now = house.clock.now()
    found = looked.record(house, actor=actor()) if record else looked.missing(house, now)
    zone = _zone(house)
    data = [
        {
            "code": f.code,
            "promises": list(f.promises),
            "where": f.where,
            "message": f.message,
            "breaks": f.breaks,
            "advice": f.advice,
        }
        for f in found
    ]
    lines = []
    for f in found:
        head = " ".join(part for part in (f"[{f.code}]", ", ".join(f.promises), f"({f.where})") if part)
        lines.append("\n  ".join(part for part in (head, f.message, f.kept(now, zone), f.advice) if part))
    tell({"ok": not found, "findings": data}, "\n".join(lines or ["everything is proven"]), as_json=as_json)
    if found:
        raise typer.Exit(1)


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="A folder to write into; made when it is not there.")],
    since: Annotated[str, typer.Option("--from", help="From then on, e.g. 2026-01-01.")],
    until: Annotated[str | None, typer.Option("--to", help="Before then; now, when it is left out.")] = None,
    as_json: Json = False,
) -> None:
    """Write what a supervisor is handed over a period: pages in Dutch and English, and tables as CSV."""
    from privacy.rights.supervisor import write

    house = workbench()
    zone = _zone(house)
    end = house.clock.now() if until is None else moment(until, zone)
    written = [str(path) for path in write(house, moment(since, zone), end, out)]
    tell({"written": written}, "\n".join(written), as_json=as_json)


@app.command()
def receipt(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as privacy ledger show has it.")],
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")],
    as_json: Json = False,
) -> None:
    """Write a page that proves what a run did, and checks itself in any browser without a network."""
    from privacy.rights.receipt import write

    made = write(workbench(), run, out)
    text = f"{out}: {made.entries} entries, of which {made.own} are the run's; key {made.fingerprint}"
    tell({"out": str(out), "entries": made.entries, "own": made.own, "key": made.fingerprint}, text, as_json=as_json)


@app.command()
def key(as_json: Json = False) -> None:
    """Show the public key that the ledger is signed with: whoever is handed a receipt compares it."""
    from privacy.rights.receipt import fingerprint

    public = workbench().ledger.archive.public_key.public_bytes_raw()
    found = fingerprint(public)
    tell({"public_key": public.hex(), "fingerprint": found}, f"{public.hex()}\n{found}", as_json=as_json)


def _zone(house: House) -> str:
    try:
        return house.policy.zone
    except BadConfiguration:
        return "UTC"  # The records are there whatever has become of the policy.


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
        elif isinstance(value, list):
            told.append(f"{words} {', '.join(map(str, value))}")
        elif isinstance(value, bool):
            told.append(words)
        elif isinstance(value, int):
            told.append(f"{value} {words}" if name in _COUNTED else f"{words} {value}")
        elif name in _MOMENTS:
            told.append(f"{words} {_when(value, zone)}")
        elif name in _IDS:
            long = name not in _WHOLE and len(str(value)) > _SHORT
            late.append(f"{words} {f'{str(value)[:_SHORT]}…' if long else value}")
        else:
            told.append(f"{words} {value}")
    return told + late


_COUNTED = (
    "records",
    "bytes",
    "deleted",
    "held",
    "failed",
    "unattributed",
    "candidates",
    "late",
    "undated",
    "foreseen",
)
_MOMENTS = ("received_at", "as_of", "bound", "oldest_remaining")
_IDS = ("digest", "plan_digest", "inner_sha256", "outer_sha256", "code_version", "run", "hold")
_WHOLE = ("run", "hold")


def _of_datasets(value: Any) -> str:
    """The records by dataset that an export ended with, or the datasets that a hold is on."""
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {count['records']}" for name, count in value.items()) + ")"
    return "on " + ", ".join(map(str, value))


def _when(value: str, zone: str) -> str:
    from datetime import datetime

    return local(datetime.fromisoformat(value), zone)
