"""The main claim: everybody gets exactly the records of the answer sheet, none missing and none of another person."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_answers import AFTER, decided, everything, holds_exactly, house_of, identifier
from conftest_demo import Made
from privacy.bundle.check import check_bundle
from privacy.bundle.open import open_bundle
from privacy.errors import AmbiguousIdentity
from privacy.identity import resolve
from privacy.orchestration import ending, steps
from privacy.orchestration.runs import Run
from privacy.rights import Right
from privacy.sources.base import Of, Selection, Tally

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everybody_in_the_shop_gets_exactly_the_records_of_the_answer_sheet(tmp_path: Path, seed: int) -> None:
    """Edge cases 19, 20, 27: everyone at once, in one pass over each table and file, households and guests included."""
    made = Made(tmp_path / "shop", seed=seed)
    house = house_of(made, tmp_path / "state")
    everything(house, made, seed)


@pytest.mark.parametrize("subject", ["1015", "1017", "1018", "guest:petra.gast@post.example"])
def test_what_is_nobodys_is_counted_for_whoever_was_there(made: Made, tmp_path: Path, subject: str) -> None:
    """ADR 1: events that a subject's visit points at and that may be somebody else's are in nobody's bundle, and counted."""
    house, entry = house_of(made, tmp_path / "state"), made.subjects[subject]
    named = identifier(house.datamap, entry["named"][0])
    found = resolve(house.datamap, house.source, (named,), at=AFTER).subject
    for full in ("weblogs.access", "analytics.ga4_events", "analytics.clicks"):
        ref, tally = house.datamap[full], Tally()
        source, selection = house.source(ref.system.system), Selection(ref.name, Of((found,)))
        for partition in source.partitions(selection):
            for _ in source.read(selection, partition, tally):
                pass
        assert tally.unattributed == entry["unattributed"].get(full, 0) > 0, full


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
    package = holds_exactly(to, house.datamap, made, answer)
    assert package["privacy:identity"] is not None
