"""Reading an e-mail archive: which messages are whose, and what a row has of each."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from privacy.errors import BadConfiguration, BadInput, RetryLater, Unreadable
from privacy.sources.base import ByKey, Due, Identifier, Of, Selection, Subject, Tally
from privacy.sources.mailbox_names import folder_name
from sources.mailbox_kit import ANNA, BRAM, Archive, dataset, mail, moment, of


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mail")


FIELDS = {
    "sender": ["From", "Sender", "Resent-From", "Resent-Sender"],
    "reply_to": ["Reply-To", "Resent-Reply-To"],
    "to": ["To", "Resent-To", "TO"],
    "cc": ["Cc", "Resent-Cc", "CC"],
    "bcc": ["Bcc", "Resent-Bcc"],
    "envelope": [
        "Return-Path",
        "Delivered-To",
        "X-Original-To",
        "Envelope-To",
        "X-Envelope-From",
        "X-Envelope-To",
    ],
}


@pytest.mark.parametrize(("party", "name"), [(p, n) for p, names in FIELDS.items() for n in names])
def test_a_message_is_theirs_by_an_address_in_a_field_of_a_party(archive: Archive, party: str, name: str):
    assert archive.judged(mail(head=f"{name}: Anna <{ANNA}>\r\n", sender=None, to=None)) == party


THEIRS = {
    "bare": ANNA,
    "in another case": "Anna@A.Example",
    "in brackets": f"Anna de Vries <{ANNA}>",
    "in quotes": f'"Vries, Anna de" <{ANNA}>',
    "quoted, with a bracket in it": f'"Anna (werk" <{ANNA}>, "b)" <x@x.example>',
    "folded": f"Bram <{BRAM}>,\r\n\tAnna\r\n <{ANNA}>",
    "folded within": "anna@\r\n a.example",
    "with comments": "anna(de) (Vries (werk))@(thuis)a.example",
    "quoted local part": '"anna"@a.example',
    "quoted pairs": '"a\\nna"@a.example',
    "blanks around": "< anna @ a . example >",
    "final dot": "<anna@a.example.>",
    "group": f"vrienden: Bram <{BRAM}>, {ANNA};",
    "route": f"<@x.example,@y.example:{ANNA}>",
    "encoded name": f"=?utf-8?q?Ren=C3=A9?= <{ANNA}>",
    "encoded whole": "=?utf-8?q?Anna_=3Canna=40a=2Eexample=3E?=",
    "encoded whole in base64": "=?utf-8?b?QW5uYSA8YW5uYUBhLmV4YW1wbGU+?=",
    "encoded in part": "=?utf-8?q?an?=na@a.exa=?utf-8?b?bXA=?=le",
    "8-bit name": f"Ren\xe9 <{ANNA}>",
    "without the end of a quote": f'"Anna <{ANNA}>',
    "without the end of a bracket": f"Anna (werk <{ANNA}>",
    "without the end of an angle": f"Anna <{ANNA}",
    "after semicolons": f"{BRAM}; {ANNA}",
    "in single quotes": f"'{ANNA}'",
    "quoted whole": f'"{ANNA}"',
    "with a scheme": f"<mailto:{ANNA}>",
    "a name without brackets": f"Anna {ANNA}",
    "NUL within": "an\0na@a.example",
}


@pytest.mark.parametrize("value", THEIRS.values(), ids=THEIRS.keys())
def test_an_address_is_found_however_its_field_is_written(archive: Archive, value: str):
    """Edge cases 19 and 20."""
    head = f"To: {value}\r\n".encode("latin-1")
    assert archive.judged(mail(head=head, to=None)) == "to"
    assert archive.judged(mail(head=head, to=None), Of((*of(ANNA).subjects, *many()))) == "to"


def many() -> list[Subject]:
    """So many subjects that every message is parsed."""
    return [Subject(no, (Identifier("email", f"nobody{no}@x.example"),)) for no in range(2, 40)]


NOT_THEIRS = {
    "a longer local part": "joanna@a.example",
    "plus-addressing": "anna+winkel@a.example",
    "a part of the local part": "de.anna@a.example",
    "a longer domain": "anna@a.example.org",
    "a domain below": "anna@mail.a.example",
    "another end": "anna@a.exampl",
}


@pytest.mark.parametrize("value", NOT_THEIRS.values(), ids=NOT_THEIRS.keys())
def test_another_address_is_another_persons(archive: Archive, value: str):
    """Edge cases 19 and 22: not in a field, nor in the text."""
    assert archive.judged(mail(f"Vraag het {value}, of <{value}>.", sender=value)) is None


def test_an_address_in_somebody_elses_name_makes_nobody_a_party(archive: Archive):
    """Edge case 22."""
    assert archive.judged(mail(sender=f'"{ANNA}" <bram@b.example>')) == "mention"


@pytest.mark.parametrize("known", ["anna@müller.example", "anna@xn--mller-kva.example", "ANNA@MÜLLER.example"])
@pytest.mark.parametrize("written", ["anna@müller.example", "anna@XN--mller-kva.example", "anna@Mu\u0308ller.example"])
def test_a_domain_is_the_same_in_either_form(archive: Archive, known: str, written: str):
    """Edge case 19."""
    assert archive.judged(mail(head=f"To: <{written}>\r\n", to=None), known) == "to"
    assert archive.judged(mail(f"aan {written}.", Content_Type="text/plain; charset=utf-8"), known) == "mention"


def test_a_domain_that_only_looks_like_an_encoded_one_stays_itself(archive: Archive):
    assert archive.judged(mail(to="anna@xn--a-.example"), "anna@a.example") is None


def test_several_lines_of_a_name_and_several_parties_are_all_read(archive: Archive):
    content = mail(head=f"To: {BRAM}\r\nTo: x@x.example\r\nto: ANNA@a.example\r\nCc: {ANNA}, {ANNA}\r\n", to=None)
    archive.put(content)
    (row,) = archive.read()
    assert row["_party"] == "to,cc"
    assert (row["to"], row["cc"], row["bcc"]) == ([BRAM, "x@x.example", "ANNA@a.example"], [ANNA], None)


def test_a_message_to_two_subjects_gives_a_row_to_each(archive: Archive):
    archive.put(mail(sender=f"{ANNA}, x@x.example", to=BRAM))
    pick = Of((*of(BRAM, no=7).subjects, *of(ANNA, no=3).subjects))
    assert [(r["_subject"], r["_party"]) for r in archive.read(pick)] == [(3, "sender"), (7, "to")]


def test_an_address_counts_while_it_was_the_subjects(archive: Archive):
    """Edge cases 1 and 19: from inclusive, until exclusive, by the mailbox's own time."""
    for hour in (9, 10, 11, 12):
        archive.put(mail(to=ANNA, Date="Mon, 1 Jan 1990 10:00:00 +0000"), at=f"2026-05-01T{hour:02d}:00:00")
    window = {"valid_from": moment("2026-05-01T10:00:00"), "valid_to": moment("2026-05-01T12:00:00")}
    assert [r["received_at"].hour for r in archive.read(of(ANNA, **window))] == [10, 11]


