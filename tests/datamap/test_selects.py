"""A dataset's SELECT as files: the one for a kind of database, and the parts that several share."""

from __future__ import annotations

from pathlib import Path

import pytest

from privacy.datamap.selects import file_of, text_of
from privacy.errors import BadConfiguration

SERVER = ("mysql", "servers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "orders.sql").write_text("SELECT a,\n  -- part: term\nFROM orders\n")
    (tmp_path / "parts/term.sql").write_text("MAX(b) AS term_starts\n")
    (tmp_path / "parts/term.servers.sql").write_text("GREATEST(b) AS term_starts\n")
    return tmp_path


def test_a_part_stands_where_it_is_asked_for(folder: Path) -> None:
    assert text_of(folder / "orders.sql", (), "shop.orders") == "SELECT a,\nMAX(b) AS term_starts\nFROM orders\n"


def test_a_database_gets_the_part_in_its_own_words(folder: Path) -> None:
    assert "GREATEST(b)" in text_of(folder / "orders.sql", SERVER, "shop.orders")


def test_the_most_particular_file_counts(folder: Path) -> None:
    assert file_of(folder, "orders", SERVER).name == "orders.sql"
    (folder / "orders.servers.sql").write_text("SELECT 1")
    assert file_of(folder, "orders", SERVER).name == "orders.servers.sql"
    (folder / "orders.mysql.sql").write_text("SELECT 1")
    assert file_of(folder, "orders", SERVER).name == "orders.mysql.sql"
    assert file_of(folder, "orders", ()).name == "orders.sql"


@pytest.mark.parametrize("name", ["nothing", "../orders", "/etc/hostname", "Term"])
def test_a_part_that_is_not_there_is_an_error_that_names_the_dataset(folder: Path, name: str) -> None:
    (folder / "orders.sql").write_text(f"SELECT a,\n-- part: {name}\nFROM orders\n")
    with pytest.raises(BadConfiguration) as raised:
        text_of(folder / "orders.sql", (), "shop.orders")
    assert (raised.value.code, raised.value.where) == ("sql.no_part", "shop.orders")


def test_a_part_has_no_parts(folder: Path) -> None:
    (folder / "parts/term.sql").write_text("-- part: term\n")
    with pytest.raises(BadConfiguration, match="asks for a part itself"):
        text_of(folder / "orders.sql", (), "shop.orders")


def test_a_missing_or_unreadable_select_says_which_file(folder: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"lines\.sql"):
        text_of(folder / "lines.sql", (), "shop.lines")
    (folder / "orders.sql").write_bytes(b"SELECT \xff")
    with pytest.raises(BadConfiguration, match=r"orders\.sql cannot be read as UTF-8"):
        text_of(folder / "orders.sql", (), "shop.orders")


def test_a_comment_that_only_speaks_of_a_part_is_left_alone(folder: Path) -> None:
    (folder / "orders.sql").write_text("SELECT a -- part: term, later\nFROM orders")
    assert "term, later" in text_of(folder / "orders.sql", (), "shop.orders")
