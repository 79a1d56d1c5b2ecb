"""What a dataset may say of recordings that a processor holds (CAM-48H, CAM-SHARE)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest_demo import HOME
from privacy.datamap.load import load
from privacy.errors import BadConfiguration

CLIPS = "footage: {holder: nachtwaker, camera: camera, begins: starts_at, ends: ends_at, lists: camera.company_lists"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(HOME, tmp_path / "home")
    return tmp_path / "home"


def test_the_shop_s_own_says_who_holds_its_footage_and_when_their_lists_come() -> None:
    footage = load(HOME)["camera.clips"].dataset.footage
    assert footage is not None
    assert (footage.holder, footage.lists, footage.hours) == ("nachtwaker", "camera.company_lists", 25)
    assert load(HOME).policy.processors["nachtwaker"].contact == "meldkamer@nachtwaker.example"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("holder: nachtwaker", "holder: nachtwakr", "no processor 'nachtwakr'; did you mean 'nachtwaker'?"),
        ("camera: camera", "camera: camra", "footage.camera: there is no column 'camra'; did you mean 'camera'?"),
        ("begins: starts_at", "begins: camera", "footage.begins: column 'camera' has another type"),
        ("lists: camera.company_lists", "lists: camera.lists", "there is no dataset 'camera.lists'; did you mean"),
        ("ends: ends_at", "end: ends_at", "did you mean 'ends'?"),
    ],
)
def test_a_mistake_in_it_says_what_to_write(home: Path, old: str, new: str, said: str) -> None:
    """Edge case 25."""
    file = home / "datamap/camera.yaml"
    text = file.read_text()
    assert CLIPS in text
    file.write_text(text.replace(CLIPS, CLIPS.replace(old, new, 1)))
    with pytest.raises(BadConfiguration) as error:
        load(home)
    assert "datasets.clips" in str(error.value)
    assert said in str(error.value)


def test_footage_under_a_promise_without_a_limit_is_refused(home: Path) -> None:
    file = home / "datamap/camera.yaml"
    text = file.read_text()
    at = text.index("  clips:")
    file.write_text(text[:at] + text[at:].replace("promise: CAM-48H", "promise: INV-STAT", 1))
    with pytest.raises(BadConfiguration, match="nobody knows when footage is wiped"):
        load(home)
