"""Records removed and changed: what goes, what stays to the byte, what is left alone."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy.clock import FixedClock
from privacy.errors import BadConfiguration, RetryLater
from privacy.sources.base import Delete, Due, Kept, Of, Redaction, Selection, Set, Status, Subject
from privacy.storage import FolderStore
from sources.records_kit import GA4, Kit, click, customer, email, event, of, talk, visit

DAY = "ga4/events_20261120.parquet"
CLICKS = "clicks/clicks-2026-11-20.ndjson"
DUMP = "dumps/conversations-2026-11-20.json"
AT = "2026-11-20T10:00:00"
EVER = Due(datetime(2030, 1, 1, tzinfo=UTC))


def statuses(outcomes):
    return [o.status for o in outcomes]


def test_lines_go_for_all_subjects_in_one_rewrite_and_the_others_stay_byte_for_byte(tmp_path):
    """Edge case 7: it stays compressed, its time of change restarts no clock."""
    kit = Kit(tmp_path, "clicks")
    odd = b'  {"at": "2026-11-20T10:00:00Z", "visitor": {"customer": 1003},"n":1.10, "caf\\u00e9": "\xc3\xa9"}\r\n\n'
    own = [json.dumps(click(AT + "Z", customer=n)).encode() + b"\n" for n in (1001, 1002)]
    path = kit.put(CLICKS + ".gz", own[0] + odd + own[1] + odd.strip())
    before = path.stat()
    unit = [kit.step(of(customer(1001)), Delete()), kit.step(of(customer(1002)), Delete())]
    assert statuses(kit.apply(unit)) == [Status.DONE, Status.DONE]
    assert gzip.decompress(path.read_bytes()) == odd + odd.strip()
    assert path.stat().st_mtime == before.st_mtime
    assert set(statuses(kit.apply(unit))) == {Status.GONE}


def test_records_go_from_a_document_and_everything_else_of_it_stays(tmp_path):
    kit = Kit(tmp_path, "conversations")
    numbers = [talk(n, AT + "Z", customer=1001 if n in (1, 3, 4) else 7, rating=4.10) for n in range(1, 6)]
    path = kit.dump(DUMP, numbers)
    text = path.read_text().replace('"count": 5', '"count": 5.00, "more": {"a": [1e400]}')
    kit.put(DUMP, text.encode())
    assert statuses(kit.apply([kit.step(of(customer(1001)), Delete())])) == [Status.DONE]
    left = json.loads(path.read_text(), parse_float=str)
    assert [c["id"] for c in left.pop("conversations")] == [2, 5]
    whole = json.loads(text, parse_float=str)
    del whole["conversations"]
    assert left == whole
    assert path.read_text().startswith(
        '{\n "exported_at": "2026-11-20T00:00:00Z",\n "conversations": [\n  {\n   "id": 2,'
    )


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "none", "lz4"])
def test_rows_go_from_parquet_and_schema_metadata_compression_and_row_groups_stay(tmp_path, compression):
    kit = Kit(tmp_path, "events")
    rows = [event(AT, user=str(1001 + n % 3), ip=f"192.0.2.{n}") for n in range(12)]
    schema = (
        GA4.with_metadata({"by": "the shop"})
        .append(pa.field("odd", pa.decimal128(20, 5)))
        .append(pa.field("at", pa.timestamp("ns", "Europe/Amsterdam")))
    )
    path = kit.parquet(
        DAY,
        [r | {"odd": Decimal("1.50000"), "at": 5} for r in rows],
        schema,
        compression=compression,
        row_group_size=4,
        use_dictionary=["user_id"],
    )
    before, old = pq.read_table(path), pq.read_metadata(path)
    assert statuses(kit.apply([kit.step(of(customer(1002)), Delete())])) == [Status.DONE]
    new = pq.read_metadata(path)
    keep = pa.array([n % 3 != 1 for n in range(12)])
    assert pq.read_table(path).equals(before.filter(keep), check_metadata=True)
    assert new.schema.equals(old.schema)
    assert (new.num_row_groups, new.row_group(0).column(0).compression) == (3, old.row_group(0).column(0).compression)
    encodings = [[c.encodings for c in (m.row_group(0).column(i) for i in range(m.num_columns))] for m in (old, new)]
    assert encodings[0] == encodings[1]
    assert kit.locate(of(customer(1002))) == ()


@pytest.mark.parametrize("kind", ["events", "clicks", "conversations"])
def test_a_file_that_is_theirs_whole_is_removed(tmp_path, kind):
    kit = Kit(tmp_path, kind)
    kit.parquet(DAY, [event(AT, user="1001")] * 2)
    kit.lines(CLICKS, [click(AT + "Z", customer=1001)] * 2)
    kit.dump(DUMP, [talk(1, AT + "Z", customer=1001), talk(2, AT + "Z", customer=1001)])
    (item,) = kit.locate(of(customer(1001)))
    assert (item.whole, item.records) == (True, 2)
    assert statuses(kit.apply([kit.step(of(customer(1001)), Delete())])) == [Status.DONE]
    assert not (tmp_path / str(item.key[0])).exists()


def test_what_is_held_stays_and_is_counted(tmp_path):
    """Edge case 15; also a record of a visit that only may be the held person's."""
    kit = Kit(tmp_path, "clicks")
    path = kit.lines(
        CLICKS,
        [
            click(AT + "Z", customer=1),
            click(AT + "Z", customer=2),
            click(AT + "Z", ip="192.0.2.7"),
            click(AT + "Z", ip="192.0.2.7", device="x"),
        ],
    )
    held = [of(customer(2)), of(visit("09:00:00", "11:00:00"))]
    (outcome,) = kit.apply([kit.step(EVER, Delete())], held)
    assert (outcome.status, outcome.reason, outcome.records) == (Status.HELD, "held:2", 2)
    assert [json.loads(x)["visitor"]["customer"] for x in path.read_bytes().splitlines()] == [2, None]
    for spare in (Kept((), "clicks", whole=True), Kept((), "clicks", keys=frozenset({(CLICKS, "1"), (CLICKS, "2")}))):
        assert [o.reason for o in kit.apply([kit.step(EVER, Delete())], [spare])] == ["held:2"]
    assert statuses(kit.apply([kit.step(EVER, Delete())], [Kept((), "other", whole=True)])) == [Status.DONE]


