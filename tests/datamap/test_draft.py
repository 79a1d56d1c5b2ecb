"""A draft guesses what can be guessed, and does not load until a person has filled in the rest."""

from __future__ import annotations

import re
import shutil
import sqlite3

import pytest
import sqlalchemy as sa
import yaml

import conftest_bikes
from conftest_bikes import HOME
from privacy.connections import Connection, EnvironmentConnections
from privacy.database import engine
from privacy.datamap.draft import draft, reflected
from privacy.datamap.load import OPEN, load
from privacy.datamap.models import CATEGORIES
from privacy.errors import BadConfiguration, BadInput
from privacy.sources import source_for

COLUMNS = [
    ("Review ID", "INTEGER", False),
    ("code", "VARCHAR(20)", True),
    ("e_mail", "varchar(80)", True),
    ("ip_address", "TEXT", True),
    ("device_id", "TEXT", True),
    ("Tip", "NUMERIC(12, 2)", True),
    ("madeAt", "TIMESTAMP", False),
    ("sent", "TIMESTAMP WITH TIME ZONE", True),
    ("posted_at", "TEXT", True),
    ("on", "DATE", True),
    ("null", "BOOLEAN", True),
    ("first_name", "TEXT", True),
    ("geboortedatum", "date", True),
    ("photo", "BLOB", True),
    ("stars", "DOUBLE PRECISION", True),
    ("shape", "POLYGON", True),
    ("2nd", "SMALLINT", True),
]


def block(found):
    from privacy.datamap.load import _UniqueKeys

    return yaml.load("datasets:\n" + found.yaml, Loader=_UniqueKeys)["datasets"]  # noqa: S506 - a SafeLoader


def test_types_identities_and_categories_are_guessed():
    found = draft("velo", "Reviews", COLUMNS, ["Review ID"], ["velo.code", "shop.stars"])
    dataset = block(found)["reviews"]
    columns = dataset["columns"]
    assert {n: c["type"] for n, c in columns.items()} == {
        "review_id": "integer", "code": "text", "e_mail": "text", "ip_address": "text", "device_id": "text",
        "tip": "decimal(12,2)", "made_at": "datetime", "sent": "datetime", "posted_at": "text", "on": "date",
        "null": "boolean", "first_name": "text", "geboortedatum": "date", "photo": "binary", "stars": "number",
        "shape": "TYPE?", "c_2nd": "integer",
    }  # fmt: skip
    assert {n: c["identity"] for n, c in columns.items() if "identity" in c} == {
        "code": "velo.code", "e_mail": "email", "ip_address": "ip", "device_id": "device_id",
    }  # fmt: skip
    assert dataset["subject"] == ["code", "e_mail", "device_id"]
    assert (dataset["key"], dataset["table"]) == (["review_id"], "Reviews")
    assert (columns["made_at"]["zone"], columns["sent"]["zone"]) == ("ZONE?", "UTC")
    assert columns["first_name"]["category"] == "user.name.first"
    assert columns["tip"]["category"] == "CATEGORY?"
    assert columns["tip"]["description"] == {"nl": "DESCRIPTION?", "en": "DESCRIPTION?"}
    guessed = {c["category"] for c in columns.values()} - {"CATEGORY?"}
    assert guessed <= CATEGORIES
    assert "a moment? {type: datetime, zone: ZONE?}" in found.yaml


def test_a_person_number_of_ones_own_is_guessed_by_its_name():
    for name in ("customer_id", "klantnummer", "member_no", "user_id"):
        dataset = block(draft("pool", "t", [(name, "INT", True)], []))["t"]
        assert dataset["subject"] == [name]
        assert dataset["columns"][name]["identity"] == f"pool.{name}"
    assert block(draft("pool", "t", [("pool", "INT", True)], []))["t"]["subject"] == ["SUBJECT?"]
    assert block(draft("pool", "t", [("pool", "INT", True)], []))["t"]["key"] == ["KEY?"]


def test_every_guess_is_a_category_of_the_taxonomy():
    from privacy.datamap.draft import _GUESSES

    assert {category for _, _, category, _ in _GUESSES} <= CATEGORIES


