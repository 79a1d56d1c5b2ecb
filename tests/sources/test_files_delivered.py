"""A processor's delivery: whole by its own list, or nothing."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import privacy.sources.files_delivered as module
from privacy.errors import RetryLater, Unreadable
from privacy.sources.files_delivered import MOST, lines_of
from sources.files_kit import NUMBERS, Cabinet, deliver, deliveries, of, put

FILES = {"betalingen.csv": b"bedrag\n12,50\n", "map/Wilhelmina Kanarievogel.pdf": b"%PDF-1.7"}
NUMBER = NUMBERS[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The request's folder in the drop folder."""
    deliver(tmp_path, NUMBER, FILES)
    return tmp_path / "betaalpoort" / NUMBER


def look(folder: Path, **changes: str):
    cabinet = Cabinet(folder.parents[1], deliveries)
    cabinet.raw["datasets"]["betaalpoort"].update(changes)
    return cabinet.source().delivered("betaalpoort", folder.name)


def test_a_delivery_of_exactly_what_its_list_says_is_whole(folder: Path) -> None:
    assert look(folder).whole
    put(folder.parents[1], f"betaalpoort/{NUMBERS[1]}/other.csv")  # Another request's, and a stray, are no part of it.
    put(folder.parents[1], "betaalpoort/oops.txt")
    assert look(folder).whole
    assert not look(folder.parent / NUMBERS[1]).listed


def test_an_empty_list_says_that_the_processor_holds_nothing(folder: Path) -> None:
    deliver(folder.parents[1], NUMBERS[1], {})
    assert look(folder.parent / NUMBERS[1]).whole


def missing(folder: Path) -> None:
    (folder / "betalingen.csv").unlink()


def altered(folder: Path) -> None:
    (folder / "betalingen.csv").write_bytes(b"bedrag\n12,51\n")


def unlisted(folder: Path) -> None:
    (folder / "map/more.csv").write_bytes(b"x")


def no_list(folder: Path) -> None:
    (folder / "DELIVERED").write_bytes(b"\x89PNG")


def half_a_line(folder: Path) -> None:
    (folder / "DELIVERED").write_bytes((folder / "DELIVERED").read_bytes()[:50])


def half_a_list(folder: Path) -> None:
    lines = (folder / "DELIVERED").read_bytes().splitlines(keepends=True)
    (folder / "DELIVERED").write_bytes(lines[0])


def a_list_that_is_still_empty(folder: Path) -> None:
    (folder / "DELIVERED").write_bytes(b"")


def a_link(folder: Path) -> None:
    (folder / "betalingen.csv").rename(folder.parent / "elsewhere")
    (folder / "betalingen.csv").symlink_to(folder.parent / "elsewhere")


def a_linked_list(folder: Path) -> None:
    (folder / "DELIVERED").rename(folder.parent / "elsewhere")
    (folder / "DELIVERED").symlink_to(folder.parent / "elsewhere")


def a_list_of_elsewhere(folder: Path) -> None:
    (folder.parent / "secret").write_bytes(b"s")
    (folder / "DELIVERED").write_text(f"{hashlib.sha256(b's').hexdigest()}  ../secret\n")


def two_digests(folder: Path) -> None:
    with (folder / "DELIVERED").open("a") as file:
        file.write("0" * 64 + "  betalingen.csv\n")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (missing, "missing"), (altered, "altered"), (unlisted, "unlisted"), (no_list, "list"), (half_a_line, "list"),
        (half_a_list, "unlisted"), (a_list_that_is_still_empty, "unlisted"), (a_link, "not_a_file"),
        (a_linked_list, "not_a_file"), (a_list_of_elsewhere, "list"), (two_digests, "list"),
    ],
)  # fmt: skip
def test_whatever_is_not_as_the_list_says_is_not_whole(folder: Path, damage, fault: str) -> None:
    """Edge cases 9 and 28: half a delivery must not look like one."""
    damage(folder)
    found = look(folder)
    assert (found.listed, found.whole, found.fault) == (True, False, f"delivery.{fault}")


def test_a_file_that_would_be_no_record_makes_a_delivery_incomplete(folder: Path) -> None:
    """It would be listed, and not given."""
    assert look(folder, names=r"(?P<request>[A-Z0-9-]+)/(?P<name>[^/]+)").fault == "delivery.name"


def test_without_its_list_nothing_has_been_delivered(folder: Path) -> None:
    (folder / "DELIVERED").unlink()
    assert (look(folder).listed, look(folder).whole, look(folder).fault) == (False, False, "")


@pytest.mark.parametrize("up", [0, 1])
def test_a_link_in_the_place_of_a_folder_is_not_taken_for_an_empty_one(folder: Path, up: int) -> None:
    """Edge case 9: the request's folder, or the processor's."""
    place = [folder, folder.parent][up]
    place.rename(folder.parents[1] / "elsewhere")
    place.symlink_to(folder.parents[1] / "elsewhere")
    with pytest.raises(Unreadable) as caught:
        look(folder)
    assert caught.value.code == "storage.link"
    cabinet = Cabinet(folder.parents[1], deliveries)
    with pytest.raises(Unreadable):
        cabinet.read("betaalpoort", of(NUMBER, "request"))
    if not up:
        assert cabinet.read("betaalpoort", of(NUMBERS[1], "request")) == []


def test_anything_that_changes_is_told_by_the_stamp(folder: Path) -> None:
    """Edge case 14: also a file of the same size and time, for its list is another then."""
    seen = {look(folder).stamp}
    put(folder.parents[1], "betaalpoort/oops.txt")
    assert look(folder).stamp in seen
    for change in (
        lambda: deliver(folder.parents[1], NUMBER, {**FILES, "betalingen.csv": b"bedrag\n99,50\n"}),
        lambda: unlisted(folder),
        lambda: missing(folder),
        lambda: (folder / "DELIVERED").unlink(),
    ):
        change()
        assert look(folder).stamp not in seen
        seen.add(look(folder).stamp)


def test_a_delivery_that_is_changed_while_it_is_looked_at_is_looked_at_later(folder: Path, monkeypatch) -> None:
    real = module.content_of

    def late(file, *, whole):
        unlisted(folder)
        return real(file, whole=whole)

    monkeypatch.setattr(module, "content_of", late)
    with pytest.raises(RetryLater) as caught:
        look(folder)
    assert (caught.value.code, caught.value.where) == ("files.changed", "deliveries.betaalpoort")


def test_sha256sum_itself_writes_the_list(folder: Path) -> None:
    """With the names that it escapes, and its own list among them the second time."""
    for name in ("b\nc", "d\\e", "-f", "caf\u00e9 x"):
        (folder / name).write_bytes(name.encode())
    for _ in range(2):
        names = [f"./{path.relative_to(folder)}" for path in sorted(folder.rglob("*")) if path.is_file()]
        listed = subprocess.run(["sha256sum", *names], cwd=folder, capture_output=True, check=True).stdout
        (folder / "DELIVERED").write_bytes(listed)
        assert look(folder).whole
    (folder / "DELIVERED").write_bytes(b"\xef\xbb\xbf" + listed.replace(b"\n", b"\r\n").replace(b"  ./", b" *"))
    assert look(folder).whole


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=30).map(lambda b: b"a" * 64 + b"  " + b))
def test_whatever_stands_in_a_list_it_names_files_below_its_folder_or_is_none(content: bytes) -> None:
    for name in lines_of(content) or ():
        assert not {"", ".", ".."} & set(name.split("/"))
    assert lines_of(b"\n" * (MOST + 1)) is None
