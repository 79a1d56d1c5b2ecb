"""Identifiers as a shop may have written them: blanks for nothing, phone numbers and addresses in other spellings."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from privacy.connections import Connection
from privacy.datamap.models import System
from privacy.sources.base import Identifier, Of, Selection, Subject
from privacy.sources.sql import SqlSource

WORDS = {"nl": "w", "en": "w"}
PLAIN = {"description": "d", "category": "user.unique_id", "provenance": "provided"}


def cards(folder: Path, rows: list[tuple[Any, ...]], columns: dict[str, str | None], subject: list[str]) -> SqlSource:
    """A table of texts with an integer key; each column with the kind of identity that stands in it."""
    with sqlite3.connect(folder / "shop.db") as db:
        db.execute(f"CREATE TABLE cards (card INTEGER PRIMARY KEY, {', '.join(f'{name} TEXT' for name in columns)})")
        db.executemany(f"INSERT INTO cards VALUES ({', '.join('?' * (len(columns) + 1))})", rows)
    (folder / "sql/shop").mkdir(parents=True)
    (folder / "sql/shop/cards.sql").write_text(f"SELECT card, {', '.join(columns)} FROM cards")
    described = {
        name: {"type": "text", **PLAIN} | ({"identity": kind} if kind else {}) for name, kind in columns.items()
    }
    dataset = {
        "title": WORDS, "description": WORDS, "table": "cards", "key": ["card"], "subject": subject, "purposes": ["p"],
        "source": WORDS, "promise": "KEEP", "erasure": {"do": "delete"}, "owner": "o",
        "examples": [{"email": "a@a.example"}, {"email": "b@a.example"}],
        "columns": {"card": {"type": "integer", **PLAIN}, **described},
    }  # fmt: skip
    system = System.model_validate(
        {
            "system": "shop",
            "title": WORDS,
            "source": "sql",
            "connection": "shop",
            "owner": "o",
            "datasets": {"cards": dataset},
        }
    )
    return SqlSource(system, Connection("shop", f"sqlite:///{folder}/shop.db"), home=folder)


def found(source: SqlSource, identifier: Identifier) -> list[int]:
    selection = Selection("cards", Of((Subject(1, (identifier,)),)))
    return [
        row["card"]
        for part in source.partitions(selection)
        for batch in source.read(selection, part)
        for row in batch.to_pylist()
    ]


def test_a_guests_record_with_blanks_for_a_number_is_found_by_their_address(tmp_path):
    """Edge case 19: what is blank fills in nothing, in a table as in a log."""
    rows = [(1, None, "a@x.example"), (2, "", "a@x.example"), (3, "  ", "A@x.example"), (4, "d1", "a@x.example")]
    source = cards(tmp_path, rows, {"device": "device_id", "email": "email"}, ["device", "email"])
    assert found(source, Identifier("email", "a@x.example")) == [1, 2, 3]


def test_a_phone_number_is_found_in_every_spelling_of_it_and_another_is_not(tmp_path):
    rows = [(1, "+31 6 12345678"), (2, "0031-612345678"), (3, "+31612345678"), (4, "+31612345679"), (5, "x"), (6, None)]
    source = cards(tmp_path, rows, {"phone": "phone"}, ["phone"])
    assert found(source, Identifier("phone", "+31612345678")) == [1, 2, 3]


def test_an_address_that_only_unicode_takes_for_the_same_is_another_persons(tmp_path):
    """Edge cases 19 and 22."""
    rows = [(1, "info@strasse.example"), (2, "info@straße.example"), (3, "INFO@STRASSE.EXAMPLE"), (4, "İ@x.example")]
    source = cards(tmp_path, rows, {"email": "email"}, ["email"])
    assert found(source, Identifier("email", "info@strasse.example")) == [1, 3]
    assert found(source, Identifier("email", "info@straße.example")) == [2]