def test_what_was_changed_since_it_was_located_is_left_alone(tmp_path):
    """Edge case 14: appended to, replaced, removed."""
    kit = Kit(tmp_path, "clicks")
    path = kit.lines(CLICKS, [click(AT + "Z", customer=1), click(AT + "Z", customer=2)])
    step = kit.step(of(customer(1)), Delete())
    kit.lines(CLICKS, [click(AT + "Z", customer=1)] * 3)
    before = path.read_bytes()
    assert [(o.status, o.reason) for o in kit.apply([step])] == [(Status.CHANGED, "version")]
    assert path.read_bytes() == before
    kit.lines(CLICKS, [click(AT + "Z", customer=2)] * 3)
    assert statuses(kit.apply([step])) == [Status.GONE]
    path.unlink()
    assert statuses(kit.apply([step])) == [Status.GONE]


def test_a_plain_file_of_lines_that_somebody_may_be_writing_is_left_alone(tmp_path):
    """Edge case 8."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    kit = Kit(tmp_path, "clicks")
    path = kit.lines(CLICKS, [click(AT + "Z", customer=1)], at=now - timedelta(minutes=59))
    step = kit.step(of(customer(1)), Delete())
    assert [(o.status, o.reason) for o in kit.apply([step], clock=FixedClock(now))] == [(Status.CHANGED, "active")]
    assert path.exists()
    assert statuses(kit.apply([step], clock=FixedClock(now + timedelta(minutes=2)))) == [Status.DONE]


class Dies(FolderStore):
    """A process that is killed right before the new file takes the old one's place."""

    def _commit(self, folder, temporary, name):  # noqa: ARG002
        raise KeyboardInterrupt


