"""The main claim on real servers: everybody in the shop gets exactly the records of the answer sheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest_answers import everything, house_of
from conftest_demo import HOME, Made
from privacy.datamap.load import load
from services.conftest import Server
from services.copying import copied

SEED = 2


class Shop:
    """A made shop whose two databases stand on a server."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.made, self.server = Made(folder, seed=SEED), server
        for name in ("shop", "recruiting"):
            copied(folder / f"{name}.db", load(HOME).systems[name], server.create(name))

    @property
    def urls(self) -> Mapping[str, str]:
        """For the account that may only read."""
        return {name: self.server.reader(name) for name in ("shop", "recruiting")}


@pytest.fixture(scope="module")
def on_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("demo") / "shop", server)


@pytest.mark.timeout(300)
def test_everybody_gets_exactly_the_records_of_the_answer_sheet(on_server, tmp_path):
    """Edge cases 12, 19, 20, 27: with an account that may only read."""
    house = house_of(on_server.made, tmp_path / "state", on_server.urls)
    everything(house, on_server.made, SEED, "shop", "recruiting")
