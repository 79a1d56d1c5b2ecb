"""Restore replay: whoever was erased and comes back with a backup is erased again, and nobody else is."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from conftest_erasing import NOW, Erasing
from demo import make
from privacy.clock import FixedClock
from privacy.errors import Refused, Tampered
from privacy.holds import HoldKind
from privacy.rights import replaying
from privacy.rights.markers import Markers
from privacy.sources.base import Subject

WHO = "1001"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make(folder, seed=1, size="tiny")
    return folder


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Path:
    """A shop in which one customer was erased."""
    shop = Erasing(tmp_path_factory.mktemp("once") / "one", made)
    shop.erase(shop.request(WHO))
    return shop.folder


@pytest.fixture
def shop(tmp_path: Path, once: Path) -> Erasing:
    shutil.copytree(once, tmp_path / "one", symlinks=True)
    found = Erasing(tmp_path / "one")
    found.clock = FixedClock(NOW + timedelta(days=1))
    return found


def replay(shop: Erasing, run: str = "replay-1", **more) -> replaying.Replay:
    return replaying.replay(shop.house, run, actor="schedule", code_version="1", **more)


def restore(shop: Erasing, made: Path, *names: str) -> None:
    for name in names:
        source, target = made / name, shop.shop / name
        if source.is_dir():
            shutil.rmtree(target)
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)


def test_nothing_is_done_where_nobody_came_back(shop: Erasing) -> None:
    before = shop.everything()
    found = replay(shop)
    assert (found.people, found.records, found.done) == (0, 0, True)
    assert found.looked > 0
    assert shop.everything() == before
    again = replay(shop, "replay-2")
    assert again.skipped > 0
    assert again.looked < found.looked


def test_whoever_comes_back_with_a_backup_is_erased_again_and_nobody_else(shop: Erasing, made: Path) -> None:
    """Edge case 23."""
    erased = shop.everything()
    restore(shop, made, "shop.db", "mail", "analytics", "weblogs", "recruiting.db", "dossiers", "helpdesk")
    assert shop.everything() != erased
    found = replay(shop)
    assert found.done
    assert found.records > 0
    assert shop.everything() == erased
    assert replay(shop, "replay-2").records == 0
