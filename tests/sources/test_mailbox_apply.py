"""Removing messages, and what the doctor says of a mailbox."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from privacy.errors import Refused
from privacy.sources.base import Delete, Due, Kept, Redaction, Set, Status
from sources.mailbox_kit import ANNA, BRAM, Archive, dataset, mail, moment, of

NEVER = Due(moment("2099-01-01"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mail")


def statuses(outcomes: list) -> list[tuple[Status, str]]:
    return [(o.status, o.reason) for o in outcomes]


def test_a_deletion_takes_the_message_wherever_it_is_now(archive: Archive):
    mine = [archive.put(mail(to=ANNA), sub="new"), archive.put(mail(to=ANNA), "Klanten")]
    other = archive.put(mail())
    step = archive.step(of(ANNA), Delete())
    new = archive.root / "new" / mine[0]
    new.rename(archive.root / "cur" / f"{mine[0]}:2,RS")
    assert statuses(archive.apply([step])) == [(Status.DONE, "")] * 2
    assert [f.name for f in archive.files()] == [f"{other}:2,S"]
    assert statuses(archive.apply([step])) == [(Status.GONE, "")] * 2


def test_flags_change_no_version_and_content_does(archive: Archive):
    """Edge case 14."""
    archive.put(mail(to=ANNA))
    archive.put(mail(to=ANNA))
    step = archive.step(of(ANNA), Delete())
    flagged, changed = archive.files()
    flagged.rename(flagged.with_name(flagged.name + "T"))
    assert archive.locate(of(ANNA)) == step.items
    changed.write_bytes(mail("anders", to=ANNA))
    assert statuses(archive.apply([step])) == [(Status.DONE, ""), (Status.CHANGED, "version")]


def test_what_is_no_longer_selected_stays(archive: Archive):
    """Edge case 14."""
    archive.put(mail(to=ANNA))
    step = archive.step(of(ANNA), Delete())
    for pick in (of("x@x.example"), Due(moment("2026-05-01T10:00:00"))):
        other = replace(step, selection=replace(step.selection, pick=pick))
        assert statuses(archive.apply([other])) == [(Status.GONE, "")]
    assert len(archive.files()) == 1


def test_what_is_held_stays_also_in_doubt(archive: Archive):
    """Edge case 15."""
    names = [
        archive.put(mail(f"over {BRAM}", to=ANNA)),
        archive.put(mail(to=ANNA)),
        archive.put(mail(to=ANNA), "Klanten"),
    ]
    step = archive.step(NEVER, Delete())
    held, kept = (Status.HELD, "held"), (Status.CHANGED, "version")
    step = replace(step, items=tuple(item._replace(version="x") for item in step.items))
    assert statuses(archive.apply([step], [of(BRAM)])) == [held, kept, kept]
    assert statuses(archive.apply([step], [of(BRAM, contested=True)])) == [held, kept, kept]
    assert statuses(archive.apply([step], [of(ANNA)])) == [held] * 3
    whole = Kept((), "correspondence", whole=True)
    assert statuses(archive.apply([step], [whole])) == [held] * 3
    one = Kept((), "correspondence", keys=frozenset([("INBOX", names[1])]))
    assert statuses(archive.apply([step], [one])) == [kept, held, kept]
    other = Kept((), "administration", whole=True)
    assert statuses(archive.apply([step], [other])) == [kept] * 3


def test_what_only_mentions_a_subject_is_not_removed_for_them(archive: Archive):
    """Edge case 20: it is others' correspondence. What falls due goes, whomever it mentions."""
    mention = archive.put(mail(f"over {ANNA}", to=BRAM))
    archive.put(mail(to=ANNA))
    before = {f.name: f.read_bytes() for f in archive.files()}
    step = archive.step(of(ANNA), Delete())
    assert statuses(archive.apply([step])) == [(Status.HELD, "review"), (Status.DONE, "")]
    assert {f.name: f.read_bytes() for f in archive.files()} == {
        name: content for name, content in before.items() if name.startswith(mention)
    }
    assert statuses(archive.apply([archive.step(NEVER, Delete())])) == [(Status.DONE, "")]
    assert archive.files() == []


