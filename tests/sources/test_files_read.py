"""Reading files: what their names and contents say, what is no record among them, and errors that name nobody."""

from __future__ import annotations

import hashlib
import os
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from privacy.connections import Connection
from privacy.datamap.models import Excused, System
from privacy.errors import BadConfiguration, BadInput, PrivacyError, RetryLater, Unreadable
from privacy.sources.base import Due, Identifier, Of, Selection, Subject, Tally
from privacy.sources.files import FilesSource
from privacy.sources.files_content import media_type
from privacy.sources.files_names import place
from privacy.storage import FolderStore
from sources.files_kit import NUMBERS, Cabinet, camera, column, deliver, deliveries, dossiers, held, of, put

FOREVER = Due(datetime(9999, 1, 1, tzinfo=UTC))
NAME = "CV-Anna-de-Vries.pdf"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


@pytest.fixture
def cabinet(tmp_path: Path) -> Cabinet:
    return Cabinet(tmp_path / "dossiers")


def fails(asked: Callable[[], object], code: str, *words: str) -> PrivacyError:
    """It fails with that code, and nothing about the error says a name."""
    with pytest.raises(PrivacyError) as caught:
        asked()
    problem = caught.value
    assert problem.code == code
    again = pickle.loads(pickle.dumps(problem))  # noqa: S301
    said = "".join(traceback.format_exception(problem)[-1:]) + repr(problem.args) + str(again)
    assert not [word for word in ("Anna", "Vries", *words) if word in said]
    assert problem.where.startswith(("dossiers", "deliveries", "camera"))
    return problem


def test_a_file_is_a_record_with_what_its_name_and_its_bytes_say(cabinet: Cabinet) -> None:
    """Edge case 16: an applicant's papers are theirs by the application they belong to."""
    at = datetime(2026, 11, 2, 8, 15, 3, 250_000, tzinfo=UTC)
    cabinet.put(f"applications/71001/{NAME}", PDF, at)
    cabinet.put(f"applications/71002/{NAME}", PDF)
    (row,) = cabinet.read("applications", of(71001))
    assert row == {
        "file": f"applications/71001/{NAME}", "bytes": len(PDF), "modified": at, "media_type": "application/pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(), "application_id": 71001, "name": NAME,
        "_subject": 1, "_party": "subject",
    }  # fmt: skip


def test_many_subjects_are_read_in_one_pass_in_order_of_keys(cabinet: Cabinet) -> None:
    for number in (3, 1, 2):
        cabinet.put(f"applications/{number}/b.txt")
        cabinet.put(f"applications/{number}/a.txt")
    pick = Of((*of(2).subjects, *of(1, no=2).subjects))
    assert [(r["file"][13:], r["_subject"]) for r in cabinet.read("applications", pick)] == [
        ("1/a.txt", 2),
        ("1/b.txt", 2),
        ("2/a.txt", 1),
        ("2/b.txt", 1),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"MZ\x90\0\x03\0\0\0" + b"\0" * 60, "application/x-msdownload"),
        (b"<!DOCTYPE html><script>", "text/html"),
        (b'{"camera": 1}', "application/json"),
        (b'<?xml version="1.0"?>', "application/xml"),
        (b"BMW is een automerk", "text/plain"),
        ("Beste mevrouw, caf\u00e9".encode()[:-1], "text/plain"),
        (b"\0\1\2\3", "application/octet-stream"),
        (b"caf\xe9 in latin-1", "application/octet-stream"),
        (b"", "inode/x-empty"),
    ],
)
def test_a_name_that_lies_about_its_content_is_told_by_its_first_bytes(cabinet: Cabinet, content: bytes, said: str) -> None:  # fmt: skip
    cabinet.put("applications/1/foto.pdf", content)
    assert [row["media_type"] for row in cabinet.read("applications", of(1))] == [said]


