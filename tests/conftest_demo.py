"""A tiny demo shop, made once."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
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
        self.db, self.recruiting = self._open("shop.db"), self._open("recruiting.db")

    def _open(self, name: str) -> sqlite3.Connection:
        db = sqlite3.connect(f"file:{self.folder}/{name}?mode=ro", uri=True)
        db.row_factory = sqlite3.Row
        return db

    def close(self) -> None:
        self.db.close()
        self.recruiting.close()

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

    @cached_property
    def events(self) -> dict[str, dict[tuple[str, int], dict[str, Any]]]:
        """The records of both kinds of statistics, by dataset and (file, row)."""
        found: dict[str, dict[tuple[str, int], dict[str, Any]]] = {"ga4_events": {}, "clicks": {}}
        for file in sorted((self.folder / "analytics").rglob("*.*")):
            key = file.relative_to(self.folder / "analytics").as_posix()
            if file.suffix == ".parquet":
                found["ga4_events"] |= {(key, n): row for n, row in enumerate(pq.read_table(file).to_pylist(), start=1)}
            else:
                rows = gzip.decompress(file.read_bytes()).splitlines()
                found["clicks"] |= {(key, n): json.loads(row) for n, row in enumerate(rows, start=1)}
        return found

    @cached_property
    def dumps(self) -> list[list[dict[str, Any]]]:
        """The helpdesk's conversations by dump, in the order of the dumps."""
        files = sorted((self.folder / "helpdesk" / "dumps").iterdir())
        texts = [gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in files]
        return [json.loads(text)["conversations"] for text in texts]

    @cached_property
    def messages(self) -> dict[tuple[str, str], Path]:
        """The messages of the archive by (folder, message)."""
        found = {}
        for file in sorted((self.folder / "mail").rglob("*")):
            if file.is_file() and file.parent.name in ("cur", "new"):
                folder = "INBOX" if file.parents[1] == self.folder / "mail" else file.parents[1].name[1:]
                folder = folder.replace("Belgi&AOs-", "België")
                if "." in folder:
                    folder = f"{folder.split('.')[0]}.* #{hashlib.sha256(folder.encode()).hexdigest()[:12]}"
                found[folder, re.split(",S=|:2,", file.name)[0]] = file
        return found

    def keys(self, dataset: str) -> set[tuple]:
        """The keys of all records there are, by a plain look at the files."""
        system, _, name = dataset.partition(".")
        if system in ("shop", "recruiting"):
            columns = ", ".join(self.answers["datasets"][dataset])
            return {
                tuple(row)
                for row in (self.db if system == "shop" else self.recruiting).execute(f"SELECT {columns} FROM {name}")
            }
        if system == "weblogs":
            return set(self.lines)
        if system == "analytics":
            return set(self.events[name])
        if system == "helpdesk":
            return {(conversation["id"],) for dump in self.dumps for conversation in dump}
        if system == "mail":
            first = {"administration": "Administratie", "applications": "Sollicitaties"}
            wanted = [first[name]] if name in first else ["INBOX", "Klanten", "Verzonden"]
            return {key for key in self.messages if key[0].partition(".")[0] in wanted}
        prefix = "company" if name == "company_lists" else name
        files = (self.folder / system / prefix).rglob("*")
        return {
            (f.relative_to(self.folder / system).as_posix(),) for f in files if f.is_file() and f.name != "DELIVERED"
        }

    def answer(self, subject: str, decision: str = "") -> dict:
        entry = self.subjects[subject]
        return entry["decisions"][decision] if decision else entry

    def records(self, subject: str, dataset: str, decision: str = "") -> set:
        keys = [tuple(key) for key in self.answer(subject, decision)["records"].get(dataset, [])]
        assert len(keys) == len(set(keys))
        return set(keys)

    def orders(self, subject: str, decision: str = "") -> set[int]:
        """The cast's orders (their numbers are below 2000)."""
        return {key[0] for key in self.records(subject, "shop.orders", decision) if key[0] < 2000}

    def named(self, example: dict[str, Any]) -> str:
        """The subject that an example of the data map is a record's of: any way but an application's number names them."""
        ((kind, value),) = example.items()
        if kind == "recruiting.application_id":
            row = self.recruiting.execute(
                "SELECT applicant_id FROM applications WHERE application_id=?", (value,)
            ).fetchone()
            kind, value = "recruiting.applicant_id", row[0]
        return next(name for name, entry in self.subjects.items() if {kind: value} in entry["named"])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    shop = Made(tmp_path_factory.mktemp("demo"), seed=7)
    yield shop
    shop.close()