def test_setting_is_refused_and_nothing_is_deleted_before(archive: Archive):
    archive.put(mail(to=ANNA))
    unit = [archive.step(of(ANNA), Delete()), archive.step(of(ANNA), Set({"text": Redaction.NULL}))]
    with pytest.raises(Refused, match=r"mailbox\.cannot_set"):
        archive.apply(unit)
    assert len(archive.files()) == 1


def test_a_second_name_of_the_file_is_told_rather_than_left(archive: Archive):
    """Edge case 9."""
    archive.put(mail(to=ANNA))
    step = archive.step(of(ANNA), Delete())
    os.link(archive.files()[0], archive.root / "elsewhere")
    assert statuses(archive.apply([step])) == [(Status.FAILED, "storage.hard_link")]
    assert len(archive.files()) == 2


def test_a_copy_that_a_mail_server_made_as_a_second_name_is_a_message_of_its_own(archive: Archive):
    """Dovecot copies so: each goes by itself, and none keeps the other from going."""
    name = archive.put(mail(to=ANNA))
    os.link(archive.files()[0], archive.root / ".Klanten" / "cur" / "1770000009.M9P9.mx1:2,S")
    step = archive.step(of(ANNA), Delete())
    first = replace(step, items=step.items[:1])
    assert step.items[0].key == ("INBOX", name)
    assert statuses(archive.apply([first])) == [(Status.DONE, "")]
    assert [row["folder"] for row in archive.read()] == ["Klanten"]
    assert statuses(archive.apply([step])) == [(Status.GONE, ""), (Status.DONE, "")]


def test_a_link_put_in_the_place_of_a_message_is_not_followed(archive: Archive):
    """Edge case 9."""
    archive.put(mail(to=ANNA))
    step = archive.step(of(ANNA), Delete())
    (file,) = archive.files()
    file.rename(archive.root / "elsewhere")
    file.symlink_to(archive.root / "elsewhere")
    assert statuses(archive.apply([step])) == [(Status.FAILED, "storage.link")]
    assert (archive.root / "elsewhere").exists()


def test_a_message_in_a_folder_that_staff_named_is_removed_or_held_by_either_name(archive: Archive):
    for held in ("label", "name", "nothing"):
        name = archive.put(mail(to=ANNA), "Klanten.Bram")
        step = archive.step(of(ANNA), Delete())
        (item,) = step.items
        folder = {"label": str(item.key[0]), "name": "Klanten.Bram", "nothing": "Klanten"}[held]
        spare = Kept((), "correspondence", keys=frozenset([(folder, name)]))
        kept = held != "nothing"
        assert statuses(archive.apply([step], [spare])) == [(Status.HELD, "held") if kept else (Status.DONE, "")]
        for file in archive.files():
            file.unlink()


def test_items_of_a_folder_that_is_no_longer_the_datasets_are_gone(archive: Archive):
    archive.put(mail(to=ANNA), "Klanten.Oud")
    step = archive.step(of(ANNA), Delete())
    (archive.root / ".Klanten.Oud").rename(archive.root / ".Oud")
    assert statuses(archive.apply([step])) == [(Status.GONE, "")]


def test_items_say_when_they_begin_and_what_they_are(archive: Archive):
    name = archive.put(mail(to=ANNA))
    (item,) = archive.locate(of(ANNA))
    assert item == archive.locate(NEVER)[0]
    assert (item.key, item.records, item.whole) == (("INBOX", name), 1, True)
    assert (item.oldest, item.bytes) == (moment("2026-05-01T10:00:00"), archive.files()[0].stat().st_size)


def test_a_sound_mailbox_has_no_problem(archive: Archive):
    archive.folder("Klanten.Anna")
    archive.folder("Administratie.2026")
    assert list(archive.source().check()) == []


