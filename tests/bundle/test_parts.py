"""What a subject is given of a dataset: exact, theirs, and nothing left out silently."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest_bundle import FULL, ORDER, WEB, batch, log
from conftest_sources import of, shop, system
from privacy.bundle import PartWriter
from privacy.bundle.encode import encode
from privacy.bundle.names import safe, unique
from privacy.bundle.originals import entries
from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.errors import GiveUp, RetryLater, Unreadable
from privacy.sources.base import Selection, schema_of

__all__ = ["shop"]
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def ref(name: str = "orders", **change: object) -> Ref:
    raw = yaml.safe_load(system().model_dump_json(exclude_none=True))
    raw["datasets"][name] |= change
    made = System.model_validate(raw)
    return Ref(made, name, made.datasets[name])


def extract(shop, folder: Path, which: Ref, pick):
    source, selection = shop.source(), Selection(which.name, pick)
    with PartWriter(folder, which) as writer:
        for partition in source.partitions(selection):
            for batch in source.read(selection, partition):
                writer.write(batch)
    return writer.part


def test_parquet_and_json_hold_the_same_records(shop, tmp_path):
    """Edge case 21."""
    shop.order("a", client=1, price="1.5000", big=2**63 - 1, drawing=b"\x00\xff", tags='["é"]', gift=0, due="2026-01-01",
        meta='{"fee":"1.20","tries":2}', at="2026-07-01T10:00:00", note="")  # fmt: skip
    part = extract(shop, tmp_path / "p", ref(), of(1))
    (row,) = [json.loads(line) for line in (tmp_path / "p/data.jsonl").read_text().splitlines()]
    (typed,) = pq.read_table(tmp_path / "p/data.parquet").to_pylist()
    assert row["price"] == "1.5000"
    assert typed["price"] == Decimal("1.5000")
    assert int(row["big"]) == typed["big"] == 2**63 - 1
    assert base64.b64decode(row["drawing"]) == typed["drawing"]
    assert row["at"] == "2026-07-01T10:00:00+02:00"
    assert row["meta"] == {"fee": "1.20", "tries": 2}
    assert (row["note"], row["gift"], row["tags"], row["due"]) == ("", False, ["é"], "2026-01-01")
    assert part.records == 1
    assert "_subject" not in row
    assert "_party" not in typed


def test_the_other_persons_columns_of_a_shared_row_are_left_out_and_counted(shop, tmp_path):
    """Edge case 22: a gift."""
    shop.order("a", client=1, receiver_email="oma@a.example", note="love")
    receiver = extract(shop, tmp_path / "r", ref(), of("oma@a.example"))
    (row,) = [json.loads(line) for line in (tmp_path / "r/data.jsonl").read_text().splitlines()]
    assert (row["note"], row["receiver_email"]) == (None, "oma@a.example")
    assert receiver.redacted == {"note": 1, "receiver_email": 0}
    buyer = extract(shop, tmp_path / "b", ref(), of(1))
    (row,) = pq.read_table(tmp_path / "b/data.parquet").to_pylist()
    assert (row["note"], row["receiver_email"]) == ("love", None)
    assert buyer.redacted == {"note": 0, "receiver_email": 1}


def test_a_dataset_that_is_withheld_is_counted_and_not_written(shop, tmp_path):
    shop.order("a", client=1)
    held = ref(access={"do": "withhold", "ground": {"nl": "g", "en": "g"}})
    part = extract(shop, tmp_path / "p", held, of(1))
    assert (part.withheld, part.records, part.files) == (1, 0, {})
    assert list((tmp_path / "p").iterdir()) == []


def test_a_staging_folder_that_is_gone_is_not_made_again(tmp_path):
    """Edge case 36: a run marked failed by hand while its tasks still write."""
    with pytest.raises(GiveUp, match=r"staging\.gone"), PartWriter(tmp_path / "gone" / "part", ref()):
        pass
    assert not (tmp_path / "gone").exists()


def test_another_attempts_folder_is_left_alone(tmp_path):
    """Edge case 36: an attempt that was given up may still write."""
    (tmp_path / "part").mkdir()
    (tmp_path / "part/data.jsonl").write_text("theirs")
    with pytest.raises(RetryLater, match=r"staging\.used"), PartWriter(tmp_path / "part", ref()):
        pass
    assert (tmp_path / "part/data.jsonl").read_text() == "theirs"


@pytest.mark.parametrize("after", [0, 40, 400])
def test_a_full_disk_leaves_no_half_part(house, monkeypatch, after):
    from privacy.bundle.files import Digesting

    write, written = Digesting.write, 0

    def full(self, content):
        nonlocal written
        written += len(content)
        if written > after:
            raise OSError(28, "No space left on device")
        return write(self, content)

    monkeypatch.setattr(Digesting, "write", full)
    with pytest.raises(RetryLater, match=r"staging\.full") as caught:
        house.part("shop.orders", [ORDER, FULL])
    assert caught.value.__suppress_context__
    assert list((house.staging / "00001-1").iterdir()) == []


def test_a_source_that_fails_half_way_leaves_no_half_part(house):
    which = house.map["web.access"]

    writer = PartWriter(house.staging / "p", which)

    def read_half():
        with writer:
            writer.write(batch(schema_of(which.dataset), [log("f", 1, "x")]))
            raise Unreadable("weblogs.truncated", "It is cut off.")

    with pytest.raises(Unreadable):
        read_half()
    assert list((house.staging / "p").iterdir()) == []
    assert writer.part.files == {}


def test_originals_are_as_the_store_has_them_one_file_each(house):
    lines = [log("a.gz", 1, "één \x01"), log("b.gz", 1, "twee"), log("a.gz", 2, "drie"), log("b.gz", 2, "vier")]
    part = house.part("web.access", lines[:2], lines[2:])
    folder = house.staging / part.folder
    found = list(entries(iter((folder / "originals.jsonl").read_bytes().splitlines())))
    assert part.originals == 2
    assert {o.file: o.name for o in found} == {"raw-1": "a.gz", "raw-2": "b.gz"}
    assert (folder / "raw-1").read_bytes() == "één \x01\ndrie\n".encode()
    assert (folder / "raw-2").read_bytes() == b"twee\nvier\n"
    assert (found[1].bytes, found[1].sha256) == (10, hashlib.sha256(b"twee\nvier\n").hexdigest())
    assert pq.read_table(folder / "data.parquet").column_names == ["file", "line_number", "device"]


def test_a_year_of_log_files_needs_few_handles(house):
    """One a day: they are not all open at once."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 20, hard))
    try:
        part = house.part("web.access", [log(f"{n}.gz", 1, "x") for n in range(400)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert part.originals == 400


def test_an_original_goes_with_the_values_that_were_left_out_of_its_record(tmp_path):
    """Edge case 22: the raw line would say what the redacted column does not."""
    raw = yaml.safe_load(WEB)["datasets"]["access"]
    raw["columns"]["device"]["access"] = {"do": "redact", "ground": {"nl": "g", "en": "g"}}
    made = System.model_validate(yaml.safe_load(WEB) | {"datasets": {"access": raw}})
    which = Ref(made, "access", made.datasets["access"])
    with PartWriter(tmp_path / "p", which) as writer:
        writer.write(batch(schema_of(which.dataset), [log("f", 1, "secret"), log("f", 2, "fine") | {"device": None}]))
    assert (tmp_path / "p/raw-1").read_bytes() == b"fine\n"
    assert writer.part.redacted == {"device": 1, "line": 1}


def test_an_original_that_is_itself_redacted_counts_once(tmp_path):
    raw = yaml.safe_load(WEB)["datasets"]["access"]
    raw["columns"]["line"]["access"] = {"do": "redact", "ground": {"nl": "g", "en": "g"}}
    made = System.model_validate(yaml.safe_load(WEB) | {"datasets": {"access": raw}})
    which = Ref(made, "access", made.datasets["access"])
    with PartWriter(tmp_path / "p", which) as writer:
        writer.write(batch(schema_of(which.dataset), [log("f", 1, "secret"), log("f", 2, "too")]))
    assert writer.part.redacted == {"line": 2}
    assert not (tmp_path / "p/raw-1").exists()


@pytest.mark.parametrize(
    ("number", "text"),
    [(2**53 - 1, "9007199254740991"), (2**53, '"9007199254740992"'), (-(2**53) + 1, "-9007199254740991"),
     (-(2**53), '"-9007199254740992"'), (-(2**63), '"-9223372036854775808"')],
)  # fmt: skip
def test_an_integer_is_a_text_exactly_from_where_readers_begin_to_round(number, text):
    """Edge case 21."""
    made = encode(pa.RecordBatch.from_arrays([pa.array([number], pa.int64())], ["n"]))
    assert made == f'{{"n":{text}}}\n'.encode()


@pytest.mark.parametrize(
    ("parties", "message", "receiver"),
    [
        ("buyer", "hi", None),
        ("receiver", None, "oma@b.example"),
        ("buyer,receiver", "hi", "oma@b.example"),
        (None, None, None),
    ],
)
def test_who_a_row_is_about_decides_what_of_it_is_given(house, parties, message, receiver):
    """Edge case 22."""
    part = house.part("shop.orders", [ORDER | {"message": "hi", "receiver": "oma@b.example", "_party": parties}])
    (row,) = pq.read_table(house.staging / part.folder / "data.parquet").to_pylist()
    assert (row["message"], row["receiver"], row["score"]) == (message, receiver, None)
    assert part.redacted == {"message": message is None, "receiver": receiver is None, "score": 1}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("a/b/access-1.gz", "access-1.gz"),
        ("brief.", "brief"),
        ("..", "original"),
        ("x y;'", "x_y__"),
        (".bashrc", "bashrc"),
        ("x" * 300, "x" * 150),
        ("naïef\n", "na_ef_"),
        ("", "original"),
        ("a\\..\\b", "b"),
        ("CON.log", "_CON.log"),
        ("lpt1", "_lpt1"),
        ("console.log", "console.log"),
    ],
)
def test_a_files_name_cannot_lead_out_of_the_bundle(name, kept):
    """Edge case 9."""
    assert safe(name) == kept


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2040, 7, 1, 8, tzinfo=UTC), "2040-07-01T10:00:00+02:00"),
        (datetime(2040, 1, 1, 8, 0, 0, 1, tzinfo=UTC), "2040-01-01T09:00:00.000001+01:00"),
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), "9999-12-31T23:30:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        (datetime(1920, 7, 1, tzinfo=UTC), "1920-07-01T00:00:00Z"),
    ],
)
def test_local_times_keep_their_summer_time_and_stay_dates_however_far_away(at, text):
    """Edge case 21."""
    array = pa.array([at], pa.timestamp("us", "Europe/Amsterdam"))
    assert json.loads(encode(pa.RecordBatch.from_arrays([array], ["at"]))) == {"at": text}


