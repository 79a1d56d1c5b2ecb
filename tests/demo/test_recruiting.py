"""When an applicant's two weeks begin (edge case 16): every state of the cast, against the SELECTs of the data map."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from conftest_demo import HOME
from demo import TODAY
from privacy.datamap.load import load
from privacy.datamap.selects import text_of

APPLICANTS = {
    # Applicant: for each application, the day at whose beginning its data have to be gone (None: that is not known yet).
    1001: [("a year, for want of an end", date(2027, 10, 3))],
    1002: [("asked and unanswered", "rejected")],
    1003: [("consent before the rejection", "rejected")],
    1004: [("consent with an end to come", date(2027, 1, 20))],
    1005: [("consent that has ended", date(2026, 11, 1))],
    1006: [("consent withdrawn", date(2026, 11, 17))],
    1007: [("withdrawn and given again", date(2026, 12, 21))],
    1008: [("rejected", "rejected"), ("applied again within the two weeks", None)],
    1009: [("rejected", "rejected"), ("another vacancy, without a rejection", None)],
    1010: [("rejected", "rejected"), ("hired later", "hired")],
    1011: [("never rejected in writing", None)],
    1012: [("a CV to the general address", "rejected")],
    1013: [("hired", "hired")],
    1014: [("answered no", "rejected")],
    1015: [("a year that is over", date(2026, 8, 28))],
}


def rows(made, dataset: str) -> list[dict]:
    return [dict(row) for row in made.recruiting.execute(text_of(HOME / f"sql/recruiting/{dataset}.sql", (), dataset))]


def gone_by(starts: str | None) -> date | None:
    """The local midnight that opens the date start + 14 days (P14D, whole local dates): that day."""
    if starts is None:
        return None
    return datetime.fromisoformat(starts).astimezone(ZoneInfo("Europe/Amsterdam")).date() + timedelta(days=14)


@pytest.mark.parametrize("applicant", APPLICANTS)
def test_the_two_weeks_begin_as_the_statement_says(made, applicant):
    found = [row for row in rows(made, "applications") if row["applicant_id"] == applicant]
    found.sort(key=lambda row: row["application_id"])
    assert len(found) == len(APPLICANTS[applicant])
    for row, (state, expected) in zip(found, APPLICANTS[applicant], strict=True):
        if expected in ("rejected", "hired"):
            assert row["term_starts"] == row[f"{expected}_at"] is not None, state
        else:
            assert gone_by(row["term_starts"]) == expected, state


def test_a_withdrawn_consent_is_over_for_the_night_after_it_and_one_that_runs_is_not_due(made):
    """A withdrawal of the 15th is due as the 17th begins: the run in the night before, whose horizon is a day ahead, takes it."""
    starts = {row["applicant_id"]: row["term_starts"] for row in rows(made, "applications")}
    (withdrawn,) = made.recruiting.execute("SELECT withdrawn_at FROM consents WHERE applicant_id = 1006").fetchone()
    assert gone_by(starts[1006]) == date.fromisoformat(withdrawn[:10]) + timedelta(days=2)
    assert gone_by(starts[1004]) > TODAY > gone_by(starts[1005])


@pytest.mark.parametrize(
    ("answered", "day"),
    [("2024-02-28T10:00:00Z", "2025-02-28"), ("2024-02-29T10:00:00Z", "2025-02-28"), ("2024-03-01T10:00:00Z", "2025-03-01")],
)  # fmt: skip
def test_a_consent_without_an_end_lasts_a_year_at_most_also_one_of_29_february(answered, day):
    """Edge case 4: 29 February and 12 months is 28 February, as everywhere else."""
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.executescript((HOME / "demo/recruiting.sql").read_text())
    db.execute("INSERT INTO applicants VALUES (1, 'A', 'B', 'a@b.example', NULL, NULL, NULL, '2024-01-01T10:00:00Z')")
    db.execute("INSERT INTO applications (application_id, applicant_id, channel, applied_at, rejected_at)"
        " VALUES (1, 1, 'form', '2024-01-01T10:00:00Z', '2024-02-20T10:00:00Z')")  # fmt: skip
    db.execute("INSERT INTO consents VALUES (1, 1, 1, '2024-02-21T10:00:00Z', ?, 1, NULL, NULL, 'w')", (answered,))
    for dataset in ("applications", "applicants", "consents"):
        (row,) = db.execute(text_of(HOME / f"sql/recruiting/{dataset}.sql", (), dataset))
        assert gone_by(row["term_starts"]) == date.fromisoformat(day)


def test_what_belongs_to_an_application_goes_with_it_and_not_a_year_later():
    """The start of each is where the two weeks count from: another term from there would outlast the application."""
    datamap = load(HOME)
    names = ("applicants", "applications", "consents", "documents")
    assert {datamap[f"recruiting.{name}"].dataset.promise for name in names} == {"APP-14D"}


def test_an_applicant_goes_with_the_last_of_their_applications_and_not_while_one_is_open(made):
    starts = {row["applicant_id"]: row["term_starts"] for row in rows(made, "applicants")}
    applications = {row["application_id"]: row for row in rows(made, "applications")}
    assert {number for number in APPLICANTS if starts[number] is None} == {1008, 1009, 1011}
    assert starts[1010] == max(a["term_starts"] for a in applications.values() if a["applicant_id"] == 1010)
    for dataset in ("consents", "documents"):
        for row in rows(made, dataset):
            assert row["term_starts"] == applications[row["application_id"]]["term_starts"]


def test_a_number_in_two_systems_is_two_people_and_an_address_in_both_is_one(made):
    """Edge case 31."""
    customer, applicant = made.subjects["1001"], made.subjects["applicant:1001"]
    assert not [key for key in applicant["records"] if key.startswith("shop.")]
    assert not [key for key in customer["records"] if key.startswith("recruiting.")]
    # Application 1001 is applicant 1002's, who is customer 1014 by e-mail.
    assert (1001,) in made.records("1014", "recruiting.applications")
    assert {"recruiting.applicant_id": 1002} in made.subjects["1014"]["named"]
    assert made.records("1014", "shop.customers") == {(1014,)}
    # Hired: one person under both numbers; a customer who works here, too.
    for number, subject in (
        (1001, "applicant:1010"),
        (1002, "applicant:1013"),
        (1003, "1020"),
        (1004, "employee:1004"),
    ):
        assert made.records(subject, "recruiting.employees") == {(number,)}
        assert all(key[0].startswith(f"personnel/{number}/") for key in made.records(subject, "dossiers.personnel"))
    assert made.records("applicant:1010", "dossiers.applications")


def test_an_applicants_files_have_the_names_that_people_give_files(made):
    names = {key[0].rpartition("/")[2] for entry in made.subjects.values() if not entry.get("ambiguous")
             for key in entry["records"].get("dossiers.applications", [])}  # fmt: skip
    assert any(set("&'#;% 💍\u0301") <= set(name) for name in names)
    assert "-diploma .pdf." in names
    kinds = {(made.folder / "dossiers" / key[0]).read_bytes()[:4] for key in made.keys("dossiers.applications")}
    assert kinds == {b"%PDF", b"PK\x03\x04"}
