"""docs/extending.md as its readers follow it: each example's commands one after the other, and the standard suite."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from privacy.datamap.load import load
from privacy.testing import CHECKS, Stores, examples_of

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs/extending.md").read_text(encoding="utf-8")
SHOWN = "AVG-2026-0042-9"


def section(title: str) -> str:
    """The text below a heading, up to the next of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who follows a section: a copy of the shop's folder, stores of their own, an installation.

    Of the shop's data map only its database is kept; what the reader adds comes beside it.

    :param shop: a made database of the demo shop, to be copied.
    """

    def __init__(self, folder: Path, monkeypatch: Any, shop: Path) -> None:
        from privacy.settings import settings

        self.folder, self.home = folder, folder / "include"
        shutil.copytree(PROJECT / "include/policy", self.home / "policy")
        (self.home / "policy/purges.yaml").unlink()  # It names all the shop's systems.
        (self.home / "datamap").mkdir()
        shutil.copy(PROJECT / "include/datamap/shop.yaml", self.home / "datamap")
        shutil.copytree(PROJECT / "include/sql/shop", self.home / "sql/shop")
        (folder / "shop").mkdir()
        shutil.copy(shop, folder / "shop/shop.db")
        self.urls: dict[str, str] = {}
        self._set = monkeypatch.setenv
        for name, value in (("HOME", self.home), ("STATE", folder / "state")):
            self._set(f"PRIVACY_{name}", str(value))
        for name in ("PRIVACY_KEY_FILE", "PRIVACY_CONNECTION_LEDGER", "PRIVACY_CONNECTION_BUNDLES"):
            monkeypatch.delenv(name, raising=False)
        settings.cache_clear()
        self.connect("shop", f"sqlite:///{folder}/shop/shop.db")
        assert self.run("init").exit_code == 0

    def connect(self, name: str, url: str) -> None:
        self.urls[name] = url
        self._set(f"PRIVACY_CONNECTION_{name.upper()}", url)

    def run(self, *words: str, read: str = "") -> Any:
        from privacy.cli import app

        return CliRunner().invoke(app, list(words), input=read)

    def typed(self, command: str, number: str = SHOWN, read: str = "") -> Any:
        """A `privacy` command of the text, in the reader's folder."""
        words = shlex.split(command.replace(SHOWN, number))
        assert words.pop(0) == "privacy"
        return self.run(*(str(self.folder / w) if w.startswith("docs/") else w for w in words), read=read)

    def append(self, system: str, block: str) -> None:
        """A block under `datasets:`, as the text says."""
        file = self.home / f"datamap/{system}.yaml"
        text = file.read_text(encoding="utf-8")
        assert text.count("\ndatasets:\n") == 1
        file.write_text(text.replace("\ndatasets:\n", f"\ndatasets:\n{block}"), encoding="utf-8")

    def suite(self, full: str, **urls: str) -> None:
        """The standard suite over one dataset, in this process.

        :param urls: other stores than the reader's, by name.
        """
        datamap, stores = load(self.home), Stores(self.home, self.urls | urls)
        ref = datamap[full]
        for check in CHECKS:
            check(stores, ref, examples_of(datamap, ref))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from demo import make

    folder = tmp_path_factory.mktemp("shop")
    make(folder, seed=3, size="tiny")
    return folder / "shop.db"


def commands(text: str) -> Iterator[str]:
    """The commands of a text's shell blocks, without comments."""
    for block in blocks(text, "sh"):
        yield from (line.partition("  #")[0].strip() for line in block.splitlines() if line.strip())