def test_names_that_differ_in_case_alone_are_two_files_on_every_machine():
    found = unique(["log/Access.log", "log2/access.log", "x/a.log", "y/A.log"], ".log")
    assert found == ["log_Access.log", "log2_access.log", "x_a.log", "y_A.log"]


TEXT = st.text(st.characters(blacklist_categories=["Cs"]))
MOMENT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
LONG = st.integers(-(2**63), 2**63 - 1)
RECORD = pa.struct(
    [("n", pa.int64()), ("d", pa.decimal128(9, 2)), ("t", pa.timestamp("us", "Europe/Amsterdam")), ("b", pa.binary())]
)
TYPES = st.sampled_from(
    [
        (pa.int64(), st.one_of(LONG, st.integers(2**53 - 2, 2**53 + 1))),
        (pa.float64(), st.floats(allow_nan=False)),
        (pa.decimal128(20, 4), st.decimals(-(10**15), 10**15, places=4)),
        (pa.decimal128(38, 20), st.decimals(-1, 1, places=20)),
        (pa.decimal256(60, 0), st.decimals(-(10**59), 10**59, places=0)),
        (pa.string(), TEXT),
        (pa.bool_(), st.booleans()),
        (pa.date32(), st.dates()),
        (pa.binary(), st.binary()),
        (pa.timestamp("us", "UTC"), MOMENT),
        (pa.timestamp("us", "Europe/Amsterdam"), MOMENT.filter(lambda at: at.year < 9999)),
        (pa.timestamp("us", "America/St_Johns"), MOMENT),
        (pa.list_(pa.string()), st.lists(st.one_of(st.none(), TEXT))),
        (pa.list_(pa.list_(pa.int64())), st.lists(st.lists(LONG))),
        (
            RECORD,
            st.fixed_dictionaries(
                {"n": st.one_of(st.none(), LONG), "d": st.decimals(-100, 100, places=2), "b": st.binary(),
                 "t": st.datetimes(datetime(1950, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))}
            ),
        ),
    ]
)  # fmt: skip


