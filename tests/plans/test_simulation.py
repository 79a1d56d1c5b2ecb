"""Two years of the demo shop under a moving clock; what must hold all the time, see :mod:`conftest_years`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest_simulation import Shop
from conftest_years import SHORT, simulate


@pytest.mark.parametrize("seed", [1])
def test_two_years_under_a_moving_clock(tmp_path: Path, pytestconfig: pytest.Config, seed: int) -> None:
    """Edge cases 1, 2, 3, 4, 6, 7, 10, 13, 14, 15, 16, 18 and 33, over and over."""
    full = bool(pytestconfig.getoption("cov_source", None)) or os.environ.get("PRIVACY_SIMULATION") == "full"
    done = simulate(Shop(tmp_path, seed, rows=7), seed, None if full else SHORT).done
    assert done.total() - done["died"] > (500 if full else 60)
