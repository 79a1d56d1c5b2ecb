"""Records in Parquet, NDJSON and JSON documents: whose they are, and that they are given exactly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from privacy.errors import Unreadable
from privacy.sources.base import Due, Of, Subject, Tally
from sources.records_kit import EVENTS, GA4, Kit, click, customer, device, email, event, of, talk, visit

DAY = "ga4/events_20261120.parquet"
CLICKS = "clicks/clicks-2026-11-20.ndjson.gz"


@pytest.fixture(params=["events", "clicks"])
def visits(request, tmp_path):
    """The same visits as Parquet and as NDJSON: (kit, put, names of three days)."""
    kit = Kit(tmp_path, request.param)

    def put(day: str, *rows: dict) -> None:
        if request.param == "events":
            known = [
                {("user" if k == "customer" else k): (str(v) if k == "customer" else v) for k, v in r.items()}
                for r in rows
            ]
            kit.parquet(f"ga4/events_{day.replace('-', '')}.parquet", [event(**r) for r in known], row_group_size=2)
        else:
            kit.lines(f"clicks/clicks-{day}.ndjson.gz", [click(**{**r, "at": r["at"] + "Z"}) for r in rows])

    return kit, put


def rows(kit, pick, tally=None):
    return [n for _, n in kit.numbers(pick, tally)]


def test_a_record_with_an_id_belongs_to_that_id_whatever_stands_beside_it(visits):
    kit, put = visits
    at = "2026-11-20T10:00:00"
    put("2026-11-20", {"at": at, "customer": 1001, "device": "d2"}, {"at": at, "customer": 1002, "device": "d1"},
        {"at": at, "device": "d1"}, {"at": at, "device": "d2", "ip": "192.0.2.7"}, {"at": at, "customer": 10010})  # fmt: skip
    assert rows(kit, of(customer(1001))) == [1]
    assert rows(kit, of(customer(1001), device("d1"))) == [1, 3]
    assert rows(kit, of(visit("09:00:00", "11:00:00"))) == []
    both = Of((Subject(1, (customer(1001),)), Subject(2, (device("d2"), customer(1002)))))
    assert [(r["row"], r["_subject"], r["_party"]) for r in kit.read(both)] == [
        (1, 1, "subject"),
        (2, 2, "subject"),
        (4, 2, "subject"),
    ]


def test_a_record_with_an_address_only_is_theirs_during_their_own_visit_with_their_agent(visits):
    kit, put = visits
    put("2026-11-20", *({"at": f"2026-11-20T{t}", "ip": ip, "agent": agent} for t, ip, agent in (
        ("09:59:59", "192.0.2.7", "a"), ("10:00:00", "192.0.2.7", "a"), ("10:30:00", "192.0.2.7", "a"),
        ("10:10:00", "192.0.2.7", "b"), ("10:10:00", "192.0.2.8", "a"), ("10:30:01", "192.0.2.7", "a"),
    )))  # fmt: skip
    assert rows(kit, of(visit("10:00:00", "10:30:00", agent="a"))) == [2, 3]


def test_a_visit_during_which_another_id_used_the_address_gives_nothing_and_is_counted(visits):
    """Edge case 22."""
    kit, put = visits
    put("2026-11-20", {"at": "2026-11-20T10:10:00", "ip": "192.0.2.7"}, {"at": "2026-11-20T12:00:00"},
        {"at": "2026-11-20T12:00:00"}, {"at": "2026-11-20T10:20:00", "ip": "192.0.2.7", "device": "x"})  # fmt: skip
    tally = Tally()
    assert rows(kit, of(visit("10:00:00", "10:30:00"), customer(1001)), tally) == []
    assert tally.unattributed == 1
    assert rows(kit, of(visit("10:00:00", "10:30:00"), device("x"))) == [1, 4]


def test_another_id_in_the_file_of_the_day_before_counts_when_a_visit_crosses_midnight(visits):
    """Edge case 22: the windows of a visit do not end with a file."""
    kit, put = visits
    put("2026-11-19", {"at": "2026-11-19T23:58:00", "ip": "192.0.2.7", "customer": 1002})
    put("2026-11-20", {"at": "2026-11-20T00:02:00", "ip": "192.0.2.7"})
    window = visit("2026-11-19T23:55:00", "2026-11-20T00:10:00")
    assert rows(kit, of(window, customer(1001))) == []
    assert rows(kit, of(visit("00:00:00", "00:10:00"))) == [1]


def test_what_was_somebodys_for_a_while_counts_for_records_of_that_time(visits):
    """Edge case 19."""
    kit, put = visits
    put("2026-11-20", *({"at": f"2026-11-20T{t}", "device": "d1"} for t in ("09:59:59", "10:00:00", "11:00:00")))
    known = device(
        "d1", valid_from=datetime(2026, 11, 20, 10, tzinfo=UTC), valid_to=datetime(2026, 11, 20, 11, tzinfo=UTC)
    )
    assert rows(kit, of(known)) == [2]
    assert rows(kit, of(device("d1", contested=True)), tally := Tally()) == []
    assert tally.unattributed == 3


def test_the_order_and_the_rows_do_not_depend_on_the_size_of_a_batch(visits):
    kit, put = visits
    for day in ("2026-11-19", "2026-11-20"):
        put(day, *({"at": f"{day}T10:00:{n:02d}", "customer": 1001 + n % 2} for n in range(11)))
    reads = [kit.read(of(customer(1001)), batch_rows=size) for size in (1, 2, 7, 1000)]
    assert reads[0] == reads[1] == reads[2] == reads[3]
    assert len(reads[0]) == 12


def test_what_is_due_began_before_the_bound_to_the_microsecond(visits):
    """Edge case 1."""
    kit, put = visits
    put("2026-11-20", {"at": "2026-11-20T10:00:00.000001"}, {"at": "2026-11-20T10:00:00.000002"})
    assert [rows(kit, Due(datetime(2026, 11, 20, 10, 0, 0, n, tzinfo=UTC))) for n in (1, 2, 3)] == [[], [1], [1, 2]]


def test_nested_types_and_64_bits_come_out_of_parquet_exactly(tmp_path):
    """Edge case 21."""
    kit = Kit(tmp_path, "events")
    kit.parquet(DAY, [event("2026-11-20T10:00:00.123456", user="1001", ip="192.0.2.7")])
    (row,) = kit.read(of(customer(1001)))
    assert row["event_params"] == event("2026-11-20T10:00:00", ip="192.0.2.7")["event_params"]
    assert row["event_params"][0]["value"]["int_value"] == 2**62 + 1
    assert (row["ip_address"], row["country"], row["occurred_at"].microsecond) == ("192.0.2.7", "NL", 123456)


def test_a_row_group_of_ids_alone_is_looked_into_where_it_may_contest_a_visit(tmp_path):
    """Edge case 22: by its own file too, though no record of that group can be the subject's."""
    kit = Kit(tmp_path, "events")
    theirs = event("2026-11-20T10:10:00", ip="192.0.2.7")
    others = [event("2026-11-20T10:20:00", user="7", device="x", ip="192.0.2.7")] * 2
    kit.parquet(DAY, [theirs, event("2026-11-20T10:10:00"), *others], row_group_size=2)
    assert rows(kit, of(visit("10:00:00", "10:30:00"))) == []
    assert rows(kit, of(visit("10:00:00", "10:15:00"))) == [1]


