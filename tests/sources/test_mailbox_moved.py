"""Messages that staff move between folders while an export reads one after another: none is lost without a word."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from privacy.errors import RetryLater
from privacy.sources.base import Due, Moving, Selection, Tally
from privacy.sources.mailbox_folder import MaildirFolder
from privacy.sources.mailbox_moved import SIZE
from sources.mailbox_kit import ANNA, BRAM, Archive, mail, of

SINCE = datetime(2026, 6, 1, tzinfo=UTC)
"""When the folders were listed."""
LATER = "2026-06-01T10:00:00"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mail")


class Reading:
    """A reading of all folders, broken off after some of them for what staff do."""

    def __init__(self, archive: Archive, whose: str = ANNA) -> None:
        self.source, self.selection, self.tally = archive.source(), Selection("correspondence", of(whose)), Tally()
        self.left = self.source.partitions(self.selection)
        self.found: list[str] = []

    def read(self, *names: str) -> None:
        for partition in [p for p in self.left if not names or p.name in names]:
            self.left.remove(partition)
            for batch in self.source.read(self.selection, partition, self.tally):
                self.found += [row["message"] for row in batch.to_pylist()]

    def missed(self) -> int:
        return self.source.missed(self.selection, bytes(self.tally.seen), SINCE)


def move(archive: Archive, name: str, to: str, new: str | None = None) -> None:
    """As Dovecot does: the file gets a new name of today, and keeps its time."""
    (file,) = (path for path in archive.files() if path.name.startswith(name))
    file.rename(
        archive.folder(to) / "cur" / f"{new or f'{int((SINCE + timedelta(hours=1)).timestamp())}.M1P2.mx1'}:2,S"
    )


def test_a_message_moved_from_a_folder_still_to_be_read_into_one_that_was_read_is_missed(archive: Archive):
    name = archive.put(mail(to=ANNA), "Verzonden")
    reading = Reading(archive)
    reading.read("INBOX", "Klanten")
    move(archive, name, "INBOX")
    reading.read()
    assert (reading.found, reading.missed()) == ([], 1)


def test_a_message_moved_under_its_own_name_is_missed_too(archive: Archive):
    """By hand, and by servers that keep names."""
    name = archive.put(mail(to=ANNA), "Verzonden")
    reading = Reading(archive)
    reading.read("INBOX")
    move(archive, name, "INBOX", name)
    reading.read()
    assert reading.missed() == 1


def test_a_name_that_was_seen_in_another_folder_is_another_message(archive: Archive):
    name = archive.put(mail(to=ANNA), "Verzonden")
    archive.put(mail(to=BRAM), "Klanten", name=f"{name},S=1")
    reading = Reading(archive)
    reading.read("INBOX", "Klanten")
    (file,) = (archive.root / ".Verzonden/cur").iterdir()
    file.rename(archive.root / "cur" / file.name)
    reading.read()
    assert reading.missed() == 1


@pytest.mark.parametrize("folder", ["Klanten.Nieuw", "Klanten.Anna"])
def test_a_message_moved_into_a_folder_that_is_new_is_missed(archive: Archive, folder: str):
    name = archive.put(mail(to=ANNA), "Verzonden")
    reading = Reading(archive)
    reading.read("INBOX")
    move(archive, name, folder)
    reading.read()
    assert reading.missed() == 1


def test_a_message_moved_away_and_back_between_the_readings_is_missed(archive: Archive):
    name = archive.put(mail(to=ANNA), "Verzonden")
    reading = Reading(archive)
    reading.read("INBOX")
    move(archive, name, "INBOX", name)
    reading.read("Verzonden")
    move(archive, name, "Verzonden", name)
    assert reading.missed() == 1


def test_what_is_moved_before_its_new_folder_is_read_is_read_there(archive: Archive):
    name = archive.put(mail(to=ANNA))
    reading = Reading(archive)
    move(archive, name, "Verzonden", name)
    reading.read()
    assert (reading.found, reading.missed()) == ([name], 0)


def test_flags_new_mail_and_removals_are_no_alarm(archive: Archive):
    seen, gone = archive.put(mail(to=ANNA), sub="new"), archive.put(mail(to=ANNA))
    reading = Reading(archive)
    reading.read("INBOX")
    move(archive, seen, "INBOX", seen)
    next(path for path in archive.files() if path.name.startswith(gone)).unlink()
    archive.put(mail(to=ANNA), at=LATER)
    archive.put(mail(to=ANNA), "Klanten.Nieuw", at=LATER, name="x")
    reading.read()
    assert (sorted(reading.found), reading.missed()) == (sorted([seen, gone]), 0)


def test_a_message_of_others_that_is_moved_stops_nobodys_export(archive: Archive):
    name = archive.put(mail(to=BRAM), "Verzonden")
    reading, without = Reading(archive), Reading(archive, "nobody@nowhere.example")
    for one in (reading, without):
        one.read("INBOX")
    move(archive, name, "INBOX")
    for one in (reading, without):
        one.read()
        assert one.missed() == 0


def test_one_that_only_mentions_the_subject_is_missed_too(archive: Archive):
    """It would have been counted as withheld."""
    name = archive.put(mail(f"Bel {ANNA}", to=BRAM), "Verzonden")
    reading = Reading(archive)
    reading.read("INBOX")
    move(archive, name, "INBOX")
    reading.read()
    assert reading.missed() == 1


def test_one_that_is_moved_again_while_it_is_looked_at_is_tried_again(archive: Archive, monkeypatch):
    archive.put(mail(to=ANNA))
    reading = Reading(archive)
    listed = MaildirFolder.messages

    def gone(folder: MaildirFolder):
        found = listed(folder)
        for file in archive.files():
            file.unlink()
        return found

    monkeypatch.setattr(MaildirFolder, "messages", gone)
    with pytest.raises(RetryLater, match=r"mailbox\.moved"):
        reading.missed()


def test_what_is_noted_is_a_digest_a_message_and_nothing_is_missed_of_what_is_due(archive: Archive):
    for _ in range(3):
        archive.put(mail(to=BRAM))
    reading = Reading(archive)
    reading.read()
    assert len(reading.tally.seen) == 3 * SIZE
    assert os.fsencode("mx1") not in bytes(reading.tally.seen)
    assert isinstance(reading.source, Moving)
    assert reading.source.missed(Selection("correspondence", Due(SINCE)), b"", SINCE) == 0
