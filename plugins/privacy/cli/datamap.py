"""``privacy datamap``: check, show, new, records, promises, try, place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from privacy.cli.common import Json, on_a_terminal, shown, table, tell, workbench
from privacy.errors import BadConfiguration, BadInput, PrivacyError, Refused

if TYPE_CHECKING:
    from privacy.datamap.completeness import Finding
    from privacy.datamap.load import DataMap, Ref
    from privacy.datamap.policy import Term
    from privacy.rights.house import House
    from privacy.sources.base import Problem

    Found = Problem | Finding

app = typer.Typer(no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(metavar="SYSTEM.DATASET", help="E.g. shop.orders.", show_default=False)]


Stores = Annotated[
    bool,
    typer.Option("--stores/--no-stores", help="Open every system's store, and hold what it really has against them."),
]


@app.command()
def check(stores: Stores = False, as_json: Json = False) -> None:
    """Check data map, policy and SQL; with --stores also what the systems really have. Status 1 on a problem.

    A warning is good to know and gives no status: a word of policy or data map that nothing has now, or a term that no
    rule of a purge keeps yet (`privacy ledger evidence` is red until one does).
    """
    from privacy.datamap.promised import unconfirmed, unnamed, unproven
    from privacy.sources.described import mistakes

    house = workbench()
    found: list[Found] = [*mistakes(house.datamap), *unnamed(house.datamap)]
    found += unconfirmed(house.datamap, house.clock.now().date())
    found += [replace(one, red=False) for one in unproven(house.datamap)]
    if stores:
        found += [p for system in house.datamap.systems for p in _problems(house, system)] + _own(house)
    problems = [p for p in found if getattr(p, "red", True)]
    warnings = [p for p in found if p not in problems]
    systems, datasets = len(house.datamap.systems), len(list(house.datamap))
    data = {
        "systems": systems,
        "datasets": datasets,
        "stores": stores,
        "problems": [_as_json(p) for p in problems],
        "warnings": [_as_json(p) for p in warnings],
    }
    lines = [f"{_level(p)}: [{p.code}] {p.message} ({p.where}) {p.advice}" for p in (*warnings, *problems)]
    opened = "" if stores else "; no store was opened (--stores)"
    lines.append(f"{systems} systems, {datasets} datasets, {len(problems)} problems, {len(warnings)} warnings{opened}")
    tell(data, "\n".join(lines), as_json=as_json)
    if problems:
        raise typer.Exit(1)


def _level(found: Found) -> str:
    if not getattr(found, "red", True):
        return "warning"
    return "error" if found.fatal else "problem"


def _as_json(found: Found) -> dict[str, Any]:
    return {
        "code": found.code,
        "message": found.message,
        "where": found.where,
        "advice": found.advice,
        "fatal": found.fatal,
    }


@app.command()
def show(
    dataset: Annotated[str | None, typer.Argument(metavar="[SYSTEM.DATASET]", help="One of them, in full.")] = None,
    as_json: Json = False,
) -> None:
    """Show the data map: every dataset, or one with its columns."""
    datamap = workbench().datamap
    if dataset is None:
        refs = list(datamap)
        rows = [
            (r.full, ", ".join(sorted(r.dataset.kinds)) or "nobody", r.dataset.promise, _term(datamap, r)) for r in refs
        ]
        text = table(("dataset", "found by", "promise", "term"), rows)
        tell([_brief(datamap, r) for r in refs], text, as_json=as_json)
        return
    ref = datamap[dataset]
    columns = [
        (name, c.type, c.category, c.provenance.value, c.identity or "", "redacted" if c.access else "")
        for name, c in ref.dataset.columns.items()
    ]
    head = ("column", "type", "category", "provenance", "identity", "access")
    brief = _brief(datamap, ref)
    facts = [(k.replace("_", " "), ", ".join(v) if isinstance(v, list) else v) for k, v in brief.items()]
    data = {**brief, "columns": [dict(zip(head, row, strict=True)) for row in columns]}
    tell(data, table(("fact", "value"), facts) + "\n\n" + table(head, columns), as_json=as_json)


@app.command()
def new(
    system: Annotated[str, typer.Argument(help="The system, e.g. shop.")],
    name: Annotated[str, typer.Argument(metavar="TABLE", help="The table to describe.")],
    as_json: Json = False,
) -> None:
    """Draft the YAML block and the SELECT of a table that no dataset describes yet; unknown categories are marked."""
    import sqlalchemy as sa

    from privacy.database import engine, translated
    from privacy.datamap.draft import reflected
    from privacy.datamap.models import did_you_mean

    house = workbench()
    described = house.datamap.systems.get(system)
    if described is None:
        raise BadInput("cli.system", f"There is no system {system!r}{did_you_mean(system, house.datamap.systems)}.")
    if described.source != "sql":
        raise BadInput("cli.system", "That system has no tables.", where=system, advice="Write its dataset by hand.")
    kinds = [f"{system}.{kind}" for kind in described.identity.kinds]
    with translated(system), engine(house.connections.get(described.connection), read_only=True).connect() as open_:
        found = reflected(sa.inspect(open_), system, name, kinds)
    yaml, sql = f"# datamap/{system}.yaml, under datasets:", f"-- sql/{system}/{found.name}.sql"
    text = f"{yaml}\n{found.yaml}\n{sql}\n{found.sql}\n{found.message}"
    tell({"name": found.name, "yaml": found.yaml, "sql": found.sql, "message": found.message}, text, as_json=as_json)


@app.command()
def records(
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them there; else they are shown.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; status 1 when the file is not up to date (for CI).")
    ] = False,
) -> None:
    """Write the records of processing activities (art. 30 GDPR) from data map and policy, in Markdown."""
    from privacy.datamap.activities import activities

    text = activities(workbench().datamap)
    _written(text, to, "The records of processing are not those of this data map.", "records", check=check)


@app.command()
def promises(
    dags: Annotated[Path, typer.Option(help="The folder of DAG files.")] = Path("dags"),
    tests: Annotated[Path, typer.Option(help="The folder of tests.")] = Path("tests"),
    proofs: Annotated[
        bool, typer.Option("--proofs", help="With the last proof of each, of this installation.")
    ] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them there; else they are shown.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; status 1 when the file is not up to date (for CI).")
    ] = False,
) -> None:
    """Write each promise with what keeps it and its tests; status 1 where nothing shows that one is kept."""
    from privacy.datamap.promises_page import kept, page, problems

    for folder in (dags, tests):
        if not folder.is_dir():
            raise BadInput(
                "datamap.no_folder", "There is no such folder.", where=str(folder), advice="Give the right one."
            )
    house = workbench()
    found = kept(house.policy, dags, tests)
    last = None
    if proofs:
        from privacy.rights.proofs import last_proofs

        last = last_proofs(house)
    _written(page(house.policy, found, last), to, "The page of promises is not up to date.", "promises", check=check)
    red = [one for one in problems(found) if one.red]
    for one in red:
        typer.echo(f"error: [{one.code}] {one.name}: {one.message} {one.advice}", err=True)
    if red:
        raise typer.Exit(1)


def _written(text: str, to: Path | None, stale: str, command: str, *, check: bool) -> None:
    """Show a page, write it, or hold the file against it."""
    if to is None:
        typer.echo(text, nl=False)
        return
    if check:
        if not to.is_file() or to.read_text(encoding="utf-8") != text:
            raise Refused(
                f"datamap.{command}_stale", stale, where=str(to),
                advice=f"Write it anew: privacy datamap {command} --to {to}",
            )  # fmt: skip
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text, encoding="utf-8")
    typer.echo(f"written: {to}")


@app.command("try")
def try_(
    dataset: Dataset,
    request: Annotated[str, typer.Option(metavar="NUMBER", help="Whose records.")],
    show_values: Annotated[bool, typer.Option("--show-values", help="Show the records; on a terminal only.")] = False,
    as_json: Json = False,
) -> None:
    """Read one dataset for a request, without Airflow; nothing is kept. Shows counts and columns."""
    from privacy.rights.states import State
    from privacy.sources.base import PARTY, SUBJECT, Of, Selection, Tally

    if show_values and as_json:
        raise BadInput("cli.values_as_json", "Records are shown to people, not as JSON.", advice="Leave one out.")
    if show_values and not on_a_terminal():
        raise Refused("cli.not_a_terminal", "Records are shown on a terminal only.", advice="Leave --show-values out.")
    house = workbench()
    ref, found = house.datamap[dataset], house.register.get(request)
    if found.state in (State.RELEASED, State.REFUSED):
        raise Refused("request.closed", "The request is closed.", where=found.number, advice="Try an open one.")
    source, tally = house.source(ref.system.system), Tally()
    selection = Selection(ref.name, Of((house.subject(request),)))
    rows, filled = 0, dict.fromkeys(ref.dataset.columns, 0)
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition, tally):
            rows += batch.num_rows
            for column in filled:
                filled[column] += batch.num_rows - batch.column(batch.schema.names.index(column)).null_count
            for row in batch.to_pylist() if show_values else ():
                typer.echo({k: v for k, v in row.items() if k not in (SUBJECT, PARTY)})
    data: dict[str, Any] = {
        "dataset": ref.full,
        "request": found.number,
        "records": rows,
        "unattributed": tally.unattributed,
        "unreadable": tally.unreadable,
        "filled": filled,
    }
    text = table(("column", "filled in"), filled.items())
    summary = f"{ref.full}: {rows} records, {tally.unattributed} unattributed, {tally.unreadable} unreadable"
    tell(data, f"{summary}\n{text}", as_json=as_json)


@app.command()
def place(
    system: Annotated[str, typer.Argument(help="The system, e.g. dossiers.")],
    word: Annotated[str, typer.Argument(metavar="PLACE", help="What an error or a key calls a file or a folder by.")],
) -> None:
    """Show which file or folder an error, a finding or a key means; on a terminal only: its name may be a person's."""
    from privacy.datamap.models import did_you_mean
    from privacy.sources.base import Placing

    if not on_a_terminal():
        raise Refused("cli.not_a_terminal", "Names of files and folders are shown on a terminal only.")
    house = workbench()
    if system not in house.datamap.systems:
        raise BadInput("cli.system", f"There is no system {system!r}{did_you_mean(system, house.datamap.systems)}.")
    source = house.source(system)
    found = source.keys(word) if isinstance(source, Placing) else []
    if not found:
        raise BadInput("cli.place", "Nothing there is called by that word.", where=system)
    for key in found:
        typer.echo(shown(key))


