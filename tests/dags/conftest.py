"""The Airflow of these tests, which ends with the last of them."""

from __future__ import annotations

import pytest

from conftest_airflow import Kept, Live

_KEPT = Kept()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return _KEPT.get(tmp_path_factory)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or nextitem.path.parent != item.path.parent:
        _KEPT.stop()


def pytest_sessionfinish() -> None:
    _KEPT.stop()
