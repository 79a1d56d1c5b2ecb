"""Bad files and bad descriptions: a clear error that names place and never content, and never a smaller answer."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy.errors import BadConfiguration, BadInput, PrivacyError, Unreadable
from privacy.sources.base import Due, Selection
from privacy.sources.files_names import place
from sources.records_kit import CLICKS as CLICK_COLUMNS
from sources.records_kit import GA4, Kit, click, customer, device, email, event, of, talk, visit

DAY = "ga4/events_20261120.parquet"
CLICKS = "clicks/clicks-2026-11-20.ndjson"
DUMP = "dumps/conversations-2026-11-20.json"
AT = "2026-11-20T10:00:00"
SECRET = "anna@secret.example"
DUE = Due(datetime(2030, 1, 1, tzinfo=UTC))
GOOD = json.dumps(click(AT + "Z", customer=1001)).encode() + b"\n"


def refused(kit: Kit, pick=None) -> Unreadable:
    """The error of reading and of locating: the same, and it says nothing of what is in the file or its name."""
    said = []
    for ask in (kit.read, kit.locate):
        with pytest.raises(Unreadable) as error:
            ask(pick or of(customer(1001), email(SECRET)))
        assert SECRET not in str(error.value)
        assert "secret" not in repr(error.value.args)
        said.append(error.value)
    assert said[0].code == said[1].code
    return said[0]


@pytest.mark.parametrize(("line", "code"), [
    (b'{"at": "2026-11-20T10:00:00Z", "visitor": {"customer": 1001', "records.no_json"),
    (b"anna@secret.example, 3", "records.no_json"), (b"[1, 2]", "records.no_record"), (b'"anna@secret.example"', "records.no_record"),
    (b"\xff\xfe", "records.no_json"), (b'{"a": NaN}', "records.no_json"), (b"{}{}", "records.no_json"), (b"[" * 5000, "records.no_json"),
    (b'{"visitor": {"customer": 1001, "customer": 1002}, "at": "2026-11-20T10:00:00Z"}', "records.no_json"),
    (b'{"visitor": {"customer": 1001, "c\\u0075stomer": 1002}, "at": "2026-11-20T10:00:00Z"}', "records.no_json"),
    (b'{"visitor": {"customer": 1001}, "visitor": {}, "at": "2026-11-20T10:00:00Z"}', "records.no_json"),
    (b'{"visitor": {"customer": 1001}, "at": "2026-11-20T10:00:00Z", "at": "2026-11-20T11:00:00Z"}', "records.no_json"),
    (b'{"visitor": {"customer": 1002}, "at": "2026-11-20T10:00:00Z", "x": {"customer": 1, "at": "\\u0041"}}', "no error"),
    (b'{"visitor": {"customer": 1002}, "at": "2026-11-20T10:00:00Z", "x": 1, "x": 2}', "no error"),
    (b'{"visitor": {"customer": 1002, "customer": 1001}, "at": "2026-11-20T10:00:00Z"}', "records.no_json"),
])  # fmt: skip
def test_a_line_that_is_no_record_names_its_row(tmp_path, line, code):
    kit = Kit(tmp_path, "clicks")
    kit.put(CLICKS, GOOD + b"\n" + line + b"\n" + GOOD)
    if code == "no error":
        assert len(kit.read(of(customer(1001)))) == 2
        return
    with pytest.raises(Unreadable) as error:
        kit.read(of(customer(1001)))
    assert (error.value.code, error.value.where) == (code, "desk.clicks: file 1 below clicks/, row 2")


@pytest.mark.parametrize(
    ("name", "kind"),
    [(CLICKS + ".gz", "clicks"), (DUMP, "conversations"), (DUMP + ".gz", "conversations"), (DAY, "events")],
)
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_an_error_wherever_the_cut_is(tmp_path, name, kind, part):
    """Edge case 8."""
    kit = Kit(tmp_path, kind)
    many = range(200)
    if kind == "clicks":
        path = kit.lines(name, [click(AT + "Z", customer=1001, page=str(n * 7919)) for n in many])
    elif kind == "events":
        path = kit.parquet(name, [event(AT, user="1001", name=str(n * 7919)) for n in many])
    else:
        path = kit.dump(name, [talk(n, AT + "Z", customer=1001, subject=str(n * 7919)) for n in many])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert refused(kit).code in ("records.truncated", "records.corrupt", "records.no_json")


@pytest.mark.parametrize(("document", "code"), [
    ('{"conversations": [', "records.no_json"), ('{"conversations": []} x', "records.no_json"), ('{"conversations": [],}', "records.no_json"),
    ('{"conversations": [{"id": 1},]}', "records.no_json"), ('{"conversations": [{"id": 1} {"id": 2}]}', "records.no_json"),
    ('{"conversations": {"id": 1}}', "records.no_list"), ('{"export": []}', "records.no_list"), ("[]", "records.no_list"),
    ('{"conversations": [1]}', "records.no_record"), ('{"conversations": [], "conversations": []}', "records.two_lists"), ("", "records.no_json"),
    ('{"conversations" []}', "records.no_json"), ("{1: 2}", "records.no_json"), ('{"conversations": [{"id": 1}]', "records.no_json"),
])  # fmt: skip
def test_a_document_without_its_list_of_records_is_an_error(tmp_path, document, code):
    kit = Kit(tmp_path, "conversations")
    kit.put(DUMP, document.encode())
    assert refused(kit).code == code


def test_an_empty_list_and_a_file_without_rows_are_no_error(tmp_path):
    for kind, put in (
        ("conversations", lambda k: k.dump(DUMP, [])),
        ("events", lambda k: k.parquet(DAY, [])),
        ("clicks", lambda k: k.put(CLICKS, b"\n")),
    ):
        kit = Kit(tmp_path, kind)
        put(kit)
        assert (kit.read(of(customer(1))), kit.read(DUE), kit.locate(DUE)) == ([], [], ())


def test_a_file_of_another_name_stops_an_export_and_no_purge(tmp_path):
    kit = Kit(tmp_path, "clicks")
    kit.put(CLICKS, GOOD)
    kit.put(f"clicks/{SECRET}.csv", b"x")
    problem = refused(kit)
    assert (problem.code, problem.where) == ("records.other_name", "desk.clicks: file 1 below clicks/")
    assert len(kit.read(DUE)) == 1
    (found,) = [p for p in kit.source().check() if p.code == "records.other_name"]
    assert not found.fatal
    assert (
        len(Kit(tmp_path, "clicks", excused=[{"name": f"clicks/{SECRET}.csv", "why": "w"}]).read(of(customer(1001))))
        == 1
    )


def test_an_empty_prefix_a_missing_folder_and_a_link_are_errors(tmp_path):
    """Edge cases 9 and 25."""
    kit = Kit(tmp_path, "clicks")
    (tmp_path / "clicks").mkdir()
    assert refused(kit).code == "records.no_files"
    assert [p.code for p in kit.source().check()] == ["records.no_files"]
    outside = tmp_path / "outside.ndjson"
    outside.write_bytes(GOOD)
    (tmp_path / CLICKS).symlink_to(outside)
    problem = refused(kit)
    assert (problem.code, problem.where) == ("storage.link", "desk.clicks: file 1 below clicks/")
    assert [p.code for p in kit.source().check()] == ["storage.link"]
    assert refused(Kit(tmp_path / "nowhere", "clicks")).code == "storage.missing"


@pytest.mark.parametrize(("kind", "record", "column"), [
    ("clicks", click(AT + "Z", customer={"no": SECRET}), "customer"), ("clicks", click(AT + "Z", customer=True), "customer"),
    ("clicks", click("anna@secret.example", customer=1001), "at"), ("clicks", click(AT + "Z", customer=1001, page=[SECRET]), "page"),
    ("conversations", talk(1, AT + "Z", customer=1001) | {"rating": SECRET}, "rating"),
    ("conversations", talk(1, AT + "Z", customer=1001) | {"rating": 4.125}, "rating"),
    ("conversations", talk(1, AT + "Z", customer=1001) | {"tags": "[]"}, "tags"),
    ("conversations", talk(None, AT + "Z", customer=1001), "conversation_id"), ("conversations", talk(1, SECRET, customer=1001), "updated_at"),
])  # fmt: skip
def test_a_value_that_is_not_of_the_declared_type_is_told_by_row_and_column(tmp_path, kind, record, column):
    """Edge case 21: exactly, or not at all."""
    kit = Kit(tmp_path, kind)
    good = click(AT + "Z", customer=1001) if kind == "clicks" else talk(2, AT + "Z", customer=1001)
    kit.lines(CLICKS, [good, record])
    kit.dump(DUMP, [good, record])
    with pytest.raises(Unreadable) as error:
        kit.read(of(customer(1001)))
    assert error.value.where.endswith(f", row 2, column {column}")
    assert error.value.code in ("records.lost_type", "records.no_key")
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("type", "written"), [("number", "1e400"), ("number", "-1e400"), ("integer", "true"), ("integer", "false")]
)
def test_a_number_beyond_all_floats_is_not_infinite_and_a_truth_is_no_number(tmp_path, type, written):  # fmt: skip
    """Edge case 21."""
    columns = {**CLICK_COLUMNS, "weight": {"type": type}}
    kit = Kit(tmp_path, "clicks", columns=columns)
    record = json.dumps(click(AT + "Z", customer=1001) | {"weight": "?"}).replace('"?"', written)
    kit.put(CLICKS, record.encode())
    with pytest.raises(Unreadable) as error:
        kit.read(of(customer(1001)))
    assert (error.value.code, error.value.where.endswith(", row 1, column weight")) == ("records.lost_type", True)


def test_a_path_that_leads_nowhere_in_a_whole_file_is_an_error(tmp_path):
    """A member renamed by a processor would make everybody's records nobody's."""
    kit = Kit(tmp_path, "clicks")
    kit.lines(CLICKS, [{"at": AT + "Z", "who": {"customer": 1001}}] * 3)
    assert (refused(kit).code, refused(kit).where) == (
        "records.missing_path",
        "desk.clicks: file 1 below clicks/, column customer",
    )
    kit.lines(CLICKS, [{"when": AT + "Z", "visitor": {"customer": 1001}}] * 3)
    assert refused(kit).where.endswith("column at")
    kit.lines(CLICKS, [{"at": AT + "Z", "visitor": {"device": "d"}}] * 3)
    assert kit.read(of(customer(1001))) == []
    kit = Kit(tmp_path, "events")
    kit.parquet(DAY, [event(AT, user="1001")], GA4.remove(4))
    assert refused(kit).where.endswith("column user_id")


def test_the_doctor_tells_of_members_that_no_path_looks_into_and_of_paths_that_lead_nowhere(tmp_path):
    kit = Kit(tmp_path, "events")
    kit.parquet(DAY, [event(AT)], GA4.remove(6).append(pa.field("phone", pa.string())))
    found = {(p.code, p.fatal): p for p in kit.source().check()}
    assert found["records.missing_path", False].where.endswith("column country")
    assert "'phone'" in found["records.unclaimed", False].message
    kit.parquet(DAY, [event(AT)], GA4.remove(4))
    assert [p.fatal for p in kit.source().check()] == [True]
    kit = Kit(tmp_path, "clicks")
    kit.lines(CLICKS, [click(AT + "Z") | {"phone": 1}])
    assert ["'phone'" in p.message for p in kit.source().check()] == [True]
    kit = Kit(tmp_path, "conversations")
    kit.dump(DUMP, [talk(1, AT + "Z")])
    assert list(kit.source().check()) == []


def test_the_inventory_names_no_file_that_nobody_describes(tmp_path):
    """Edge case 34: a name may be a person's; the operator looks the word up."""
    kit = Kit(tmp_path, "conversations", excused=[{"name": "old", "why": "w"}])
    kit.dump(DUMP, [])
    kit.put("old/Anna.json", b"")
    kit.put("Anna de Vries.json", b"")
    kit.put("Bram/x.json", b"")
    here = {"Anna de Vries.json", "Bram/"}
    words = {place(name) for name in here}
    assert {c.name for c in kit.source().inventory()} == {"dumps/", "old", *(f"(place {word})" for word in words)}
    assert {key for word in words for key in kit.source().keys(word)} == here


