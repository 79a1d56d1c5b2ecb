"""``privacy request``: new, show, list, deadlines, start, ask, decide, prove, review, release,
deliver, letter, extend, refuse."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.cli.airflow import start as start_in_airflow
from privacy.cli.answer import LanguageName, answer, deliver, inform, letter, review, told
from privacy.cli.common import (
    Json,
    Number,
    actor,
    given,
    identifiers,
    line,
    local,
    moment,
    on_a_terminal,
    shown,
    table,
    tell,
    workbench,
)
from privacy.cli.correct import correct, correction, supplement
from privacy.cli.deadlines import deadlines, extend
from privacy.cli.deciding import confirm, lift, reject, remind, stopped, unlift, uphold
from privacy.cli.held import red
from privacy.cli.named import Application, Device, Invoice, Order, Visits, as_identifiers, footage, visits
from privacy.cli.processors import answers, ask
from privacy.cli.registered import registered
from privacy.errors import BadConfiguration, PrivacyError, Refused

if TYPE_CHECKING:
    from privacy.errors import Tampered
    from privacy.identity import Question
    from privacy.rights.house import House
    from privacy.rights.rows import Request

app = typer.Typer(no_args_is_help=True)

# The library's own enumerations, written again so that --help need not import the library; a test compares them.
RightName = enum.StrEnum(
    "RightName",
    [
        "access", "portability", "erasure", "rectification", "restriction", "objection",
        "marketing_stop", "consent_withdrawal", "client_end", "complaint",
    ],
)  # fmt: skip
StateName = enum.StrEnum(
    "StateName",
    ["received", "undecided", "sealed", "proven", "released", "partly_done", "acted", "answered", "refused"],
)
EvidenceName = enum.StrEnum("EvidenceName", ["known_address", "document", "knowledge"])
GroundName = enum.StrEnum(
    "GroundName",
    [
        "identity_not_proven", "manifestly_unfounded", "excessive", "rights_of_others", "withdrawn",
        "compelling_grounds",
    ],
)  # fmt: skip
AddressName = enum.StrEnum("AddressName", ["shared", "theirs"])

Start = Annotated[
    bool, typer.Option("--start", help="Start the export in Airflow (PRIVACY_AIRFLOW_URL, _USER, _PASSWORD).")
]
Personal = Annotated[bool, typer.Option("--personal", help="Show what is personal too; on a terminal only.")]


@app.command()
def new(
    right: Annotated[RightName, typer.Option(help="What is asked for.")] = RightName.access,
    email: Annotated[list[str] | None, typer.Option(help="An e-mail address that it names; - asks for it.")] = None,
    phone: Annotated[list[str] | None, typer.Option(help="A phone number; - asks for it.")] = None,
    identifier: Annotated[
        list[str] | None,
        typer.Option("--id", "--customer", metavar="KIND=VALUE", help="Another identifier; KIND=- asks for it."),
    ] = None,
    order: Order = None,
    invoice: Invoice = None,
    application: Application = None,
    device: Device = None,
    visit: Visits = None,
    name: Annotated[str | None, typer.Option(help="Who asks; - asks for it.")] = None,
    deliver_to: Annotated[str | None, typer.Option(help="Where the answer is wanted, if elsewhere; - asks.")] = None,
    received: Annotated[
        str | None, typer.Option(help="When it arrived (ISO 8601, in the policy's zone); now by default.")
    ] = None,
    channel: Annotated[str, typer.Option(help="How it arrived.")] = "email",
    direct_transfer: Annotated[
        bool,
        typer.Option(
            "--direct-transfer", help="Portability, straight to another controller: nothing that you derived."
        ),
    ] = False,
    language: Annotated[
        LanguageName | None, typer.Option(help="That it is written in; by default the person's, by the shop's records.")
    ] = None,
    receipt: Annotated[
        bool, typer.Option("--receipt", help="Send a receipt to the e-mail address that it names.")
    ] = False,
    purpose: Annotated[
        list[str] | None, typer.Option(help="An objection or withdrawal for this purpose of the policy alone.")
    ] = None,
    start: Start = False,
    as_json: Json = False,
) -> None:
    """Register a request. Its records are kept from every purge from now on."""
    from privacy.rights.states import Right

    house = workbench()
    others = as_identifiers(house.datamap, order or [], invoice or [], application or [], device or [])
    seen = visits(visit or [], house.datamap.policy.zone)
    made = house.register.receive(
        Right(right.value),
        identifiers(house.datamap, email or [], phone or [], [*(identifier or []), *others]),
        author=actor(),
        name=None if name is None else given(name, "Name"),
        deliver_to=None if deliver_to is None else given(deliver_to, "Deliver to"),
        received_at=None if received is None else moment(received, house.datamap.policy.zone),
        channel=given(channel, "Channel"),
        direct_transfer=direct_transfer,
        visits=seen,
        purposes=purpose or (),
        language=None if language is None else language.value,
    )
    # Said before Airflow is asked: the request stays registered whatever Airflow says.
    waits = stopped(house, made)
    if not as_json:
        _say(house, made)
    more, lines = registered(house, made)
    if not as_json and lines:
        typer.echo("\n".join(lines))
    kept = _footage(house, made, as_json=as_json)
    if not as_json and waits:
        typer.echo(waits)
    try:
        if receipt:
            house.letters.write(made.number, "receipt", author=actor())
        run = _started(made) if start else None
    except PrivacyError as problem:
        if as_json:
            tell({**made.as_json(), "run": None, **more, **kept, "error": problem.code}, "", as_json=True)
        raise
    if as_json:
        tell({**made.as_json(), "run": run, **more, **kept, **({"stopped": False} if waits else {})}, "", as_json=True)
    elif run:
        typer.echo(f"{made.right.pipeline} started: {run}")


@app.command()
def show(number: Number, personal: Personal = False, as_json: Json = False) -> None:
    """Show one request: state, dates, what comes next."""
    house = workbench()
    found, zone = house.register.get(number), house.policy.zone
    data: dict[str, Any] = found.as_json()
    facts = _facts(found, zone)
    if found.forgotten:
        facts["next step"] = "none: whom it was about was forgotten"
        tell(data, table(("fact", "value"), [(k.replace("_", " "), v) for k, v in facts.items()]), as_json=as_json)
        return
    payload = house.register.open(number)
    if payload.direct_transfer:
        data["scope"] = facts["scope"] = "provided_and_observed"
    lines = [table(("fact", "value"), [(k.replace("_", " "), v) for k, v in facts.items()])]
    if house.register.not_held([found]):
        lines.append(f"NOT HELD, a purge may take its records: privacy request start {found.number}")
    last = _last_run(house, found.number)
    if last:
        data["last_run"] = last
        lines.append(f"last run: {last['status']}" + (f" ({last['reason']})" if last["reason"] else ""))
    try:
        # Of no other right a processor is asked what it holds.
        deliveries = list(house.deliveries.of(found.number)) if found.right.copies else []
    except BadConfiguration as problem:
        # Only the data map knows who delivers; one that is half filled in hides nothing else of a request.
        deliveries = []
        data["processors_unknown"] = problem.code
        lines.append(f"what processors delivered is not known [{problem.code}]: privacy datamap check")
    if deliveries:
        data["processors"] = [delivery.as_json() for delivery in deliveries]
        lines.append(answers(deliveries, zone))
    bundle = house.register.bundle(number)
    if bundle is not None:
        if not any(bundle.counts.values()):
            lines.append("NOTHING FOUND under what the request names: is it written as the shop writes it?")
        data["bundle"] = {"path": bundle.path, "sha256": bundle.outer_sha256, "records": bundle.counts}
        lines.append(f"bundle: {bundle.path}")
        if bundle.purged_at is not None:
            data["bundle"]["purged_at"] = bundle.purged_at.isoformat()
            lines.append(f"its term is over, it was removed: {local(bundle.purged_at, zone)}")
        lines.append(table(("dataset", "records"), bundle.counts.items()))
    went = told(payload, zone)
    data |= went[0]
    lines += went[1]
    if personal:
        _only_on_a_terminal()
        where = "the address that is known" if payload.deliver_to is None else shown(payload.deliver_to)
        lines += [f"{i.kind}: {shown(i.value)}" for i in payload.identifiers]
        lines += [f"visit: {shown(v.camera)}, {local(v.at, zone)}" for v in payload.visits]
        lines += [f"name: {shown(payload.name or '')}", f"deliver to: {where}"]
        lines += [f"proof: {p.evidence.kind.value} {shown(p.evidence.seen)} ({p.author})" for p in payload.proofs]
    tell(data, "\n".join(lines), as_json=as_json)


@app.command("list")
def list_(
    state: Annotated[StateName | None, typer.Option(help="Only those in this state.")] = None, as_json: Json = False
) -> None:
    """List the requests in the order of arrival, with the last day for the answer; status 1 when one is broken."""
    from privacy.rights.states import State

    house = workbench()
    broken: list[Tampered] = []
    found = house.register.list(State(state.value) if state else None, broken=broken)
    bare = house.register.not_held(found)
    zone = house.policy.zone
    head = ("number", "right", "state", "received", "due", "next step")
    rows = [line(r, zone, held=r.number not in bare) for r in found]
    rows += [(p.where, "", "broken", "", "", p.message) for p in broken]
    data = [{**r.as_json(), "held": r.dates.kept and r.number not in bare} for r in found]
    data += [{"number": p.where, "state": "broken", "error": p.code} for p in broken]
    tell(data, table(head, rows) if rows else "no requests", as_json=as_json)
    if broken:
        raise typer.Exit(1)


@app.command()
def start(number: Number, as_json: Json = False) -> None:
    """Start in Airflow what a registered request asks for; a hold that is missing is placed before."""
    house = workbench()
    register = house.register
    found = register.get(number)
    if found.dates.closed_at:
        raise Refused(
            f"request.{found.state.value}",
            f"The request is {found.state.value}: a run of it would end at once.",
            where=found.number,
            advice="A new wish is a new request: privacy request new.",
        )
    register.hold(found.number, author=actor())
    kept = _footage(house, found, as_json=as_json)
    run = _started(found)
    tell({"number": found.number, "run": run, **kept}, f"{found.right.pipeline} started: {run}", as_json=as_json)


def _footage(house: House, made: Request, *, as_json: bool) -> dict[str, Any]:
    """Hold the footage of the visits that a request names, and say so."""
    from privacy.rights.visits import keep

    kept = keep(house, made.number, actor())
    if not as_json:
        said, problems = footage(made.number, kept, house.clock.now(), house.policy.zone)
        for text in said:
            typer.echo(text)
        for text in problems:
            red(text)
    return {"footage": [one.as_json() for one in kept]} if kept else {}


def _started(request: Request) -> str:
    if request.right.pipeline is None:
        raise Refused(
            "request.no_pipeline", "A person does what this request asks for; there is nothing to start.",
            where=request.number, advice=f"Next: {request.dates.next_step}.",
        )  # fmt: skip
    return start_in_airflow(request.number, request.right.pipeline)


app.command()(ask)


@app.command()
def decide(
    number: Number,
    person: Annotated[int | None, typer.Option(help="The candidate's number; without it they are shown.")] = None,
    address: Annotated[
        AddressName, typer.Option(help="Records known by the shared address alone: nobody's (shared), or theirs.")
    ] = AddressName.shared,
    start: Start = False,
    as_json: Json = False,
) -> None:
    """Say whose a request is that leads to more than one person; the next export uses it."""
    from privacy.rights.by_hand import choose

    house = workbench()
    if person is None:
        question = house.register.question(number)
        if question is None:
            where = house.register.get(number).number
            raise Refused("request.no_question", "Nothing waits for a decision.", where=where)
        _show_question(house, number, question, as_json=as_json)
        return
    found = choose(house, number, person, "theirs" if address is AddressName.theirs else "shared", actor())
    run = _started(found) if start else None
    goes_on = f"Started: {run}" if run else f"Go on with it: privacy request start {found.number}"
    text = f"{found.number} is decided. {goes_on}"
    tell({**found.as_json(), "run": run}, text, as_json=as_json)


@app.command()
def prove(
    number: Number,
    by: Annotated[EvidenceName, typer.Option(help="What proves it.")],
    address: Annotated[str | None, typer.Option(help="The address that it was confirmed from; - asks for it.")] = None,
    seen: Annotated[str, typer.Option(help="What was seen, in words; - asks for it.")] = "",
    as_json: Json = False,
) -> None:
    """Record a proof of identity. An address proves it when the shop knew it well before the request."""
    from privacy.rights.payload import Evidence, EvidenceKind

    house = workbench()
    evidence = Evidence.of(
        kind=EvidenceKind(by.value),
        seen=given(seen, "What was seen") if seen else "",
        address=None if address is None else given(address, "Address"),
    )
    found = house.register.prove(number, evidence, actor())
    tell(found.as_json(), f"{found.number}: {found.state.value}. Next: {found.dates.next_step}.", as_json=as_json)


@app.command()
def release(number: Number, as_json: Json = False) -> None:
    """Release the sealed bundle; refused until the identity is proven, and what is left out was looked at."""
    house = workbench()
    bundle = house.register.release(number, actor())
    found = house.register.get(number)
    text = f"{found.number} is released: privacy request deliver {found.number} --passphrase-by ..."
    tell({**found.as_json(), "path": bundle.path, "sha256": bundle.outer_sha256}, text, as_json=as_json)


for decision in (confirm, uphold, reject, lift, unlift, remind):
    app.command()(decision)
app.command()(review)
app.command()(deliver)
app.command()(letter)
app.command("tell")(inform)
app.command()(answer)
app.command()(extend)
app.command()(correct)
app.command()(correction)
app.add_typer(supplement, name="supplement", help="What records of the past should say.")
app.command()(deadlines)


@app.command()
def refuse(
    number: Number,
    ground: Annotated[GroundName, typer.Option(help="On what ground.")],
    because: Annotated[str, typer.Option(help="In words, sealed; - asks for it.")] = "",
    as_json: Json = False,
) -> None:
    """Answer a request without data."""
    from privacy.rights.payload import Ground

    house = workbench()
    found = house.register.refuse(
        number, Ground(ground.value), actor(), because=given(because, "Because") if because else ""
    )
    text = f"{found.number} is refused. Tell the person: privacy request letter {found.number} refusal"
    tell(found.as_json(), text, as_json=as_json)


def _facts(found: Request, zone: str) -> dict[str, str]:
    from privacy.rights.states import MOMENTS

    dates = found.dates
    facts = {"number": found.number, "right": found.right.value, "state": found.state.value}
    for name in MOMENTS:
        if at := getattr(dates, name):
            facts[name] = local(at, zone)
    return {**facts, "answer due": found.due.isoformat(), "next step": dates.next_step}


def _say(house: House, made: Request) -> None:
    typer.echo(f"{made.number}\nanswer due: {made.due.isoformat()} ({house.policy.zone})")


def _only_on_a_terminal() -> None:
    if not on_a_terminal():
        raise Refused(
            "cli.not_a_terminal",
            "What is personal is shown on a terminal only.",
            advice="Run the command without redirecting its output.",
        )


def _show_question(house: House, number: str, question: Question, *, as_json: bool) -> None:
    """The candidates for the operator's eyes; a machine gets to know how many there are."""
    found = house.register.get(number)
    if as_json:
        counts = {"candidates": len(question.candidates), "shared_identifiers": len(question.shared)}
        tell({**found.as_json(), **counts}, "", as_json=True)
        return
    _only_on_a_terminal()
    for shared in question.shared:
        typer.echo(f"shared: {shared.kind} {shown(shared.value)}")
    for candidate in question.candidates:
        typer.echo(f"{candidate.no}: " + ", ".join(f"{i.kind} {shown(i.value)}" for i in candidate.identifiers))
    name = house.register.open(found.number).name
    if name:
        typer.echo(f"the request says it is from: {shown(name)}")
    typer.echo("shared: records known by that address alone are nobody's; theirs: they are the chosen person's")
    typer.echo(f"Decide: privacy request decide {found.number} --person N --address shared|theirs --start")


def _last_run(house: House, number: str) -> dict[str, str]:
    """How the request's last run ended, by the ledger; empty: none began."""
    entries = house.ledger.entries(request=number)
    begun = [e.entry for e in entries if e.entry["kind"] == "run.begun"]
    if not begun:
        return {}
    ended = [e.entry for e in entries if e.entry["kind"] == "run.ended" and e.entry["run"] == begun[-1]["run"]]
    if not ended:
        return {"status": "begun", "reason": ""}
    return {"status": str(ended[0]["status"]), "reason": str(ended[0].get("reason") or "")}
