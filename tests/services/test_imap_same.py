"""One archive, read from its files and from the mail server: the same rows, plans and outcomes by both ways."""

from __future__ import annotations

import base64
import os
import random
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from privacy.sources.base import Delete, Due, Of, Selection, Status, Tally
from privacy.sources.mailbox_names import base_name
from services.dovecot import Dovecot, dovecot
from services.imap_kit import Served, parts, served
from sources.mailbox_fuzz import PIECES
from sources.mailbox_kit import ANNA, BRAM, Archive, mail, moment, of

BOTH = Of((*of(ANNA, no=1).subjects, *of(BRAM, no=2).subjects))
MANY = Of(
    tuple(of(a, no=n).subjects[0] for n, a in enumerate((ANNA, BRAM, *(f"x{n}@x{n}.example" for n in range(30)))))
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture(params=["server", "whole"])
def archive(server: Dovecot, request: pytest.FixtureRequest) -> Iterator[Served]:
    """Searched by the server, and read whole."""
    with served(server, search=request.param) as its:
        yield its


def fill(archive: Archive, *, odd: bool = True) -> None:
    """Every kind of message: of both, of one, mentions in every coding, blind copies, broken ones, names in UTF-7.

    :param odd: also addresses that are written as hardly anybody does.
    """
    days = (f"2026-{month:02d}-{day:02d}T10:00:00" for month in (5, 6) for day in range(1, 29))
    for folder in ("INBOX", "Klanten", "Klanten.Anna", "Klanten.Caf&AOk-", "Administratie", "Administratie.2026"):
        archive.put(mail(sender=f"Anna <{ANNA}>", to="winkel@diamonto.example"), folder, at=next(days))
        archive.put(mail(to=f"{ANNA.upper()}, {BRAM}", Bcc="x@x.example, y@y.example"), folder, at=next(days))
    for body, coding in (
        (base64.encodebytes(f"vraag {ANNA}".encode()).replace(b"\n", b"\r\n"), "base64"),
        (b"van an=\r\nna@a.exam=\r\nple", "quoted-printable"),
        (f"over {BRAM.upper()}".encode(), "8bit"),
    ):
        archive.put(mail(body, to="jan@diamonto.example", Content_Transfer_Encoding=coding), at=next(days))
    archive.put(mail(sender="jo@j.example", to="joanna@a.example"), at=next(days))
    if odd:
        archive.put(mail(sender=None, to=None, head="From: =?utf-8?q?anna=40a=2Eexample?=\r\n"), at=next(days))
        archive.put(mail(sender=None, to='"an\\na" (x) @ a.example'), at=next(days))
    archive.put(
        mail(sender=ANNA, Bcc=f"{ANNA}, {BRAM}", Subject="=?utf-8?q?Ring_=E2=82=AC?="), "Verzonden", at=next(days)
    )
    archive.put(mail(sender="x@x.example", to="y@y.example"), "Verzonden", at=next(days), sub="new")
    part = f"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: {ANNA}\r\n\r\nhoi\r\n--b--\r\n"
    archive.put(
        mail(part, MIME_Version="1.0", Content_Type="multipart/mixed; boundary=b"), at=next(days), flags=":2,FS"
    )
    archive.put(b"", at=next(days))
    archive.put(b"\xffTo anna\r\n\r\n", "Verzonden", at=next(days))


@pytest.mark.parametrize(
    "pick",
    [of(ANNA), BOTH, MANY, of("nobody@n.example"), Due(moment("2026-05-20T00:00:00"))],
    ids=["anna", "both", "many", "nobody", "due"],
)
def test_both_ways_give_the_same_rows_and_find_the_same_items(archive: Served, pick: Of | Due) -> None:
    """Edge cases 19, 20: exact addresses, in any coding; the server's search is for substrings."""
    fill(archive)
    for name in ("correspondence", "administration"):
        seen, told = Tally(), Tally()
        rows = archive.read(pick, seen, name=name)
        assert rows == archive.plain.read(pick, told, name=name)
        assert (seen.seen, seen.unattributed) == (told.seen, told.unattributed)
    assert archive.located(pick) == parts(archive.plain, pick)
    assert bool(archive.located(pick)) == (pick != of("nobody@n.example"))


def test_looking_marks_nothing_as_read_and_changes_no_file(archive: Served) -> None:
    fill(archive)
    archive.put(mail(to=ANNA), sub="new")
    before = {path: path.read_bytes() for path in archive.files()}
    key = archive.read(ANNA)[0]
    assert archive.original((key["folder"], key["message"])) == archive.plain.original((key["folder"], key["message"]))
    list(archive.source().inventory())
    assert list(archive.source().check()) == list(archive.plain.source().check())
    after = {path: path.read_bytes() for path in archive.files() if "dovecot" not in path.name}
    assert after == before


@pytest.mark.parametrize("pick", [of(ANNA), Due(moment("2026-05-11T00:00:00"))], ids=["of", "due"])
def test_both_ways_remove_the_same_and_leave_the_rest_byte_for_byte_with_its_flags(
    archive: Served, pick: Of | Due, tmp_path: Any
) -> None:
    """Edge cases 14, 15: each message is looked at again; what is spared, mentions only or is no longer there stays."""
    fill(archive)
    other = Archive(tmp_path / "copy")
    shutil.copytree(archive.root, other.root, dirs_exist_ok=True)
    for path in archive.files():
        copy = other.root / path.relative_to(archive.root)
        os.utime(copy, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    steps = [its.step(pick, Delete()) for its in (archive, other)]
    assert [i.key for i in steps[0].items] == [i.key for i in steps[1].items]
    first = str(steps[0].items[0].key[1])
    for its in (archive, other):
        next(file for file in its.files() if file.name.startswith(first)).unlink()
    before = archive.kept()
    outcomes = [its.apply([step], [of(BRAM)]) for its, step in zip((archive, other), steps, strict=True)]
    assert outcomes[0] == outcomes[1]
    assert {o.status for o in outcomes[0]} >= {Status.DONE, Status.HELD, Status.GONE}
    done = {str(o.key[1]) for o in outcomes[0] if o.status is Status.DONE}
    after = archive.kept()
    assert {name for _, name in before.keys() - after.keys()} == done
    assert all(after[key] == before[key] for key in after)
    assert {key[1] for key in after} == {base_name(f.name) for f in other.files() if f.parent.name in ("cur", "new")}
    assert {o.status for o in archive.apply([steps[0]], [of(BRAM)])} <= {Status.GONE, Status.HELD}


@pytest.mark.parametrize("seed", [1, 2])
def test_any_bytes_are_read_the_same_and_no_party_is_missed(server: Dovecot, seed: int) -> None:
    """Edge cases 20 and 28. Whole: exactly. By the server: none that names the subject as a party is lost."""
    chance = random.Random(seed)  # noqa: S311 - reproducible
    with served(server) as archive:
        for _ in range(400):
            data = re.sub(rb"\r?\n|\r", b"\r\n", b"".join(chance.choices(PIECES, k=chance.randrange(3, 40))))
            # Mail servers replace NUL, which no message may have (RFC 5322).
            archive.put(
                data.replace(b"\0", b""), chance.choice(["INBOX", "Klanten"]), sub=chance.choice(["cur", "new"])
            )
        wanted = archive.plain.read(BOTH)
        archive.options = {"search": "whole"}
        assert archive.read(BOTH) == wanted
        archive.options = {"search": "server"}
        found = archive.read(BOTH)
        assert [row for row in found if row["_withheld"] is None] == [row for row in wanted if row["_withheld"] is None]
        assert all(row in wanted for row in found)
        assert len(found) >= 0.9 * len(wanted) > 100


def test_a_message_that_was_stored_with_bare_line_feeds_comes_as_mail_programs_get_it(archive: Served) -> None:
    """Dovecot stores LF where a delivery came so, and gives CRLF; nothing else differs."""
    archive.put(mail("hallo\nAnna\n", to=ANNA, end="\n"))
    (row,), (plain,) = archive.read(ANNA), archive.plain.read(ANNA)
    content = archive.original((row["folder"], row["message"]))
    assert content == archive.plain.original((row["folder"], row["message"])).replace(b"\n", b"\r\n")
    assert row["size"] == len(content)
    assert row | {"size": 0, "text": ""} == plain | {"size": 0, "text": ""}
    assert row["text"].splitlines() == plain["text"].splitlines() == ["hallo", "Anna"]


def test_a_message_gets_no_younger_by_being_filed(archive: Served) -> None:
    """The term counts from the arrival (edge case 14); Dovecot gives a moved message another name and keeps its date."""
    archive.put(mail(to=ANNA), at="2026-05-01T10:00:00")
    archive.server.give()
    with archive.server.client() as client:
        client.select_folder("INBOX")
        client.move(client.search(), "Klanten")
    (row,) = archive.read(ANNA)
    assert (row["folder"], row["received_at"]) == ("Klanten", datetime(2026, 5, 1, 10, tzinfo=UTC))
    assert archive.plain.read(ANNA) == [row]


def test_a_copy_within_a_folder_is_a_message_of_its_own(archive: Served) -> None:
    archive.put(mail(to=ANNA))
    archive.server.give()
    with archive.server.client() as client:
        client.select_folder("INBOX", readonly=True)
        client.copy(client.search(), "INBOX")
    assert len({row["message"] for row in archive.read(ANNA)}) == 2
    step = archive.step(of(ANNA), Delete())
    assert [o.status for o in archive.apply([step])] == [Status.DONE] * 2


def test_folders_have_the_names_that_people_gave_them(archive: Served) -> None:
    """Modified UTF-7, a name that a pattern matches, and a selection of one folder."""
    for folder in ("Klanten.Caf&AOk-", "&ZeVnLIqe-", "R&-D", "Zonder"):
        archive.put(mail(to=ANNA), folder)
    source = archive.source()
    assert [c.name for c in source.inventory()] == ["Klanten.Café", "R&D", "Zonder", "日本語"]
    assert source.mail.folders() == archive.plain.source().mail.folders()
    (row,) = archive.read(ANNA)
    assert source.keys(row["folder"]) == ["Klanten.Café"]
    assert [p.name for p in source.partitions(Selection("correspondence", of(ANNA)))] == [
        p.name for p in archive.plain.source().partitions(Selection("correspondence", of(ANNA)))
    ]
