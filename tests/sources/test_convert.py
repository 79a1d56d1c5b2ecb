"""From what a store has to exact Arrow arrays: nothing is lost, nothing is guessed, nothing is quoted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.datamap.models import Column, Form
from privacy.errors import Unreadable
from privacy.sources.convert import to_arrow
from privacy.sources.instants import EPOCH, instant, micros

AMSTERDAM = "Europe/Amsterdam"
MOMENTS = st.datetimes(datetime(1940, 1, 1), datetime(2090, 1, 1))


def column(kind, **more):
    return Column(type=kind, description="d", category="user", provenance="provided", **more)


def back(values, kind, **more):
    made = to_arrow(values, column(kind, **more), "shop.x.y")
    assert made.type == column(kind, **more).arrow
    return made.to_pylist()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ["", None, "a\x00b\r\n\t\x1b", "💍é", "'; DROP TABLE x"]),
        ("integer", [2**63 - 1, None, -(2**63), 0]),
        ("binary", [b"", None, b"\x00\xff"]),
        ("number", [0.1, None, -1e300]),
        ("boolean", [True, None, False]),
    ],
)
def test_values_come_back_as_they_were(kind, values):
    """Edge case 21: 64-bit integers, blobs, NULL beside empty, emoji, control characters."""
    assert back(values, kind) == values
    assert back([None, None], kind) == [None, None]
    assert back([], kind) == []


@pytest.mark.parametrize(
    ("kind", "value", "exactly"),
    [
        ("decimal(20,4)", 0.1, Decimal("0.1")),
        ("decimal(20,4)", 7, Decimal(7)),
        ("decimal(20,4)", " 1.50 ", Decimal("1.5")),
        ("decimal(20,4)", "1e3", Decimal(1000)),
        ("decimal(20,4)", Decimal("1.2345"), Decimal("1.2345")),
        ("decimal(50,2)", "12345678901234567890123456789012345678901.25", Decimal("12345678901234567890123456789012345678901.25")),
        ("integer", "42", 42),
        ("integer", 42.0, 42),
        ("boolean", 1, True),
        ("text", 12, "12"),
        ("date", "2028-02-29", date(2028, 2, 29)),
        ("date", "2028-02-29 00:00:00", date(2028, 2, 29)),
        ("list<integer>", "[1, null, 9223372036854775807]", [1, None, 2**63 - 1]),
        ("list<text>", "[]", []),
        ("record<fee: decimal(22,2)>", '{"fee": 12345678901234567.89}', {"fee": Decimal("12345678901234567.89")}),
        ("list<record<on: date, tags: list<text>>>", '[{"on":"2026-01-31","tags":["é"]}]', [{"on": date(2026, 1, 31), "tags": ["é"]}]),
    ],
)  # fmt: skip
def test_other_forms_that_say_the_same_exactly_are_taken(kind, value, exactly):
    assert back([None, value], kind) == [None, exactly]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 2.5), ("integer", "7 b"), ("integer", "007"), ("integer", 2**63), ("integer", 1e300), ("integer", b"1"),
        ("number", 2**53 + 1), ("number", "0.5"), ("decimal(20,4)", 0.12345), ("decimal(20,4)", "0.12345"),
        ("decimal(20,4)", "veel"), ("decimal(20,4)", float("nan")), ("decimal(5,2)", "12345.00"), ("text", b"abc"),
        ("text", 1.5), ("boolean", 2), ("boolean", "ja"), ("date", "31-12-2026"), ("date", "2026-02-30"),
        ("date", "2026-01-01T10:00:00"), ("binary", "tekst"), ("list<text>", "[1]"), ("list<text>", "null"),
        ("list<integer>", "[1.5]"), ("list<integer>", "[1"), ("record<a: text>", '{"a":"x","b":"y"}'),
        ("record<a: text>", '{"a":"x","a":"y"}'), ("record<a: number>", '{"a":NaN}'), ("list<binary>", '["eA=="]'),
    ],
)  # fmt: skip
def test_a_value_that_is_not_exactly_of_its_type_is_an_error_that_names_the_column_alone(kind, value):
    """Edge case 21: a lost type is an error, never a guess."""
    with pytest.raises(Unreadable, match=r"sql\.lost_type") as error:
        back([value], kind)
    assert error.value.where == "shop.x.y"
    assert error.value.__suppress_context__
    if len(str(value)) > 3:
        assert str(value) not in str(error.value)


FORMS = {
    "naive": lambda m: m.replace(tzinfo=None).isoformat(),
    "blank": lambda m: m.replace(tzinfo=None).isoformat(" "),
    "zulu": lambda m: m.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    "offset": lambda m: m.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat(),
    "basic": lambda m: m.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f+0000"),
    "padded": lambda m: f" {m.astimezone(UTC).isoformat()} ",
}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(MOMENTS, st.sampled_from(sorted(FORMS))), min_size=1, max_size=5))
def test_an_instant_survives_every_layout_alone_and_mixed(rows):
    """Edge case 21: microseconds and zones; what the column reads is what decides whether it is due."""
    moments = [m.replace(tzinfo=UTC).astimezone(ZoneInfo(AMSTERDAM)).replace(fold=1) for m, _ in rows]
    # A local time that never occurs cannot have been written: these are the instants that were.
    moments = [m.astimezone(UTC).astimezone(ZoneInfo(AMSTERDAM)).replace(fold=1) for m in moments]
    texts = [FORMS[form](m) for m, (_, form) in zip(moments, rows, strict=True)]
    found = to_arrow(texts, column("datetime", zone=AMSTERDAM), "x").cast(pa.int64()).to_pylist()
    assert found == [micros(m) for m in moments]
    assert found == [instant(t, Form.ISO, AMSTERDAM) for t in texts]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00"),
        ("2026-03-29T02:30:00.000001", "2026-03-29T01:30:00.000001"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00"),
    ],
)
def test_a_local_time_that_occurs_twice_is_the_later_one_as_in_logs_and_one_that_never_does_is_moved_on(text, utc):
    """Edge case 3, for a database: the same in a column of one layout as in a mixed one."""
    expected = micros(datetime.fromisoformat(utc).replace(tzinfo=UTC))
    for other in (None, "20260101T000000Z"):
        made = to_arrow([text, other], column("datetime", zone=AMSTERDAM), "x")
        assert made.cast(pa.int64())[0].as_py() == expected


ZONES = [None, UTC, ZoneInfo(AMSTERDAM), ZoneInfo("Asia/Kathmandu"), timezone(-timedelta(hours=9, minutes=30))]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.tuples(MOMENTS, st.integers(0, 1))), min_size=1, max_size=4),
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=2), st.sampled_from([AMSTERDAM, "UTC"]),
)  # fmt: skip
def test_a_server_s_datetimes_say_the_same_together_as_one_by_one(rows, zones, zone):
    """Edge case 21: with a zone or without, or some of each."""
    values = [
        None if row is None else row[0].replace(tzinfo=zones[n % len(zones)], fold=row[1]) for n, row in enumerate(rows)
    ]
    expected = [None if v is None else instant(v, Form.ISO, zone, exact=True) for v in values]
    made = to_arrow(values, column("datetime", zone=zone), "x")
    assert made.cast(pa.int64()).to_pylist() == expected


@pytest.mark.parametrize(
    "value",
    [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))),
     datetime(1, 1, 1), "0001-01-01T00:00:00+01:00"],
)  # fmt: skip
def test_a_moment_outside_of_the_years_of_a_datetime_is_an_error(value):
    with pytest.raises(Unreadable, match=r"sql\.lost_type"):
        to_arrow([value], column("datetime", zone=AMSTERDAM), "x")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), st.decimals(), st.decimals(-1000, 1000, places=4)), min_size=1, max_size=4))
def test_a_server_s_decimals_say_the_same_together_as_one_by_one(values):
    """Edge case 21: exactly, or an error."""

    def read(given):
        try:
            return back(given, "decimal(20,4)")
        except Unreadable:
            return None

    by_text = read([None if v is None else str(v) for v in values])
    assert read(values) == by_text
    assert by_text is None or [None if v is None else Decimal(v) for v in values] == by_text


@settings(max_examples=40, deadline=None)
@given(MOMENTS, st.sampled_from([Form.EPOCH, Form.EPOCH_MS, Form.EPOCH_US]))
def test_numbers_that_say_when_come_back_exactly(moment, form):
    unit = {
        Form.EPOCH: timedelta(seconds=1),
        Form.EPOCH_MS: timedelta(milliseconds=1),
        Form.EPOCH_US: timedelta.resolution,
    }
    number = (moment.replace(tzinfo=UTC) - EPOCH) // unit[form]
    assert (
        back([number, None, str(number)], "datetime", zone="UTC", form=form)[::2] == [EPOCH + number * unit[form]] * 2
    )
    assert back([number], "datetime", zone="UTC", form=form) == [EPOCH + number * unit[form]]


def test_seconds_with_a_fraction_keep_their_microseconds():
    moment = datetime(2026, 5, 1, 10, 0, 0, 123457, tzinfo=UTC)
    assert back([moment.timestamp()], "datetime", zone="UTC", form=Form.EPOCH) == [moment]


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (Form.ISO, "gisteren"), (Form.ISO, ""), (Form.ISO, 1_700_000_000), (Form.ISO, "2026-05-01T10:00:00.1234567"),
        (Form.ISO, b"2026-05-01"), (Form.EPOCH, "onbekend"), (Form.EPOCH, 10**15), (Form.EPOCH_MS, "1.0001"), (Form.EPOCH, True),
    ],
)  # fmt: skip
def test_what_says_no_instant_is_an_error_when_read(form, value):
    with pytest.raises(Unreadable, match=r"sql\.lost_type"):
        back([value], "datetime", zone="UTC", form=form)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.binary(max_size=5), st.none()), st.sampled_from(Form)
)
def test_no_value_whatever_makes_reading_an_instant_fail_otherwise(value, form):
    """Edge case 11: unparsable starts are passed over; they stop no purge."""
    found = instant(value, form, AMSTERDAM)
    assert found is None or isinstance(found, int)