def test_the_doctor_names_what_is_wrong(archive: Archive):
    """Edge cases 9 and 28."""
    archive.put(mail())
    (archive.root / "cur" / "1770000000.M1P1.mx1:2,").symlink_to(archive.files()[0])
    (archive.root / ".Verzonden").rename(archive.root / ".Sent")
    left = archive.root / "tmp" / "1770000000.M2P1.mx1"
    left.write_bytes(mail(to=ANNA))
    os.utime(left, (0, 0))
    found = list(archive.source(
        correspondence=dataset(["INBOX", "Klanten", "Verzonden", "Nergens.*"]), second=dataset(["K*"])
    ).check())  # fmt: skip
    assert {(p.code, p.where, p.fatal) for p in found} == {
        ("mailbox.no_folder", "mail.correspondence: Verzonden", True),
        ("mailbox.no_match", "mail.correspondence: Nergens.*", False),
        ("mailbox.overlap", found[2].where, True),
        ("mailbox.irregular", "mail.correspondence: INBOX, message 1770000000.M1P1", True),
        ("mailbox.left_over", "mail", False),
    }
    assert found[2].where.startswith("mail.second: K* #")


def test_the_inventory_is_every_folder_with_messages(archive: Archive):
    for folder in ("INBOX", "Klanten.R&AOk-sum&AOk-", "Spam"):
        archive.put(mail(), folder)
    assert [claim.name for claim in archive.source().inventory()] == ["INBOX", "Klanten.Résumé", "Spam"]


def test_no_file_or_folder_name_that_may_hold_a_person_is_in_an_error(archive: Archive):
    """Edge case 34."""
    archive.folder("Klanten.Anna")
    (archive.root / ".Klanten.Anna" / "cur" / "anna@a.example:2,S").symlink_to("/nowhere")
    (problem,) = [p for p in archive.source().check() if p.fatal]
    assert "nna" not in problem.where
    with pytest.raises(Exception, match=r"storage\.link") as caught:
        archive.read()
    assert "nna" not in str(caught.value)


def moved(archive, *, named: str, filed: str) -> str:
    """A message as Dovecot leaves it: a new name for the folder that it was moved to, and the file's own time."""
    name = archive.put(mail(), at=named)
    (path,) = (p for p in archive.files() if p.name.startswith(name))
    seconds = moment(filed).timestamp()
    os.utime(path, (seconds, seconds))
    return name


def test_a_message_that_was_moved_keeps_the_time_that_it_arrived(archive):
    """Filing it does not make it younger: it is due, read, located, surveyed and removed by its file's time."""
    moved(archive, named="2026-05-01T10:00:00", filed="2024-03-01T09:00:00.5")
    bound = Due(moment("2024-03-01T09:00:00.500001"))
    assert archive.locate(Due(moment("2024-03-01T09:00:00.5"))) == ()  # edge case 1
    (item,) = archive.locate(bound)
    assert item.oldest == moment("2024-03-01T09:00:00.5")
    assert [row["received_at"] for row in archive.read(bound)] == [moment("2024-03-01T09:00:00.5")]
    assert statuses(archive.apply([archive.step(bound, Delete())])) == [(Status.DONE, "")]
    assert archive.files() == []


def test_a_file_that_was_copied_later_does_not_make_its_message_younger(archive):
    moved(archive, named="2024-05-01T10:00:00", filed="2026-05-01T10:00:00")
    (item,) = archive.locate(Due(moment("2024-05-02T10:00:00")))
    assert item.oldest == moment("2024-05-01T10:00:00")


@pytest.mark.parametrize("filed", ["1970-01-01T00:00:00", "1970-01-02T00:00:00", "1973-03-03T09:46:39"])
def test_a_file_time_that_a_copy_lost_makes_no_message_due(archive, filed):
    """Edge case 11: files that a careless copy left at 1970 would all go at once."""
    moved(archive, named="2026-05-01T10:00:00", filed=filed)
    assert archive.locate(Due(moment("2026-05-01T10:00:00"))) == ()


def test_a_message_that_is_read_while_its_folder_is_listed_is_found_again(archive, monkeypatch):
    """Its file has another name between the list and the look at its time."""
    name = archive.put(mail(), flags=":2,")
    (path,) = archive.files()
    real, renamed = os.stat, []

    def stat(file, **more):
        if not renamed and str(file).startswith(name):
            renamed.append(path.rename(path.with_name(f"{name}:2,S")))
        return real(file, **more)

    monkeypatch.setattr(os, "stat", stat)
    assert [item.key[1] for item in archive.locate(Due(moment("2099-01-01")))] == [name]
    assert renamed