def test_a_contested_address_selects_nothing_and_is_counted(archive: Archive):
    archive.put(mail(to=ANNA))
    archive.put(mail(f"over {ANNA}"))
    archive.put(mail(to=BRAM))
    tally = Tally()
    assert archive.read(of(ANNA, contested=True), tally) == []
    assert tally.unattributed == 2
    both = Of((Subject(1, (Identifier("email", ANNA, contested=True), Identifier("email", BRAM))),))
    tally = Tally()
    assert [r["_party"] for r in archive.read(both, tally)] == ["to", "to"]
    assert tally.unattributed == 1


def test_looking_identities_up_matches_the_columns_that_are_named(archive: Archive):
    archive.put(mail(to=ANNA))
    archive.put(mail(f"over {ANNA}"))
    assert [r["_party"] for r in archive.read(on=("to",))] == ["to"]
    assert archive.read(on=("cc",)) == []


def test_a_row_has_what_the_message_says(archive: Archive):
    name = archive.put(
        mail(
            "Dag Ren\r\n=C3=A9", sender='=?utf-8?q?Vries=2C_Ren=C3=A9e?= <Anna@A.example>', to="Winkel <winkel@diamonto.example>",
            Date="Fri, 1 May 2026 12:30:00 +0200", Message_ID="<1@a.example>", Subject="=?iso-8859-1?q?caf=E9?=\r\n open",
            Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="quoted-printable",
        ),
        folder="Klanten",
    )  # fmt: skip
    (row,) = archive.read()
    assert row == {
        "folder": "Klanten", "message": name, "message_id": "<1@a.example>",
        "sent_at": datetime(2026, 5, 1, 10, 30, tzinfo=UTC), "received_at": datetime(2026, 5, 1, 10, tzinfo=UTC),
        "sender": ["Anna@A.example"], "reply_to": None, "to": ["winkel@diamonto.example"], "cc": None, "bcc": None,
        "envelope": None, "sender_name": "Vries, Renée", "subject_line": "café open", "text": "Dag Ren\r\né",
        "attachments": [], "size": len(next(f for f in archive.files()).read_bytes()),
        "_subject": 1, "_party": "sender", "_withheld": None, "_left_out": [],
    }  # fmt: skip


