"""When an answer is due, and which dates cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import Tampered
from privacy.rights.states import Dates, State, check, due

AMSTERDAM = "Europe/Amsterdam"
T = [datetime(2026, 1, n, tzinfo=UTC) for n in range(1, 9)]
RELEASED = Dates(T[0], T[1], None, T[2], T[3], T[4])


@pytest.mark.parametrize(
    ("arrived", "last"),
    [
        ("2026-01-31T12:00:00+01:00", date(2026, 2, 28)),  # one month from a day that February has not
        ("2028-01-31T12:00:00+01:00", date(2028, 2, 29)),
        ("2026-08-31T12:00:00+02:00", date(2026, 9, 30)),  # 30 days and one month are the same
        ("2026-02-10T12:00:00+01:00", date(2026, 3, 10)),  # 28 days: the month is earlier
        ("2026-07-10T12:00:00+02:00", date(2026, 8, 9)),  # 31 days: 30 days are earlier
        ("2026-12-15T12:00:00+01:00", date(2027, 1, 14)),
        ("2026-06-30T22:30:00+00:00", date(2026, 7, 31)),  # in Amsterdam it is 1 July already
        ("2026-10-24T22:30:00+00:00", date(2026, 11, 24)),  # the clock goes back that night
    ],
)
def test_the_answer_is_due_at_the_earlier_of_30_days_and_one_month(arrived, last):
    """Edge case 5."""
    assert due(datetime.fromisoformat(arrived), AMSTERDAM) == last


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_a_request_that_arrives_later_is_never_due_earlier(arrived):
    """Edge case 5."""
    last = due(arrived, AMSTERDAM)
    assert last <= due(arrived + timedelta(days=1), AMSTERDAM)
    assert 28 <= (last - (arrived + timedelta(hours=1)).date()).days <= 31


def test_the_dates_say_the_state():
    assert Dates(T[0]).state is State.RECEIVED
    assert Dates(T[0], proven_at=T[1]).state is State.RECEIVED
    assert Dates(T[0], T[1], undecided_at=T[2]).state is State.UNDECIDED
    assert Dates(T[0], T[1], sealed_at=T[2]).state is State.SEALED
    assert Dates(T[0], T[1], sealed_at=T[2], proven_at=T[3]).state is State.PROVEN
    assert check(RELEASED, "n").state is State.RELEASED
    assert Dates(T[0], T[1], refused_at=T[2]).state is State.REFUSED


def test_every_state_says_what_comes_next():
    assert Dates(T[0]).next_step == "start the export"
    assert Dates(T[0], T[1]).next_step == "await the export, or start it again"
    assert RELEASED.next_step == "deliver it: privacy request deliver"


@pytest.mark.parametrize(
    "wrong",
    [
        replace(RELEASED, proven_at=None),
        replace(RELEASED, sealed_at=None),
        replace(RELEASED, refused_at=T[6]),
        replace(RELEASED, begun_at=None),
        replace(RELEASED, begun_at=T[7]),
        replace(RELEASED, undecided_at=T[1]),
        replace(RELEASED, proven_at=T[6]),
        replace(RELEASED, received_at=T[6]),
    ],
)
def test_dates_that_no_step_leads_to_are_evidence_of_tampering(wrong):
    with pytest.raises(Tampered, match="contradict"):
        check(wrong, "AVG-2026-0042-5")
