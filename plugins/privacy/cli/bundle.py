"""``privacy bundle``: open, check."""

from __future__ import annotations

import enum
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import Json, actor, given, tell, workbench
from privacy.errors import BadInput, Refused

if TYPE_CHECKING:
    from privacy.rights.copies import Who
    from privacy.rights.house import House

app = typer.Typer(no_args_is_help=True)

# The library's own enumeration, written again so that --help need not import the library; a test compares them.
GlassName = enum.StrEnum(
    "GlassName",
    ["subject_asked", "legal_claim", "rights_of_others", "public_interest", "incident", "faulty_copy"],
)  # fmt: skip


@app.command("open")
def open_(
    bundle: Annotated[str, typer.Argument(metavar="NUMBER|PATH", help="A request, or a sealed file.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    review: Annotated[
        bool, typer.Option("--review", help="Before its release, for the controller; recorded in the ledger.")
    ] = False,
    ground: Annotated[
        GlassName | None,
        typer.Option(help="Where it is closed (not proven, not released, refused, restricted): why it must be opened."),
    ] = None,
    because: Annotated[
        str | None, typer.Option(help="With --ground: the reason in words, sealed; - asks for it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Unseal a released bundle into a folder; each time is recorded in the ledger.

    What is closed on the desk is closed here: while nobody has proven to be the person, before the release (but for
    --review), after a refusal, and while the person's data are restricted or blocked. --ground opens it for you, for a
    quarter of an hour.
    """
    from privacy.bundle.open import open_bundle
    from privacy.rights.copies import Who, blocked
    from privacy.rights.opening import OPENED

    house = workbench()
    number = _number_of(bundle)
    author = actor()
    # Who types is nobody whom Airflow knows: what one gave as a reason on the desk opens nothing here.
    who = Who(author, f"machine:{author}")
    # A folder of files in the clear leaves the house, but for the look that its release waits for.
    said = {"blocked": blocked(house, number), "leaves": not review}
    if ground is not None or because is not None:
        _break_glass(house, number, ground, because, who)
    try:
        found = house.register.openable(number, user=who.user, **said)
        with house.sealed_bundle(number) as sealed:
            # The entry stands before anything can be read.
            reason = "review" if review else "folder"
            house.register.unlock(number, OPENED, author=author, user=who.user, reason=reason, **said)
            open_bundle(sealed, found.secret, to, inner_sha256=found.ref.inner_sha256)
    except Refused as problem:
        if problem.code != "glass.needed":
            raise
        first = "" if review else "To look at it before its release: --review. "
        raise Refused(
            problem.code, problem.message, where=problem.where,
            advice=f"{first}Whoever has to open it all the same says why: --ground GROUND --because -.",
        ) from None  # fmt: skip
    tell({"number": number, "folder": str(to)}, f"opened: {to}", as_json=as_json)


def _break_glass(house: House, number: str, ground: GlassName | None, because: str | None, who: Who) -> None:
    """Record why what is closed is opened. :raises BadInput: ``cli.ground``: one of both is missing, or too short."""
    from privacy.rights.copies import break_glass
    from privacy.rights.payload import GlassGround

    if ground is None or because is None:
        raise BadInput(
            "cli.ground", "A ground and a reason go together.", where=number,
            advice="Give both: --ground GROUND --because -.",
        )  # fmt: skip
    break_glass(house, number, GlassGround(ground.value), given(because, "Because"), who)


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
