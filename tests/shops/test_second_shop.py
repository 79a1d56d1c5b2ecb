"""A second, different shop exports with YAML and SQL alone: every record of its answer sheet, and not one more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import conftest_bikes as bikes_kit
from conftest_bikes import ANSWERS, HOME
from privacy.connections import EnvironmentConnections
from privacy.datamap.completeness import unclaimed
from privacy.datamap.load import load
from privacy.identity import resolve
from privacy.sources import source_for
from privacy.sources.base import Identifier, Of, Selection
from privacy.testing import Stores, dataset_suite

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return bikes_kit.make(tmp_path_factory.mktemp("velo") / "velo.db")


@pytest.fixture(scope="module")
def bikes(url: str) -> Stores:
    return Stores(HOME, {"velo": url})


test_every_dataset_passes_the_standard_suite = dataset_suite(HOME, "bikes")


@pytest.fixture
def source(url: str):
    connections = EnvironmentConnections({"PRIVACY_CONNECTION_VELO": url})
    return source_for(load(HOME).systems["velo"], connections, home=HOME, batch_rows=2)


@pytest.mark.parametrize("person", ANSWERS["people"])
def test_everybody_gets_exactly_their_records_typed(source, person):
    """Edge cases 19, 21, 22, 27: addresses of before, in another case; exact types; another's record, ever."""
    datamap = load(HOME)
    named = [Identifier(kind, value) for kind, value in ANSWERS["people"][person].items()]
    subject = resolve(datamap, lambda _: source, named, at=AT).subject
    on_sheet = ANSWERS["same"].get(person, person)
    for ref in datamap:
        selection, rows = Selection(ref.name, Of((subject,))), []
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition):
                rows += batch.to_pylist()
        for row in rows:
            assert row.pop("_subject") == subject.no
        wanted = bikes_kit.expected(on_sheet, ref.name, ref.dataset.columns)

        def key(row, names=ref.dataset.key):
            return tuple(row[name] for name in names)

        assert sorted(rows, key=key) == sorted(wanted, key=key)
        types = [[type(v) for v in row.values()] for row in sorted(rows, key=key)]
        assert types == [[type(v) for v in row.values()] for row in sorted(wanted, key=key)]


def test_the_sheet_has_records_of_everybody_and_of_nobody():
    whose = [r.get("whose", {}) for records in ANSWERS["records"].values() for r in records]
    assert {} in whose
    assert set().union(*whose) == set(ANSWERS["people"]) - set(ANSWERS["same"])


def test_its_policy_is_its_own():
    policy = load(HOME).policy
    assert (policy.prefix, policy.language, policy.zone) == ("VEL", "en", "Europe/Brussels")


def test_every_table_and_column_is_claimed_or_excused(source):
    system = load(HOME).systems["velo"]
    assert unclaimed(system, source.inventory(), HOME) == []
    # Without its SELECTs, the column that is read under another name is not known to be claimed.
    assert [f.name for f in unclaimed(system, source.inventory())] == ["riders.name"]


def test_its_doctor_finds_nothing(source):
    assert list(source.check()) == []


def test_its_home_holds_no_code():
    assert {p.suffix for p in HOME.rglob("*") if p.is_file()} == {".yaml", ".sql"}
    assert Path(HOME / "sql" / "velo").is_dir()
