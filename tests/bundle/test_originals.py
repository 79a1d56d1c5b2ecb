"""The original behind every record: messages and documents, whole, beside the tables."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest_bundle import DOCUMENT, MESSAGE, House, batch
from privacy.bundle import Part, PartWriter, check_bundle
from privacy.bundle.names import unique
from privacy.bundle.originals import entries, media_type
from privacy.datamap.load import Ref
from privacy.errors import GiveUp, RetryLater, Unreadable
from privacy.sources.base import Selection, schema_of
from sources.mailbox_kit import Archive, mail, of

INBOX = ("INBOX", "1790000000.M1P1.post")
EML = b"From: anna@voorbeeld.example\r\nSubject: Dag\r\n\r\nDag\r\n"
PDF = b"%PDF-1.4\n\x00\xff"


def opened(office: House, *parts: Part):
    """The bundle with these parts, and its resources by path."""
    to = office.open(office.write(office.rest(parts)))
    found = json.loads((to / "datapackage.json").read_text())
    return to, {r["path"]: r for r in found["resources"]}, {d["dataset"]: d for d in found["privacy:datasets"]}


def test_every_record_has_its_original_as_the_store_has_it(office, frictionless):
    """Edge case 21."""
    mail = office.part("mail.letters", [MESSAGE], originals={INBOX: EML})
    papers = office.part("dossiers.files", [DOCUMENT], originals={("files/7/plan.pdf",): PDF})
    to, resources, datasets = opened(office, mail, papers)
    assert (to / "data/mail/letters/1790000000.M1P1.post.eml").read_bytes() == EML
    assert (to / "data/dossiers/files/plan.pdf").read_bytes() == PDF
    assert resources["data/mail/letters/1790000000.M1P1.post.eml"] == {
        "name": "mail.letters.original.3",
        "path": "data/mail/letters/1790000000.M1P1.post.eml",
        "type": "file",
        "mediatype": "message/rfc822",
        "bytes": len(EML),
        "hash": f"sha256:{hashlib.sha256(EML).hexdigest()}",
        "privacy:dataset": "mail.letters",
        "privacy:key": {"folder": "INBOX", "message": "1790000000.M1P1.post"},
    }
    assert resources["data/dossiers/files/plan.pdf"]["mediatype"] == "application/pdf"
    (row,) = json.loads((to / "data/mail/letters.json").read_text())
    assert row.items() >= resources["data/mail/letters/1790000000.M1P1.post.eml"]["privacy:key"].items()
    assert datasets["mail.letters"]["originals"] == 1
    assert check_bundle(to) == []
    report = frictionless.Package(str(to / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "type", "message"])


def test_no_name_of_an_original_travels_with_the_parts_summary(office):
    """A file's name may hold a person's; what a task returns is kept in Airflow's database."""
    rows = [DOCUMENT | {"file": f"files/7/cv van Anna {n}.pdf"} for n in range(300)]
    part = office.part("dossiers.files", rows, originals=lambda _: io.BytesIO(PDF))
    text = json.dumps(part.as_json())
    assert "Anna" not in text
    assert (part.originals, len(text) < 1_000) == (300, True)
    assert Part.from_json(json.loads(text)) == part
    assert len(list((office.staging / part.folder).iterdir())) == 4


