"""``privacy doctor``: tries all that an installation needs, one line each."""

from __future__ import annotations

from typing import Annotated

import typer

from privacy.cli.common import Json, tell, workbench


def doctor(
    bad: Annotated[bool, typer.Option("--bad", help="Leave out what is right.")] = False,
    as_json: Json = False,
) -> None:
    """Try every connection, permission, region, term, claim, pool, the ledger, key and clock; status 1 if one is fatal.

    Each line says what is right, or what to do. Changes nothing, sends nothing, shows no secret.
    """
    from privacy.cli.doctor_pools import pools
    from privacy.rights.doctor import Level, examine

    house = workbench()
    found = [*examine(house), *pools(house)]
    counts = {level: sum(1 for said in found if said.level is level) for level in Level}
    fatal = counts[Level.FATAL]
    shown = [said for said in found if not (bad and said.level is Level.RIGHT)]
    summary = f"{counts[Level.RIGHT]} right, {counts[Level.WARNING]} warnings, {fatal} fatal"
    data = {"ok": not fatal, **{level.value: n for level, n in counts.items()}, "said": [s.as_json() for s in shown]}
    tell(data, "\n".join([*map(str, shown), summary]), as_json=as_json)
    if fatal:
        raise typer.Exit(1)
