"""The main claim on real servers: everybody in the shop gets exactly the records of the answer sheet."""

from __future__ import annotations

import pytest

from conftest_answers import everything, house_of
from services.conftest import SEED


@pytest.mark.timeout(300)
def test_everybody_gets_exactly_the_records_of_the_answer_sheet(on_server, tmp_path):
    """Edge cases 12, 19, 20, 27: with an account that may only read."""
    house = house_of(on_server.made, tmp_path / "state", on_server.urls)
    everything(house, on_server.made, SEED, "shop", "recruiting")
