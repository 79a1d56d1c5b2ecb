"""``privacy policy``: what a new version of the statement changes, and the version that is in force (NOTICE)."""

from __future__ import annotations

import typer

from privacy.cli.common import Json, actor, tell, workbench

app = typer.Typer(no_args_is_help=True)


@app.command()
def diff(as_json: Json = False) -> None:
    """Show what the statement, as it is now, changes against the version that was last in force."""
    from privacy.rights.policy_change import touched
    from privacy.rights.policy_writing import comparison

    house = workbench()
    found = comparison(house)
    data = {"from": found.old, "to": found.new, "digest": found.digest, "datasets": list(touched(found.changes)),
        "changes": [change.as_json() for change in found.changes]}  # fmt: skip
    if found.old is None:
        text = f"No version is recorded yet: {found.new} is the first (privacy policy record)."
    elif not found.changes:
        text = f"{found.old} -> {found.new}: nothing that concerns anybody's data has changed."
    else:
        lines = [f"{found.old} -> {found.new}:", *(f"- {change.words.en}" for change in found.changes)]
        lines += [f"touches: {', '.join(touched(found.changes))}", f"digest {found.digest}"]
        text = "\n".join(lines)
    tell(data, text, as_json=as_json)


@app.command()
def record(as_json: Json = False) -> None:
    """Record the statement as it is now as the first version in force; later ones `notify_policy_change` records."""
    from privacy.rights.policy_writing import first

    found = first(workbench(), actor())
    tell({"version": found.version, "number": found.number}, f"{found.version} is recorded", as_json=as_json)
