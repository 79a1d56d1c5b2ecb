"""The shop's data map and policy against its own database and statement."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import jmespath
import pytest

from privacy.bundle.overview import categories
from privacy.datamap.load import load
from privacy.datamap.selects import text_of

HOME = Path(__file__).resolve().parents[2] / "include"
MAP = load(HOME)


def test_there_are_33_promises_and_every_category_of_the_statement_is_held_by_some_dataset():
    assert len(MAP.policy.promises) == 33
    words = {text.nl for text in MAP.policy.categories.values()}
    held = {MAP.policy.category(c.category).nl for ref in MAP for c in ref.dataset.columns.values()}
    assert held == words
    # Thirteen of the statement's list, and four that it speaks of elsewhere.
    assert len(words) == 13 + 4


def test_a_customers_number_makes_no_order_data_of_a_visit():
    """In the report's overview; the manifest names every column's category."""
    words = {ref.full: [text.en for text in categories(MAP, ref)] for ref in MAP}
    assert (
        words["shop.sessions"]
        == words["weblogs.access"]
        == words["analytics.clicks"]
        == ["Device id", "IP address", "Click behaviour"]
    )
    assert words["shop.newsletter_consents"] == words["shop.customer_emails"] == ["E-mail address"]
    assert words["shop.addresses"] == ["Name and address"]
    assert all(words.values())


@pytest.mark.parametrize(
    ("promise", "at_most", "at_least", "every"),
    [
        ("LOG-12M", "P12M", None, "P1D"), ("CAM-48H", "PT48H", None, "PT1H"), ("APP-14D", "P14D", None, "P1D"),
        ("INV-STAT", None, "P10Y", "P1M"), ("MAIL-STAT", None, "P7Y", "P1D"),
    ],
)  # fmt: skip
def test_the_terms_are_those_of_the_statement(promise, at_most, at_least, every):
    term = MAP.policy.promises[promise].term
    shown = [None if period is None else str(period) for period in (term.keep_at_most, term.keep_at_least, term.every)]
    assert shown == [at_most, at_least, every]


def database(made, ref):
    return made.recruiting if ref.system.system == "recruiting" else made.db


@pytest.mark.parametrize("ref", [ref for ref in MAP if ref.system.source == "sql"], ids=lambda ref: ref.full)
def test_a_select_gives_exactly_the_columns_of_its_dataset(made, ref):
    cursor = database(made, ref).execute(text_of(MAP.sql(ref), (), ref.full))
    assert {column[0] for column in cursor.description} == set(ref.dataset.columns)
    assert "*" not in text_of(MAP.sql(ref), (), ref.full).replace("COUNT(*)", "")


@pytest.mark.parametrize("system", ["shop", "recruiting"])
def test_every_table_and_column_is_claimed(made, system):
    """Edge case 25: an unclaimed new column."""
    db = made.recruiting if system == "recruiting" else made.db
    for (table,) in db.execute(
        "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'"
    ).fetchall():
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        assert columns - set(MAP[f"{system}.{table}"].dataset.columns) <= set()


@pytest.mark.parametrize("ref", [ref for ref in MAP if ref.dataset.prefix], ids=lambda ref: ref.full)
def test_every_file_under_a_prefix_has_a_name_that_the_data_map_knows(made, ref):
    folder = made.folder / ref.system.connection / ref.dataset.prefix
    files = [f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()]
    assert files
    if ref.dataset.names is not None:
        strange = [name for name in files if not re.fullmatch(ref.dataset.names, name)]
        assert strange == []
        columns = {"file", *re.compile(ref.dataset.names).groupindex}
        assert columns <= set(ref.dataset.columns)


def test_every_folder_and_prefix_of_the_demo_is_a_datasets(made):
    for system in MAP.systems.values():
        prefixes = {d.prefix.rstrip("/") for d in system.datasets.values() if d.prefix}
        if prefixes:
            files = [f for f in (made.folder / system.connection).rglob("*") if f.is_file()]
            places = {f.relative_to(made.folder / system.connection).as_posix() for f in files}
            assert [p for p in places if not any(p.startswith(prefix + "/") for prefix in prefixes)] == []
    patterns = [p for d in MAP.systems["mail"].datasets.values() for p in d.mailbox.folders]
    assert [key for key in made.messages if not any(fnmatchcase(key[0], p) for p in patterns)] == []
    assert {f.partition(".")[0] for f, _ in made.messages} == {p.partition(".")[0] for p in patterns}


@pytest.mark.parametrize("ref", [ref for ref in MAP if ref.dataset.records], ids=lambda ref: ref.full)
def test_a_records_column_stands_where_the_data_map_says(made, ref):
    """Each path finds something in some record; what a record has at its top, a column shows."""
    name = ref.name
    rows = [row for dump in made.dumps for row in dump] if name == "conversations" else list(made.events[name].values())
    built_in = {"file", "row", *re.compile(ref.dataset.names).groupindex}
    for column, said in ref.dataset.columns.items():
        if column not in built_in:
            assert any(jmespath.search(said.path or f'"{column}"', row) not in (None, []) for row in rows), column
    shown = " ".join(said.path or column for column, said in ref.dataset.columns.items())
    assert [key for key in rows[0] if not re.search(rf"\b{key}\b", shown)] == []


@pytest.mark.parametrize("ref", [ref for ref in MAP if ref.dataset.people], ids=lambda ref: ref.full)
def test_the_examples_have_records_in_their_dataset(made, ref):
    requests = {entry["request"]: entry["deliveries"] for entry in made.answers["requests"]}
    for example in ref.dataset.examples:
        if "request" in example:
            assert requests[example["request"]][ref.name]["records"]
        elif "device_id" not in example:
            assert made.records(made.named(example), ref.full)


@pytest.mark.parametrize(
    ("system", "part", "names"),
    [
        ("recruiting", "application_terms", ["applicants", "applications", "consents", "documents"]),
        ("shop", "order_term", ["disputes", "engravings", "invoices", "order_lines", "orders", "payments", "returns"]),
    ],
)
def test_when_a_term_begins_is_written_once_for_all_that_belongs_together(system, part, names):
    line = f"-- part: {part}"
    files = [
        f for f in (HOME / "sql" / system).glob("*.sql") if line in f.read_text().replace("       ", "").splitlines()
    ]
    assert sorted({file.name.split(".")[0] for file in files}) == names


def test_what_goes_beyond_the_statements_lists_says_which_section_it_is_from():
    sections = ("(Communicatie)", "(Werving en Selectie)", "(Camerabewaking)")
    assert {f"({text.section})" for text in MAP.policy.categories.values() if text.section} == set(sections)
    for purpose in ("communication", "recruitment", "personnel", "camera"):
        assert MAP.policy.purposes[purpose].title.nl.endswith(sections)
