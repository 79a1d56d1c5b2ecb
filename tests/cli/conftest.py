from __future__ import annotations

import pytest

from conftest_cli import Salon


@pytest.fixture
def salon(tmp_path, monkeypatch):
    made = Salon(tmp_path, monkeypatch)
    made.good("init")
    return made