def test_the_order_is_by_folder_and_message_and_batches_are_bounded(archive: Archive):
    for folder in ("Verzonden", "INBOX", "Klanten"):
        for name in ("1770000002.b", "1770000001.a"):
            archive.put(mail(to=ANNA), folder, name=name)
    rows = [(r["folder"], r["message"]) for r in archive.read(batch_rows=1)]
    assert rows == sorted(rows)
    assert len(rows) == 6


@pytest.mark.parametrize(
    "date", ["", "gisteren", "Mon, 99 Foo 2026 99:99:99 +9999", "Fri, 31 Dec 9999 23:59:59 -2359", "0"]
)
def test_a_date_that_nobody_can_read_is_none(archive: Archive, date: str):
    """Edge cases 11 and 20."""
    archive.put(mail(to=ANNA, Date=date))
    (row,) = archive.read()
    assert row["sent_at"] is None
    assert row["received_at"] == moment("2026-05-01T10:00:00")


@pytest.mark.parametrize("name", ["zomaar", "20260501.eml", "99999999999999.x", "0.x", ":2,S", "café"])
def test_a_name_without_a_time_has_that_of_the_file(archive: Archive, name: str):
    """Edge case 11."""
    archive.put(mail(to=ANNA), name=name, flags="")
    assert archive.read()[0]["received_at"] == moment("2026-05-01T10:00:00")


def test_a_message_keeps_its_name_when_flags_sizes_and_folders_of_reading_change(archive: Archive):
    archive.put(mail(to=ANNA), name="1770000000.M1P1.mx1,S=1024,W=1048")
    before = archive.read()
    file = archive.files()[0]
    file.rename(archive.root / "new" / "1770000000.M1P1.mx1")
    assert archive.read() == before
    assert before[0]["message"] == "1770000000.M1P1.mx1"


def test_two_files_of_one_name_are_an_error_and_not_one_message(archive: Archive):
    archive.put(mail(to=ANNA), name="1770000000.M1P1.mx1", flags=":2,")
    archive.put(mail(to=ANNA), name="1770000000.M1P1.mx1", flags=":2,S")
    with pytest.raises(Unreadable, match=r"mailbox\.same_name"):
        archive.read()


def test_a_message_that_is_read_meanwhile_is_not_lost(archive: Archive):
    """Flags change, and new goes to cur, between the list and the reading (edge case 20)."""
    for _ in range(3):
        archive.put(mail(to=ANNA), sub="new")
    source, selection = archive.source(batch_rows=1), Selection("correspondence", of(ANNA))
    (inbox, *_) = source.partitions(selection)
    reading = source.read(selection, inbox)
    next(reading)
    for file in archive.files():
        file.rename(archive.root / "cur" / (file.name + ":2,RS"))
    assert len(list(reading)) == 2


