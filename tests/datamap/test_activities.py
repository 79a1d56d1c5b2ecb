"""The records of processing activities: everything that art. 30(1) asks for, from data map and policy alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import conftest_bikes
from privacy.datamap.activities import activities, term_words
from privacy.datamap.load import DataMap, load
from privacy.datamap.policy import EEA, Term

PROJECT = Path(__file__).parents[2]
T = {"nl": "t", "en": "t"}


@pytest.fixture(scope="module")
def shop() -> DataMap:
    return load(PROJECT / "include")


@pytest.fixture(scope="module")
def text(shop) -> str:
    return activities(shop)


def test_the_committed_records_are_those_of_the_data_map(text):
    file = PROJECT / "docs/datamap.md"
    assert file.read_text(encoding="utf-8") == text, "write them anew: privacy datamap records --to docs/datamap.md"


def test_everything_that_the_article_asks_for_is_there(shop, text):
    policy = shop.policy
    for said in (policy.controller, policy.contact.email, policy.contact.name, policy.version):
        assert said in text
    for purpose in policy.purposes.values():
        assert purpose.title.nl in text
    for processor in policy.processors.values():
        assert processor.name in text
        if processor.transfer is not None or processor.country not in EEA:
            assert processor.transfer.en in text
    for word in policy.categories.values():
        assert word.nl in text
    for measure in policy.security:
        assert measure.en in text
    for ref in shop:
        assert text.count(f"`{ref.full}`\n") == 1
        section = text.partition(f"`{ref.full}`\n")[2].partition("\n### ")[0]
        assert ref.dataset.description.en.split("|")[0] in section
        assert f"(`{ref.dataset.promise}`)" in section
        for name, column in ref.dataset.columns.items():
            assert re.search(rf"^\| `{name}`.*`{re.escape(column.category)}`", section, re.MULTILINE), (ref.full, name)


def test_every_table_has_as_many_cells_in_each_row(text):
    """Edge case 27: words with a bar or a line break in them break no table."""
    bikes = load(conftest_bikes.HOME)
    system = bikes.systems["velo"]
    riders = system.datasets["riders"].model_copy(update={"owner": "a | b\n| c |\n\n# d"})
    hostile = system.model_copy(update={"datasets": {**system.datasets, "riders": riders}})
    other = activities(replace(bikes, systems={"velo": hostile}))
    assert "| Owner | a \\| b \\| c \\| # d |" in other
    text += other
    width = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("|---"):
            width = cells
        elif line.startswith("| ") and width:
            assert cells == width, line
        elif not line.startswith("|"):
            width = 0


def test_another_shop_has_its_own():
    """Whatever a policy leaves out is said, not passed over."""
    raw = (conftest_bikes.HOME / "datamap/velo.yaml").read_text()
    bikes = load(conftest_bikes.HOME)
    text = activities(bikes)
    assert "Diamonto" not in text
    assert "None is named in the policy." in text
    assert [e.name for e in bikes.systems["velo"].excused if f"`{e.name}`" not in text] == []
    assert "nobody: " in text or "nobody" not in raw


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ({"keep_at_most": "P12M", "every": "P1D"}, "at most 12 months"),
        ({"keep_at_most": "PT48H", "every": "PT1H"}, "at most 48 hours"),
        ({"keep_at_least": "P7Y", "counts_from": "end_of_financial_year"}, "at least 7 years from the end of the financial year"),
        ({"keep_at_least": "P1M", "keep_at_most": "P1M14D", "every": "P1D"}, "at least 1 month, at most 1 month and 14 days"),
        ({"condition": T}, "t"),
        (
            {"condition": T, "decided": {"by": "B", "on": "2026-11-02", "why": "w"}},
            "t; decided by B on 2026-11-02: w",
        ),
    ],
)  # fmt: skip
def test_a_term_is_told_in_words(term, said):
    assert term_words(Term.model_validate(term)) == said
    assert term_words(None) == "no term"