def _problems(house: House, system: str) -> list[Found]:
    """What a system's source finds; one that cannot be reached is a problem of its own, not the end of the check."""
    from privacy.datamap.completeness import unclaimed
    from privacy.sources.base import Problem

    try:
        source = house.source(system)
        told: list[Found] = [*source.check()]
        more = unclaimed(house.datamap.systems[system], source.inventory(), house.datamap.home)
    except PrivacyError as problem:
        return [Problem(problem.code, problem.message, problem.where or system, problem.advice)]
    # What a dataset's own source has said of it is not said twice.
    spoken = {p.where.partition(":")[0] for p in told}
    names = {f: f"{system}.{f.name.partition(':')[0]}" for f in more if f.code == "datamap.absent"}
    return told + [f for f in more if names.get(f) not in spoken]


def _own(house: House) -> list[Found]:
    """The project's own tables, where there is an installation: a data map can be checked without one."""
    import sqlalchemy as sa

    from privacy.connections import LEDGER
    from privacy.database import translated
    from privacy.datamap.completeness import unclaimed_own
    from privacy.sources.base import Claim

    try:
        with translated(LEDGER), house.engine.connect() as connection:
            tables = [Claim(name) for name in sa.inspect(connection).get_table_names()]
    except BadConfiguration:
        return []
    described = [s for s in house.datamap.systems.values() if s.connection == LEDGER]
    return list(unclaimed_own(tables, described))


