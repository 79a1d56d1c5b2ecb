"""Lines of a log: times in every layout, types, and formats that cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.datamap.models import Column
from privacy.errors import BadConfiguration
from privacy.sources.weblogs_apply import nginx_time
from privacy.sources.weblogs_lines import following
from privacy.sources.weblogs_spelling import canonicaliser, needles
from privacy.sources.weblogs_times import micros, moment, reader
from sources.weblogs_kit import COLUMNS, FORMAT, Logs, customer, line, of


def column(**more: object) -> Column:
    given = {
        "type": "datetime",
        "zone": "Europe/Amsterdam",
        "description": "d",
        "category": "user",
        "provenance": "observed",
    }
    return Column.model_validate(given | more)


def read(text: str, **more: object) -> datetime | None:
    found = reader(column(**more))(text.encode())
    return None if found is None else moment(found)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("25/Nov/2025:10:00:00 +0100", "2025-11-25T09:00:00"),
        ("25/Nov/2025:10:00:00 -0530", "2025-11-25T15:30:00"),
        ("2025-11-25T10:00:00.123456+01:00", "2025-11-25T09:00:00.123456"),
        ("2025-11-25T10:00:00Z", "2025-11-25T10:00:00"),
        ("25/Nov/2025:10:00:00", "2025-11-25T09:00:00"),
        ("2025-07-01 12:00:00", "2025-07-01T10:00:00"),
        ("29/Feb/2024:23:59:59 +0000", "2024-02-29T23:59:59"),
    ],
)
def test_a_time_is_read_in_whichever_layout_it_stands(text, utc):
    """Edge case 3: mixed offsets, and local times."""
    assert read(text) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("form", ["25/Oct/2026:02:30:00", "2026-10-25 02:30:00"])
def test_a_local_time_that_occurs_twice_is_the_later_one_so_that_nothing_goes_early(form):
    """Edge case 3."""
    assert read(form) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("form", ["29/Mar/2026:02:30:00", "2026-03-29 02:30:00"])
def test_a_local_time_that_never_occurs_is_the_later_of_its_readings(form):
    """Edge case 3."""
    assert read(form) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["25/Nov/2025:24:00:00 +0100", "31/Feb/2025:10:00:00 +0100", "25/nov/2025:10:00:00 +0100", "2025-13-01", "", "é",
     "25/Nov/2025:10:00:00 +01", "25/Nov/2025:1_:00:00 +0100", "25/Nov/2025", "99999-01-01T00:00:00", "0001-01-01T00:00:00"],
)  # fmt: skip
def test_what_is_no_time_is_unknown_and_not_guessed(text):
    """Edge case 11."""
    assert read(text) is None


@pytest.mark.parametrize(
    ("form", "text"),
    [("epoch", "1764061200.123456"), ("epoch_ms", "1764061200123.456"), ("epoch_us", "1764061200123456")],
)
def test_epoch_times_are_exact(form, text):
    assert read(text, form=form) == datetime(2025, 11, 25, 9, 0, 0, 123456, tzinfo=UTC)
    assert read("nan", form=form) is None
    assert read("9" * 30, form=form) is None


@settings(max_examples=50)
@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
def test_every_time_survives_nginx_and_iso(naive, zone):
    at = naive.replace(tzinfo=zone)
    assert read(at.isoformat()) == at
    assert read(nginx_time(at)) == at.replace(microsecond=0)
    assert moment(micros(at)) == at


@pytest.mark.parametrize(
    ("pattern", "found"),
    [(r"(?P<a>\S+) x", b" x"), (r"(?P<a>\S+)\[x", b"[x"), (r"(?P<a>\S+) \[x?", b" ["), (r"(?P<a>\S+) x+y", b" x"),
     (r"(?P<a>\S+) \d", b" "), (r'"(?P<a>[^"\)]*)"', b'"'), (r"(?P<a>a)?", b""), (r"(?P<a>a) ?", b""),
     (r"(?P<a>a) |b", b""), (r"(?i)(?P<a>a)x", b""), (r"(x(?P<a>a)) ", b""), (r"(?P<a>[]|)(]+)-", b"-"), (r"(?P<a>a)\d", b""),
     (r"(?P<a>a)", b""), (r"(?P<a>a)(b)", b""), (r"(?P<a>a) {2}", b"")],
)  # fmt: skip
def test_the_characters_after_a_field_are_known_only_where_they_are_certain(pattern, found):
    assert following(pattern, "a") == found


def test_an_address_is_compared_in_one_form_however_it_is_written():
    same = canonicaliser("ip", False)
    assert same(b"2001:0DB8:0:0::7f3A") == b"2001:db8::7f3a"
    assert same(b"no address:") == b"no address:"
    texts, findable = needles("ip", False, "2001:db8::7f3a")
    assert findable
    assert all(any(t in written for t in texts) for written in (b"2001:db8::7f3a", b"2001:0DB8:0:0::7F3A"))
    assert not needles("email", False, "a@b.example")[1]
    assert canonicaliser("email", False)(rb"Zo\xC3\x89@a.example") == "zoé@a.example".encode()
    assert canonicaliser("phone", False)(b"0031 20-1") == b"+31201"


TYPED = {
    "n": ("integer", "42"), "big": ("integer", "9223372036854775807"), "over": ("integer", "9223372036854775808"),
    "f": ("number", "0.125"), "d": ("decimal(6,3)", "12.340"), "lost": ("decimal(6,1)", "12.34"), "b": ("boolean", "on"),
    "day": ("date", "2025-11-25"), "raw": ("binary", "a\\x00"), "none": ("integer", "-"), "word": ("integer", "4_2"),
    "text": ("text", "-"),
}  # fmt: skip


def test_every_type_survives_and_what_does_not_fit_is_null_not_rounded(tmp_path):
    """Edge case 21; the original has it as it was."""
    columns = {name: {"type": kind} for name, (kind, _) in TYPED.items()}
    columns |= {"user_id": COLUMNS["user_id"], "file": COLUMNS["file"], "line_number": COLUMNS["line_number"]}
    pattern = r"(?P<user_id>\S+)" + "".join(rf" (?P<{name}>\S+)" for name in TYPED)
    logs = Logs(tmp_path)
    text = b"1001 " + " ".join(value for _, value in TYPED.values()).encode()
    logs.put("nginx/access.log", [text])
    changes = {"columns": columns, "format": pattern, "subject": ["user_id"], "time": None, "starts": None}
    (row,) = logs.read(of(customer(1001)), **changes)
    assert row | {"_subject": 1} == {
        "n": 42, "big": 2**63 - 1, "over": None, "f": 0.125, "d": Decimal("12.340"), "lost": None, "b": True,
        "day": date(2025, 11, 25), "raw": b"a\\x00", "none": None, "word": None, "text": "-", "user_id": 1001,
        "file": "nginx/access.log", "line_number": 1, "_subject": 1, "_party": "subject",
    }  # fmt: skip


def test_bytes_that_are_no_utf8_control_characters_and_emoji_come_through(tmp_path):
    """Edge cases 21 and 27."""
    logs = Logs(tmp_path)
    odd = line(user=1001, request="{{ 7*7 }} '; DROP TABLE x; -- 💍 \x07").replace(b"ringen", b"x") + b""
    broken = odd.replace("💍".encode(), b"\xff\xfe")
    logs.put("nginx/access.log", [odd, broken])
    first, second = logs.read(of(customer(1001)))
    assert first["request"] == "{{ 7*7 }} '; DROP TABLE x; -- 💍 \x07"
    assert second["request"] == "{{ 7*7 }} '; DROP TABLE x; -- \\xff\\xfe \x07"
    assert second["line"] == broken
    assert first["time"] == datetime(2025, 11, 25, 10, tzinfo=ZoneInfo("Europe/Amsterdam"))


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"format": FORMAT + "("}, "format: missing"),
        ({"format": None}, "`format` and a `prefix`"),
        ({"prefix": None}, "`format` and a `prefix`"),
        ({"format": FORMAT + "(?P<other>x)?"}, "'other' is no column"),
        ({"format": FORMAT.replace("?P<size>", "")}, "column 'size' is no group"),
        ({"columns": COLUMNS | {"line_number": {"type": "text"}}}, "line_number (integer)"),
        ({"columns": COLUMNS | {"size": {"type": "list<text>"}}}, "no list or record"),
    ],
)
def test_a_format_that_cannot_be_is_refused_with_what_is_wrong(tmp_path, changes, hint):
    """Edge case 25; check() tells the same."""
    logs = Logs(tmp_path)
    logs.put("nginx/access.log", [line()])
    with pytest.raises(BadConfiguration) as caught:
        logs.read(of(customer(1)), **changes)
    assert hint in str(caught.value)
    assert "weblogs.access" in str(caught.value)
    (problem,) = logs.source(**changes).check()
    assert (problem.code, problem.fatal) == ("weblogs.format", True)