def test_thousands_of_originals_are_one_open_file(office):
    """As many messages as a mailbox has."""
    import resource

    rows = [MESSAGE | {"message": f"{n}.post"} for n in range(500)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        part = office.part("mail.letters", rows, originals=lambda key: io.BytesIO(str(key).encode()))
        to, resources, _ = opened(office, part)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len([path for path in resources if path.endswith(".eml")]) == 500
    assert (to / "data/mail/letters/234.post.eml").read_text() == "('INBOX', '234.post')"
    assert check_bundle(to) == []


class Endless(io.RawIOBase):
    """So many bytes, made while they are read."""

    def __init__(self, left: int) -> None:
        self.left = left

    def read(self, size: int = -1) -> bytes:
        size = min(self.left, size) if size >= 0 else self.left
        self.left -= size
        return b"x" * size


def test_a_large_original_takes_no_memory_on_its_way(office):
    """Edge case 20: an attachment of 25 MB."""
    size = 30_000_000
    tracemalloc.start()
    try:
        part = office.part("mail.letters", [MESSAGE], originals=lambda _: Endless(size))
        summary = office.write(office.rest([part]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    assert summary.datasets["mail.letters"]["bytes"] > size


@pytest.mark.parametrize("problem", [OSError(5, "anna@voorbeeld.example"), Unreadable("mail.gone", "It is gone.")])
def test_an_original_that_cannot_be_read_fails_the_part_and_never_looks_like_a_full_disk(office, problem):
    """Edge cases 28 and 34."""

    def opener(_: object) -> io.BytesIO:
        raise problem

    with pytest.raises(Unreadable) as caught:
        office.part("mail.letters", [MESSAGE], originals=opener)
    assert "anna" not in str(caught.value)
    assert list((office.staging / "00001-1").iterdir()) == []


def test_an_original_that_breaks_off_while_it_is_read_fails_the_part(office):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "gone")
            return super().read(min(size or 0, 3))

    with pytest.raises(Unreadable, match=r"originals\.unreadable"):
        office.part("mail.letters", [MESSAGE], originals=lambda _: Broken(EML))


def test_a_full_disk_while_an_original_is_written_is_tried_again(office, monkeypatch):
    from privacy.bundle.files import Digesting

    write = Digesting.write

    def full(self, content):
        if bytes(content) == EML:
            raise OSError(28, "No space left on device")
        return write(self, content)

    monkeypatch.setattr(Digesting, "write", full)
    with pytest.raises(RetryLater, match=r"staging\.full"):
        office.part("mail.letters", [MESSAGE], originals={INBOX: EML})


def test_a_dataset_with_originals_is_never_written_without_them(office, tmp_path):
    """Edge case 28."""
    with pytest.raises(ValueError, match=r"mail\.letters has originals"):
        PartWriter(tmp_path / "p", office.map["mail.letters"])


@pytest.mark.parametrize("how", ["cut", "flipped", "longer", "index"])
def test_an_original_that_changed_in_staging_fails_the_bundle(office, how):
    part = office.part("mail.letters", [MESSAGE], originals={INBOX: EML})
    file = office.staging / part.folder / ("originals.jsonl" if how == "index" else "originals.pack")
    content = file.read_bytes()
    changed = {"cut": content[:-1], "longer": content[:3] + b"y" + content[3:]}.get(
        how, content[:5] + b"~" + content[6:]
    )
    file.write_bytes(changed)
    with pytest.raises(GiveUp, match=r"staging\.changed"):
        office.write(office.rest([part]))
    assert not list((office.folder / "bundles").rglob("*.age"))


def test_an_index_that_names_fewer_originals_fails_the_bundle(office):
    """Edge case 28: whatever wrote the part, with a digest that fits."""
    rows = [MESSAGE, MESSAGE | {"message": "2.post"}]
    part = office.part("mail.letters", rows, originals=lambda _: io.BytesIO(EML))
    file = office.staging / part.folder / "originals.jsonl"
    content = file.read_bytes().splitlines(keepends=True)[0]
    file.write_bytes(content)
    part.files["originals.jsonl"] = (len(content), hashlib.sha256(content).hexdigest())
    with pytest.raises(GiveUp, match=r"bundle\.incomplete"):
        office.write(office.rest([part]))


def test_a_bundle_that_lost_an_original_and_its_entry_is_found_out(office):
    to, *_ = opened(office, office.part("mail.letters", [MESSAGE], originals={INBOX: EML}))
    (to / "data/mail/letters/1790000000.M1P1.post.eml").unlink()
    manifest = json.loads((to / "datapackage.json").read_text())
    manifest["resources"] = [r for r in manifest["resources"] if not r["path"].endswith(".eml")]
    (to / "datapackage.json").write_text(json.dumps(manifest))
    assert check_bundle(to) == ["mail.letters: 0 originals, 1 in the manifest"]


def test_a_bundle_that_lost_the_tables_of_its_originals_is_found_out(office):
    """Edge case 28: lines of a log may stand alone; a message or a PDF hangs on a record."""
    to, *_ = opened(office, office.part("mail.letters", [MESSAGE], originals={INBOX: EML}))
    manifest = json.loads((to / "datapackage.json").read_text())
    tables = [r["path"] for r in manifest["resources"] if r["path"].startswith("data/mail/letters.")]
    manifest["resources"] = [r for r in manifest["resources"] if r["path"] not in tables]
    for path in tables:
        (to / path).unlink()
    (to / "datapackage.json").write_text(json.dumps(manifest))
    assert check_bundle(to) == [f"mail.letters: 0 records in {form}, 1 in the manifest" for form in ("json", "parquet")]


def test_an_original_goes_with_what_was_left_out_of_its_record_and_is_counted(office):
    """Edge case 22: the document says what the redacted column does not."""
    rows = [DOCUMENT, DOCUMENT | {"file": "files/7/b.pdf", "remark": "secret"}]
    part = office.part("dossiers.files", rows, originals=lambda _: io.BytesIO(PDF))
    assert (part.originals, part.originals_left_out, part.redacted) == (1, 1, {"remark": 1})
    to, _, datasets = opened(office, part)
    assert [p.name for p in (to / "data/dossiers/files").iterdir()] == ["plan.pdf"]
    assert datasets["dossiers.files"]["originals_left_out"] == 1


def test_a_name_that_is_not_given_is_not_told_by_the_file_either(office):
    """Edge case 22."""
    dossiers = office.map["dossiers.files"]
    access = office.map["dossiers.files"].dataset.columns["remark"].access
    file = dossiers.dataset.columns["file"].model_copy(update={"access": access})
    columns = dossiers.dataset.columns | {"file": file}
    dataset = dossiers.dataset.model_copy(update={"columns": columns})
    with PartWriter(
        office.staging / "p", Ref(dossiers.system, "files", dataset), originals=lambda _: io.BytesIO(PDF)
    ) as writer:
        writer.write(batch(schema_of(dataset), [DOCUMENT]))
    to, resources, _ = opened(office, writer.part)
    assert [p.name for p in (to / "data/dossiers/files").iterdir()] == ["original"]
    assert "privacy:key" not in resources["data/dossiers/files/original"]
    assert "plan.pdf" not in (to / "datapackage.json").read_text()


def test_what_a_source_withholds_is_neither_in_the_tables_nor_among_the_originals(office):
    """Edge case 22: a mention in a message between others."""
    rows = [
        MESSAGE,
        MESSAGE | {"message": "2.post", "text": "over Anna", "_withheld": "mention", "_left_out": ["bcc"]},
        MESSAGE | {"message": "3.post", "text": "onderling", "_withheld": "internal"},
        MESSAGE | {"message": "4.post", "_withheld": "internal"},
        MESSAGE | {"message": "5.post", "_left_out": ["bcc", "bcc"]},
    ]
    part = office.part("mail.letters", rows, originals=lambda key: io.BytesIO(str(key).encode()))
    assert (part.records, part.withheld, part.withheld_why) == (2, 3, {"mention": 1, "internal": 2})
    assert (part.redacted["bcc"], part.originals, part.originals_left_out) == (2, 2, 0)
    to, _, datasets = opened(office, part)
    assert [r["message"] for r in json.loads((to / "data/mail/letters.json").read_text())] == [INBOX[1], "5.post"]
    assert sorted(p.name for p in (to / "data/mail/letters").iterdir()) == [f"{INBOX[1]}.eml", "5.post.eml"]
    told = datasets["mail.letters"]
    assert [(w["code"], w["records"]) for w in told["withheld_why"]] == [("internal", 2), ("mention", 1)]
    assert all("art. 15" in w["nl"] and "art. 15" in w["en"] for w in told["withheld_why"])
    assert told["redacted"][0]["ground"]["en"] == "Data of another person (art. 15(4) and 20(4) GDPR)"


def test_a_dataset_whose_every_record_is_withheld_is_not_nothing(office):
    """Edge case 28."""
    part = office.part("mail.letters", [MESSAGE | {"_withheld": "mention"}])
    summary = office.write(office.rest([part]))
    to = office.open(summary)
    found = json.loads((to / "datapackage.json").read_text())
    assert "mail.letters" not in found["privacy:nothing_held"]
    assert not (to / "data").exists()
    assert (summary.withheld, summary.records, summary.originals) == ({"mail.letters": 1}, 0, {})
    assert check_bundle(to) == []


def test_originals_with_one_name_get_a_name_each_and_keep_their_extension(office):
    """Edge case 9."""
    names = ["files/7/a/CV.pdf", "files/7/b/cv.pdf", "files/7/../../x.exe", "files/7/brief.tar.gz", "files/7/nul.txt"]
    part = office.part("dossiers.files", [DOCUMENT | {"file": n} for n in names], originals=lambda _: io.BytesIO(PDF))
    to, _, _ = opened(office, part)
    found = {p.name for p in (to / "data/dossiers/files").iterdir()}
    assert found == {"files_7_a_CV.pdf", "files_7_b_cv.pdf", "x.exe", "brief.tar.gz", "_nul.txt"}
    assert unique(["a/b.eml", "a/b.eml", "b.eml"], ".eml") == ["a_b.eml", "a_b-2.eml", "b.eml"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["a", "A", "a-2", "a-2.eml", "a.eml"]))))
