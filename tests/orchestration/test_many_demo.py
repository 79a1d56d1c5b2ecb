"""All people of the demo shop at once: households, shared addresses, threads, merged accounts (edge cases 19, 20, 22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_answers import AFTER, holds_exactly, house_of, identifier
from conftest_demo import Made, made
from conftest_many import alone, at_once, digest, opened
from privacy.rights import Right
from privacy.rights.house import House

__all__ = ["made"]

pytestmark = pytest.mark.timeout(900)


def requests(house: House, made: Made, step: int) -> dict[str, str]:
    """A request of every so manieth person of the sheet whom nobody has to decide about: number -> name."""
    clear = [(name, entry) for name, entry in sorted(made.subjects.items()) if not entry.get("ambiguous")]
    asked = {}
    for at, (name, entry) in enumerate(clear[::step]):
        named = identifier(house.datamap, entry["named"][at % len(entry["named"])])
        asked[house.register.receive(Right.ACCESS, (named,), author="desk", received_at=AFTER).number] = name
    return asked


@pytest.mark.check("each of all people of the demo shop is exported once more alone: minutes")
@pytest.mark.parametrize("index", [False, True], ids=["every log is read", "log index"])
def test_every_bundle_is_that_of_a_single_export_to_the_byte_and_what_the_sheet_says(
    made: Made, tmp_path: Path, index: bool
) -> None:
    house = house_of(made, tmp_path / "state")
    house.found()
    asked = requests(house, made, 3 if index else 1)
    assert len(asked) > 30
    if index:
        list(house.source("weblogs").index("access"))  # type: ignore[attr-defined]
    said = at_once(house, list(asked))
    assert said == {"done": len(asked), "failed": {}, "no_number": 0}
    many = {number: digest(house, number) for number in asked}
    for place, (number, name) in enumerate(asked.items()):
        if index is False:
            opened(house, number, tmp_path / f"b{place}")
            holds_exactly(tmp_path / f"b{place}", house.datamap, made, made.subjects[name])
        alone(house, number, f"alone-{place}")
        assert digest(house, number) == many[number], name