def test_a_later_column_decides_where_an_earlier_one_has_gaps(tmp_path):
    kit = Kit(tmp_path, "events")
    at = "2026-11-20T10:00:00"
    kit.parquet(
        DAY,
        [
            event(at, user="7"),
            event(at, device="d1"),
            event(at, user="8", device="d1"),
            event(at, user=" ", device="d1"),
        ],
    )
    assert rows(kit, of(device("d1"))) == [2, 4]
    kit.parquet(DAY, [event(at, user="7"), event(at, device="d1")])
    assert rows(kit, of(device("d1"))) == [2]


@pytest.mark.parametrize("page", ["1.0", "2.0"])
def test_a_dictionary_that_does_not_hold_every_value_tells_nothing(tmp_path, page):
    """A writer gives a dictionary up when it grows too large: later values stand in their pages."""
    kit = Kit(tmp_path, "events")
    many = [
        event("2026-11-20T10:00:00", user=str(5_000 + n), device=f"device-{n * 7919 % 5000:06d}") for n in range(5_000)
    ]
    kit.parquet(
        DAY, many, dictionary_pagesize_limit=2_000, data_page_size=1_000, write_batch_size=50, data_page_version=page
    )
    assert rows(kit, of(customer(9_998))) == [4_999]
    assert rows(kit, of(customer(5_001))) == [2]
    assert rows(kit, of(customer(4_444))) == []