@pytest.mark.parametrize(("kind", "changes", "said"), [
    ("clicks", {"prefix": None, "names": None, "records": None}, "`prefix`, and `names`"),
    ("clicks", {"columns": CLICK_COLUMNS | {"row": {"type": "text"}}}, "column 'row' is made by the source and has type integer"),
    ("clicks", {"columns": CLICK_COLUMNS | {"line": {"type": "binary", "original": True}}}, "leave `original` out"),
    ("clicks", {"subject": ["row"], "columns": CLICK_COLUMNS | {"row": {"type": "integer", "identity": "device_id"}}}, "names nobody"),
    ("clicks", {"subject": ["at"], "columns": CLICK_COLUMNS | {"at": CLICK_COLUMNS["at"] | {"identity": "device_id"}}}, "is text, integer, or a list"),
    ("clicks", {"time": None}, "records.day: say which column tells a record's time"),
    ("clicks", {"records": {"latest": "at"}}, "by file or row"),
    ("conversations", {"records": {"at": "a[0].b"}}, "write a plain dotted path"),
    ("conversations", {"records": {"at": "a..b"}}, "records.at: 'a..b' is no JMESPath"),
    ("events", {"erasure": {"do": "set", "set": {"ip_address": None}}}, "no plain path"),
])  # fmt: skip
def test_a_description_that_cannot_be_says_what_to_write(tmp_path, kind, changes, said):
    kit = Kit(tmp_path, kind, **changes)
    with pytest.raises(BadConfiguration) as error:
        kit.source().partitions(Selection(kind, DUE))
    assert said in str(error.value)
    assert [p.message for p in kit.source().check()] == [error.value.message]


