"""The answer sheet of a made shop, and what sources give: everybody's records, each under every decision."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from conftest_demo import HOME, Made, urls_of
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.kinds import normal
from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import REQUEST
from privacy.errors import AmbiguousIdentity
from privacy.identity import Decision, Question, resolve
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import LEFT_OUT, SUBJECT, WITHHELD, Identifier, Of, Selection, Subject, Tally

AFTER = datetime(2026, 11, 21, tzinfo=UTC)
"""The request comes after the last record of the demo shop."""


def house_of(made: Made, state: Path, urls: Mapping[str, str] | None = None) -> House:
    """An installation over a made shop. :param urls: of connections that are elsewhere."""
    there = urls_of(made.folder) | dict(urls or {})
    variables = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in there.items()}
    return House(Settings(home=HOME, state=state), EnvironmentConnections(variables), FixedClock(AFTER))


def identifier(datamap: DataMap, named: dict[str, Any]) -> Identifier:
    ((kind, value),) = named.items()
    known = datamap.kind(kind)
    return Identifier(kind, normal(kind, value, known.type if known else "text"))


def decided(entry: dict[str, Any], question: Question, address: str) -> Decision:
    """The candidate that the sheet means, with an operator's answer about the shared address."""
    for candidate in question.candidates:
        if any(str(i.value) == entry["subject"] for i in candidate.identifiers if i.kind == "shop.customer_id"):
            return Decision(candidate.identifiers, address, question.shared)  # type: ignore[arg-type]
    raise AssertionError("the question leaves out who is meant")


def everybody(house: House, made: Made, seed: int) -> Iterator[tuple[str, Subject, dict[str, Any]]]:
    """Each subject of the sheet under each decision: its name, as it was resolved, what the sheet says.

    By one of the ways in which a request may name it, another one in every seed.
    """

    def resolved(named: Identifier, decision: Decision | None = None) -> Subject:
        return resolve(house.datamap, house.source, (named,), at=AFTER, decision=decision).subject

    for at, (name, entry) in enumerate(sorted(made.subjects.items())):
        named = identifier(house.datamap, entry["named"][(at + seed) % len(entry["named"])])
        if not entry.get("ambiguous"):
            yield name, resolved(named), entry
            continue
        with pytest.raises(AmbiguousIdentity) as stopped:
            resolved(named)
        assert len(stopped.value.question.candidates) == len(entry["candidates"])
        for address, answer in entry["decisions"].items():
            yield f"{name} {address}", resolved(named, decided(entry, stopped.value.question, address)), answer


def everything(house: House, made: Made, seed: int, *systems: str) -> None:
    """Everyone at once, in one pass over each table and file: exactly what the sheet says.

    :param systems: only these; none: all.
    """
    people = list(everybody(house, made, seed))
    assert len(people) > 110
    asked = {entry["request"]: entry["deliveries"] for entry in made.answers["requests"]}
    who = [subject.identifiers for _, subject, _ in people]
    who += [(Identifier(REQUEST, number),) for number, deliveries in asked.items() if complete(deliveries)]
    pick = Of(tuple(Subject(no, identifiers) for no, identifiers in enumerate(who)))
    answers = [answer for _, _, answer in people]
    answers += [delivered(deliveries) for deliveries in asked.values() if complete(deliveries)]
    for ref in house.datamap:
        if not ref.dataset.people or (systems and ref.system.system not in systems):
            continue
        found = read(house, ref, pick)
        for no, answer in enumerate(answers):
            name = people[no][0] if no < len(people) else "a request"
            assert found[no] == wanted_of(answer, ref), (ref.full, name)


def complete(deliveries: dict[str, Any]) -> bool:
    return all(delivery["state"] == "complete" for delivery in deliveries.values())


def delivered(deliveries: dict[str, Any]) -> dict[str, Any]:
    """What a request's deliveries hold, in the form of a subject's answer."""
    return {"records": {f"deliveries.{p}": d["records"] for p, d in deliveries.items()}, "withheld": {}, "left_out": {}}


def wanted_of(answer: dict[str, Any], ref: Ref) -> dict[str, list[tuple[Any, ...]]]:
    """The keys by what becomes of the record: ``given``, or why it is withheld; and those that lack others' values."""
    wanted = {"given": answer["records"].get(ref.full, []), **answer["withheld"].get(ref.full, {})}
    wanted |= {f"without others' {column}": keys for column, keys in answer["left_out"].get(ref.full, {}).items()}
    return {what: sorted(map(tuple, keys)) for what, keys in wanted.items() if keys}


def read(house: House, ref: Ref, pick: Of) -> dict[int, dict[str, list[tuple[Any, ...]]]]:
    """The same of what a source gives, by the subject's number."""
    source, selection = house.source(ref.system.system), Selection(ref.name, pick)
    found: dict[int, dict[str, list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
    columns = [*ref.dataset.key, SUBJECT, *([WITHHELD, LEFT_OUT] if ref.dataset.judged else [])]
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition, Tally()):
            for row in batch.select(columns).to_pylist():
                key, mine = tuple(row[name] for name in ref.dataset.key), found[row[SUBJECT]]
                mine[row.get(WITHHELD) or "given"].append(key)
                for column in set(row.get(LEFT_OUT) or ()) if not row.get(WITHHELD) else ():
                    mine[f"without others' {column}"].append(key)
    for mine in found.values():
        for keys in mine.values():
            keys.sort()
    return found


def holds_exactly(to: Path, datamap: DataMap, made: Made, answer: dict[str, Any]) -> dict[str, Any]:
    """An opened bundle holds what the sheet says, in Parquet, JSON and raw lines: its manifest."""
    package: dict[str, Any] = json.loads((to / "datapackage.json").read_text())
    resources = {resource["path"]: resource for resource in package["resources"]}
    for ref in datamap:
        if not ref.dataset.people:
            continue
        wanted = sorted(tuple(key) for key in answer["records"].get(ref.full, []))
        paths = [p for p in resources if p.startswith(f"data/{ref.full.replace('.', '/')}") or ref.full in p]
        table = [p for p in paths if p.endswith(".parquet")]
        assert bool(wanted) == bool(table), (ref.full, paths)
        for path in table:
            rows = pq.read_table(to / path).select(ref.dataset.key).to_pylist()
            assert sorted(tuple(row[k] for k in ref.dataset.key) for row in rows) == wanted
            rows = json.loads((to / path.replace(".parquet", ".json")).read_text())
            assert sorted(tuple(row[k] for k in ref.dataset.key) for row in rows) == wanted
    lines = sorted(answer["records"].get("weblogs.access", []))
    raw = sorted(path for path, resource in resources.items() if resource.get("format") == "log")
    assert b"".join((to / path).read_bytes() for path in raw) == b"".join(
        made.lines[file, no] + b"\n" for file, no in lines
    )
    return package
