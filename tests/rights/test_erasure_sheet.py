"""The answer sheet for erasure: exactly their records are gone, emptied or kept, and all else is byte for byte the same.

What was there before and what is there after, a plain look says; what should be, the generator.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest_demo import Made
from conftest_erasing import Erasing
from conftest_judge import Judge
from conftest_look import Files
from privacy.identity import Decision

SOME = {
    1: ["1001", "1003", "1009", "1014", "1020", "1021", "guest:pieter.gast@post.example", "applicant:1012"],
    2: ["1002"],
}
"""Of which seed whom every run of the tests erases: merged accounts, gifts, threads, an open order, a guest."""


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Made]]:
    made: dict[int, Made] = {}

    class Shops(dict[int, Made]):
        def __missing__(self, seed: int) -> Made:
            made[seed] = self[seed] = Made(tmp_path_factory.mktemp(f"seed-{seed}") / "shop", seed)
            return made[seed]

    yield Shops()
    for one in made.values():
        one.close()


def erase(shop: Erasing, subject: str, decision: str | None) -> dict[str, Any]:
    number = shop.request(subject, proven=decision is None)
    if decision is None:
        return shop.erase(number)
    from privacy.errors import AmbiguousIdentity
    from privacy.rights import Evidence, EvidenceKind

    with pytest.raises(AmbiguousIdentity):
        shop.planned(number, "run-0")
    question = shop.house.register.question(number)
    assert question is not None
    (chosen,) = (c for c in question.candidates if int(subject) in {i.value for i in c.identifiers})
    shop.house.register.decide(
        number, Decision(chosen.identifiers, "shared" if decision == "shared" else "theirs"), "d"
    )
    shop.house.register.prove(number, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    return shop.erase(number)


def run(tmp_path: Path, made: Made, subject: str, decision: str | None = None) -> None:
    shop = Erasing(tmp_path / "shop", made.folder)
    judge = Judge(made, Files(shop.shop))
    left, active = judge.left(subject, decision)
    before = judge.look()
    files = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in shop.shop.rglob("*") if p.is_file()}
    ended = erase(shop, subject, decision)
    judge.check(subject, left, before, judge.look())
    assert bool(left.waiting) == ("waiting" in ended["retained"])
    assert ended["retained"].get("changed", 0) == active
    assert ended["retained"].get("review", 0) == judge.reviewed(subject, decision)
    # A file that has nothing of theirs was not touched at all.
    for file, (modified, content) in files.items():
        if file.is_file() and file.suffix != ".db" and file.read_bytes() == content:
            assert file.stat().st_mtime_ns == modified, file.name


@pytest.mark.parametrize(("seed", "subject"), [(seed, who) for seed, people in SOME.items() for who in people])
def test_exactly_their_records_are_gone_and_all_else_is_the_same(
    tmp_path: Path, shops: dict[int, Made], seed: int, subject: str
) -> None:
    """Promise R-ERASE; edge cases 17, 19, 20, 22, 30, 31."""
    run(tmp_path, shops[seed], subject)


@pytest.mark.parametrize("decision", ["shared", "theirs"])
def test_who_shares_an_address_is_erased_as_an_operator_has_decided(
    tmp_path: Path, shops: dict[int, Made], decision: str
) -> None:
    """Edge case 19: a household mailbox."""
    run(tmp_path, shops[1], "1005", decision)


@pytest.mark.check("erases every subject of a shop and a fifth of two others, each from a shop of its own: minutes")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everybody_of_three_shops_can_be_erased_alone(tmp_path: Path, shops: dict[int, Made], seed: int) -> None:
    """Guests, and who shares an address with somebody, by either decision, are among them (edge case 19)."""
    for number, (subject, entry) in enumerate(shops[seed].subjects.items()):
        # The shops are alike; the first is gone through whole.
        if seed > 1 and number % 5 != seed and not entry.get("ambiguous"):
            continue
        for decision in ("shared", "theirs") if entry.get("ambiguous") else (None,):
            folder = tmp_path / f"{number}-{decision}"
            run(folder, shops[seed], subject, decision)
            shutil.rmtree(folder)