def test_a_reader_adds_a_rule_to_a_purge_and_sees_what_it_would_delete(tmp_path, monkeypatch, shop):
    text = section("A new table")
    reader = Reader(tmp_path, monkeypatch, shop)
    before = (tmp_path / "shop/shop.db").read_bytes()
    _, term, rules, _ = blocks(text, "yaml")
    promises, shop_map = reader.home / "policy/promises.yaml", reader.home / "datamap/shop.yaml"
    whole, before_kinds = promises.read_text(), "    term:\n      keep_at_most: P24M\n      every: P1D\n"
    assert whole.count(before_kinds) == 1
    promises.write_text(whole.replace(before_kinds, term))
    head, reviews = shop_map.read_text().split("\n  reviews:\n")
    kind = "promise: PURPOSES\n    term_kind: review\n"
    shop_map.write_text(f"{head}\n  reviews:\n{reviews.replace('promise: PURPOSES' + chr(10), kind, 1)}")
    assert "warning: [datamap.unpurged]" in reader.typed("privacy datamap check").stdout
    (reader.home / "policy/purges.yaml").write_text(f"purges:\n{rules}", encoding="utf-8")
    listed, plan = [c for c in commands(text) if c.startswith("privacy purge ")]
    said = reader.typed(listed).stdout
    assert re.search(r"reviews +purge_finished_purposes +PURPOSES +<=P12M +shop.reviews", said)
    assert re.search(r"contests +purge_finished_purposes +PURPOSES +<=P24M +shop.contest_entries", said)
    planned = reader.typed(plan)
    assert planned.exit_code == 0, planned.output
    assert "shop.reviews" in planned.stdout
    assert "Broken since" in planned.stdout
    assert (tmp_path / "shop/shop.db").read_bytes() == before
    assert "purge.unknown" in reader.typed("privacy purge plan revews").stderr


def test_a_reader_adds_a_table_with_a_block_and_a_select(tmp_path, monkeypatch, shop):
    """Edge case 25: the unclaimed table is found, described, and then complete."""
    text = section("A new table")
    reader = Reader(tmp_path, monkeypatch, shop)
    create = next(c for c in commands(text) if c.startswith("python3 "))
    # The same table alone in a database of its own is what the suite copies and breaks.
    for file in ("shop/shop.db", "alone.db"):
        words = shlex.split(create.replace(".state/up/shop/shop.db", f"{tmp_path}/{file}"))
        subprocess.run([sys.executable, *words[1:]], check=True)
    check, new, again, ask, tries, explain, records, *_ = [c for c in commands(text) if c.startswith("privacy ")]
    found = reader.typed(check)
    assert found.exit_code == 1
    assert "problem: [datamap.unclaimed] No dataset describes this table. (shop: loyalty_points)" in found.stdout
    drafted = reader.typed(new).stdout
    block, *_, excuse = blocks(text, "yaml")
    columns = re.compile(r"^      (\w+): \{type:", re.MULTILINE)
    assert columns.findall(drafted) == columns.findall(block)
    reader.append("shop", block)
    select = blocks(text, "sql")[0]
    (reader.home / "sql/shop/loyalty_points.sql").write_text(select)
    found = reader.typed(again)
    assert found.exit_code == 0, found.output
    assert " 0 problems" in found.stdout
    number = reader.typed(ask).stdout.split()[0]
    assert "shop.loyalty_points: 2 records" in reader.typed(tries, number).stdout
    told = reader.typed(explain).stdout
    assert "column customer_id (shop.customer_id) decides" in told
    assert "Until you say that you stop being a client" in told
    assert reader.typed(records).exit_code == 0
    assert "`shop.loyalty_points`" in (tmp_path / "docs/datamap.md").read_text()
    reader.suite("shop.loyalty_points", shop=f"sqlite:///{tmp_path}/alone.db")
    # Excused instead of described.
    assert excuse.startswith("excused:\n")
    shop = reader.home / "datamap/shop.yaml"
    shop.write_text(shop.read_text().replace(block, "") + excuse.replace("sqlite_sequence", "loyalty_points"))
    (reader.home / "sql/shop/loyalty_points.sql").unlink()
    assert reader.typed(again).exit_code == 0


def prepared(reader: Reader, text: str) -> list[str]:
    """Do what a section does before its first command of ours: files are made, connections set.

    :returns: the commands of ours, in order.
    """
    ours = [c for c in commands(text) if c.startswith("privacy ")]
    for command in commands(text):
        if command.startswith("export PRIVACY_CONNECTION_"):
            name, url = re.fullmatch(r"export PRIVACY_CONNECTION_(\w+)=(.*)", command).groups()
            reader.connect(name.lower(), url.replace("$PWD", str(reader.folder)))
        elif not command.startswith("privacy "):
            subprocess.run(["bash", "-c", command], cwd=reader.folder, check=True)
    return ours


STRAYS = {
    "chats": "chats/other/anna.json",
    "warranties": "warranties/loose/anna.pdf",
    "workshop": "workshop/.Oud/cur/1793000000.M9P1.mx",
}
"""Something that nobody described, by system."""


