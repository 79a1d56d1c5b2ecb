"""``privacy explain``: whose a record is and by which rule, until when it is kept, and what happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from privacy.cli.common import Json, given, local, on_a_terminal, shown, tell, workbench
from privacy.errors import BadConfiguration, BadInput, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from privacy.datamap.load import DataMap
    from privacy.datamap.models import Erasure
    from privacy.datamap.policy import Term
    from privacy.holds import Hold
    from privacy.rights.explain import Explanation
    from privacy.rights.house import House
    from privacy.rights.whose import Lead


def explain(
    dataset: Annotated[str, typer.Argument(metavar="SYSTEM.DATASET", help="E.g. shop.orders.", show_default=False)],
    key: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY...",
            help="The record's key, part by part, as a database or a bundle has it; - asks for a part, "
            "so that what is personal does not end in the shell's history.",
            show_default=False,
        ),
    ],
    personal: Annotated[
        bool, typer.Option("--personal", help="Show the numbers of the people too; on a terminal only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say of one record whose it is and by which rule, until when it is kept, and what a request does with it."""
    from privacy.rights.explain import explain as explained
    from privacy.rights.explain import facts
    from privacy.sources.keyed import typed_key

    if personal and as_json:
        raise BadInput("cli.values_as_json", "What is personal is shown to people, not as JSON.")
    if personal and not on_a_terminal():
        raise Refused("cli.not_a_terminal", "What is personal is shown on a terminal only.")
    house = workbench()
    ref = house.datamap[dataset]
    names = [*ref.dataset.key, *["Key"] * len(key)]
    parts = [given(part, name) for part, name in zip(key, names, strict=False)]
    found = explained(
        house.datamap,
        house.source,
        ref,
        typed_key(ref, parts),
        holds=_holds(house, ref.full),
        now=house.clock.now(),
    )
    text = "\n".join(_lines(house.datamap, found, personal=personal))
    tell(facts(house.datamap, found), text, as_json=as_json)


def _holds(house: House, dataset: str) -> tuple[Hold, ...] | None:
    """The holds on a dataset; None where there is no installation that could have any."""
    try:
        return house.holds.active(dataset)
    except BadConfiguration as problem:
        if problem.code in ("keys.missing", "database.missing"):
            return None
        raise


def _lines(datamap: DataMap, found: Explanation, *, personal: bool) -> Iterator[str]:
    from privacy.rights.explain import english

    dataset, policy = found.ref.dataset, datamap.policy
    yield f"{found.ref.full}: {dataset.title.en} ({dataset.title.nl})"
    yield "\nWhose it is"
    if not dataset.people:
        yield f"  nobody's: {english(getattr(dataset.subject, 'nobody', None))}"
    for lead in found.leads:
        yield f"  {lead.party}: {_who(lead)}"
        if personal and lead.subject is not None:
            people = [i for i in lead.subject.identifiers if (k := datamap.kind(i.kind)) is not None and k.person]
            yield from (f"    {i.kind}: {shown(i.value)}" for i in people)
    yield "\nUntil when it is kept"
    yield from (f"  {line}" for line in _until(datamap, found))
    yield "\nWhat holds it"
    if found.holds is None:
        yield "  not known: there is no installation here (privacy init)"
    for hold in found.holds or ():
        request = f" of request {hold.request}" if hold.request else ""
        yield f"  {hold.kind.value} {hold.id}{request}, since {local(hold.placed_at, policy.zone)}"
    if found.holds == ():
        yield "  nothing"
    yield "\nWho processes it"
    yield "  " + (", ".join(policy.processors[name].name for name in dataset.processors) or "nobody but the controller")
    yield f"  for: {', '.join(policy.purposes[name].title.en for name in dataset.purposes)}"
    yield "\nWhat an access request does with it"
    yield from (f"  {line}" for line in _access(found))
    yield "\nWhat an erasure does with it"
    yield f"  {_erasure(dataset.erasure)}"


def _erasure(erasure: Erasure) -> str:
    if erasure.do == "set":
        return f"empties or replaces: {', '.join(erasure.set or {})}"
    if erasure.do == "retain":
        return f"keeps it until: {erasure.why}"
    return "deletes it"


