"""``index_logfiles`` and ``privacy logs index``: what they do, and that an export with the index is the one without."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest_runs import CANARIES, Ferry
from privacy.datamap.pools import places
from privacy.errors import GiveUp
from privacy.orchestration import index_steps, steps
from privacy.orchestration.runs import Run

OLD = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
SHOP = "quays.access"


@pytest.fixture
def ferry(tmp_path: Path) -> Ferry:
    """All its logs are closed, and some more of nobody's."""
    made = Ferry(tmp_path)
    for number, path in enumerate(sorted(p for p in (tmp_path / "quays").rglob("*") if p.is_file())):
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
        path.unlink()
        _put(path.with_name(f"access.log.{number + 1}.gz"), content)
    return made


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))
    os.utime(path, (OLD, OLD))


def test_the_steps_index_what_waits_and_then_nothing_waits(ferry: Ferry) -> None:
    units = index_steps.waiting(ferry.house)
    assert {unit["dataset"] for unit in units} == set(index_steps.datasets(ferry.house))
    made = [index_steps.index(ferry.house, unit["dataset"], unit["keys"]) for unit in units]
    assert sum(found.made for found in made) == sum(len(unit["keys"]) for unit in units) > 0
    assert index_steps.waiting(ferry.house) == []
    said = json.dumps(units) + "".join(index_steps.line(SHOP, found) for found in made)
    assert not [canary for canary in CANARIES if canary in said], "what Airflow keeps names nobody"


def test_a_year_of_logs_is_spread_over_tasks_by_bytes(ferry: Ferry) -> None:
    folder = next(p for p in (ferry.folder / "quays").rglob("*.gz")).parent
    for number in range(20, 26):
        _put(folder / f"access.log.{number}.gz", os.urandom(3000))
    house = ferry.house
    house.settings = house.settings.model_copy(update={"part_bytes": 7000})
    units = index_steps.waiting(house)
    assert len(units) >= 3
    assert units[0]["name"] == f"{SHOP} 1/{len(units)}"
    keys = [key for unit in units for key in unit["keys"]]
    assert len(keys) == len(set(keys)) == len(list(folder.glob("*.gz")))


def test_an_export_with_the_index_lists_fewer_files_and_reads_the_same(ferry: Ferry) -> None:
    folder = next(p for p in (ferry.folder / "quays").rglob("*.gz")).parent
    _put(folder / "access.log.30.gz", b"nothing of anybody\n" * 3)
    number = ferry.request()
    found = []
    for indexed in (False, True):
        if indexed:
            index_steps.index(ferry.house, SHOP)
        run = Run(f"run-{indexed}", number, "operator")
        steps.open_request(ferry.house, run)
        steps.resolve_identity(ferry.house, run)
        units = [unit for unit in steps.list_parts(ferry.house, run) if unit["dataset"] == SHOP]
        parts = [steps.extract(ferry.house, run, unit) for unit in units]
        found.append((sum(len(u["partitions"]) for u in units), _counts(parts)))
    assert found[1][0] < found[0][0]
    assert found[1][1] == found[0][1]
    assert found[1][1]["records"] == 4


def _counts(parts: list[dict[str, Any]]) -> dict[str, int]:
    """What the parts come to; there are fewer of them, for fewer files."""
    return {
        name: sum(part[name] for part in parts)
        for name, value in parts[0].items()
        if type(value) is int and name != "no"
    }


def test_what_is_said_of_a_dataset_that_is_no_more_in_the_data_map_goes(ferry: Ferry) -> None:
    """LOG-12M."""
    index_steps.index(ferry.house, SHOP)
    ids = ferry.house.settings.index / "ids"
    (ids / "quays.gone").mkdir()
    (ids / "quays.gone" / "x").write_bytes(b"x")
    (ferry.house.settings.index / "other.gone").mkdir()
    assert index_steps.tidy(ferry.house) == 2
    assert [p.name for p in ids.iterdir()] == [SHOP]


def test_a_log_that_cannot_be_read_is_red_after_the_others_were_done(ferry: Ferry) -> None:
    """Edge case 8."""
    folder = next(p for p in (ferry.folder / "quays").rglob("*.gz")).parent
    broken = folder / "access.log.0.gz"
    _put(broken, b"x" * 1000)
    broken.write_bytes(broken.read_bytes()[:-9])
    os.utime(broken, (OLD, OLD))
    found = index_steps.index(ferry.house, SHOP)
    assert (found.failed, found.made) == (1, found.logs - 1)
    with pytest.raises(GiveUp, match=r"index\.unreadable.*1 weblogs\.truncated"):
        index_steps.whole(found, SHOP)


def test_a_task_runs_in_the_pool_of_the_store_whose_logs_it_reads(ferry: Ferry) -> None:
    assert places(ferry.house.datamap)["index_logfiles", SHOP] == "privacy_quays"
