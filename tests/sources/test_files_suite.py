"""The standard suite over a company's files: every dataset of its data map, with nothing written for any of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.datamap.load import load
from privacy.testing import CHECKS, Stores, examples_of
from sources.files_kit import NUMBERS, deliver, home, put

DATASETS = (
    "dossiers.applications",
    "dossiers.letters",
    "dossiers.cards",
    "camera.thumbnails",
    "deliveries.betaalpoort",
)


def fill(folder: Path) -> None:
    for number in (71001, 71002, 71003):
        for name in ("CV-Anna-de-Vries.pdf", "motivatie.txt"):
            put(folder, f"dossiers/applications/{number}/{name}", b"%PDF-1.7\n%\xe2\xe3", datetime(2026, 3, 5, number % 9, tzinfo=UTC))  # fmt: skip
        put(folder, f"dossiers/letters/{5430000 + number}/2026-03-04-brief.txt", b"Beste,")
        put(folder, f"dossiers/letters/{5430000 + number}/2025-03-04-brief.txt", b"Beste,")
    put(folder, b"dossiers/applications/71001/CV \xff\n\x1b[1m.pdf", b"x")
    for name in (
        "anna@werk.example/card",
        "Anna@werk.example/klaas.card",
        "bert@werk.example/card",
        "x@werk.example/card",
    ):
        put(folder, f"dossiers/cards/{name}")
    for hour in (1, 2, 3):
        put(folder, f"camera/thumbnails/deur-1/20261120T08150{hour}Z.jpg", b"\xff\xd8\xff\xe0")
    for number in NUMBERS:
        deliver(folder / "deliveries", number, {"betalingen.csv": b"a,b\n", "map/brief.txt": b"x"})
    put(folder, "deliveries/betaalpoort/oops.txt")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("werkplaats")
    fill(folder)
    urls = {name: (folder / name).as_uri() for name in ("dossiers", "camera", "deliveries")}
    return Stores(home(folder / "home"), urls)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("full", DATASETS)
def test_dataset(stores: Stores, full: str, check) -> None:
    """Edge case 22, and all that the suite names."""
    ref = stores.datamap[full]
    check(stores, ref, examples_of(stores.datamap, ref))


def test_every_dataset_of_the_company_is_tried(stores: Stores) -> None:
    """Edge case 28."""
    assert {ref.full for ref in load(stores.datamap.home)} == set(DATASETS)
    assert stores.damages(stores.datamap["dossiers.applications"]) == ["!links", "!gone", "!name"]