def test_no_content_is_worth_an_error_of_the_library() -> None:
    """The sniffer sees what an applicant sends: every beginning of every format that it knows, cut anywhere."""
    heads = [
        b"%PDF-",
        b"PK\3\4",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\0\0\0\x18ftyp",
        b"RIFF",
        b"\x1f\x8b",
        b"ID3",
        b"II*\0",
    ]
    for head in heads:
        for size in range(len(head) + 1):
            assert "/" in media_type(head[:size])
            assert "/" in media_type(head[:size] + b"\xff" * 40)


def test_what_a_dataset_does_not_declare_is_not_read(tmp_path: Path) -> None:
    opened = []

    class Counting(FolderStore):
        def open(self, key):
            opened.append(key)
            return super().open(key)

    root = tmp_path / "camera"
    cabinet = Cabinet(root, camera, files=Counting(root))
    columns = cabinet.raw["datasets"]["thumbnails"]["columns"]
    cabinet.put("thumbnails/deur-1/20261120T081500Z.jpg", b"\xff\xd8\xff\xe0" * 9000)
    cabinet.read("thumbnails", FOREVER)
    assert len(opened) == 1
    for name in ("media_type", "sha256", "bytes"):
        del columns[name]
    (row,) = cabinet.read("thumbnails", FOREVER)
    assert len(opened) == 1
    assert row == {"file": "thumbnails/deur-1/20261120T081500Z.jpg", "camera": "deur-1", "_subject": None, "_party": None,
        "modified": datetime(2026, 11, 2, 8, 15, tzinfo=UTC), "at": datetime(2026, 11, 20, 8, 15, tzinfo=UTC)}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["columns"].update(sha265=d["columns"].pop("sha256")), r"did you mean 'sha256'"),
        (lambda d: d["columns"].update(foo=d["columns"]["name"]), r"there are: application_id, name, file"),
        (lambda d: d["columns"].pop("name"), r"the group 'name' is no column"),
        (lambda d: d["columns"]["bytes"].update(type="text"), r"'bytes' of a file is integer, not text"),
        (lambda d: d["columns"]["name"].update(type="decimal(4,2)"), r"one of integer, text, date, datetime"),
        (lambda d: d.update(key=["application_id", "name"]), r"write `key: \[file\]`"),
        (lambda d: d.update(prefix="applications"), r"ends with a slash: applications/"),
        (lambda d: d.update(prefix="../applications/"), r"without '..'"),
        (lambda d: d.update(names=None), r"has a `prefix` and `names`"),
        (lambda d: d.update(names=r"(?P<application_id>\d+)/(?P<file>.+)"), r"give the group another name"),
        (lambda d: d.update(delivery={"processor": "x"}), r"identity: request"),
    ],
)  # fmt: skip
def test_a_dataset_that_files_cannot_be_is_told_with_the_fix_before_anything_is_read(cabinet, change, said) -> None:
    """Edge case 25."""
    change(cabinet.raw["datasets"]["applications"])
    with pytest.raises(BadConfiguration, match=said) as caught:
        cabinet.source()
    assert (caught.value.code, caught.value.where) == ("files.dataset", "dossiers.applications")


def test_groups_are_exact_values_of_their_columns_types(tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path / "d")
    cabinet.put("applications/00071/a.txt")
    cabinet.put("letters/5/2026-02-28-a.txt")
    assert [r["application_id"] for r in cabinet.read("applications", of(71))] == [71]
    (letter,) = cabinet.read("letters", of(5, "dossiers.customer_id"))
    assert (letter["day"], letter["name"]) == (date(2026, 2, 28), "a.txt")
    # A date's term begins at the midnight that opens it, in the column's zone.
    assert cabinet.locate("letters", FOREVER)[0].oldest == datetime(2026, 2, 27, 23, tzinfo=UTC)


@pytest.mark.parametrize("key", [f"letters/5/2026-02-30-{NAME}", "letters/99999999999999999999/2026-02-03-Anna", "letters/٣/2026-02-03-Anna", "letters/3/٢٠٢٦-02-03-Anna"])  # fmt: skip
def test_a_value_that_does_not_convert_fails_an_export_and_not_a_purge(cabinet: Cabinet, key: str) -> None:
    """Edge cases 11, 16 and 21: it is told, without the name; digits of other scripts are no number."""
    cabinet.put(key)
    cabinet.put("letters/3/2026-02-03-a.txt")
    problem = fails(lambda: cabinet.read("letters", of(3, "dossiers.customer_id")), "files.value", "2026")
    assert problem.where == f"dossiers.letters: file {place(key)}"
    tally = Tally()
    assert [r["customer_id"] for r in cabinet.read("letters", FOREVER, tally)] == [3]
    assert tally.unreadable == 1