def _who(lead: Lead) -> str:
    """A lead in a sentence: the rule, and whom it leads to."""
    first = f", the first of {', '.join(lead.columns)} that is filled in" if len(lead.columns) > 1 else ""
    says = f"column {lead.column} ({lead.kind}) decides{first}"
    if lead.own:
        says += "; it is an address of the shop's own domain"
    if lead.rule == "unfilled":
        return f"nobody: none of {', '.join(lead.columns)} is filled in"
    if lead.rule == "unusable":
        return f"nobody: {says}, and what stands there cannot be one"
    if lead.rule == "request":
        part = "" if lead.theirs else "; the delivery is not whole, so an export leaves it out and says so"
        return f"{says}: it is that request's subject's, by whose number a processor delivered it{part}"
    if lead.rule == "no_visit":
        return f"nobody: {says}; an address says whose it is during a visit alone, and no visit that is known was then"
    if lead.rule == "several":
        return f"open: {says}, and leads to {lead.candidates} people; an operator decides for each request"
    if lead.rule == "visit":
        says += f"; a visit was there then, by {', '.join(lead.via)}"
    who = ", ".join(f"{kind} {count}" for kind, count in lead.people.items())
    if not lead.theirs:
        return (
            f"nobody: {says}. It leads to one person ({who or 'no identifier of their own'}), but is not theirs: "
            "others used it too, or it was theirs at another time"
        )
    look = f"; given to them after a person's look only ({lead.withheld})" if lead.withheld else ""
    whose = "somebody's of the shop" if lead.own else "one person's"
    return f"{whose}: {says}. Known of them: {who}{look}"


def _until(datamap: DataMap, found: Explanation) -> Iterator[str]:
    term, zone = found.term.words, datamap.policy.zone
    yield f"{found.term.name}: {found.term.promise.title.en}"
    if term.title is not None and (found.term.kind is not None or term.kinds):
        yield f"of the kind: {term.title.en}"
    if term.condition is not None:
        yield f"{term.condition.en}"
    if term.keep_at_least is None and term.keep_at_most is None:
        return
    if found.term.follows is not None:
        leader = datamap[found.term.follows].dataset.title.en
        yield f"goes with {leader} ({found.term.follows}), right before that"
        yield f"{', '.join(_said(term))}, as it is counted there"
        return
    if found.term.column is None:
        yield "nothing in the data map starts its term: no purge takes it"
        return
    if found.term.started is None:
        yield f"its term has not begun: {found.term.column} is empty"
        return
    since = "" if term.counts_from == "event" else ", counted from the end of that financial year"
    yield f"began {local(found.term.started, zone)} ({found.term.column}){since}"
    if term.keep_at_least is not None:
        yield f"at least {term.keep_at_least}: {_on(found.term.kept_until, zone, 'not gone before')}"
    if term.keep_at_most is not None:
        yield f"at most {term.keep_at_most}: {_on(found.term.gone_by, zone, 'gone by')}"


def _said(term: Term) -> Iterator[str]:
    if term.keep_at_least is not None:
        yield f"at least {term.keep_at_least}"
    if term.keep_at_most is not None:
        yield f"at most {term.keep_at_most}"


def _on(at: datetime | None, zone: str, words: str) -> str:
    """A whole local date where it is the midnight that opens one; else the moment."""
    from zoneinfo import ZoneInfo

    if at is None:
        return "beyond the end of the calendar"
    here = at.astimezone(ZoneInfo(zone))
    whole = (here.hour, here.minute, here.second, here.microsecond) == (0, 0, 0, 0)
    return f"{words} {here.date().isoformat()}" if whole else f"{words} {local(at, zone)}"


def _access(found: Explanation) -> Iterator[str]:
    dataset = found.ref.dataset
    if dataset.access is not None:
        yield f"withholds it: {dataset.access.ground.en}"
        return
    if not found.given:
        yield "gives it to nobody" + (" before an operator has decided" if _open(found) else "")
        return
    yield "gives it to whose it is"
    for name, column in dataset.columns.items():
        if column.access is not None:
            yield f"without {name}: {column.access.ground.en}"
    for name, party in dataset.people.items():
        if party.private:
            yield f"to another than the {name}, without: {', '.join(party.private)}"


def _open(found: Explanation) -> bool:
    return any(lead.rule == "several" for lead in found.leads)
