"""Disclosures (promise DISCLOSE): the person's access report tells them, unless they are secret, and nobody else's does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest_runs import EMAIL, NUMBER, OTHER_NUMBER, Ferry
from privacy.bundle import open_bundle
from privacy.errors import BadInput
from privacy.holds.wishes import same_person
from privacy.orchestration import ending, steps
from privacy.orchestration.runs import Run
from privacy.rights import Right
from privacy.rights.disclosures import Disclosures
from privacy.sources.base import Identifier, Subject

CASE = "PL0500-2026-8812"


@pytest.fixture
def ferry(tmp_path: Path) -> Ferry:
    return Ferry(tmp_path)


def who(number: int) -> Subject:
    return Subject(1, (Identifier("ferry.traveller", number),))


def given(ferry: Ferry, *about: Subject, to: str = "Politie <b>Twente</b>", **more: object):
    said = {"datasets": ["ferry.trips"], "recipient": to, "ground": "art. 126nd Sv", "case": CASE, "author": "jurist"}
    return Disclosures(ferry.house).add(**{**said, "about": about, **more})


def exported(ferry: Ferry, tmp_path: Path, right: Right = Right.ACCESS, run: str = "run-1") -> dict[str, str]:
    """The bundle's pages and manifest of an export of the first traveller."""
    number = ferry.house.register.receive(right, (Identifier("email", EMAIL),), author="desk").number
    this, house = Run(run, number, "operator"), ferry.house
    steps.open_request(house, this), steps.resolve_identity(house, this)
    parts = [steps.extract(house, this, unit) for unit in steps.list_parts(house, this)]
    steps.write_bundle(house, this, parts)
    ending.record(house, this, failed=None)
    to = tmp_path / f"opened-{run}"
    with house.sealed_bundle(number) as sealed:
        open_bundle(sealed, house.register.open(number).secret, to)
    return {name: (to / name).read_text() for name in ("LEESMIJ.html", "README.html", "datapackage.json")}


def test_the_access_report_says_to_whom_why_and_what_and_escapes_it(ferry: Ferry, tmp_path: Path) -> None:
    """Art. 15(1)(c) GDPR; edge case 27."""
    given(ferry, who(NUMBER))
    pages = exported(ferry, tmp_path)
    assert "Aan wie wij gegevens over u verstrekten" in pages["LEESMIJ.html"]
    assert "To whom we gave data about you" in pages["README.html"]
    for page in pages.values():
        assert CASE in page
        assert "126nd" in page
    assert "Politie &lt;b&gt;Twente&lt;/b&gt;" in pages["README.html"]
    assert '"privacy:disclosed"' in pages["datapackage.json"]


@pytest.mark.parametrize(
    ("about", "more"),
    [((NUMBER,), {"secret": "art. 41 UAVG"}), ((OTHER_NUMBER,), {}), ((), {})],
    ids=["secret", "of another", "of nobody"],
)
def test_what_is_secret_or_not_about_them_leaves_no_trace_in_the_report(ferry, tmp_path, about, more) -> None:
    given(ferry, *(who(number) for number in about), **more)
    for page in exported(ferry, tmp_path).values():
        assert CASE not in page
        assert "disclosed" not in page
        assert "verstrekten" not in page


def test_a_bundle_to_take_along_has_no_disclosures(ferry: Ferry, tmp_path: Path) -> None:
    given(ferry, who(NUMBER))
    assert CASE not in "".join(exported(ferry, tmp_path, Right.PORTABILITY).values())


def test_what_is_recorded_after_a_request_has_begun_is_in_no_run_of_it(ferry: Ferry) -> None:
    """A second run gives the same bundle, byte for byte."""
    made = given(ferry, who(NUMBER))
    told = Disclosures(ferry.house).told_to
    assert len(told(who(NUMBER), made.recorded_at)) == 1
    assert told(who(NUMBER), made.recorded_at - timedelta(microseconds=1)) == ()


DAY = [datetime(2026, 1, n, tzinfo=UTC) for n in range(1, 6)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Identifier("email", "a@a.example"), Identifier("email", "a@a.example"), True),
        (Identifier("email", "a@a.example"), Identifier("email", "b@a.example"), False),
        (Identifier("email", "a@a.example"), Identifier("phone", "a@a.example"), False),
        (Identifier("email", "a@a.example", contested=True), Identifier("email", "a@a.example"), False),
        (Identifier("email", "a@a.example"), Identifier("email", "a@a.example", contested=True), False),
        (Identifier("ip", "192.0.2.1"), Identifier("ip", "192.0.2.1"), False),
        (Identifier("email", "a", valid_to=DAY[1]), Identifier("email", "a", valid_from=DAY[1]), False),
        (Identifier("email", "a", valid_to=DAY[2]), Identifier("email", "a", valid_from=DAY[1]), True),
        (Identifier("email", "a", DAY[0], DAY[2]), Identifier("email", "a", DAY[1], DAY[3]), True),
    ],
)
def test_two_lists_of_identifiers_are_one_person_s_when_one_is_theirs_alone_at_one_time(
    ferry: Ferry, one, other, same
) -> None:
    datamap = ferry.house.datamap
    assert same_person(datamap, Subject(1, (one,)), Subject(1, (other,))) is same
    assert same_person(datamap, Subject(1, (other,)), Subject(1, (one,))) is same


@pytest.mark.parametrize("reused", [Identifier("email", EMAIL), Identifier("device_id", "d-1")])
def test_whoever_has_an_address_or_a_tablet_of_somebody_who_is_gone_is_not_told_of_their_case(
    ferry: Ferry, reused: Identifier
) -> None:
    """Edge cases 19 and 22: nothing of the first one is left in the shop that would tell the two apart."""
    gone = Subject(1, (Identifier("ferry.traveller", NUMBER), reused))
    given(ferry, gone)
    told = Disclosures(ferry.house).told_to
    until = ferry.house.clock.now()
    assert told(Subject(1, (Identifier("ferry.traveller", OTHER_NUMBER), reused)), until) == ()
    assert len(told(gone, until)) == 1
    merged = Subject(1, (Identifier("ferry.traveller", OTHER_NUMBER), Identifier("ferry.traveller", NUMBER)))
    assert len(told(merged, until)) == 1
    assert len(told(Subject(1, (reused,)), until)) == 1, "who was a guest then"


def test_a_person_without_an_identifier_of_their_own_would_never_be_told_so_it_is_refused(ferry: Ferry) -> None:
    with pytest.raises(BadInput, match=r"disclosure\.about"):
        given(ferry, Subject(1, (Identifier("email", "a@a.example", contested=True),)))
    for more, code in (({"datasets": []}, "datasets"), ({"ground": " "}, "ground"), ({"recipient": ""}, "recipient")):
        with pytest.raises(BadInput, match=rf"disclosure\.{code}"):
            given(ferry, **more)
    with pytest.raises(BadInput, match=r"disclosure\.content"):
        given(ferry, to="half \ud800")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM disclosures", "does not stand in the table any more"),
        ("UPDATE disclosures SET recorded_at = '2026-01-01T00:00:00.000000+00:00'", "does not open"),
        ("UPDATE disclosures SET sealed = 'AAAA'", "is not what was recorded"),
        ("UPDATE disclosures SET id = 'x'", "the ledger does not know it"),
    ],
)
def test_a_disclosure_that_was_altered_by_hand_is_found(ferry: Ferry, statement: str, said: str) -> None:
    """Edge case 26."""
    given(ferry, who(NUMBER))
    assert ferry.house.verify().ok
    with ferry.house.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert any(said in problem for problem in ferry.house.verify().problems)