def test_other_forms_days_and_originals_are_refused_plainly(tmp_path):
    kit = Kit(tmp_path, "clicks", names=r"clicks-(?P<day>[\d-]+)\.(csv|ndjson)")
    kit.put("clicks/clicks-2026-11-20.csv", b"x")
    assert refused(kit).code == "records.unknown_form"
    kit = Kit(tmp_path / "b", "clicks", names=r"clicks-(?P<day>[\d-]+)\.(csv|ndjson)")
    kit.put("clicks/clicks-2026-13-40.ndjson", GOOD)
    assert refused(kit).code == "records.day"
    with pytest.raises(BadInput):
        kit.source().open("clicks", ("f", 1))
    with pytest.raises(PrivacyError, match="no such dataset"):
        kit.source().partitions(Selection("klicks", DUE))


@pytest.mark.parametrize(("at", "told"), [("2026-11-20T23:59:00", False), ("2026-11-21T00:59:00", False),
    ("2026-11-19T22:30:00", True), ("2026-11-21T05:00:00", True)])  # fmt: skip
def test_the_doctor_tells_of_a_file_that_has_records_of_another_day_than_its_name_says(tmp_path, at, told):
    """Edge cases 10 and 22: by the day, files are passed over in which a record may be due, or may contest a visit."""
    events, clicks = Kit(tmp_path / "e", "events"), Kit(tmp_path / "c", "clicks")
    events.parquet("ga4/events_20261120.parquet", [event(t, user="1001") for t in ("2026-11-20T10:00:00", at)])
    clicks.lines("clicks/clicks-2026-11-20.ndjson", [click(at + "Z", customer=1001)])
    for kit in (events, clicks):
        assert ("records.day" in [problem.code for problem in kit.source().check()]) is told