@pytest.mark.parametrize(
    ("title", "dataset", "records", "told"),
    [
        ("A new dump", "chats.conversations", 1, "column customer_id (shop.customer_id) decides, the first of"),
        ("A new store of files", "warranties.certificates", 1, "column customer_id (shop.customer_id) decides"),
        ("A new mailbox", "workshop.letters", 1, "somebody's of the shop: column to (email) decides"),
    ],
)
def test_a_reader_adds_a_store_with_a_block(tmp_path, monkeypatch, shop, title, dataset, records, told):
    """Edge case 25. Whose a record is follows from the example: another's address beside a number leads to nobody."""
    text, system = section(title), dataset.partition(".")[0]
    reader = Reader(tmp_path, monkeypatch, shop)
    check, ask, tries, explain = prepared(reader, text)
    (block,) = blocks(text, "yaml")
    (reader.home / f"datamap/{system}.yaml").write_text(block)
    found = reader.typed(check)
    assert found.exit_code == 0, found.output
    assert " 0 problems" in found.stdout
    number = reader.typed(ask).stdout.split()[0]
    tried = reader.typed(tries, number)
    assert f"{dataset}: {records} records" in tried.stdout, tried.output
    asked = re.findall(r"\(here: `([^`]+)`\)", text)
    said = reader.typed(explain, read="".join(f"{a}\n" for a in asked))
    assert told in said.stdout, said.output
    assert "one person's" in said.stdout
    # Beside what is described there is something else one day.
    stray = tmp_path / STRAYS[system]
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"From: a@a.example\n\nx")
    found = reader.typed(check)
    assert (found.exit_code, "datamap.unclaimed" in found.stdout) == (1, True), found.output
    assert stray.stem not in found.stdout
    assert ("Which one it is: privacy datamap place warranties" in found.stdout) == (system == "warranties")
    stray.unlink()
    reader.suite(dataset)


def test_an_engineer_adds_a_kind_of_source_with_a_class(tmp_path, monkeypatch, shop):
    """Every check of the standard suite passes over the example, errors that quote nobody among them."""
    import privacy.sources
    import privacy.sources.described

    text = section("A new kind of source")
    (code,), (block,) = blocks(text, "python"), blocks(text, "yaml")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/extending.md", "exec"), names)  # noqa: S102 - what the text tells to write
    reader = Reader(tmp_path, monkeypatch, shop)
    (reader.home / "datamap/till.yaml").write_text(block)
    monkeypatch.setitem(
        privacy.sources._MADE,
        "till",
        lambda system, connection, _, batch_rows, __: names["TillSource"](system, connection, batch_rows=batch_rows),
    )
    monkeypatch.setattr(privacy.sources.described, "KINDS", (*privacy.sources.KINDS, "till"))
    (tmp_path / "till").mkdir()
    (tmp_path / "till/stamps.csv").write_text(
        "stamp,customer_id,email,given_at\n"
        "s3,1001,,2026-11-01T10:00:00Z\ns1,,BRAM@voorbeeld.example,2026-10-01T10:00:00Z\n"
        "s2,1002,bram@voorbeeld.example,2026-10-02T10:00:00Z\ns4,,,\n"
    )
    reader.connect("till", (tmp_path / "till").as_uri())
    reader.suite("till.stamps")
    assert reader.run("datamap", "check").exit_code == 0
    assert "nobody: none of customer_id, email is filled in" in reader.run("explain", "till.stamps", "s4").stdout


def test_the_suite_is_written_as_the_text_says():
    (lines,) = blocks(section("A new table"), "python")
    assert "dataset_suite(HOME, lambda: Stores(HOME, {" in lines
    compile(lines, "docs/extending.md", "exec")
    import privacy.testing

    for name in re.findall(r"from privacy\.testing import (.*)", lines)[0].split(", "):
        assert hasattr(privacy.testing, name)


def test_every_section_has_an_example_that_is_run():
    titles = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    code = Path(__file__).read_text()
    assert [t for t in titles if f'("{t}"' not in code] == []
    links = re.findall(r"\]\(#([\w-]+)\)", TEXT)
    assert [a for a in links if a not in {t.lower().replace(" ", "-").replace(",", "") for t in titles}] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:include|plugins|tests|docs)/[\w./-]+)`", TEXT))))
def test_every_path_that_is_named_is_there(path):
    made = ("loyalty_points", "stamps", "chats", "warranties", "workshop")
    assert (PROJECT / path).exists() or any(word in path for word in made)