def test_a_message_that_is_taken_away_meanwhile_ends_the_read(archive: Archive):
    for _ in range(3):
        archive.put(mail(to=ANNA))
    source, selection = archive.source(batch_rows=1), Selection("correspondence", of(ANNA))
    (inbox, *_) = source.partitions(selection)
    reading = source.read(selection, inbox)
    next(reading)
    archive.files()[-1].unlink()
    with pytest.raises(RetryLater, match=r"mailbox\.moved"):
        list(reading)
    assert len(archive.read()) == 2


def test_what_is_no_file_is_never_passed_over(archive: Archive):
    """Edge case 9."""
    (archive.root / "cur" / "1770000000.M1P1.mx1:2,S").symlink_to(archive.root / "elsewhere")
    with pytest.raises(Unreadable, match=r"storage\.link"):
        archive.read()
    assert archive.read(Due(moment("2099-01-01"))) == []


def test_a_folder_that_is_a_link_is_not_followed(archive: Archive):
    """Edge case 9."""
    (archive.root / ".Verzonden").rename(archive.root.parent / "elsewhere")
    (archive.root / ".Verzonden").symlink_to(archive.root.parent / "elsewhere")
    with pytest.raises(Unreadable, match=r"storage\.link"):
        archive.read()


def test_a_folder_that_is_gone_ends_an_export_and_not_a_purge(archive: Archive):
    archive.put(mail(to=ANNA))
    (archive.root / ".Verzonden").rename(archive.root / ".Oud")
    with pytest.raises(Unreadable, match=r"mailbox\.no_folder"):
        archive.read()
    assert len(archive.read(Due(moment("2099-01-01")))) == 1


@pytest.mark.parametrize("pick", [of(ANNA), Due(moment("2099-01-01"))], ids=["export", "purge"])
def test_where_nothing_is_mounted_is_no_empty_mailbox(archive: Archive, pick: Of | Due):
    """Edge case 28: a dataset of patterns alone misses no folder by name, and a purge asks for none."""
    shutil.rmtree(archive.root)
    archive.root.mkdir()
    for more in ({}, {"correspondence": dataset(["*"])}):
        with pytest.raises(Unreadable, match=r"mailbox\.(none|no_folder)"):
            archive.read(pick, **more)


def test_a_folder_that_is_a_link_to_nowhere_is_not_passed_over(archive: Archive):
    """Edge cases 9 and 28."""
    (archive.root / ".Klanten.Oud").symlink_to(archive.root / "weg")
    with pytest.raises(Unreadable, match=r"storage\.link"):
        archive.read()


def test_a_folder_in_another_layout_is_not_passed_over(archive: Archive):
    """Edge case 28: Dovecot's LAYOUT=fs has `Archief/cur` where a Maildir++ has `.Archief/cur`."""
    (archive.root / "Archief" / "cur").mkdir(parents=True)
    with pytest.raises(Unreadable, match=r"mailbox\.layout"):
        archive.read()
    with pytest.raises(Unreadable, match=r"mailbox\.layout"):
        archive.read(Due(moment("2099-01-01")))
    assert [problem.code for problem in archive.source().check()] == ["mailbox.layout"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Vragen &- klachten", "Vragen & klachten"), ("R&AOk- &- &AOk-", "Ré & é"), ("R&AOk-sum&", "R&AOk-sum&"),
        ("Q&A", "Q&A"), ("&AO-", "&AO-"), ("&-", "&"),
    ],
)  # fmt: skip
def test_a_folders_name_is_decoded_where_it_is_imaps_form(file: str, name: str):
    assert folder_name(file) == name


def test_a_message_that_is_moved_before_its_original_is_opened_is_tried_again(archive: Archive):
    name = archive.put(mail(to=ANNA))
    source, key = archive.source(), ("INBOX", name)
    archive.files()[0].unlink()
    with pytest.raises(RetryLater, match=r"mailbox\.moved"):
        source.open("correspondence", key, of(ANNA).subjects[0])


