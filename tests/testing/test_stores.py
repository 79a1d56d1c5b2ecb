"""The suite over real stores, SQLite and folders of logs: it passes good sources and catches bad ones there too."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import conftest_bikes
from conftest_bikes import HOME
from privacy.datamap.load import Ref, load
from privacy.testing import CHECKS, Stores, examples_of

GATES = r"""
system: gates
title: {nl: p, en: g}
source: weblogs
connection: gates
owner: o
datasets:
  passes:
    title: {nl: t, en: t}
    description: {nl: d, en: d}
    prefix: gate/
    format: '(?P<code>\S+) (?P<at>\S+) (?P<door>\S+)'
    key: [file, line_number]
    subject: [code]
    time: at
    starts: {column: at}
    purposes: [hire]
    source: {nl: s, en: s}
    promise: HIRE-3Y
    erasure: {do: delete}
    owner: o
    examples: [{velo.code: "7"}, {velo.code: "007"}]
    columns:
      file: {type: text, description: d, category: system.operations, provenance: observed}
      line_number: {type: integer, description: d, category: system.operations, provenance: observed}
      code: {type: text, identity: velo.code, description: d, category: user.unique_id, provenance: observed}
      at: {type: datetime, zone: UTC, description: d, category: user.behavior, provenance: observed}
      door: {type: text, description: d, category: user.behavior, provenance: observed}
      line: {type: binary, original: true, description: d, category: user.behavior, provenance: observed}
"""
NAMES = [check.__name__ for check in CHECKS]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gates") / "home"
    shutil.copytree(HOME, folder)
    (folder / "datamap/gates.yaml").write_text(GATES)
    return folder


@pytest.fixture
def urls(tmp_path: Path) -> dict[str, str]:
    logs = tmp_path / "logs/gate"
    logs.mkdir(parents=True)
    for day in (1, 2, 3):
        lines = [f"{code} 2026-03-0{day}T1{n}:00:00Z N{n}\n" for n, code in enumerate(("7", "007", "70", "7"))]
        (logs / f"pass-2026-03-0{day}.log.gz").write_bytes(gzip.compress("".join(lines).encode()))
    (logs / "pass.log").write_text("70 2026-03-04T10:00:00Z N1\n")
    return {"velo": conftest_bikes.make(tmp_path / "velo.db"), "gates": (tmp_path / "logs").as_uri()}


class Wrapped:
    """A good source but for what a subclass changes."""

    def __init__(self, source, url: str) -> None:
        self._source, self._url = source, url

    def __getattr__(self, name: str):
        return getattr(self._source, name)


class IgnoresHolds(Wrapped):
    def apply(self, unit, spare):  # noqa: ARG002
        return self._source.apply(unit, ())


class DeletesMore(Wrapped):
    def apply(self, unit, spare):
        outcomes = list(self._source.apply(unit, spare))
        path = self._url.split("://")[1]
        if self._url.startswith("file:"):
            next(iter(Path(path).rglob("*.log"))).unlink(missing_ok=True)
        else:
            with sqlite3.connect(path.removeprefix("/")) as db:
                db.execute("DELETE FROM app_settings")
                db.execute("UPDATE bikes SET model = model || ' '")
            db.close()
        return iter(outcomes)


class KeepsAFileOpen(Wrapped):
    def read(self, selection, partition, tally=None):
        path = Path(self._url.split("://")[1].removeprefix("/" * self._url.startswith("sqlite")))
        self.kept = next(iter(path.rglob("*.gz"))).open("rb") if path.is_dir() else path.open("rb")
        return self._source.read(selection, partition, tally)


class PassesOverWhatItCannotRead(Wrapped):
    def read(self, selection, partition, tally=None):
        try:
            yield from self._source.read(selection, partition, tally)
        except Exception:  # noqa: BLE001
            return

    def locate(self, selection, partition) -> Iterator:
        try:
            yield from self._source.locate(selection, partition)
        except Exception:  # noqa: BLE001
            return

    def partitions(self, selection):
        from privacy.sources.base import Partition

        return self._source.partitions(selection) or [Partition(selection.dataset, 0)]


class Bench(Stores):
    def __init__(self, home, urls, made_by) -> None:
        super().__init__(home, urls)
        self.made_by = made_by

    def source(self, ref, batch_rows=10_000):
        return self.made_by(super().source(ref, batch_rows), self._urls[ref.system.connection])

    def scratch(self, ref):
        return _same(self, super().scratch(ref))


class _same:  # noqa: N801
    def __init__(self, bench, copied) -> None:
        self.bench, self.copied = bench, copied

    def __enter__(self):
        copy = self.copied.__enter__()
        return Bench(copy.datamap.home, copy._urls, self.bench.made_by)

    def __exit__(self, *problem):
        return self.copied.__exit__(*problem)


def run(home: Path, urls: dict[str, str], full: str, made_by: type[Wrapped], check: str) -> None:
    bench = Bench(home, urls, made_by)
    ref: Ref = bench.datamap[full]
    CHECKS[NAMES.index(check)](bench, ref, examples_of(bench.datamap, ref))


@pytest.mark.parametrize("check", NAMES)
@pytest.mark.parametrize("dataset", ["gates.passes", "velo.hires", "velo.bikes"])
def test_real_sources_pass(home, urls, dataset, check):
    run(home, urls, dataset, Wrapped, check)


@pytest.mark.parametrize("dataset", ["gates.passes", "velo.photos"])
@pytest.mark.parametrize(
    ("made_by", "check", "said"),
    [
        (IgnoresHolds, "what_is_held_is_spared", "heed `spare`"),
        (DeletesMore, "a_deletion_takes_its_items_and_nothing_else", "took more, or less"),
        (KeepsAFileOpen, "closing_early_frees_the_cursor", "stay open"),
        (PassesOverWhatItCannotRead, "errors_name_nobody", "it got smaller"),
    ],
)
def test_a_source_over_a_real_store_that_breaks_a_rule_is_caught(home, urls, dataset, made_by, check, said):
    with pytest.raises(AssertionError, match=said):
        run(home, urls, dataset, made_by, check)


def test_the_stores_themselves_are_never_changed(home, urls, tmp_path):
    """The suite's changes are tried on copies."""
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for check in NAMES:
        for dataset in ("gates.passes", "velo.photos"):
            with contextlib.suppress(AssertionError):
                run(home, urls, dataset, DeletesMore, check)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_blob_is_not_a_text_and_a_number_not_a_text_in_a_snapshot(home, urls):
    stores = Stores(home, urls)
    ref = load(home)["velo.photos"]
    for value, other in (("x'41'", "'A'"), ("1", "'1'"), ("NULL", "''")):
        with stores.scratch(ref) as one, stores.scratch(ref) as two:
            for copy, text in ((one, value), (two, other)):
                with sqlite3.connect(copy._path(ref)) as db:
                    db.execute(f"UPDATE photos SET image = {text}")
                db.close()
            assert one.snapshot(ref) != two.snapshot(ref)
            assert "photos: 2 rows missing, 2 new" in one.snapshot(ref).difference(two.snapshot(ref))
