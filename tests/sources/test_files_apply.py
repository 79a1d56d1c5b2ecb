"""Removing files: these and no others, gone from disk, never what is held, and no name in any outcome or error."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.errors import PrivacyError, Refused, RetryLater
from privacy.sources.base import Delete, Due, Kept, Of, Redaction, Set, Status
from privacy.storage import FolderStore
from sources.files_kit import Cabinet, of

NAME = "CV-Anna-de-Vries.pdf"
KEY = f"applications/71001/{NAME}"
FOREVER = Due(datetime(9999, 1, 1, tzinfo=UTC))


@pytest.fixture
def cabinet(tmp_path: Path) -> Cabinet:
    made = Cabinet(tmp_path / "dossiers")
    made.put(KEY, b"12345")
    made.put(f"applications/71002/{NAME}")
    return made


def left(cabinet: Cabinet) -> list[str]:
    return sorted(str(p.relative_to(cabinet.root)) for p in cabinet.root.rglob("*") if p.is_symlink() or not p.is_dir())


def statuses(outcomes) -> list[tuple[Status, str]]:
    return [(o.status, o.reason) for o in outcomes]


def test_a_files_item_is_the_file_and_its_removal_reaches_the_disk(cabinet: Cabinet, monkeypatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    step = cabinet.step("applications", of(71001), Delete())
    (item,) = step.items
    assert (item.key, item.records, item.bytes, item.whole) == ((KEY,), 1, 5, True)
    assert item.oldest == datetime(2026, 11, 2, 8, 15, tzinfo=UTC)
    (outcome,) = cabinet.apply(step)
    assert (outcome.status, outcome.records, outcome.bytes) == (Status.DONE, 1, 5)
    assert left(cabinet) == [f"applications/71002/{NAME}"]
    assert len(synced) == 1
    assert statuses(cabinet.apply(step)) == [(Status.GONE, "")]


def rewritten(path: Path) -> None:
    path.write_bytes(b"67890")


def touched(path: Path) -> None:
    os.utime(path, (0, 0))


def replaced(path: Path) -> None:
    other = path.with_suffix(".tmp")
    other.write_bytes(b"12345")
    os.utime(other, (path.stat().st_atime, path.stat().st_mtime))
    other.replace(path)


def linked(path: Path) -> None:
    path.rename(path.parent.parent / "moved")
    path.symlink_to(path.parent.parent / "moved")


@pytest.mark.parametrize("change", [rewritten, touched, replaced, linked])
def test_what_changed_since_it_was_planned_stays_and_is_told(cabinet: Cabinet, change) -> None:
    """Edge cases 9 and 14: also a file with the same size and time, and a link swapped in for it."""
    step = cabinet.step("applications", of(71001), Delete())
    change(cabinet.root / KEY)
    before = left(cabinet)
    assert statuses(cabinet.apply(step)) == [(Status.CHANGED, "version")]
    assert left(cabinet) == before


def test_a_file_with_another_name_elsewhere_is_not_reported_as_gone(cabinet: Cabinet, tmp_path: Path) -> None:
    """Edge case 9: a hard link would keep the content."""
    os.link(cabinet.root / KEY, tmp_path / "elsewhere")
    step = cabinet.step("applications", of(71001), Delete())
    assert statuses(cabinet.apply(step)) == [(Status.FAILED, "storage.hard_link")]
    assert (cabinet.root / KEY).exists()


def test_what_is_held_stays_also_where_it_only_may_be_theirs(cabinet: Cabinet) -> None:
    """Edge case 15."""
    mine = cabinet.step("applications", of(71001), Delete())
    elsewhere = Kept((), "letters", whole=True)
    for spare in (
        of(71001),
        of(71001, contested=True),
        Kept(of(71001).subjects, "applications"),
        Kept((), "applications", keys=frozenset({(KEY,)})),
        Kept((), "applications", whole=True),
    ):
        assert statuses(cabinet.apply(mine, spare=[elsewhere, spare])) == [(Status.HELD, "hold")]
    others = [of(71002), elsewhere, Kept(of(71001).subjects, "letters"), Of(())]
    assert statuses(cabinet.apply(mine, spare=others)) == [(Status.DONE, "")]


def test_what_is_no_longer_selected_is_left_alone(cabinet: Cabinet) -> None:
    theirs = cabinet.step("applications", of(71002), Delete())
    step = type(theirs)(cabinet.step("applications", of(71001), Delete()).selection, Delete(), theirs.items)
    assert statuses(cabinet.apply(step)) == [(Status.GONE, "not_selected")]
    due = cabinet.step("applications", FOREVER, Delete())
    early = type(due)(type(due.selection)("applications", Due(datetime(2020, 1, 1, tzinfo=UTC))), Delete(), due.items)
    assert statuses(cabinet.apply(early)) == [(Status.GONE, "not_selected")] * 2
    assert len(left(cabinet)) == 2


def test_nothing_can_be_set_in_a_file_and_then_nothing_of_the_unit_is_done(cabinet: Cabinet) -> None:
    delete = cabinet.step("applications", of(71002), Delete())
    setting = cabinet.step("applications", of(71001), Set({"name": Redaction.NULL}))
    with pytest.raises(Refused) as caught:
        cabinet.apply(delete, setting)
    assert (caught.value.code, caught.value.where) == ("files.cannot_set", "dossiers.applications")
    assert len(left(cabinet)) == 2


def test_a_purge_goes_on_beside_what_is_no_record_and_leaves_that(cabinet: Cabinet) -> None:
    cabinet.put(f"applications/{NAME}")
    (cabinet.root / "applications/71003").symlink_to(cabinet.root)
    step = cabinet.step("applications", FOREVER, Delete())
    assert statuses(cabinet.apply(step)) == [(Status.DONE, "")] * 2
    assert left(cabinet) == sorted(["applications/71003", f"applications/{NAME}"])


def test_a_name_that_is_no_text_is_removed_by_its_own_bytes(cabinet: Cabinet) -> None:
    """Edge case 9: not the file that is called as the other looks in text."""
    cabinet.put(b"applications/5/a\xff")
    cabinet.put("applications/5/a\\xfe")
    assert statuses(cabinet.apply(cabinet.step("applications", of(5), Delete()))) == [(Status.DONE, "")] * 2
    assert len(left(cabinet)) == 2


@pytest.mark.parametrize("key", ["../secret", "applications/../../secret", "letters/1/2026-01-01-x", "/etc/hostname"])
def test_an_items_key_reaches_nothing_beyond_the_dataset(cabinet: Cabinet, key: str) -> None:
    """Edge case 9: a plan that somebody wrote by hand."""
    (cabinet.root.parent / "secret").write_bytes(b"s")
    cabinet.put("letters/1/2026-01-01-x")
    step = cabinet.step("applications", of(71001), Delete())
    step = replace(step, items=(step.items[0]._replace(key=(key,)),))
    assert statuses(cabinet.apply(step)) == [(Status.FAILED, "files.not_a_record")]
    assert (cabinet.root.parent / "secret").exists()
    assert (cabinet.root / "letters/1/2026-01-01-x").exists()


@pytest.mark.parametrize("problem", [RetryLater, Refused])
def test_an_error_of_the_store_names_no_file(tmp_path: Path, problem: type[PrivacyError]) -> None:
    """Edge case 34, of a store: its errors name keys, and a key is a person's name here."""

    class Failing(FolderStore):
        def delete_all(self, entries):
            return [problem("storage.full", "The disk is full.", where=entry.key) for entry in entries]

    cabinet = Cabinet(tmp_path / "d", files=Failing(tmp_path / "d"))
    cabinet.put(KEY)
    step = cabinet.step("applications", of(71001), Delete())
    if problem is Refused:
        assert statuses(cabinet.apply(step)) == [(Status.FAILED, "storage.full")]
        return
    with pytest.raises(RetryLater) as caught:
        cabinet.apply(step)
    said = str(caught.value) + repr(caught.value.args) + repr(pickle.dumps(caught.value))
    assert "Anna" not in said
    assert "71001" not in said
    assert caught.value.where.startswith("dossiers.applications: file ")