@pytest.mark.parametrize(("kind", "name"), [("events", DAY), ("clicks", CLICKS), ("conversations", DUMP)])
def test_killed_in_the_middle_the_old_file_stands_and_the_next_try_ends_it(tmp_path, kind, name):
    """Edge case 7."""
    kit = Kit(tmp_path, kind)
    kit.parquet(DAY, [event(AT, user="1001"), event(AT, user="1002")])
    kit.lines(CLICKS, [click(AT + "Z", customer=1001), click(AT + "Z", customer=1002)])
    kit.dump(DUMP, [talk(1, AT + "Z", customer=1001), talk(2, AT + "Z", customer=1002)])
    before, step = (tmp_path / name).read_bytes(), kit.step(of(customer(1001)), Delete())
    with pytest.raises(KeyboardInterrupt):
        kit.apply([step], store=Dies(tmp_path))
    assert (tmp_path / name).read_bytes() == before
    assert statuses(kit.apply([step])) == [Status.DONE]
    assert [p.name for p in (tmp_path / name).parent.iterdir()] == [name.partition("/")[2]]


def test_an_erasure_reaches_every_version_in_every_dump(tmp_path):
    kit = Kit(tmp_path, "conversations")
    for day in (18, 19):
        kit.dump(
            f"dumps/conversations-2026-11-{day}.json",
            [talk(1, f"2026-11-{day}T10:00:00Z", customer=1001), talk(2, f"2026-11-{day}T10:00:00Z", customer=7)],
        )
    assert statuses(kit.apply([kit.step(of(customer(1001)), Delete())])) == [Status.DONE] * 2
    assert not any("1001" in p.read_text() for p in tmp_path.rglob("*.json"))
    assert len(kit.read(of(customer(7)))) == 1


def test_a_record_falls_due_with_its_newest_version_and_then_every_version_goes(tmp_path):
    kit = Kit(tmp_path, "conversations")
    kit.dump(
        "dumps/conversations-2026-11-18.json",
        [talk(1, "2026-11-10T10:00:00Z", customer=1), talk(2, "2026-11-10T10:00:00Z", customer=2)],
    )
    kit.dump(
        "dumps/conversations-2026-11-19.json",
        [talk(1, "2026-11-18T10:00:00Z", customer=1), talk(2, "2026-11-11T10:00:00Z", customer=2)],
    )
    due = Due(datetime(2026, 11, 15, tzinfo=UTC))
    assert [r["conversation_id"] for r in kit.read(due)] == [2]
    assert [item.records for item in kit.locate(due)] == [1, 1]
    kit.apply([kit.step(due, Delete())])
    assert [
        [c["id"] for c in json.loads(p.read_text())["conversations"]] for p in sorted(tmp_path.rglob("*.json"))
    ] == [[1], [1]]


def test_values_are_set_in_place_on_a_dotted_path(tmp_path):
    kit = Kit(tmp_path, "clicks")
    first = b'{"at":"2026-11-20T10:00:00Z", "visitor" : {"customer":1001,"device" : "d\\"1", "ip":null}, "n": 1.10}\n'
    other = b'{"at":"2026-11-20T10:00:00Z", "visitor":{"customer":7,"device":"d1"}}\n'
    path = kit.put(CLICKS, first + other)
    change = Set({"customer": Redaction.NULL, "device": "weg \u00e9", "ip": Redaction.UNIQUE, "page": "nowhere"})
    assert statuses(kit.apply([kit.step(of(customer(1001)), change)])) == [Status.DONE]
    line, rest = path.read_bytes().splitlines(keepends=True)
    token = json.loads(line)["visitor"]["ip"]
    assert rest == other
    assert len(token) == 16
    assert (
        line
        == f'{{"at":"2026-11-20T10:00:00Z", "visitor" : {{"customer":null,"device" : "weg é", "ip":"{token}"}}, "n": 1.10}}\n'.encode()
    )


