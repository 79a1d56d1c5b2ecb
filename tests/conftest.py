"""What holds for every test: what is left to ``make check``, and that no example of Hypothesis is timed."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A machine that is busy is no fault of the code. Where CI is set, Hypothesis' own profile says so, and takes the same
# examples each time.
settings.register_profile("untimed", deadline=None)
if not os.environ.get("CI"):
    settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``check`` run where coverage is measured: `make check`, and CI."""
    if config.getoption("cov_source", None):
        return
    for item in items:
        if mark := item.get_closest_marker("check"):
            item.add_marker(pytest.mark.skip(reason=f"left to `make check`: {mark.args[0]}"))