def _term(datamap: DataMap, ref: Ref) -> str:
    dataset = ref.dataset
    terms = [f"{kind}: {_bounds(term)}" if kind else _bounds(term) for kind, term in _in_order(datamap, ref)]
    said = "; else ".join([", ".join(terms[:-1]), terms[-1]] if len(terms) > 1 else terms)
    return f"{said}; follows {dataset.follows}" if dataset.follows else said


def _in_order(datamap: DataMap, ref: Ref) -> list[tuple[str | None, Term]]:
    return sorted(datamap.policy.terms_of(ref.dataset).items(), key=lambda term: (term[0] is None, term[0]))


def _bounds(term: Term) -> str:
    parts = [f"at least {term.keep_at_least}" if term.keep_at_least else ""]
    parts += [f"at most {term.keep_at_most}" if term.keep_at_most else "", term.condition.en if term.condition else ""]
    return ", ".join(part for part in parts if part)


def _brief(datamap: DataMap, ref: Ref) -> dict[str, Any]:
    dataset = ref.dataset
    return {
        "dataset": ref.full,
        "title": dataset.title.en,
        "found_by": sorted(dataset.kinds),
        "key": list(dataset.key),
        "purposes": list(dataset.purposes),
        "processors": list(dataset.processors),
        "promise": dataset.promise,
        "term": _term(datamap, ref),
        "term_kind": dataset.term_kind or (dataset.starts.kind if dataset.starts else None),
        "follows": dataset.follows,
        "erasure": dataset.erasure.do,
        "owner": dataset.owner,
    }