def test_of_overlapping_dumps_the_newest_version_holds_whoever_it_is_of(tmp_path):
    """A conversation that became another's is not the subject's any more; one of an older dump alone still is."""
    kit = Kit(tmp_path, "conversations")
    kit.dump("dumps/conversations-2026-11-18.json", [
        talk(1, "2026-11-17T10:00:00Z", customer=1001, subject="old"), talk(2, "2026-11-17T10:00:00Z", customer=1001),
        talk(3, "2026-11-17T10:00:00Z", customer=1001), talk(4, "2026-11-19T10:00:00Z", customer=1001, subject="newer"),
    ])  # fmt: skip
    kit.dump("dumps/conversations-2026-11-19.json", [
        talk(1, "2026-11-18T10:00:00Z", customer=1001, subject="new", rating=4.5), talk(2, "2026-11-18T10:00:00Z", customer=1002),
        talk(4, "2026-11-18T10:00:00Z", customer=1001, subject="older"),
    ])  # fmt: skip
    found = kit.read(of(customer(1001)))
    assert [(r["conversation_id"], r["subject_line"]) for r in found] == [(3, "Ring"), (4, "newer"), (1, "new")]
    assert [r["rating"] for r in found] == [None, None, Decimal("4.50")]
    assert [(item.key[0][-15:-5], item.records) for item in kit.locate(of(customer(1001)))] == [
        ("2026-11-18", 4),
        ("2026-11-19", 2),
    ]
    assert [r["conversation_id"] for r in kit.read(of(customer(1002)))] == [2]


@pytest.mark.parametrize("again", ["7", " 7", 7.0])
def test_a_dump_that_writes_a_number_otherwise_has_the_same_record(tmp_path, again):
    """Edge case 22: the conversation is another customer's by now, and its number came as a text that day."""
    kit = Kit(tmp_path, "conversations")
    kit.dump("dumps/conversations-2026-11-18.json", [talk(7, "2026-11-18T10:00:00Z", customer=1001)])
    newer = talk(7, "2026-11-19T10:00:00Z", customer=1002) | {"id": again}
    kit.dump("dumps/conversations-2026-11-19.json", [newer])
    assert kit.read(of(customer(1001))) == []
    assert [row["conversation_id"] for row in kit.read(of(customer(1002)))] == [7]


def test_a_record_of_a_dump_that_has_no_usable_key_stops_an_export(tmp_path):
    """It may be the newest version of any of them."""
    kit = Kit(tmp_path, "conversations")
    kit.dump("dumps/conversations-2026-11-18.json", [talk(7, "2026-11-18T10:00:00Z", customer=1001)])
    newer = talk(7, "2026-11-19T10:00:00Z", customer=1002) | {"id": "seven"}
    kit.dump("dumps/conversations-2026-11-19.json", [newer])
    with pytest.raises(Unreadable) as problem:
        kit.read(of(customer(1001)))
    assert problem.value.code == "records.lost_type"


@pytest.mark.parametrize("asked", [2**53, 2**53 + 1])
def test_a_number_that_a_float_cannot_tell_from_its_neighbour_is_nobodys_number(tmp_path, asked):
    """Edge cases 21 and 22: read as a float it is 2**53, which is somebody else."""
    kit = Kit(tmp_path, "clicks")
    record = json.dumps(click("2026-11-20T10:00:00Z", customer=5)).replace(": 5,", ": 9007199254740993.0,")
    kit.put("clicks/clicks-2026-11-20.ndjson", record.encode())
    with pytest.raises(Unreadable) as problem:
        kit.read(of(customer(asked)))
    assert problem.value.code == "records.lost_type"


@pytest.mark.parametrize("user", ["1001", "\v1001", "1001\v", " +01001\n"])
def test_parquet_finds_a_number_as_it_is_found_in_lines(tmp_path, user):
    """The quick look of Arrow has another idea of blanks than Python."""
    kit = Kit(tmp_path, "events")
    kit.parquet("ga4/events_20261120.parquet", [event("2026-11-20T10:00:00", user=u) for u in (user, "1002")])
    assert kit.numbers(of(customer(1001))) == [("events_20261120.parquet", 1)]


def test_texts_that_a_program_wrote_as_views_are_texts(tmp_path):
    schema = GA4.set(GA4.get_field_index("user_id"), pa.field("user_id", pa.string_view()))
    kit = Kit(tmp_path, "events")
    rows = [event("2026-11-20T10:00:00", user=user, device="d") for user in ("1002", "1001", None)]
    kit.parquet("ga4/events_20261120.parquet", rows, schema)
    assert kit.numbers(of(customer(1001))) == [("events_20261120.parquet", 2)]
    assert kit.numbers(of(device("d"))) == [("events_20261120.parquet", 3)]


