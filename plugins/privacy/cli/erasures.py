"""``privacy erasures``: who was erased and came back with a backup is erased again."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from privacy.cli.common import Json, actor, tell, workbench

app = typer.Typer(no_args_is_help=True)


@app.callback()
def erasures() -> None:
    """What erasures forgot, and must stay forgotten."""


@app.command()
def replay(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would go.")] = False,
    expected_digest: Annotated[
        str | None, typer.Option(help="Of the plan that a dry run showed: one that is over the guard needs it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Erase again who was erased before and is back: after a backup was restored. What is newer stays."""
    from privacy.orchestration.runs import code_version
    from privacy.rights.replaying import replay as again
    from privacy.rights.states import Right, State

    house = workbench()
    found = again(
        house, str(uuid.uuid4()), actor=actor(), code_version=code_version(), dry=dry_run,
        expected=expected_digest,
    )  # fmt: skip
    looked = f"{found.looked} records looked at"
    if not found.people:
        text = f"{looked}: nobody who was erased is back."
    else:
        verb = "would be erased" if dry_run else "were erased"
        text = f"{looked}: {found.people} people are back; {found.records} of their records {verb} again."
        text += f"\nplan: {found.digest}" if dry_run else ""
        if found.kept:
            text += "\nstays: " + ", ".join(f"{count} {why}" for why, count in sorted(found.kept.items()))
    if found.reborn:
        text += (
            f"\n{found.reborn} numbers of the erased belong to somebody else now: a person looks what is left there."
        )
    # What is back of these is left to their own runs, and is none of the counts.
    going = sum(r.right is Right.ERASURE for r in house.register.list(State.PARTLY_DONE, broken=[]))
    if going:
        text += f"\nerasures that are partly done: {going}; what is back of those, the next finish_erasures erases."
    tell({**found.as_json(), "partly_done": going}, text, as_json=as_json)