def other_name(c: Cabinet) -> None:
    c.put(f"applications/{NAME}")


def nested(c: Cabinet) -> None:
    c.put(f"applications/71001/Anna/{NAME}")


def folder_link(c: Cabinet) -> None:
    c.put(f"elsewhere/{NAME}")
    (c.root / "applications/71001-Anna").symlink_to(c.root / "elsewhere")


def own_link(c: Cabinet) -> None:
    (c.root / "applications/71001" / NAME).symlink_to("/etc/hostname")


def own_pipe(c: Cabinet) -> None:
    os.mkfifo(c.root / "applications/71001" / NAME)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (other_name, "files.other_name"),
        (nested, "files.other_name"),
        (folder_link, "storage.link"),
        (own_link, "storage.link"),
        (own_pipe, "storage.special"),
    ],
)
def test_what_could_be_theirs_and_is_no_record_fails_an_export_and_not_a_purge(cabinet, damage, code) -> None:
    """Edge cases 9 and 34: links and special files are not followed; no error says a file's name."""
    cabinet.put("applications/71001/a.txt")
    damage(cabinet)
    problem = fails(lambda: cabinet.read("applications", of(71001)), code)
    assert isinstance(problem, Unreadable)
    fails(lambda: cabinet.locate("applications", of(71001)), code)
    tally = Tally()
    assert len(cabinet.read("applications", FOREVER, tally)) == len(cabinet.locate("applications", FOREVER)) == 1
    assert tally.unreadable == 1
    (found,) = [p for p in cabinet.source().check() if p.where.startswith("dossiers.applications")]
    assert (found.code, found.where, found.fatal) == (code, problem.where, True)
    # The word in the error is looked up by the operator, who may see the name.
    (word,) = [w for w in (problem.where.rpartition(" ")[2],) if w.isalpha()]
    assert ["Anna" in key for key in cabinet.source().keys(word)] == [True]
    cabinet.raw["excused"] = [{"name": key, "why": "w"} for key in cabinet.source().keys(word)]
    if damage in (own_link, own_pipe):
        fails(lambda: cabinet.read("applications", of(71001)), "files.excused")
    else:
        assert len(cabinet.read("applications", of(71001))) == 1


@pytest.mark.parametrize("name", ["applications/71001/a.txt", "applications/71001", "applications/"])
def test_a_file_of_the_dataset_cannot_be_excused(cabinet, name) -> None:
    """Edge case 9: it would be missing from an export that looks whole."""
    cabinet.put("applications/71001/a.txt")
    cabinet.raw["excused"] = [{"name": name, "why": "w"}]
    problem = fails(lambda: cabinet.read("applications", of(71001)), "files.excused")
    assert "excuse it by name" not in str(problem)
    tally = Tally()
    assert (cabinet.read("applications", FOREVER, tally), tally.unreadable) == ([], 1)
    assert [(p.code, p.fatal) for p in cabinet.source().check()] == [("files.excused", True)]


def test_a_link_in_the_place_of_the_whole_folder_is_told(cabinet: Cabinet) -> None:
    """Edge case 9: what stands for the prefix itself."""
    cabinet.put("elsewhere/71001/a.txt")
    (cabinet.root / "applications").symlink_to(cabinet.root / "elsewhere")
    fails(lambda: cabinet.read("applications", of(71001)), "storage.link")


def test_somebody_elses_link_does_not_stop_an_export(cabinet: Cabinet) -> None:
    """Its name says whose it is."""
    cabinet.put("applications/71001/a.txt")
    cabinet.put("applications/71002/a.txt").unlink()
    (cabinet.root / "applications/71002/a.txt").symlink_to("/etc/hostname")
    assert len(cabinet.read("applications", of(71001))) == 1
    fails(lambda: cabinet.read("applications", of(71002)), "storage.link")


