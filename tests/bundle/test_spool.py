"""Rows of many subjects, kept apart: each gets their own, in order, however they came and wherever they were kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.bundle.spool import Spool
from privacy.errors import GiveUp, RetryLater
from privacy.sources.base import SUBJECT

SCHEMA = pa.schema([("value", pa.string()), ("list", pa.list_(pa.int64())), (SUBJECT, pa.int32())])


def batch(rows: list[tuple[str, int | None]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"value": v, "list": [len(v)], SUBJECT: no} for v, no in rows], SCHEMA)


@settings(max_examples=40)
@given(
    batches=st.lists(st.lists(st.tuples(st.text(max_size=5), st.integers(1, 5)), min_size=1, max_size=12), max_size=8),
    most=st.sampled_from([1, 200, 2**20]),
    rows=st.integers(1, 7),
)
def test_each_gets_their_rows_in_order_in_batches_of_a_fixed_number(
    batches: list[list[tuple[str, int]]], most: int, rows: int
) -> None:
    """Edge case 22."""
    with tempfile.TemporaryDirectory() as name, Spool(Path(name), [1, 2, 3, 4, 5], "shop.orders", most) as spool:
        for one in batches:
            spool.add(batch(one))
        assert spool.subjects() == sorted({no for one in batches for _, no in one})
        for no in range(1, 6):
            wanted = [value for one in batches for value, whose in one if whose == no]
            found = list(spool.of(no, rows))
            assert [value for piece in found for value in piece.column("value").to_pylist()] == wanted
            assert {whose for piece in found for whose in piece.column(SUBJECT).to_pylist()} <= {no}
            assert [piece.num_rows for piece in found][:-1] == [rows] * (len(found) - 1)


def test_nothing_is_left_in_the_folder_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    with Spool(tmp_path, [1], "shop.orders", most=1) as spool:
        spool.add(batch([("a", 1)]))
        (file,) = tmp_path.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert sum(piece.num_rows for piece in spool.of(1, 10)) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [3, None])
def test_a_row_of_somebody_who_was_not_asked_for_ends_the_reading(tmp_path: Path, number: int | None) -> None:
    """Edge case 22: and the error tells nothing of it."""
    with Spool(tmp_path, [1, 2], "shop.orders") as spool, pytest.raises(GiveUp, match=r"export\.anothers") as caught:
        spool.add(batch([("canary", 1), ("canary", number)]))
    assert "canary" not in str(caught.value)


def test_a_full_disk_is_tried_again(tmp_path: Path) -> None:
    with Spool(tmp_path / "gone", [1], "shop.orders", most=1) as spool, pytest.raises(RetryLater, match="staging"):
        spool.add(batch([("a", 1)]))
