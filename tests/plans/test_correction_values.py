"""Values of every type: typed by a person, sealed as text, set in a table, read back as exactly the same (edge case 21)."""

from __future__ import annotations

import math
import sqlite3
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest_runs import Ferry, column, dataset, ferry
from privacy.datamap.models import Column
from privacy.errors import BadInput
from privacy.plans.correction import parsed, told
from privacy.sources.base import Identifier, Item, Of, Selection, Set, Step, Subject

COLUMNS = {
    "whole": ("integer", {}), "size": ("number", {}), "amount": ("decimal(12,2)", {}), "words": ("text", {}),
    "ticked": ("boolean", {}), "day": ("date", {}), "moment": ("datetime", {}),
    "second": ("datetime", {"form": "epoch"}), "raw": ("binary", {}), "topics": ("list<text>", {}),
    "stone": ("record<metal: text, carats: decimal(5,3), cut: list<text>>", {}),
}  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
VALUES = st.fixed_dictionaries({
    "whole": st.integers(-(2**63), 2**63 - 1),
    "size": st.floats(allow_nan=False, allow_infinity=False),
    "amount": st.decimals(-9_999_999_999, 9_999_999_999, places=2, allow_nan=False, allow_infinity=False),
    "words": TEXTS, "ticked": st.booleans(), "day": st.dates(), "moment": MOMENTS,
    "second": MOMENTS.map(lambda at: at.replace(microsecond=0)), "raw": st.binary(max_size=20),
    "topics": st.lists(TEXTS, max_size=3),
    "stone": st.fixed_dictionaries({
        "metal": TEXTS, "carats": st.decimals(-9, 9, places=3, allow_nan=False, allow_infinity=False),
        "cut": st.lists(TEXTS, max_size=2),
    }),
})  # fmt: skip


class Drawer:
    """One row of a table with a column of every type."""

    def __init__(self, folder) -> None:
        self.ferry = Ferry(folder)
        made = ferry()
        more = {name: column(kind, **words) for name, (kind, words) in COLUMNS.items()}
        made["datasets"]["drawers"] = dataset(
            ["drawer"], ["traveller"],
            {"drawer": column("integer"), "traveller": column("integer", "ferry.traveller"), **more}, table="drawers",
        )  # fmt: skip
        from yaml import safe_dump

        (self.ferry.home / "datamap/ferry.yaml").write_text(safe_dump(made, sort_keys=False))
        names = ", ".join(COLUMNS)
        (self.ferry.home / "sql/ferry/drawers.sql").write_text(f"SELECT drawer, traveller, {names} FROM drawers")
        with sqlite3.connect(self.ferry.database) as db:
            db.execute(f"CREATE TABLE drawers (drawer INTEGER PRIMARY KEY, traveller INTEGER, {names})")
            db.execute("INSERT INTO drawers (drawer, traveller) VALUES (1, 9), (2, 8)")
        self.source = self.ferry.house.source("ferry")
        self.columns: dict[str, Column] = self.ferry.house.datamap["ferry.drawers"].dataset.columns
        self.selection = Selection("drawers", Of((Subject(1, (Identifier("ferry.traveller", 9),)),)))

    def item(self) -> Item:
        (partition,) = self.source.partitions(self.selection)
        return next(iter(self.source.locate(self.selection, partition)))

    def read(self) -> dict[str, object]:
        (partition,) = self.source.partitions(self.selection)
        return next(iter(self.source.read(self.selection, partition))).to_pylist()[0]


@pytest.fixture(scope="module")
def drawer(tmp_path_factory) -> Drawer:
    return Drawer(tmp_path_factory.mktemp("drawer"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(values=VALUES)
def test_what_is_set_is_read_back_as_exactly_what_was_typed(drawer, values):
    texts = {name: told(value) for name, value in values.items()}
    typed = {name: parsed(text, drawer.columns[name], name) for name, text in texts.items()}
    (outcome,) = list(drawer.source.apply([Step(drawer.selection, Set(typed), (drawer.item(),))], []))
    assert outcome.status.value == "done"
    found = drawer.read()
    for name, value in values.items():
        there = found[name]
        assert there == value, name
        assert type(there) is type(value) or isinstance(there, datetime), name
        # And the sealed text is the same again: a second try finds that it stands there.
        assert told(there) == told(typed[name])
    assert math.copysign(1, found["size"]) == math.copysign(1, values["size"])


@pytest.mark.parametrize("name", COLUMNS)
def test_nothing_is_nothing_and_no_empty_text(drawer, name):
    assert parsed(None, drawer.columns[name], name) is None
    list(drawer.source.apply([Step(drawer.selection, Set({name: None}), (drawer.item(),))], []))
    assert drawer.read()[name] is None
    if name == "words":
        assert parsed("", drawer.columns[name], name) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("whole", "1.5"), ("whole", str(2**63)), ("whole", ""), ("size", "veel"), ("amount", "12.345"), ("amount", "1e99"),
        ("ticked", "ja"), ("ticked", "1"), ("day", "2026-02-29"), ("day", "2026-06-07T10:00"), ("moment", "gisteren"),
        ("second", "2026-06-07T10:00:00.5Z"), ("raw", "geen base64!"), ("topics", "los"), ("topics", '{"a": 1}'),
        ("stone", "[]"), ("stone", '{"metal": 3, "carats": "x"}'), ("words", "\0"), ("words", "\ud800"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_the_type_is_refused_and_not_quoted(drawer, name, text):
    with pytest.raises(BadInput) as caught:
        parsed(text, drawer.columns[name], "the.fact")
    assert caught.value.code == "rectify.value"
    assert len(text) < 2 or text not in str(caught.value)


def test_a_moment_without_a_zone_is_the_columns(drawer):
    assert parsed("2026-06-07T10:00", drawer.columns["moment"], "m") == datetime(2026, 6, 7, 10, tzinfo=UTC)
    assert parsed("2026-06-07T10:00+02:00", drawer.columns["moment"], "m") == datetime(2026, 6, 7, 8, tzinfo=UTC)
    assert told(date(2026, 6, 7)) == "2026-06-07"
    assert told(Decimal("1E+2")) == "100"
    assert told(datetime(2026, 6, 7, tzinfo=UTC) + timedelta(microseconds=1)) == "2026-06-07T00:00:00.000001+00:00"