def test_a_link_swapped_in_between_the_list_and_the_look_leads_nowhere(tmp_path: Path) -> None:
    """Edge case 9."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")

    class Swapping(FolderStore):
        def open(self, key):
            path = tmp_path / "d" / key
            path.unlink()
            path.symlink_to(secret)
            return super().open(key)

    root = tmp_path / "d"
    cabinet = Cabinet(root, files=Swapping(root))
    cabinet.put(f"applications/71001/{NAME}")
    fails(lambda: cabinet.read("applications", of(71001)), "storage.link")
    cabinet.put(f"applications/71002/{NAME}")
    key = f"applications/71002/{NAME}"
    fails(lambda: cabinet.source().open("applications", (key,)), "storage.link")


@pytest.mark.parametrize("how", ["rewritten", "replaced", "gone"])
def test_a_file_that_changes_while_it_is_read_is_read_again_later(tmp_path: Path, how: str) -> None:
    """Edge case 14: what is told of a file is of one state of it."""

    class Changing(FolderStore):
        def open(self, key):
            opened, path = super().open(key), tmp_path / "d" / key
            if how == "rewritten":
                path.write_bytes(b"another")
            elif how == "replaced":
                path.with_suffix(".new").write_bytes(b"x")
                path.with_suffix(".new").replace(path)
            else:
                path.unlink()
            return opened

    root = tmp_path / "d"
    cabinet = Cabinet(root, files=Changing(root))
    cabinet.put(f"applications/71001/{NAME}")
    assert isinstance(fails(lambda: cabinet.read("applications", of(71001)), "files.changed"), RetryLater)


names = st.binary(min_size=1, max_size=40).filter(lambda b: not set(b) & {0, 47} and b not in (b".", b".."))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(names, min_size=1, max_size=3))
@example({b"\xff.pdf", b"\\xff.pdf"[:3] + b".pdf"})
@example({b"..pdf", b"..\\..\\x", b"CV\n\x1b[31m.pdf", "caf\u00e9".encode(), "cafe\u0301".encode(), b"A", b"a"})
@example({b"=cmd|' C calc'!A0", b"{{7*7}}", b"'; DROP TABLE applicants; --", b"<script>"})
def test_whatever_a_file_is_called_it_is_read_once_and_opened_again_by_its_name(tmp_path: Path, given_names: set[bytes]) -> None:  # fmt: skip
    """Edge cases 9 and 27: dots, control characters, bytes that are no text, names that differ in case only."""
    cabinet = Cabinet(tmp_path / hashlib.sha256(repr(sorted(given_names)).encode()).hexdigest()[:16])
    for name in given_names:
        cabinet.put(b"applications/1/" + name, name)
    rows, source = cabinet.read("applications", of(1)), cabinet.source()
    found = {}
    for row in rows:
        row["file"].encode()
        with source.open("applications", (row["file"],)) as file:
            found[row["file"]] = file.read()
    assert sorted(found.values()) == sorted(given_names)
    assert [(i.key[0],) for i in cabinet.locate("applications", of(1))] == [(row["file"],) for row in rows]


def test_two_names_that_look_alike_in_text_are_told_instead_of_taken_for_each_other(cabinet: Cabinet) -> None:
    cabinet.put(b"applications/1/Anna\xff")
    cabinet.put(b"applications/1/Anna\\xff")
    fails(lambda: cabinet.read("applications", of(1)), "files.same_name")


def test_another_datasets_folder_within_and_a_siblings_beside_are_theirs(tmp_path: Path) -> None:
    """Edge case 12: prefixes that begin alike."""
    cabinet = Cabinet(tmp_path / "d")
    inner = dict(cabinet.raw["datasets"]["letters"], prefix="applications/letters/")
    cabinet.raw["datasets"]["letters"] = inner
    cabinet.put("applications/1/a.txt")
    cabinet.put("applications2/1/a.txt")
    cabinet.put("applications/letters/1/2026-01-01-a.txt")
    assert len(cabinet.read("applications", of(1))) == 1
    assert len(cabinet.read("letters", of(1, "dossiers.customer_id"))) == 1
    fails(lambda: cabinet.source().open("applications", ("applications/letters/1",)), "files.not_a_record")


def test_an_empty_store_is_no_empty_answer_and_an_empty_folder_is(cabinet: Cabinet) -> None:
    """Edge case 28: a folder that is not mounted must not look like one that holds nothing."""
    fails(lambda: cabinet.read("applications", of(1)), "files.no_files")
    assert cabinet.read("applications", FOREVER) == []
    cabinet.put("HERE")
    cabinet.raw["excused"] = [{"name": "HERE", "why": "shows that the folder is mounted"}]
    assert cabinet.read("applications", of(1)) == []
    (cabinet.root / "HERE").unlink()
    cabinet.root.rmdir()
    for pick in (of(1), FOREVER):
        problem = fails(lambda pick=pick: cabinet.read("applications", pick), "storage.missing")
        assert problem.where == "dossiers.applications"
    assert {p.code for p in cabinet.source().check()} == {"storage.missing"}


def test_an_identifier_counts_for_its_own_time_and_a_contested_one_for_nothing(cabinet: Cabinet) -> None:
    """Edge case 19: an address that was passed on."""
    for day in ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"):
        cabinet.put(f"letters/7/{day}-a.txt")
    # The midnights of Amsterdam that open February and March.
    first, last = datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC)
    mine = of(7, "dossiers.customer_id", valid_from=first, valid_to=last)
    assert [r["day"].isoformat() for r in cabinet.read("letters", mine)] == ["2026-02-01", "2026-02-28"]
    tally = Tally()
    assert cabinet.read("letters", of(7, "dossiers.customer_id", contested=True), tally) == []
    assert tally.unattributed == 4
    del cabinet.raw["datasets"]["letters"]["time"]
    tally = Tally()
    assert cabinet.read("letters", mine, tally) == []
    assert tally.unattributed == 4


def test_the_first_identity_that_is_filled_in_decides_and_parties_are_joined(cabinet: Cabinet) -> None:
    """Edge cases 19 and 22: a household's address; an address is compared without case."""
    cabinet.put("cards/Huis@Werk.example/card")
    cabinet.put("cards/huis@werk.example/klaas.card")
    rows = cabinet.read("cards", of("huis@werk.example", "email"))
    assert [(r["file"], r["_party"]) for r in rows] == [
        ("cards/Huis@Werk.example/card", "owner,host"),
        ("cards/huis@werk.example/klaas.card", "host"),
    ]
    assert [r["_party"] for r in cabinet.read("cards", of("klaas", "dossiers.person"))] == ["owner"]
    looked_up = cabinet.read("cards", of("huis@werk.example", "email"), on=("email",))
    assert [r["_party"] for r in looked_up] == ["email", "email"]
    assert cabinet.read("cards", Of((Subject(1, (Identifier("email", "no address"), Identifier("ip", "::1"))),))) == []


