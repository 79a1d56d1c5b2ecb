"""``privacy request``: correct, correction, supplement list. What is wrong, what it should say (promise R-RECT)."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from privacy.cli.common import Json, Number, actor, given, local, on_a_terminal, shown, table, tell, workbench
from privacy.errors import BadInput, Refused

supplement = typer.Typer(no_args_is_help=True)


def correct(
    number: Number,
    fact: Annotated[str, typer.Option(help="What is wrong: email, phone, name.last, address.street, ...")],
    to: Annotated[str | None, typer.Option(help="What it should say; - asks for it.")] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="Nothing should stand there.")] = False,
    was: Annotated[str | None, typer.Option(help="The wrong value, where several stand there; - asks for it.")] = None,
    row: Annotated[
        str | None, typer.Option(metavar="SYSTEM.DATASET/KEY", help="The one record that it is about; - asks for it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write down what is to be corrected, sealed; rectify_subject shows the plan and does it once it is approved."""
    from privacy.rights.corrections import correct as write_down

    if (to is None) == (not nothing):
        raise BadInput("rectify.to", "Say what it should say (--to), or that nothing should (--nothing).")
    house = workbench()
    found = write_down(
        house,
        number,
        fact,
        None if to is None else given(to, "It should say"),
        actor(),
        was=None if was is None else given(was, "The wrong value"),
        row=None if row is None else given(row, "Record"),
    )
    count = len(house.register.correction(number).wanted)
    text = f"{found.number}: {count} to correct. Next: {found.dates.next_step}."
    tell({**found.as_json(), "to_correct": count}, text, as_json=as_json)


def correction(
    number: Number,
    personal: Annotated[
        bool, typer.Option("--personal", help="Show old and new values too; on a terminal only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what is to be corrected, and the plan of it: what an operator looks at before they approve."""
    from privacy.rights.corrections import shown as values_of

    if personal and (as_json or not on_a_terminal()):
        raise Refused(
            "cli.not_a_terminal", "What is personal is shown on a terminal only.",
            advice="Run the command without --json, and without redirecting its output.",
        )  # fmt: skip
    house = workbench()
    found = house.register.correction(number)
    data: dict[str, Any] = {"number": house.register.get(number).number, "facts": [w.fact for w in found.wanted]}
    lines = [f"to correct: {', '.join(data['facts'])}"]
    if personal:
        lines.append(table(("fact", "should say", "wrong value", "record"), [
            (w.fact, _value(w.to), "as it stands" if w.was is None else shown(w.was), shown(w.row or "every one"))
            for w in found.wanted
        ]))  # fmt: skip
    plan = found.plan
    if plan is None:
        lines.append("no plan yet: start rectify_subject")
    else:
        digest = house.register.plan_of(number, plan.run)[1]
        data |= {
            "digest": digest, "changed": plan.datasets, "historic": plan.historic, "differs": plan.differs,
            "others": plan.others,
        }  # fmt: skip
        counts = [
            *((full, n, "changed") for full, n in plan.datasets.items()),
            *((full, n, "of the past: a statement is linked") for full, n in plan.historic.items()),
            *((full, n, "left: says something else") for full, n in plan.differs.items()),
        ]
        lines.append(table(("dataset", "records", "what"), counts))
        if plan.others:
            lines.append(f"CAREFUL: records of somebody else that say the new value already: {plan.others}")
        if personal:
            head = ("dataset", "record", "fact", "old", "new")
            rows = [(s.dataset, shown(s.record), s.fact, _value(s.was), _value(s.to)) for s in values_of(house, number)]
            lines.append(table(head, rows))
        lines.append(f"plan {digest[:12]}")
    tell(data, "\n".join(lines), as_json=as_json)


@supplement.command("list")
def list_(
    dataset: Annotated[str, typer.Option(help="SYSTEM.DATASET of the record.")],
    key: Annotated[list[str], typer.Option(help="The record's key, each part of it; - asks for it.")],
    as_json: Json = False,
) -> None:
    """Show what a record of the past should say, by its subject's word: for whoever uses that record."""
    from privacy.rights.supplements import of_record
    from privacy.sources.keyed import typed_key

    house = workbench()
    ref = house.datamap[dataset]
    found = of_record(house, ref.full, typed_key(ref, [given(part, "Key") for part in key]))
    data = [{"request": one.request, "at": one.at.isoformat(), "about": one.fact.en} for one in found]
    if as_json or not found:
        tell(data, "no supplementary statement", as_json=as_json)
        return
    if not on_a_terminal():
        raise Refused(
            "cli.not_a_terminal", "What is personal is shown on a terminal only.",
            advice="Run the command without redirecting its output, or with --json, which names no value.",
        )  # fmt: skip
    head = ("request", "since", "about", "it says", "it should say")
    rows = [
        (one.request, local(one.at, house.policy.zone), one.fact.en, _value(one.was), _value(one.to)) for one in found
    ]
    tell(data, table(head, rows), as_json=False)


def _value(text: str | None) -> str:
    return "(nothing)" if text is None else shown(text)