def test_a_local_time_that_never_was_is_found_where_it_stands_behind_later_ones(tmp_path):
    """Edge case 3: 02:30 of that night is 03:30, after the 03:00 that is the greatest time of its row group."""
    columns = {**EVENTS, "occurred_at": {"type": "datetime", "zone": "Europe/Amsterdam", "path": "event_timestamp"}}
    kit = Kit(tmp_path, "events", columns=columns, records={})
    schema = GA4.set(GA4.get_field_index("event_timestamp"), pa.field("event_timestamp", pa.timestamp("us")))
    local = [datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 3)]
    rows = [event("2026-03-29T02:00:00", ip="192.0.2.7") | {"event_timestamp": at} for at in local]
    kit.parquet("ga4/events_20260329.parquet", rows, schema)
    assert kit.numbers(of(visit("2026-03-29T01:20", "2026-03-29T01:40"))) == [("events_20260329.parquet", 1)]


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_in_an_earlier_column_leaves_the_row_to_a_later_one(tmp_path, blank):
    """Edge case 21, NULL beside empty: by the statistics the earlier column is filled in everywhere."""
    kit = Kit(tmp_path, "events")
    rows = [event("2026-11-20T10:00:00", user=user, device="mine") for user in (blank, "1002")]
    kit.parquet("ga4/events_20261120.parquet", rows)
    assert kit.numbers(of(device("mine"))) == [("events_20261120.parquet", 1)]


def test_an_id_that_is_itself_contested_makes_no_visit_the_subjects(tmp_path):
    kit = Kit(tmp_path, "clicks")
    kit.lines("clicks/clicks-2026-11-20.ndjson", [
        click("2026-11-20T10:00:00Z", ip="192.0.2.7"), click("2026-11-20T10:01:00Z", device="shared", ip="192.0.2.7"),
    ])  # fmt: skip
    window = visit("09:30", "11:00")
    assert kit.numbers(of(device("shared"), window)) == [
        ("clicks-2026-11-20.ndjson", 1),
        ("clicks-2026-11-20.ndjson", 2),
    ]
    tally = Tally()
    assert kit.numbers(of(device("shared", contested=True), window), tally) == []
    assert tally.unattributed == 2


def test_a_record_of_another_without_a_time_may_be_within_any_visit(tmp_path):
    """Edge case 11."""
    kit = Kit(tmp_path, "clicks")
    other = click("2026-11-20T10:01:00Z", customer=1002, ip="192.0.2.7") | {"at": None}
    kit.lines("clicks/clicks-2026-11-20.ndjson", [click("2026-11-20T10:00:00Z", ip="192.0.2.7"), other])
    tally = Tally()
    assert kit.numbers(of(visit("09:30", "11:00")), tally) == []
    assert tally.unattributed == 1


@pytest.mark.parametrize("kind", ["events", "clicks"])
@pytest.mark.parametrize("at", ["2026-11-19T23:30:00", "2026-11-21T00:30:00"])
def test_a_file_of_a_day_has_records_of_the_hour_around_it_too(kind, tmp_path, at):
    begun = datetime.fromisoformat(at).replace(tzinfo=UTC)
    mine = of(customer(1001, valid_from=begun, valid_to=begun + timedelta(minutes=5)))
    kit = Kit(tmp_path, kind)
    if kind == "events":
        kit.parquet("ga4/events_20261120.parquet", [event(at, user="1001")])
    else:
        kit.lines("clicks/clicks-2026-11-20.ndjson", [click(at + "Z", customer=1001)])
    assert [row for _, row in kit.numbers(mine)] == [1]
    assert [row for _, row in kit.numbers(Due(begun + timedelta(microseconds=1)))] == [1]


def test_any_element_of_a_list_identifies_and_makes_the_record_theirs_as_that_party(tmp_path):
    """Edge case 19: without case."""
    kit = Kit(tmp_path, "conversations")
    kit.dump("dumps/conversations-2026-11-19.json.gz", [
        talk(1, "2026-11-18T10:00:00Z", email="Anna@Shop.example", others=["bram@shop.example", "ANNA@shop.example"]),
        talk(2, "2026-11-18T10:00:00Z", customer=7, email="anna@shop.example", others=["bram@shop.example"]),
    ])  # fmt: skip
    assert [(r["conversation_id"], r["_party"]) for r in kit.read(of(email("anna@shop.example")))] == [
        (1, "requester,participant")
    ]
    assert [(r["conversation_id"], r["_party"]) for r in kit.read(of(email("bram@shop.example")))] == [
        (1, "participant"),
        (2, "participant"),
    ]
    (row,) = kit.read(of(customer(7)))
    assert (row["messages"][0]["body"], len(row["messages"]), row["participant_emails"]) == (
        "Hallo",
        1,
        ["bram@shop.example"],
    )