def test_what_is_due_ends_exactly_at_the_bound(tmp_path: Path) -> None:
    """Edge cases 1 and 2: forty-eight hours on a camera's own clock, to the microsecond."""
    cabinet = Cabinet(tmp_path / "camera", camera)
    cabinet.put("thumbnails/deur-1/20261120T081500Z.jpg")
    at = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
    assert len(cabinet.locate("thumbnails", Due(at))) == 0
    assert len(cabinet.locate("thumbnails", Due(at.replace(microsecond=1)))) == 1
    del cabinet.raw["datasets"]["thumbnails"]["starts"]
    assert cabinet.locate("thumbnails", FOREVER) == ()


@pytest.mark.parametrize(
    "key",
    ["letters/1/2026-01-01-x", "applications/../letters/1/2026-01-01-x", "/etc/passwd", "applications/1//a.txt",
        "applications/1/a\0.txt", "", "applications/", "applications/Anna"],
)  # fmt: skip
def test_only_records_of_the_dataset_are_opened(cabinet: Cabinet, key: str) -> None:
    """Edge case 9: nothing above or beside the prefix, whatever a name says."""
    cabinet.put("letters/1/2026-01-01-x")
    cabinet.put("applications/Anna")
    assert isinstance(fails(lambda: cabinet.source().open("applications", (key,)), "files.not_a_record"), BadInput)
    assert fails(lambda: cabinet.source().open("applications", ("applications/9/Anna",)), "storage.missing")


