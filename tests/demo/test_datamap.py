"""The shop's data map and policy against its own database and statement."""

from __future__ import annotations

from pathlib import Path

import pytest

from privacy.bundle.overview import categories
from privacy.datamap.load import load
from privacy.datamap.models import Nobody

HOME = Path(__file__).resolve().parents[2] / "include"
MAP = load(HOME)


def test_there_are_33_promises_and_every_category_of_the_statement_is_held_by_some_dataset():
    assert len(MAP.policy.promises) == 33
    words = {text.nl for text in MAP.policy.categories.values()}
    held = {MAP.policy.category(c.category).nl for ref in MAP for c in ref.dataset.columns.values()}
    assert held == words
    assert len(words) == 13


def test_a_customers_number_makes_no_order_data_of_a_visit():
    """In the report's overview; the manifest names every column's category."""
    words = {ref.full: [text.en for text in categories(MAP, ref)] for ref in MAP}
    assert words["shop.sessions"] == words["weblogs.access"] == ["Device id", "IP address", "Click behaviour"]
    assert words["shop.newsletter_consents"] == words["shop.customer_emails"] == ["E-mail address"]
    assert words["shop.addresses"] == ["Name and address"]
    assert all(words.values())


@pytest.mark.parametrize(
    ("promise", "at_most", "at_least", "every"),
    [
        ("LOG-12M", "P12M", None, "P1D"), ("CAM-48H", "PT48H", None, "PT1H"), ("APP-14D", "P14D", None, "P1D"),
        ("INV-STAT", None, "P7Y", "P1D"), ("MAIL-STAT", None, "P7Y", "P1D"),
    ],
)  # fmt: skip
def test_the_terms_are_those_of_the_statement(promise, at_most, at_least, every):
    term = MAP.policy.promises[promise].term
    shown = [None if period is None else str(period) for period in (term.keep_at_most, term.keep_at_least, term.every)]
    assert shown == [at_most, at_least, every]


@pytest.mark.parametrize("ref", [ref for ref in MAP if ref.system.source == "sql"], ids=lambda ref: ref.full)
def test_a_select_gives_exactly_the_columns_of_its_dataset(made, ref):
    cursor = made.db.execute(MAP.sql(ref).read_text(encoding="utf-8"))
    assert {column[0] for column in cursor.description} == set(ref.dataset.columns)
    assert "*" not in MAP.sql(ref).read_text(encoding="utf-8")


def test_every_table_and_column_is_claimed(made):
    """Edge case 25: an unclaimed new column."""
    for (table,) in made.db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
        columns = {row[1] for row in made.db.execute(f"PRAGMA table_info({table})")}
        assert columns - set(MAP[f"shop.{table}"].dataset.columns) <= set()


@pytest.mark.parametrize("ref", list(MAP), ids=lambda ref: ref.full)
def test_two_of_the_cast_have_records_in_every_dataset(made, ref):
    if isinstance(ref.dataset.subject, Nobody):
        return
    for example in ref.dataset.examples[:2]:
        assert made.records(str(example["shop.customer_id"]), ref.full)