def back(value, kind):
    """The value that a reader makes of the JSON."""
    if value is None:
        return None
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_decimal(kind):
        return Decimal(value)
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    if pa.types.is_date(kind):
        return datetime.fromisoformat(value).date()
    if pa.types.is_binary(kind):
        return base64.b64decode(value)
    if pa.types.is_list(kind):
        return [back(v, kind.value_type) for v in value]
    if pa.types.is_struct(kind):
        return {f.name: back(value[f.name], f.type) for f in kind}
    return value


@settings(max_examples=200, deadline=None)
@given(TYPES.flatmap(lambda t: st.tuples(st.just(t[0]), st.lists(st.one_of(st.none(), t[1]), min_size=1, max_size=6))))
def test_every_value_comes_back_from_json_as_it_is_in_the_parquet(case):
    """Edge case 21."""
    kind, values = case
    batch = pa.record_batch([pa.array(values, kind)], names=["x"])
    file = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch]), file)
    typed = pq.read_table(file).column("x").to_pylist()
    assert [back(json.loads(line)["x"], kind) for line in encode(batch).split(b"\n")[:-1]] == typed == values


@settings(max_examples=100, deadline=None)
@given(TEXT, st.lists(st.tuples(st.one_of(st.none(), TEXT), st.one_of(st.none(), LONG)), max_size=5), st.integers(0, 3))
def test_a_record_is_one_line_whatever_its_names_and_texts_are(name, rows, start):
    """Edge cases 21 and 27; a slice of a batch too."""
    names = [name, name + "n"]
    batch = pa.record_batch(
        [pa.array([r[n] for r in rows], t) for n, t in enumerate((pa.string(), pa.int64()))], names=names
    )
    lines = encode(batch.slice(start)).split(b"\n")[:-1]
    assert [list(json.loads(line)) for line in lines] == [names] * max(len(rows) - start, 0)
    assert [json.loads(line)[name] for line in lines] == [r[0] for r in rows[start:]]