def test_a_partition_is_named_by_the_dataset_and_never_by_a_file(cabinet: Cabinet) -> None:
    cabinet.put(f"applications/71001/{NAME}", b"12345")
    (partition,) = cabinet.source().partitions(Selection("applications", of(71001)))
    assert (partition.name, partition.bytes, partition.mark) == ("applications/", 5, "")


def test_the_inventory_names_prefixes_and_of_other_places_no_name(cabinet: Cabinet) -> None:
    cabinet.put("applications/1/a.txt")
    cabinet.put("Anna de Vries/x.pdf")
    cabinet.put(NAME)
    cabinet.put("old/a.txt")
    cabinet.raw["excused"] = [Excused(name="old", why="w").model_dump()]
    names = {claim.name for claim in cabinet.source().inventory()}
    assert names == {f"(place {place('Anna de Vries/')})", f"(place {place(NAME)})", "applications/", "old"}
    assert cabinet.source().keys(place("Anna de Vries/")) == ["Anna de Vries/"]


def test_a_delivery_is_read_by_its_requests_number_and_its_list_is_no_record(tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path / "deliveries", deliveries)
    for number in NUMBERS:
        deliver(cabinet.root, number, {"Anna.csv": b"a", "map/b.txt": b"b"})
    (cabinet.root / "betaalpoort/elsewhere.txt").write_bytes(b"x")
    pick = of(NUMBERS[0], "request")
    assert [r["name"] for r in cabinet.read("betaalpoort", pick)] == ["Anna.csv", "map/b.txt"]
    assert len(cabinet.locate("betaalpoort", FOREVER)) == 4
    fails(lambda: cabinet.source().open("betaalpoort", (f"betaalpoort/{NUMBERS[0]}/DELIVERED",)), "files.not_a_record")
    # What lies elsewhere in the drop folder keeps nobody from their answer; the check tells of it.
    assert [(p.code, p.fatal) for p in cabinet.source().check()] == [("files.other_name", False)]
    (cabinet.root / "betaalpoort" / NUMBERS[0] / "link").symlink_to("/etc/hostname")
    fails(lambda: cabinet.read("betaalpoort", pick), "storage.link")


def test_an_erasure_that_sets_columns_of_files_is_told_by_the_check(cabinet: Cabinet) -> None:
    cabinet.put("applications/1/a.txt")
    cabinet.raw["datasets"]["applications"]["erasure"] = {"do": "set", "set": {"name": None}}
    assert [p.code for p in cabinet.source().check()] == ["files.cannot_set"]


def test_a_dataset_that_is_not_there_is_told(cabinet: Cabinet) -> None:
    fails(lambda: cabinet.read("nothing", of(1)), "files.unknown_dataset")


def test_an_address_in_a_name_is_nobodys_outside_of_a_known_visit(tmp_path):
    """Edge case 22: addresses change hands; it is counted instead."""
    system = dossiers()
    system["datasets"] = {"captures": held("captures/", r"(?P<ip>[^/]+)/capture", {"ip": column("text", "ip")}, ["ip"],
        examples=[{"ip": "192.0.2.7"}, {"ip": "192.0.2.8"}])}  # fmt: skip
    put(tmp_path, "captures/192.0.2.7/capture")
    source = FilesSource(System.model_validate(system), Connection("dossiers", tmp_path.as_uri()))
    tally = Tally()
    selection = Selection("captures", Of((Subject(1, (Identifier("ip", "192.0.2.7"),)),)))
    (partition,) = source.partitions(selection)
    assert list(source.read(selection, partition, tally)) == []
    assert tally.unattributed == 1
