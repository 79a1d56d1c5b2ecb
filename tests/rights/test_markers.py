"""Erasure markers: who was erased is known again, and nobody can read who it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest_runs import DEVICE, EMAIL, IP, NUMBER, Ferry
from privacy.clock import FixedClock
from privacy.rights.markers import Markers
from privacy.sources.base import Identifier, Subject

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUBJECT = Subject(1, (
    Identifier("email", EMAIL), Identifier("ferry.traveller", NUMBER), Identifier("device_id", DEVICE),
    Identifier("ip", IP, NOW, NOW), Identifier("phone", "+31600000001"), Identifier("request", "VEER-2026-0001-9"),
    Identifier("email", "shared@veer.example", contested=True),
    Identifier("email", "old@veer.example", valid_to=NOW - timedelta(days=400)),
))  # fmt: skip


@pytest.fixture(scope="module")
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Ferry:
    return Ferry(tmp_path_factory.mktemp("ferry"), FixedClock(NOW))


@pytest.fixture
def marked(tmp_path: Path) -> Ferry:
    made = Ferry(tmp_path, FixedClock(NOW))
    note(made)
    return made


def note(ferry: Ferry, at: datetime = NOW) -> int:
    with ferry.house.ledger.writing() as writing:
        return Markers(ferry.house).note(writing, SUBJECT, at)


def matching(ferry: Ferry, kind: str, value: str | int) -> datetime | None:
    return Markers(ferry.house).matching([Identifier(kind, value)])


def test_an_erased_person_is_known_by_number_address_and_device(marked: Ferry) -> None:
    assert matching(marked, "ferry.traveller", NUMBER) == NOW
    assert matching(marked, "ferry.traveller", str(NUMBER)) == NOW
    assert matching(marked, "email", EMAIL.upper()) == NOW
    assert matching(marked, "device_id", DEVICE) == NOW
    assert matching(marked, "email", "somebody@veer.example") is None


def test_nobody_is_known_by_what_passes_from_one_person_to_the_next(marked: Ferry) -> None:
    """Edge case 19: an IP address, a phone number, an address that two people share."""
    for kind, value in (("ip", IP), ("phone", "+31600000001"), ("email", "shared@veer.example")):
        assert matching(marked, kind, value) is None


def test_an_address_is_the_erased_persons_for_the_time_in_which_it_was(marked: Ferry) -> None:
    known = ("email", "old@veer.example")
    (theirs,) = Markers(marked.house).found([known])[known]
    assert theirs.until == NOW - timedelta(days=400)
    assert theirs.covers(theirs.until - timedelta(seconds=1))
    assert not theirs.covers(theirs.until)


def test_a_kind_does_not_pass_for_another(marked: Ferry) -> None:
    assert matching(marked, "device_id", EMAIL) is None
    assert matching(marked, "device_id", str(NUMBER)) is None


def test_noting_twice_changes_nothing_and_a_later_erasure_counts(marked: Ferry) -> None:
    entries = len(marked.house.ledger.entries())
    assert note(marked) == 4
    assert note(marked, NOW - timedelta(days=1)) == 4
    assert len(marked.house.ledger.entries()) == entries
    assert matching(marked, "email", EMAIL) == NOW
    note(marked, NOW + timedelta(days=1))
    assert matching(marked, "email", EMAIL) == NOW + timedelta(days=1)
    assert marked.house.verify().ok


def test_the_table_and_the_ledger_name_nobody_and_no_request(marked: Ferry) -> None:
    with marked.house.engine.connect() as connection:
        seen = str(connection.exec_driver_sql("SELECT * FROM erasure_markers").all())
    seen += str([e.entry for e in marked.house.ledger.entries()])
    assert not any(one in seen for one in (EMAIL, str(NUMBER), DEVICE, "VEER-", "email", "device"))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM erasure_markers WHERE mark = (SELECT min(mark) FROM erasure_markers)",
        "UPDATE erasure_markers SET erased_at = '2020-01-01T00:00:00.000000+00:00'",
        "UPDATE erasure_markers SET theirs_from = '2020-01-01T00:00:00.000000+00:00'",
        "INSERT INTO erasure_markers VALUES ('aa', '', '', '2026-01-01T00:00:00.000000+00:00')",
    ],
)
def test_rows_that_were_altered_by_hand_are_noticed(marked: Ferry, statement: str) -> None:
    assert marked.house.verify().ok
    with marked.house.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert any("erasure markers" in problem for problem in marked.house.verify().problems)


def test_a_marker_goes_with_its_term_and_one_that_is_put_back_is_noticed(marked: Ferry) -> None:
    with marked.house.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM erasure_markers").all()
    assert Markers(marked.house).forget(NOW, actor="purge_bundles") == 4
    assert Markers(marked.house).forget(NOW, actor="purge_bundles") == 0
    assert matching(marked, "email", EMAIL) is None
    assert marked.house.verify().ok
    with marked.house.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO erasure_markers VALUES (?, ?, ?, ?)", tuple(rows[0]))
    assert not marked.house.verify().ok


@given(
    st.from_regex(r"[a-zA-Z0-9.+]{1,12}@[a-zA-Z0-9]{1,12}\.example", fullmatch=True), st.sampled_from(["", " ", "\t"])
)
def test_an_address_is_the_same_in_any_case_and_a_plus_makes_another(ferry: Ferry, address: str, around: str) -> None:
    """Edge case 19: as identities are resolved, so they are remembered."""
    markers = Markers(ferry.house)
    assert markers.mark("email", around + address.swapcase() + around) == markers.mark("email", address)
    local, _, domain = address.partition("@")
    assert markers.mark("email", f"{local}+x@{domain}") != markers.mark("email", address)


@given(st.integers(-(2**60), 2**60))
def test_a_number_is_the_same_however_it_is_written(ferry: Ferry, number: int) -> None:
    markers = Markers(ferry.house)
    assert markers.mark("ferry.traveller", f" {number} ") == markers.mark("ferry.traveller", number)
    assert markers.mark("ferry.traveller", number) != markers.mark("ferry.traveller", number + 1)