def test_values_are_set_in_a_document_and_in_a_nested_column_of_parquet(tmp_path):
    kit = Kit(tmp_path, "conversations")
    path = kit.dump(
        DUMP, [talk(1, AT + "Z", email="a@shop.example", rating=4.5), talk(2, AT + "Z", email="b@shop.example")]
    )
    change = Set(
        {
            "email": Redaction.NULL,
            "subject_line": "-",
            "rating": Decimal("1.10"),
            "updated_at": datetime(2026, 11, 21, tzinfo=UTC),
        }
    )
    assert statuses(kit.apply([kit.step(of(email("A@shop.example")), change)])) == [Status.DONE]
    one, two = json.loads(path.read_text(), parse_float=str)["conversations"]
    assert (one["requester"]["email"], one["subject"], one["rating"], one["updated_at"]) == (
        None,
        "-",
        "1.10",
        "2026-11-21T00:00:00+00:00",
    )
    assert two == talk(2, AT + "Z", email="b@shop.example")
    kit = Kit(tmp_path, "events")
    path = kit.parquet(DAY, [event(AT, user="1001"), event(AT, user="1001") | {"geo": None}, event(AT, user="1002")])
    before = pq.read_table(path)
    change = Set({"country": "??", "user_id": Redaction.UNIQUE, "occurred_at": datetime(2026, 11, 20, tzinfo=UTC)})
    assert statuses(kit.apply([kit.step(of(customer(1001)), change)])) == [Status.DONE]
    after = pq.read_table(path)
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.column("geo").to_pylist() == [
        {"country": "??", "city": "Delft"},
        None,
        {"country": "NL", "city": "Delft"},
    ]
    first, second, third = after.column("user_id").to_pylist()
    assert (len({first, second}), third, after.column("event_timestamp")[0].as_py()) == (
        2,
        "1002",
        1_795_132_800_000_000,
    )
    assert after.column("event_params") == before.column("event_params")


def test_a_column_that_is_no_plain_path_cannot_be_set(tmp_path):
    kit = Kit(tmp_path, "conversations")
    kit.dump(DUMP, [talk(1, AT + "Z", others=["a@shop.example"])])
    with pytest.raises(BadConfiguration, match="plain path"):
        kit.apply([kit.step(of(email("a@shop.example")), Set({"participant_emails": Redaction.NULL}))])
    wrong = Kit(tmp_path, "conversations", erasure={"do": "set", "set": {"messages": None}})
    (problem,) = wrong.source().check()
    assert "erasure.set: column 'messages' is no plain path" in problem.message


def test_a_required_parquet_column_is_not_made_null(tmp_path):
    kit = Kit(tmp_path, "events")
    schema = GA4.set(4, pa.field("user_id", pa.string(), nullable=False))
    path = kit.parquet(DAY, [event(AT, user="1001")], schema)
    before = path.read_bytes()
    (outcome,) = kit.apply([kit.step(of(customer(1001)), Set({"user_id": Redaction.NULL}))])
    assert (outcome.status, outcome.reason) == (Status.FAILED, "records.cannot_set")
    assert path.read_bytes() == before


def test_lines_appended_between_listing_and_reading_wait_and_another_file_is_another_try(tmp_path):
    """Edge case 8."""
    kit = Kit(tmp_path, "clicks")
    path = kit.lines(CLICKS, [click(AT + "Z", customer=1)])
    source, selection = kit.source(), Selection("clicks", of(customer(1)))
    (partition,) = source.partitions(selection)
    with path.open("ab") as file:
        file.write(json.dumps(click(AT + "Z", customer=1)).encode() + b"\n{half a li")
    assert [b.num_rows for b in source.read(selection, partition)] == [1]
    assert not next(iter(source.locate(selection, partition))).whole
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(3)
    with pytest.raises(RetryLater):
        list(source.read(selection, partition))
    path.write_bytes(whole)
    replacement = path.with_suffix(".new")
    replacement.write_bytes(path.read_bytes())
    replacement.replace(path)
    with pytest.raises(RetryLater):
        list(source.read(selection, partition))
    path.unlink()
    with pytest.raises(RetryLater):
        list(source.read(selection, partition))


def test_nobody_and_no_identifiers_change_nothing(tmp_path):
    kit = Kit(tmp_path, "clicks")
    kit.lines(CLICKS, [click(AT + "Z"), click(AT + "Z", customer="")])
    assert kit.read(Of((Subject(1, ()),))) == []
    assert kit.read(of(customer(1))) == []
