"""``privacy purge``: look at what a rule would delete. Deleting is for Airflow, where it is approved and recorded."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from privacy.cli.common import Json, actor, moment, table, tell, workbench

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the rules: the purge that runs each, its promises, its terms (at most <=, at least >=), its datasets."""
    from privacy.rights.supervisor import limits

    house = workbench()
    head = ("rule", "purge", "promises", "term", "datasets")
    rows = [
        (name, purge, ", ".join(rule.promises), ", ".join(limits(house, rule)), ", ".join(rule.datasets))
        for purge, made in house.policy.purges.items()
        for name, rule in made.rules.items()
    ]
    tell([dict(zip(head, row, strict=True)) for row in rows], table(head, rows), as_json=as_json)


@app.command()
def plan(
    rule: Annotated[str, typer.Argument(help="The rule, as `privacy purge list` names it.")],
    as_of: Annotated[str, typer.Option(help="As of this moment; never later than now.")] = "",
    as_json: Json = False,
) -> None:
    """Plan a rule and show what would go, what is held and why, and what has no date. Deletes nothing."""
    import shutil

    from privacy import plans
    from privacy.orchestration import purges
    from privacy.orchestration.overview import figures, heading, just_this, waits_until

    house = workbench()
    at = moment(as_of, house.policy.zone) if as_of else None
    purge, _ = plans.rule_of(house.means, rule)
    run = purges.PurgeRun(str(uuid.uuid4()), purge, rule, actor(), dry=True, as_of=at)
    said = purges.plan(house, run, say=lambda _: None)
    made = plans.Plan.load(house.means.folder / run.id)
    shutil.rmtree(house.means.folder / run.id, ignore_errors=True)
    rows = figures(made)
    text = [heading(made), rows.to_string(index=False), waits_until(made, house.clock.now(), house.policy.zone)]
    text += [f"would ask: {guard}" for guard in made.tripped]
    text += [f"digest {made.digest}  as of {made.as_of}", f"nothing was deleted; {just_this(made)}"]
    tell({**said, "datasets": rows.to_dict("records")}, "\n".join(filter(None, text)), as_json=as_json)