def test_a_footer_that_arrow_cannot_be_asked_about_is_told_before_it_is_asked(tmp_path):
    """Arrow's own check of a column's size statistics ends the whole process."""
    kit = Kit(tmp_path, "events")
    path = kit.parquet(DAY, [event(AT, user="1001")])
    assert len(kit.read(of(customer(1001)))) == 1
    whole = path.read_bytes()
    # In the footer a list of 64-bit numbers, with how many each level has: `0x26` is two of them, and becomes one.
    at = whole.rindex(b"\x29\x26")
    path.write_bytes(whole[: at + 1] + b"\x16" + whole[at + 2 :])
    assert refused(kit).code == "records.corrupt"


def test_a_column_that_stands_in_a_file_twice_is_an_error_whatever_its_first_says(tmp_path):
    """Edge case 22: the first one's statistics said that nobody was there, the second one named them."""
    kit = Kit(tmp_path, "events")
    path = kit.parquet("ga4/events_20261120.parquet", [event("2026-11-20T10:00:00", user="1002")])
    twice = pq.read_table(path).append_column(pa.field("user_id", pa.string()), pa.array(["1001"]))
    pq.write_table(twice, path)
    with pytest.raises(Unreadable) as problem:
        kit.read(of(customer(1001)))
    assert problem.value.code == "records.corrupt"


def test_gzip_in_several_members_is_read_whole_and_damage_is_told(tmp_path):
    """Edge case 8."""
    kit = Kit(tmp_path, "clicks")
    path = kit.put(CLICKS + ".gz", gzip.compress(GOOD) + gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]))
    assert len(kit.read(of(customer(1001)))) == 2
    whole = path.read_bytes()
    path.write_bytes(whole[:30] + b"\0\0\0\0" + whole[34:])
    assert refused(kit).code in ("records.corrupt", "records.truncated")


@pytest.mark.parametrize(("at", "told"), [("2026-11-21T00:59:00", False), ("2026-11-21T05:00:00", True)])
def test_a_file_that_is_read_is_of_the_day_that_its_name_says(tmp_path, at, told):
    """Edge cases 10 and 22: not the newest alone, and whether its records are anybody's or not."""
    events, clicks = Kit(tmp_path / "e", "events"), Kit(tmp_path / "c", "clicks")
    events.parquet("ga4/events_20261120.parquet", [event(t, user="1") for t in ("2026-11-20T10:00:00", at)])
    clicks.lines("clicks/clicks-2026-11-20.ndjson", [click(AT + "Z"), click(at + "Z", customer=1)])
    bare = Kit(tmp_path / "b", "events")
    bare.parquet("ga4/events_20261120.parquet", [event(t) for t in (AT, at)], write_statistics=False)
    for kit in (events, bare, clicks):
        for pick in (of(customer(1001)), DUE):
            if told:
                assert refused(kit, pick).code == "records.day"
            else:
                kit.read(pick)