def test_names_are_safe_and_each_stands_once_whatever_the_store_has(names):
    """Edge case 9."""
    for ending in ("", ".eml", ".log"):
        found = unique(names, ending)
        assert len({name.casefold() for name in found}) == len(names)
        assert not [n for n in found if "/" in n or "\\" in n or not n.isascii() or n.startswith(".") or not n]


@pytest.mark.parametrize(
    ("said", "told"),
    [("application/PDF", "application/pdf"), ("text/plain; charset=x", "application/octet-stream"), (None, "application/octet-stream"),
     ("x\r\ny/z", "application/octet-stream")],
)  # fmt: skip
def test_a_media_type_is_one_or_says_nothing(said, told):
    """Edge case 27."""
    assert media_type(said) == told


def test_what_names_nobody_is_told_and_was_not_searched(office):
    to, *_ = opened(office)
    found = json.loads((to / "datapackage.json").read_text())
    assert [(d["dataset"], d["why"]["en"]) for d in found["privacy:names_nobody"]] == [
        ("dossiers.pictures", "A picture names nobody.")
    ]
    assert "dossiers.pictures" not in found["privacy:nothing_held"]


def test_a_real_archives_messages_come_along_less_the_blind_copies_of_others(tmp_path):
    """Edge case 20: what the source leaves out of the column is not in the original either."""
    archive = Archive(tmp_path / "mail")
    first = archive.put(mail(to="anna@a.example", Bcc="carla@c.example", Subject="Ring"))
    archive.put(mail("Anna (anna@a.example) belde", to="bram@b.example"))
    source, subjects = archive.source(), of("anna@a.example")
    system = source.system
    which, selection = (
        Ref(system, "correspondence", system.datasets["correspondence"]),
        Selection("correspondence", subjects),
    )

    def original(key: tuple[object, ...]):
        return source.open("correspondence", key, subjects.subjects[0])

    with PartWriter(tmp_path / "p", which, originals=original) as writer:
        for partition in source.partitions(selection):
            for found in source.read(selection, partition):
                writer.write(found)
    assert (writer.part.records, writer.part.originals, writer.part.withheld_why) == (1, 1, {"mention": 1})
    assert writer.part.redacted["bcc"] == 1
    (entry,) = entries(iter((tmp_path / "p/originals.jsonl").read_bytes().splitlines()))
    assert (entry.name, entry.key) == (first, {"folder": "INBOX", "message": first})
    content = (tmp_path / "p/originals.pack").read_bytes()
    assert b"Subject: Ring" in content
    assert b"carla" not in content + (tmp_path / "p/data.jsonl").read_bytes()
