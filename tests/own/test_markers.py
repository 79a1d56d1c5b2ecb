"""Markers and the digests of letters are kept as long as the policy says, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_own import NOW, SUBJECT, Office, ago
from privacy.rights.markers import Markers
from privacy.rights.policy_letters import Written


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def noted(office: Office, days: float) -> None:
    with office.house.ledger.writing() as writing:
        Markers(office.house).note(writing, SUBJECT, ago(days))


def test_markers_stay_as_long_as_the_oldest_backup_and_then_go(office: Office) -> None:
    noted(office, 179)
    assert office.purge("markers", "one")["deleted"] == 0
    assert Markers(office.house).matching(SUBJECT.identifiers) == ago(179)
    noted(office, 10)
    assert office.purge("markers", "two")["deleted"] == 0
    office.at(NOW + (NOW - ago(172)))
    assert office.purge("markers", "three")["deleted"] == 2
    assert Markers(office.house).matching(SUBJECT.identifiers) is None
    assert office.house.verify().ok


def test_digests_of_letters_go_a_year_after_the_last_of_them(office: Office) -> None:
    written = Written(office.house, "7")
    for mark in ("a", "b"):
        written.claim(mark)
        written.sent(mark)
    assert office.purge("policy_letters", "one")["deleted"] == 0
    office.at(NOW + (NOW - ago(366)))
    assert office.purge("policy_letters", "two")["deleted"] == 2
    assert Written(office.house, "7").there(["a", "b"]) == {}