def test_a_file_that_is_passed_over_by_its_name_is_of_its_day_within_a_week(tmp_path):
    """Edge case 22: what contests a visit, and what is due, may lie in a file that says another day."""
    kit = Kit(tmp_path, "events")
    kit.parquet(DAY, [event(AT, ip="192.0.2.7")])
    wrong = kit.parquet("ga4/events_20261125.parquet", [event(AT, user="1002", ip="192.0.2.7")])
    seen = visit("09:55", "10:05")
    assert refused(kit, of(seen)).where == "desk.events: file 2 below ga4/, column occurred_at"
    due = Due(datetime(2026, 11, 21, tzinfo=UTC))
    assert refused(kit, due).code == "records.day"
    wrong.rename(tmp_path / "ga4/events_20261205.parquet")
    assert len(kit.read(of(seen))) == 1  # Further away nothing but the name is looked at.
    assert len(kit.read(due)) == 1


@pytest.mark.parametrize("name", [CLICKS, "clicks/"])
def test_a_file_of_the_dataset_cannot_be_excused(tmp_path, name):
    """Edge case 9: a damaged one that is excused would be missing from an export that looks whole."""
    kit = Kit(tmp_path, "clicks", excused=[{"name": name, "why": "w"}])
    kit.put(CLICKS, b"{")
    kit.put("clicks/clicks-2026-11-21.ndjson" if name == CLICKS else "clicks/README", b"")
    with pytest.raises(Unreadable) as error:
        kit.read(of(customer(1001)))
    assert (error.value.code, error.value.where) == ("records.excused", "desk.clicks: file 1 below clicks/")
    found = {p.code: p for p in kit.source().check()}
    assert found["records.excused"].fatal
    assert "records.other_name" not in found


@pytest.mark.parametrize(("many", "optional", "told"), [(1000, False, True), (999, False, False), (1000, True, False)])
def test_a_renamed_id_does_not_give_its_records_to_whom_a_later_column_names(tmp_path, many, optional, told):
    """Edge case 22: the clicks of 1001 on a device that somebody else has by now. Where nulls are left out, few tell nothing."""
    columns = CLICK_COLUMNS | {"customer": CLICK_COLUMNS["customer"] | {"optional": optional}}
    kit = Kit(tmp_path, "clicks", columns=columns)
    one = {"at": AT + "Z", "visitor": {"customerId": 1001, "device": "d", "ip": None, "agent": None}, "page": "/"}
    kit.lines(CLICKS, [one] * many)
    if told:
        problem = refused(kit, of(device("d")))
        assert (problem.code, problem.where) == ("records.absent", "desk.clicks: file 1 below clicks/, column customer")
    else:
        assert len(kit.read(of(device("d")))) == many
    assert len(kit.read(DUE)) == many
    assert [p.fatal for p in kit.source().check() if p.code == "records.absent"] == [True] * told
    kit.lines(CLICKS, [one] * many + [click(AT + "Z", device="d")])
    assert len(kit.read(of(device("d")))) == many + 1
    assert "records.absent" not in [p.code for p in kit.source().check()]


def test_the_doctor_tells_of_a_column_that_other_files_have(tmp_path):
    kit = Kit(tmp_path, "clicks")
    kit.lines(CLICKS, [click(AT + "Z")])
    kit.lines(
        "clicks/clicks-2026-11-21.ndjson",
        [{"at": "2026-11-21T10:00:00Z", "visitor": {"customer": 1, "device": "d"}}] * 1000,
    )
    (found,) = [p for p in kit.source().check() if p.code == "records.absent"]
    assert (found.where, found.fatal) == ("desk.clicks: file 2 below clicks/, column ip", True)


def test_a_document_in_which_a_member_that_tells_whose_a_record_is_stands_twice_is_an_error(tmp_path):
    kit = Kit(tmp_path, "conversations")
    record = json.dumps(talk(1, AT + "Z", customer=1001)).replace(
        '"customer": 1001', '"customer": 1001, "customer": 1002'
    )
    kit.put(DUMP, f'{{"conversations": [{record}]}}'.encode())
    assert (refused(kit).code, refused(kit).where) == (
        "records.no_json",
        "desk.conversations: file 1 below dumps/, row 1",
    )
