"""``privacy bundle``: open, check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from privacy.cli.common import Json, actor, tell, workbench
from privacy.errors import BadInput, Refused

app = typer.Typer(no_args_is_help=True)


@app.command("open")
def open_(
    bundle: Annotated[str, typer.Argument(metavar="NUMBER|PATH", help="A request, or a sealed file.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    review: Annotated[
        bool, typer.Option("--review", help="Before its release, for the controller; recorded in the ledger.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Unseal a released bundle into a folder."""
    from privacy.bundle.open import open_bundle

    house = workbench()
    number = _number_of(bundle)
    reviewer = actor() if review else None
    secret = house.register.identity(number, reviewer=reviewer)
    ref = house.register.bundle(number)
    with house.sealed_bundle(number) as sealed:
        open_bundle(sealed, secret, to, inner_sha256=ref.inner_sha256 if ref else None)
    tell({"number": number, "folder": str(to)}, f"opened: {to}", as_json=as_json)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="An opened bundle's folder, or its ZIP.")],
    request: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Hold it against what the register recorded of this request too."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute every digest and count of an opened bundle; status 1 when anything differs."""
    from privacy.bundle.check import check_bundle

    ref = workbench().register.bundle(request) if request else None
    if request and ref is None:
        raise Refused("request.not_sealed", "There is no sealed bundle yet.", where=request.strip().upper())
    recorded: dict[str, str | None] = {}
    if ref is not None:
        recorded = {"manifest_sha256": ref.manifest_sha256} if path.is_dir() else {"inner_sha256": ref.inner_sha256}
    problems = check_bundle(path, **recorded)
    text = "\n".join([*problems, "NOT OK" if problems else "ok"])
    tell({"ok": not problems, "problems": problems}, text, as_json=as_json)
    if problems:
        raise typer.Exit(1)


def _number_of(text: str) -> str:
    """The request of a number, or of a sealed file, which lies in a folder of that name."""
    from privacy import numbers

    found = re.search(numbers.PATTERN.strip("^$"), text.upper())
    if found is None:
        raise BadInput(
            "cli.bundle", "That is neither a request's number nor a sealed bundle's file.",
            advice="A sealed file lies in a folder named after its request.",
        )  # fmt: skip
    return numbers.check(found[0])
