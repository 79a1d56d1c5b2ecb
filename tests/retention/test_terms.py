"""Terms: whole local dates, real hours, and one bound that is exact to the microsecond."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privacy.datamap.policy import Period
from privacy.retention import before, due

ZONE = "Europe/Amsterdam"
AMSTERDAM = ZoneInfo(ZONE)
BOUNDS = st.sampled_from(["keep_at_least", "keep_at_most"])
COUNTS = st.sampled_from(["event", "event", "end_of_financial_year"])
# Sao Paulo and Beirut: summer time that began at midnight, so that some dates have none.
ZONES = st.sampled_from([ZONE, ZONE, "UTC", "America/Sao_Paulo", "Asia/Beirut", "Asia/Tokyo"])
PERIODS = st.sampled_from(["P12M", "P14D", "PT48H", "P1M", "P7Y", "P24M", "P1M15D", "P1D", "PT1H", "P365D"])
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def period(text: str) -> Period:
    return Period.model_validate(text)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("start", "term", "bound", "at"),
    [
        (local(2026, 3, 1, 14, 30), "P14D", "keep_at_most", local(2026, 3, 15)),
        (local(2026, 3, 1, 14, 30), "P14D", "keep_at_least", local(2026, 3, 16)),
        (local(2024, 2, 29, 12), "P12M", "keep_at_most", local(2025, 2, 28)),
        (local(2024, 2, 28, 12), "P12M", "keep_at_most", local(2025, 2, 28)),
        (local(2024, 3, 1, 0), "P12M", "keep_at_most", local(2025, 3, 1)),
        (local(2023, 3, 1, 0), "P365D", "keep_at_most", local(2024, 2, 29)),
        (local(2023, 3, 1, 0), "P12M", "keep_at_most", local(2024, 3, 1)),
        (date(2026, 1, 31), "P1M", "keep_at_most", local(2026, 2, 28)),
        (date(2026, 8, 31), "P1M", "keep_at_most", local(2026, 9, 30)),
        (datetime(2026, 6, 30, 22, 30, tzinfo=UTC), "P1M", "keep_at_most", local(2026, 8, 1)),
    ],
)
def test_whole_dates_are_counted_in_the_shops_own_zone(start, term, bound, at):
    """Edge cases 4 and 5: the days around 29 February; 31 January and 31 August; 365 days is not 12 months."""
    assert due(start, period(term), ZONE, bound=bound) == at


@pytest.mark.parametrize("start", [local(2026, 3, 28, 12), local(2026, 10, 24, 12), local(2026, 10, 25, 2, 30, 0)])
def test_48_hours_are_48_real_hours_when_the_clocks_change(start):
    """Edge case 2."""
    found = due(start, period("PT48H"), ZONE, bound="keep_at_most")
    assert found - start.astimezone(UTC) == timedelta(hours=48)
    # By the clock on the wall it is an hour more or less.
    assert found.tzinfo is UTC
    assert found.astimezone(AMSTERDAM).replace(tzinfo=None) - start.replace(tzinfo=None) != timedelta(hours=48)


@pytest.mark.parametrize(
    "day", [date(2019, 1, 1), date(2019, 12, 31), local(2019, 12, 31, 23, 59, 59), local(2019, 6, 1)]
)
def test_a_fiscal_term_starts_at_the_end_of_the_financial_year(day):
    """Edge case 18."""
    found = due(day, period("P7Y"), ZONE, bound="keep_at_least", counts_from="end_of_financial_year")
    assert found == local(2027, 1, 1)


def test_one_microsecond_to_either_side_of_the_bound():
    """Edge case 1."""
    term, horizon = period("P12M"), local(2026, 11, 25, 0)
    edge = before(horizon, term, ZONE, bound="keep_at_most")
    assert edge == local(2025, 11, 26)
    step = timedelta(microseconds=1)
    assert due(edge - step, term, ZONE, bound="keep_at_most") == horizon
    assert due(edge, term, ZONE, bound="keep_at_most") > horizon
    assert before(horizon - step, term, ZONE, bound="keep_at_most") == local(2025, 11, 25)


@settings(max_examples=300, deadline=None)
@given(MOMENTS, MOMENTS, PERIODS, ZONES, BOUNDS, COUNTS, st.integers(-2, 2))
@example(
    datetime(2024, 2, 28, 23, tzinfo=UTC),
    datetime(2025, 2, 27, 23, tzinfo=UTC),
    "P12M",
    ZONE,
    "keep_at_most",
    "event",
    0,
)
@example(
    datetime(2018, 11, 4, 3, tzinfo=UTC),
    datetime(2018, 12, 4, 2, tzinfo=UTC),
    "P1M",
    "America/Sao_Paulo",
    "keep_at_most",
    "event",
    0,
)
def test_the_bound_is_exact_for_every_start_and_horizon(start, horizon, text, zone, bound, counts_from, beside):
    """Edge cases 1, 2, 4, 18: ``start < before`` exactly where ``due(start) <= horizon``."""
    term, how = period(text), {"bound": bound, "counts_from": counts_from}
    edge = before(horizon, term, zone, **how)
    # Right at the edge too, and right at the due moment, where a slip would show.
    for moment in (start, edge + timedelta(microseconds=beside), edge - timedelta(microseconds=1)):
        assert (moment < edge) == (due(moment, term, zone, **how) <= horizon)
    exactly = due(start, term, zone, **how)
    assert start < before(exactly, term, zone, **how)
    assert not start < before(exactly - timedelta(microseconds=1), term, zone, **how)


@settings(max_examples=100, deadline=None)
@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=70)), PERIODS, ZONES, BOUNDS, COUNTS)
def test_who_starts_later_is_never_due_earlier(start, later, text, zone, bound, counts_from):
    """Edge case 4."""
    how = {"bound": bound, "counts_from": counts_from}
    first = due(start, period(text), zone, **how)
    assert first <= due(start + later, period(text), zone, **how)
    assert first.tzinfo is UTC


def test_a_naive_start_is_no_instant():
    """Edge case 11."""
    for text in ("P1M", "PT1H"):
        with pytest.raises(ValueError, match="aware"):
            due(datetime(2026, 1, 1), period(text), ZONE, bound="keep_at_most")


def test_a_term_beyond_the_calendar_is_an_error_and_no_wrong_date():
    """Edge case 11: a start in the far future."""
    with pytest.raises(OverflowError):
        due(date(9999, 12, 31), period("P7Y"), ZONE, bound="keep_at_least")