def test_no_folders_name_stands_where_airflow_keeps_it(archive: Archive):
    archive.put(mail(to=ANNA), "Klanten.Anna de Vries")
    archive.put(mail(to=ANNA), "Klanten.R&AOk-sum&AOk-")
    names = [p.name for p in archive.source().partitions(Selection("correspondence", of(ANNA)))]
    assert [n.partition("#")[0] for n in names] == ["INBOX", "Klanten", "Klanten.* ", "Klanten.* ", "Verzonden"]
    assert [r["folder"] for r in archive.read()] == names[2:4] == sorted(map(label, ("Anna de Vries", "Résumé")))


def label(name: str) -> str:
    return f"Klanten.* #{sha256(f'Klanten.{name}'.encode()).hexdigest()[:12]}"


def test_a_folder_that_staff_named_after_somebody_is_told_to_nobody_else(archive: Archive):
    """Anna's message was filed with Bram's: no column, key, item or error says so, and each finds it again."""
    name = archive.put(mail(to=ANNA), "Klanten.Bram de Boer")
    (row,), (item,), source = archive.read(), archive.locate(of(ANNA)), archive.source()
    assert "Boer" not in f"{row}{item.key}"
    assert (row["folder"], item.key) == (label("Bram de Boer"), (label("Bram de Boer"), name))
    assert archive.original(item.key, ANNA)
    assert [r["message"] for r in archive.read(ByKey(keys=frozenset([item.key])))] == [name]
    assert source.keys(row["folder"]) == ["Klanten.Bram de Boer"]
    assert source.keys("INBOX") == ["INBOX"]
    assert source.keys("Klanten.Bram de Boer") == []
    with pytest.raises(BadInput, match=r"mailbox\.no_message"):
        source.open("correspondence", ("Klanten.Bram de Boer", name))
    archive.files()[0].unlink()
    with pytest.raises(RetryLater) as caught:
        source.open("correspondence", item.key, of(ANNA).subjects[0])
    assert "Boer" not in str(caught.value)


def test_what_is_due_is_told_by_the_mailboxs_time(archive: Archive):
    """Edge case 1."""
    archive.put(mail(to=ANNA, Bcc=f"{BRAM}, x@x.example"))
    assert archive.read(Due(moment("2026-05-01T10:00:00"))) == []
    (row,) = archive.read(Due(moment("2026-05-01T10:00:00.000001")))
    assert (row["_subject"], row["_party"], row["_withheld"], row["_left_out"]) == (None, None, None, None)
    assert row["bcc"] == [BRAM, "x@x.example"]


def test_without_a_start_nothing_falls_due(archive: Archive):
    archive.put(mail(to=ANNA))
    assert archive.read(Due(moment("2099-01-01")), correspondence=dataset(["INBOX"], starts=None)) == []


WRONG = {
    "has no column 'subject'": {"columns": {"subject": "text"}},
    "did you mean 'sender'": {"columns": {"sendr": "list<text>"}},
    "type: text": {"columns": {"subject_line": "integer"}},
    "list<record<name: text, type: text, bytes: integer>>": {"columns": {"attachments": "list<text>"}},
    r"key: \[folder, message\]": {"key": ["message"]},
    "time: received_at": {"time": "sent_at"},
    "starts: received_at": {"starts": {"column": "sent_at"}},
    "originals: message": {"originals": "folder"},
}


@pytest.mark.parametrize(("said", "change"), WRONG.items(), ids=WRONG.keys())
def test_a_dataset_that_is_no_mailboxs_is_refused_with_what_to_write(archive: Archive, said: str, change: dict):
    made = dataset(["INBOX"])
    for name, kind in change.pop("columns", {}).items():
        made["columns"][name] = {"type": kind, "description": "d", "category": "user.contact", "provenance": "observed"}
    with pytest.raises(BadConfiguration, match=said):
        archive.source(correspondence=made | change)


def test_a_dataset_may_declare_fewer_columns(archive: Archive):
    made = dataset(["INBOX"], parties={"to": {"subject": ["to"]}}, originals=None)
    made["columns"] = {name: made["columns"][name] for name in ("folder", "message", "received_at", "to")}
    archive.put(mail(to=ANNA, Bcc=BRAM))
    (row,) = archive.read(correspondence=made)
    assert (row["to"], row["_left_out"]) == ([ANNA], [])
