"""The main claim: everybody gets exactly the records of the answer sheet, none missing and none of another person."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from conftest_demo import Made
from privacy.bundle.check import check_bundle
from privacy.bundle.open import open_bundle
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.kinds import normal
from privacy.datamap.load import DataMap
from privacy.errors import AmbiguousIdentity
from privacy.identity import Decision, Question
from privacy.orchestration import ending, steps
from privacy.orchestration.runs import Run
from privacy.rights import Right
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier, Of, Selection, Subject, Tally

HOME = Path(__file__).parents[2] / "include"
AFTER = datetime(2026, 11, 21, tzinfo=UTC)
"""The request comes after the last record of the demo shop."""

pytestmark = pytest.mark.timeout(300)


def house_of(made: Made, state: Path) -> House:
    variables = {
        "PRIVACY_CONNECTION_SHOP": f"sqlite:///{made.folder}/shop.db",
        "PRIVACY_CONNECTION_WEBLOGS": (made.folder / "logs").as_uri(),
    }
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
        from privacy.identity import resolve

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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everybody_in_the_shop_gets_exactly_the_records_of_the_answer_sheet(tmp_path: Path, seed: int) -> None:
    """Edge cases 19, 20, 27: everyone at once, in one pass over each table and file, households and guests included."""
    made = Made(tmp_path / "shop", seed=seed)
    house = house_of(made, tmp_path / "state")
    people = list(everybody(house, made, seed))
    assert len(people) > 80
    pick = Of(tuple(Subject(no, subject.identifiers) for no, (_, subject, _) in enumerate(people)))
    for ref in house.datamap:
        if not ref.dataset.people:
            continue
        source, selection = house.source(ref.system.system), Selection(ref.name, pick)
        found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition, Tally()):
                keys = zip(*(batch.column(name).to_pylist() for name in ref.dataset.key), strict=True)
                for no, key in zip(batch.column("_subject").to_pylist(), keys, strict=True):
                    found[no].append(key)
        for no, (name, _, answer) in enumerate(people):
            wanted = sorted(tuple(key) for key in answer["records"].get(ref.full, []))
            assert sorted(found[no]) == wanted, (ref.full, name)


@pytest.mark.parametrize(
    "subject",
    ["1001", "1003", "1006 theirs", "1012", "1017", "guest:pieter.gast@post.example"],
    ids=["an account", "merged", "household", "another case", "contested visits", "a guest"],
)
def test_the_opened_bundle_holds_exactly_those_records_in_both_forms(made: Made, tmp_path: Path, subject: str) -> None:
    """From the register to the opened ZIP: Parquet, JSON, raw lines and the manifest's counts agree with the sheet."""
    name, _, address = subject.partition(" ")
    entry = made.subjects[name]
    answer = entry["decisions"][address] if address else entry
    house = house_of(made, tmp_path / "state")
    house.found()
    number = house.register.receive(
        Right.ACCESS, (identifier(house.datamap, entry["named"][-1]),), author="desk"
    ).number
    run = Run("run-1", number, "operator")
    steps.open_request(house, run)
    if address:
        with pytest.raises(AmbiguousIdentity) as stopped:
            steps.resolve_identity(house, run)
        house.register.decide(number, decided(entry, stopped.value.question, address), author="desk")
        ending.empty_staging(house, run)
        run = Run("run-2", number, "operator")
        steps.open_request(house, run)
    steps.resolve_identity(house, run)
    parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
    steps.write_bundle(house, run, parts)
    assert ending.record(house, run, failed=None)["status"] == "done"

    to = tmp_path / "opened"
    with house.sealed_bundle(number) as sealed:
        open_bundle(sealed, house.register.identity(number, reviewer="desk"), to)
    assert check_bundle(to) == []
    package = json.loads((to / "datapackage.json").read_text())
    resources = {resource["path"]: resource for resource in package["resources"]}
    for ref in house.datamap:
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
    assert package["privacy:identity"] is not None