def test_numbers_that_json_cannot_write_are_table_schemas_words():
    values = [float("nan"), float("inf"), float("-inf"), None, -0.0, 1e300, 5.0]
    batch = pa.record_batch([pa.array(values), pa.array([{"f": v} for v in values])], names=["x", "y"])
    rows = [json.loads(line) for line in encode(batch).splitlines()]
    assert [r["x"] for r in rows] == ["NaN", "INF", "-INF", None, 0, 1e300, 5]
    assert [r["y"]["f"] for r in rows] == ["NaN", "INF", "-INF", None, 0, 1e300, 5]


def test_a_decimal_is_never_written_with_an_exponent():
    values = [Decimal("0.00000001"), Decimal("-0.00000000"), Decimal("1E+10")]
    batch = pa.record_batch([pa.array(values, pa.decimal128(30, 8))], names=["x"])
    assert [json.loads(line)["x"] for line in encode(batch).splitlines()] == [
        "0.00000001",
        "0.00000000",
        "10000000000.00000000",
    ]


def test_an_offset_that_iso_8601_cannot_write_gives_way_to_utc():
    """Amsterdam was 19 minutes and 32 seconds ahead until 1937."""
    at = datetime(1936, 1, 1, 12, tzinfo=UTC)
    kind = pa.timestamp("us", "Europe/Amsterdam")
    batch = pa.record_batch(
        [pa.array([at, at.replace(year=2026)], kind), pa.array([[at]] * 2, pa.list_(kind))], names=["x", "y"]
    )
    rows = [json.loads(line) for line in encode(batch).splitlines()]
    assert all(datetime.fromisoformat(row["x"]).second == 0 for row in rows)
    assert datetime.fromisoformat(rows[0]["x"]) == datetime.fromisoformat(rows[0]["y"][0]) == at
    assert rows[1]["x"] == "2026-01-01T13:00:00+01:00"


def test_a_batch_too_large_for_one_text_is_written_in_two(monkeypatch):
    import privacy.bundle.encode as module

    batch = pa.record_batch([pa.array(range(9))], names=["x"])
    whole = encode(batch)
    monkeypatch.setattr(module, "_LARGEST", 16)
    assert encode(batch) == whole


def test_a_doubled_hour_keeps_its_two_offsets():
    """Edge case 3."""
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    batch = pa.record_batch(
        [pa.array([first, first + timedelta(hours=1)], pa.timestamp("us", "Europe/Amsterdam"))], names=["x"]
    )
    assert [json.loads(line)["x"] for line in encode(batch).splitlines()] == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
    ]


def test_the_schema_of_batches_is_the_data_maps():
    assert schema_of(ref().dataset).field("price").type == pa.decimal128(20, 4)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_disk_that_is_full_for_any_batch_fails_the_part_and_leaves_no_record_of_it(office, monkeypatch, failing):
    """Batches are written while the next one is read: the last one fails when nothing more comes."""
    from privacy.bundle.files import Digesting

    write, seen = Digesting.write, []

    def full(self, content):
        if bytes(content[:1]) == b"{":
            seen.append(1)
            if len(seen) == failing:
                raise OSError(28, "No space left on device")
        return write(self, content)

    monkeypatch.setattr(Digesting, "write", full)
    with pytest.raises(RetryLater, match=r"staging\.full"):
        office.part("shop.orders", *([ORDER | {"id": n}] for n in range(3)))
    assert len(seen) == failing
    assert [p.name for p in office.staging.rglob("data.*")] == []


def test_what_no_json_can_say_fails_the_part_as_it_is(office, monkeypatch):
    def broken(_):
        raise Unreadable("x.y", "It cannot be written.")

    monkeypatch.setattr("privacy.bundle.parts.encode", broken)
    with pytest.raises(Unreadable):
        office.part("shop.orders", [ORDER])
    assert [p.name for p in office.staging.rglob("data.*")] == []
