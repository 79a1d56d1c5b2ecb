"""What a run takes: with a run each interval no limit is ever passed, and nothing goes before its statutory term."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.datamap.policy import Term
from privacy.retention import due
from privacy.retention.horizon import horizon, limit

ZONE = "Europe/Amsterdam"
LIMITED = ["P12M", "P14D", "PT48H", "P1M", "P24M"]
MOMENTS = st.datetimes(datetime(1995, 1, 1), datetime(2055, 1, 1), timezones=st.just(UTC))
EVERY = st.sampled_from(["P1D", "PT1H", "PT6H"])


def term(**words: object) -> Term:
    return Term.model_validate(words)


@given(start=MOMENTS, at=MOMENTS, limited=st.sampled_from(LIMITED), every=EVERY, margin=st.sampled_from([None, "PT2H"]))
def test_what_one_run_leaves_the_next_run_finds_within_its_limit(
    start: datetime, at: datetime, limited: str, every: str, margin: str | None
) -> None:
    """Edge cases 1, 2 and 4: over months, leap days and changes of the clock."""
    found = term(keep_at_most=limited, every=every, **({"margin": margin} if margin else {}))
    bounds = horizon(found, at, ZONE)
    assert found.every is not None
    if start >= bounds.before:
        gone_by = limit(start, found, ZONE)
        assert gone_by is not None
        assert gone_by > at + found.every.longest
    if bounds.late is not None:
        assert (start < bounds.late) == (limit(start, found, ZONE) < at)  # type: ignore[operator]
    assert bounds.before <= bounds.next


@given(start=MOMENTS, at=MOMENTS, kept=st.sampled_from(["P7Y", "P10Y", "P1M"]),
    counts=st.sampled_from(["event", "end_of_financial_year"]))  # fmt: skip
def test_a_statutory_record_goes_when_it_may_and_never_before(
    start: datetime, at: datetime, kept: str, counts: str
) -> None:
    """Edge case 18."""
    found = term(keep_at_least=kept, every="P1M", counts_from=counts)
    bounds = horizon(found, at, ZONE)
    assert found.keep_at_least is not None
    free = due(start, found.keep_at_least, ZONE, bound="keep_at_least", counts_from=found.counts_from)
    assert (start < bounds.before) == (free <= at)
    assert bounds.late is None
    assert limit(start, found, ZONE) is None


@given(start=MOMENTS, at=MOMENTS)
def test_between_two_bounds_a_record_goes_from_the_first_on(start: datetime, at: datetime) -> None:
    found = term(keep_at_least="P1M", keep_at_most="P3M", every="P1D")
    assert found.keep_at_least is not None
    free = due(start, found.keep_at_least, ZONE, bound="keep_at_least")
    assert (start < horizon(found, at, ZONE).before) == (free <= at)


@pytest.mark.parametrize(
    ("at", "before"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 26, 13, tzinfo=UTC)),
        (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 3, 27, 13, tzinfo=UTC)),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), datetime(2026, 10, 23, 13, tzinfo=UTC)),
    ],
)
def test_48_hours_are_real_hours_less_the_hour_until_the_next_run(at: datetime, before: datetime) -> None:
    """Edge case 2: over both changes of the clock."""
    found = horizon(term(keep_at_most="PT48H", every="PT1H"), at, ZONE)
    assert found.before == before + timedelta(microseconds=1)


def test_a_year_of_logs_goes_before_the_midnight_after_the_next_run() -> None:
    at = datetime(2026, 11, 20, 1, 15, tzinfo=UTC)
    found = horizon(term(keep_at_most="P12M", every="P1D"), at, ZONE)
    # Until the 21st at 03:15 in Amsterdam: 21 November of last year falls due by then, and not the 22nd.
    assert found.before == datetime(2025, 11, 22, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def test_a_term_without_a_bound_has_no_horizon() -> None:
    with pytest.raises(ValueError, match="no bound"):
        horizon(term(condition={"nl": "tot", "en": "until"}), datetime(2026, 1, 1, tzinfo=UTC), ZONE)