def test_the_select_names_columns_one_by_one_and_quotes_what_needs_it():
    found = draft("velo", 'Odd "Name"', [('a"b', "INT", True), ("A-B", "INT", True), ("c", "INT", True)], [])
    assert found.name == "odd_name"
    assert found.sql == 'SELECT "a""b" AS a_b,\n       "A-B" AS a_b_2,\n       c\nFROM "Odd ""Name"""\n'
    assert block(found)["odd_name"]["table"] == 'Odd "Name"'
    assert "*" not in found.sql


def test_a_table_without_columns_is_an_error():
    with pytest.raises(BadInput, match="no columns"):
        draft("velo", "nothing", [], [])


@pytest.fixture
def home(tmp_path):
    """The bikes with a new table, and its draft in their data map."""
    shutil.copytree(HOME, tmp_path / "home")
    url = conftest_bikes.make(tmp_path / "velo.db")
    with sqlite3.connect(tmp_path / "velo.db") as db:
        db.executescript(
            "CREATE TABLE tips (depot TEXT, nr INTEGER, code TEXT, email TEXT, amount NUMERIC(6,2), made_on DATE,"
            " words TEXT, PRIMARY KEY (depot, nr));"
            "INSERT INTO tips VALUES ('N', 1, '7', NULL, '1.5', '2026-01-01', 'Thanks'),"
            " ('N', 2, NULL, 'CY@guest.example', '2.50', NULL, NULL);"
        )
    db.close()
    opened = engine(Connection("velo", url), read_only=True)
    found = reflected(sa.inspect(opened), "velo", "tips", ["velo.code"])
    with (tmp_path / "home/datamap/velo.yaml").open("a") as file:
        file.write(found.yaml)
    (tmp_path / f"home/sql/velo/{found.name}.sql").write_text(found.sql)
    return tmp_path / "home", url, found


def test_a_draft_does_not_load_until_a_person_has_filled_it_in(home):
    folder, _, found = home
    with pytest.raises(BadConfiguration) as error:
        load(folder)
    text = str(error.value)
    said = "datasets.tips.columns.words.category: CATEGORY? is left open; write a data category of fideslang's taxonomy"
    assert said in text
    assert "velo.yaml" in text
    assert text.count("left open") == len(re.findall(r"[A-Z]+\?", found.yaml))
    assert "until then, loading the data map fails" in found.message
    assert "sql/velo/tips.sql" in found.message


def test_every_word_left_open_is_known_to_loading(home):
    _, _, found = home
    everything = found.yaml + draft("velo", "x", [("a", "WHAT", True), ("b", "TIMESTAMP", True)], []).yaml
    assert set(re.findall(r"\b[A-Z]+\?", everything)) <= set(OPEN)


def test_a_draft_that_was_filled_in_loads_and_reads(home):
    folder, url, _ = home
    file = folder / "datamap/velo.yaml"
    text = file.read_text()
    text = text.replace("[{KIND?: EXAMPLE?}, {KIND?: EXAMPLE?}]", '[{velo.code: "7"}, {email: cy@guest.example}]')
    for word, value in {"CATEGORY?": "user.content", "PROVENANCE?": "provided", "PURPOSE?": "hire", "PROMISE?": "HIRE-3Y",
        "ERASURE?": "delete"}.items():  # fmt: skip
        text = text.replace(word, value)
    file.write_text(re.sub(r"[A-Z]+\?", "words", text))
    from privacy.sources.base import Identifier, Of, Selection, Subject

    system = load(folder).systems["velo"]
    source = source_for(system, EnvironmentConnections({"PRIVACY_CONNECTION_VELO": url}), home=folder)
    assert list(source.check()) == []
    who = (Subject(1, (Identifier("velo.code", "7"),)), Subject(2, (Identifier("email", "cy@guest.example"),)))
    selection = Selection("tips", Of(who))
    (batch,) = source.read(selection, source.partitions(selection)[0])
    assert [(row["_subject"], row["nr"], str(row["amount"])) for row in batch.to_pylist()] == [
        (1, 1, "1.50"),
        (2, 2, "2.50"),
    ]


def test_a_table_that_is_not_there_is_an_error_with_the_nearest(home):
    _, url, _ = home
    with pytest.raises(BadInput, match="did you mean 'tips'"):
        reflected(sa.inspect(engine(Connection("velo", url), read_only=True)), "velo", "tip")
