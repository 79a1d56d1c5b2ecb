"""A tiny demo shop, made once."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

from demo import make
from privacy.datamap.load import load

HOME = Path(__file__).parents[1] / "include"


def urls_of(folder: Path) -> dict[str, str]:
    """Connection name -> URL of the systems of a made shop."""
    return {
        s.connection: f"sqlite:///{folder}/{s.connection}.db" if s.source == "sql" else (folder / s.connection).as_uri()
        for s in load(HOME).systems.values()
    }


class Made:
    """A made shop, as its files have it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.about = make(folder, seed=seed, size="tiny")
        self.db = sqlite3.connect(f"file:{folder}/shop.db?mode=ro", uri=True)
        self.db.row_factory = sqlite3.Row

    @cached_property
    def answers(self) -> dict:
        return json.loads((self.folder / "answers.json").read_text())

    @cached_property
    def subjects(self) -> dict[str, dict]:
        return {entry["subject"]: entry for entry in self.answers["subjects"]}

    @cached_property
    def lines(self) -> dict[tuple[str, int], bytes]:
        """Every log line by (file, line number)."""
        found = {}
        for file in sorted((self.folder / "weblogs").rglob("access[-.]*")):
            content = file.read_bytes()
            content = gzip.decompress(content) if file.suffix == ".gz" else content
            key = file.relative_to(self.folder / "weblogs").as_posix()
            found |= {(key, n): line for n, line in enumerate(content.split(b"\n")[:-1], start=1)}
        return found

    def records(self, subject: str, dataset: str, decision: str = "") -> set:
        entry = self.subjects[subject]
        entry = entry["decisions"][decision] if decision else entry
        keys = [tuple(key) for key in entry["records"].get(dataset, [])]
        assert len(keys) == len(set(keys))
        return set(keys)

    def orders(self, subject: str, decision: str = "") -> set[int]:
        """The cast's orders (their numbers are below 2000)."""
        return {key[0] for key in self.records(subject, "shop.orders", decision) if key[0] < 2000}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    shop = Made(tmp_path_factory.mktemp("demo"), seed=7)
    yield shop
    shop.db.close()
