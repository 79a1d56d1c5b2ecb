"""The standard suite over the demo shop: every dataset of its data map, with nothing written for any of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from conftest_demo import urls_of
from privacy.testing import CHECKS, Stores, dataset_suite

HOME = Path(__file__).parents[2] / "include"


@pytest.fixture(scope="module")
def demo_stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    from demo import make

    folder = tmp_path_factory.mktemp("demo")
    make(folder, seed=3, size="tiny")
    thin(folder / "weblogs")
    thin_days(folder)
    return Stores(HOME, urls_of(folder))


def thin(logs: Path) -> None:
    """Of thirteen months of logs the days on which somebody of the examples was there, and the last three."""
    there = (b" - 1001 [", b" - 1002 [", b"did-anna-telefoon")
    for file in sorted(logs.rglob("*.gz"))[:-3]:
        content = gzip.decompress(file.read_bytes())
        if not any(word in content for word in there):
            file.unlink()


def thin_days(shop: Path) -> None:
    """Of the statistics the last day, and of each kind two days of 1001's and 1002's, by the answer sheet."""
    subjects = {s["subject"]: s for s in json.loads((shop / "answers.json").read_bytes())["subjects"]}
    for kind, dataset in (("ga4", "analytics.ga4_events"), ("clicks", "analytics.clicks")):
        files = {f"{kind}/{path.name}": path for path in (shop / "analytics" / kind).iterdir()}
        kept = {max(files)}
        for subject in ("1001", "1002"):
            kept.update(sorted({key[0] for key in subjects[subject]["records"][dataset]})[-3:-1])
        for name in files.keys() - kept:
            files[name].unlink()


test_dataset = dataset_suite(HOME, "demo_stores")


def test_the_suite_has_every_check_for_every_dataset():
    """Edge case 28: a suite that tries nothing must not look like one that passed."""
    (parameters,) = [m.args[1] for m in test_dataset.pytestmark if m.name == "parametrize"]
    datasets = {p.values[0].full for p in parameters}
    assert len(parameters) == len(datasets) * len(CHECKS)
    assert {"shop.orders", "weblogs.access"} <= datasets
