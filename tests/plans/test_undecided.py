"""An application that nobody decides on is kept for ever, unless somebody is told (edge cases 11 and 16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.office_kit import Office
from privacy.rights.deadlines import TOLD, Kind, deadlines, watch
from privacy.rights.undecided import undecided


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_who_waits_longer_than_eight_weeks_is_told_of_and_nobody_else(office: Office) -> None:
    office.applicant(1)
    office.application(1, 1, applied="03-01")
    office.applicant(2)
    office.application(2, 2, applied="03-01", rejected="03-20")
    office.applicant(3)
    office.application(3, 3, applied="05-30")
    (found,) = undecided(office.house, office.clock.now())
    assert (found.dataset, found.records) == ("recruiting.applications", 1)
    # The midnight that opens the day eight weeks after 1 March, here.
    assert found.since == datetime(2026, 4, 25, 22, tzinfo=UTC)


def test_eight_weeks_are_whole_days_and_not_a_moment_less(office: Office) -> None:
    """Edge case 1."""
    office.applicant(1)
    office.application(1, 1, applied="03-01")
    over = datetime(2026, 4, 25, 22, tzinfo=UTC)
    assert list(undecided(office.house, over - timedelta(microseconds=1))) == []
    assert len(list(undecided(office.house, over))) == 1


def test_the_controller_is_told_once_a_week_in_the_letter_on_deadlines(office: Office) -> None:
    office.applicant(1)
    office.application(1, 1, applied="03-01")
    for _ in range(2):
        (one,) = (d for d in watch(office.house, actor="watch") if d.kind is Kind.DECISION)
    assert one.waits_for == "Personeelszaken"
    assert len(office.house.ledger.entries(kind=TOLD)) == 1
    (letter,) = (office.folder / "state/outbox").glob("*.eml")
    assert "recruiting.applications" in letter.read_text()
    office.clock.set(office.clock.now() + timedelta(days=8))
    watch(office.house, actor="watch")
    assert len(office.house.ledger.entries(kind=TOLD)) == 2


def test_a_store_that_cannot_be_read_hides_no_other_deadline(office: Office) -> None:
    office.database.write_bytes(b"no database")
    assert [d for d in deadlines(office.house, office.clock.now()) if d.kind is Kind.DECISION] == []
