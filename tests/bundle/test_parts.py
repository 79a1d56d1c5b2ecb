"""What a subject is given of a dataset: exact, theirs, and nothing left out silently."""

from __future__ import annotations

import base64
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

from conftest_sources import of, shop, system
from privacy.bundle import PartWriter
from privacy.bundle.encode import encode
from privacy.bundle.parts import safe
from privacy.datamap.load import Ref
from privacy.datamap.models import System
from privacy.errors import GiveUp, RetryLater
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


def test_a_full_disk_leaves_no_half_part(shop, tmp_path, monkeypatch):
    shop.order("a", client=1)
    from privacy.bundle import parts

    def full(_, __):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts._Digesting, "write", full)
    with pytest.raises((RetryLater, OSError)):
        extract(shop, tmp_path / "p", ref(), of(1))
    assert list((tmp_path / "p").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("a/b/access-1.gz", "access-1"), ("..", "original"), ("x y;'", "x_y__")],
)
def test_a_files_name_cannot_lead_out_of_the_bundle(name, kept):
    """Edge case 9."""
    assert safe(name) == kept


TYPES = st.sampled_from(
    [
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
        (pa.decimal128(20, 4), st.decimals(-(10**15), 10**15, places=4)),
        (pa.string(), st.text(st.characters(blacklist_categories=["Cs"]))),
        (pa.bool_(), st.booleans()),
        (pa.date32(), st.dates()),
        (pa.binary(), st.binary()),
        (pa.list_(pa.string()), st.lists(st.text(st.characters(blacklist_categories=["Cs"])))),
        (pa.timestamp("us", "UTC"), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))),
        (
            pa.timestamp("us", "Europe/Amsterdam"),
            st.datetimes(datetime(1950, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
        ),
    ]
)


def back(value, kind):
    """The value that a reader makes of the JSON."""
    if value is None:
        return None
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_decimal(kind):
        return Decimal(value)
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    if pa.types.is_date(kind):
        return datetime.fromisoformat(value).date()
    if pa.types.is_binary(kind):
        return base64.b64decode(value)
    return value


@settings(max_examples=150, deadline=None)
@given(TYPES.flatmap(lambda t: st.tuples(st.just(t[0]), st.lists(st.one_of(st.none(), t[1]), min_size=1, max_size=6))))
def test_every_value_comes_back_from_json(case):
    """Edge case 21."""
    kind, values = case
    batch = pa.record_batch([pa.array(values, kind)], names=["x"])
    assert [back(json.loads(line)["x"], kind) for line in encode(batch).splitlines()] == values


def test_no_value_can_imitate_the_border_between_records():
    """Edge case 27."""
    hostile = ['},{"\x00x":', '},{"x":1},{"\\u0000x":', "\n"]
    kind = pa.struct([("x", pa.string())])
    batch = pa.record_batch(
        [pa.array(hostile), pa.array([[{"x": h}, {"x": h}] for h in hostile], pa.list_(kind))], names=["x", "y"]
    )
    rows = [json.loads(line) for line in encode(batch).splitlines()]
    assert rows == [{"x": h, "y": [{"x": h}, {"x": h}]} for h in hostile]


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
