"""``privacy logs``: the log index, by hand; nightly Airflow keeps it (``index_logfiles``)."""

from __future__ import annotations

from typing import Annotated

import typer

from privacy.cli.common import Json, tell, workbench

app = typer.Typer(no_args_is_help=True)


@app.callback()
def logs() -> None:
    """The web servers' logs."""


@app.command()
def index(
    dataset: Annotated[
        list[str] | None,
        typer.Argument(help="Of these datasets of the data map alone.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the filters that closed logs do not have yet, so that an export reads only the logs it needs."""
    from privacy.errors import BadInput
    from privacy.orchestration import index_steps

    house = workbench()
    known = index_steps.datasets(house)
    if unknown := sorted(set(dataset or ()) - set(known)):
        raise BadInput(
            "logs.unknown", f"There are no logs {', '.join(unknown)}.", advice=f"There are: {', '.join(known)}."
        )
    index_steps.tidy(house)
    found = {full: index_steps.index(house, full) for full in dataset or known}
    tell(
        [{"dataset": full, **one.as_json()} for full, one in found.items()],
        "\n".join(index_steps.line(full, one) for full, one in found.items()) or "The data map has no logs on people.",
        as_json=as_json,
    )
    for full, one in found.items():
        index_steps.whole(one, full)
