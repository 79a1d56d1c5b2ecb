"""Edge case 16: when everything of an application goes, state by state, by the shop's own SELECTs and real bounds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from plans.office_kit import ROWS, Office, at, night
from privacy.orchestration import purges
from privacy.sources.base import Every, Surveying

JUNE = "06-01"


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def rejected(office, when: str = JUNE) -> None:
    office.applicant()
    office.application(rejected=when)


def all_go(office) -> date | None:
    """The night in which all rows of applicant 1 and application 1 go; they must agree."""
    nights = {office.goes(full, 1) for full in ROWS if office.keys(full, Every())}
    assert len(nights) == 1
    return nights.pop()


# Rejected on 1 June: gone by 15 June, and a run at two at night takes what falls due until the next one.
TWO_WEEKS = date(2026, 6, 14)


def test_after_a_rejection_everything_goes_before_two_weeks_are_over(office):
    rejected(office)
    assert all_go(office) == TWO_WEEKS


@pytest.mark.parametrize(
    ("state", "consent", "goes"),
    [
        ("given after the rejection, with an end", ("06-02", "06-03", {"ends": "2026-09-30"}), date(2026, 9, 30)),
        ("without an end: a year at most", ("06-02", "06-03", {}), date(2027, 6, 2)),
        ("before the rejection: not what was promised", ("05-01", "05-02", {"ends": "2027-05-01"}), TWO_WEEKS),
        ("asked before, answered after: not what was promised", ("05-31", "06-03", {}), TWO_WEEKS),
        ("asked in the rejection itself", (JUNE, "06-03", {"ends": "2026-09-30"}), date(2026, 9, 30)),
        ("answered before it was asked, and before the rejection", ("06-02", "05-31", {}), TWO_WEEKS),
        ("asked and unanswered", ("06-02", None, {}), TWO_WEEKS),
        ("answered no", ("06-02", "06-03", {"given": False}), TWO_WEEKS),
        ("ended", ("06-02", "06-03", {"ends": "2026-07-01"}), date(2026, 7, 1)),
        ("ends sooner than the two weeks", ("06-02", "06-03", {"ends": "2026-06-05"}), TWO_WEEKS),
        ("withdrawn: gone by the next night", ("06-02", "06-03", {"withdrawn": "08-10"}), date(2026, 8, 11)),
        ("withdrawn after midnight here", ("06-02", "06-03", {"withdrawn": "08-09 22:30"}), date(2026, 8, 10)),
        ("withdrawn within the two weeks", ("06-02", "06-03", {"withdrawn": "06-04"}), date(2026, 6, 5)),
        ("withdrawn after it had ended", ("06-02", "06-03", {"ends": "2026-07-01", "withdrawn": "09-01"}), date(2026, 7, 1)),
        ("an end that nobody can read: a year", ("06-02", "06-03", {"ends": "31-12-2026"}), date(2027, 6, 2)),
        ("a blank end: a year", ("06-02", "06-03", {"ends": ""}), date(2027, 6, 2)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_consent(office, state, consent, goes):
    """APP-CONSENT."""
    asked, answered, more = consent
    rejected(office)
    office.consent(asked, answered, **more)
    assert all_go(office) == goes, state


def test_a_consent_that_was_withdrawn_and_given_again_holds_again(office):
    rejected(office)
    office.consent("06-02", "06-03", withdrawn="06-20")
    office.consent("06-25", "06-26", ends="2026-10-31")
    assert all_go(office) == date(2026, 10, 31)


def test_a_no_to_a_later_question_ends_a_consent_as_a_withdrawal_does(office):
    rejected(office)
    office.consent("06-02", "06-03")
    office.consent("08-01", "08-10", given=False)
    assert all_go(office) == date(2026, 8, 11)


def test_a_no_before_the_yes_ends_nothing(office):
    rejected(office)
    office.consent("06-02", "06-03", given=False)
    office.consent("06-05", "06-06", ends="2026-10-31")
    assert all_go(office) == date(2026, 10, 31)


def test_moments_with_another_offset_are_the_moments_that_they_are(office):
    """13:59 +02:00 is before 12:00 Z, though not as text: asked before the rejection."""
    rejected(office)
    office.consent("06-02", "06-03", ends="2026-09-30")
    office.sql("UPDATE consents SET asked_at = '2026-06-01T13:59:00+02:00'")
    assert all_go(office) == TWO_WEEKS
    office.sql("UPDATE consents SET asked_at = '2026-06-01T14:01:00+02:00'")
    assert all_go(office) == date(2026, 9, 30)


def test_applied_again_within_the_two_weeks_the_first_applications_own_rows_and_files_go_and_the_person_and_mail_stay(
    office,
):
    rejected(office)
    office.application(2, applied="06-10", files=2)
    mail = office.message("a1@post.example", "sollicitatie@diamonto.example", day="03-01", folder=".Sollicitaties")
    last = night(TWO_WEEKS)
    assert office.keys("recruiting.applications", office.due(last)) == {1}
    assert office.keys("recruiting.documents", office.due(last)) == {1}
    assert office.following("dossiers.applications", last) == {"applications/1/cv0.pdf"}
    assert office.keys("recruiting.applicants", office.due(last)) == set()
    assert office.following("mail.applications", last) == set()
    assert office.goes("recruiting.applicants", 1) is None
    # And once the second one is rejected too, everything goes, by its two weeks.
    office.sql("UPDATE applications SET rejected_at = ? WHERE application_id = 2", at("07-01"))
    assert office.goes("recruiting.applicants", 1) == office.goes("recruiting.applications", 2) == date(2026, 7, 14)
    assert office.following("mail.applications", night(date(2026, 7, 14))) == {mail}


def test_two_vacancies_and_one_rejection_the_other_application_is_still_open(office):
    rejected(office)
    office.application(2)
    assert office.goes("recruiting.applications", 1) == TWO_WEEKS
    assert office.goes("recruiting.applications", 2) is None
    assert office.goes("recruiting.applicants", 1) is None


@pytest.mark.parametrize("same", [True, False], ids=["on the same application", "on another one"])
def test_hired_after_a_rejection_what_did_not_move_goes_two_weeks_after_hiring(office, same):
    office.applicant()
    office.application(rejected=JUNE, hired="06-20" if same else None)
    if not same:
        office.application(2, hired="06-20")
    assert office.goes("recruiting.applications", 1) == (date(2026, 7, 3) if same else TWO_WEEKS)
    assert office.goes("recruiting.applicants", 1) == date(2026, 7, 3)


def test_rejected_after_all_although_hired_was_written_first_the_rejection_and_a_consent_count(office):
    office.applicant()
    office.application(hired="05-20", rejected=JUNE)
    assert all_go(office) == TWO_WEEKS
    office.consent("06-02", "06-03", ends="2026-09-30")
    assert all_go(office) == date(2026, 9, 30)


def test_who_was_never_rejected_in_writing_never_falls_due_and_is_among_those_without_a_start(office):
    """Edge case 11 too: a survey counts records without a start, so they are not kept for ever unseen."""
    office.applicant()
    office.application()
    assert all_go(office) is None
    for full in ROWS:
        source, name = office.house.source("recruiting"), full.partition(".")[2]
        assert isinstance(source, Surveying)
        found = source.survey(name, office.clock.now())
        assert (found.undated, found.oldest) == (found.records, None)


@pytest.mark.parametrize("column", ["hired_at", "rejected_at"])
@pytest.mark.parametrize("value", ["morgen", "", "0000-00-00"])
def test_a_decision_that_cannot_be_read_makes_nothing_due(office, column, value):
    """Edge case 11: also not the applicant, nor anything by an older rejection."""
    office.applicant()
    office.application(1, rejected="04-01" if column == "hired_at" else None)
    office.application(2, rejected="04-01")
    office.sql(f"UPDATE applications SET {column} = ? WHERE application_id = 1", value)
    assert office.goes("recruiting.applications", 1) is None
    assert office.goes("recruiting.applicants", 1) is None
    assert office.goes("recruiting.applications", 2) == date(2026, 4, 14)


def test_an_applicant_whose_applications_went_before_a_run_was_killed_goes_with_the_next_one_and_so_does_their_mail(
    office,
):
    """Edge case 13: no application is no open application."""
    office.applicant()
    office.application(rejected="05-10")
    mail = office.message("a1@post.example", day="03-01", folder=".Sollicitaties")
    office.purge("recruiting.documents", "recruiting.consents", "recruiting.applications")
    assert office.sql("SELECT count(*) FROM applications") == [(0,)]
    assert office.keys("recruiting.applicants", office.due()) == {1}
    assert office.following("mail.applications", office.clock.now()) == {mail}


def test_one_whole_purge_leaves_nothing_of_who_is_due_and_all_of_who_is_not(office):
    office.applicant()
    office.application(rejected="05-10")
    office.consent("05-11", "05-12", given=False)
    office.applicant(2)
    office.application(2, 2, rejected="05-10")
    office.consent("05-11", "05-12", ends="2026-12-31", application=2, applicant=2)
    office.purge(*ROWS)
    assert [office.keys(full, Every()) for full in ROWS] == [{2}, {2}, {2}, {2}]


def test_what_hangs_on_an_application_that_is_gone_is_not_out_of_sight(office):
    """Edge case 11: without a start, and so reported; a join would have hidden it from purge, export and survey."""
    office.sql("PRAGMA foreign_keys = OFF")
    office.add("documents", 5, 99, "cv", "cv.pdf", at(JUNE))
    office.add("consents", 5, 98, 99, at(JUNE), None, None, None, None, "Mogen wij?")
    for full in ("recruiting.documents", "recruiting.consents"):
        assert office.keys(full, Every()) == {5}
        assert office.goes(full, 5) is None


def test_the_number_of_an_applicant_or_application_that_is_gone_is_not_given_away_again(office):
    """Edge case 31: a personnel file names its applicant by it, and a folder its application."""
    rejected(office, "05-01")
    office.purge(*ROWS)
    office.sql("INSERT INTO applicants (last_name, email, created_at) VALUES ('Nieuw', 'n@post.example', ?)", at(JUNE))
    office.sql("INSERT INTO applications (applicant_id, channel, applied_at) VALUES (2, 'form', ?)", at(JUNE))
    assert office.keys("recruiting.applicants", Every()) == office.keys("recruiting.applications", Every()) == {2}


def test_a_run_each_night_is_never_late_for_a_withdrawal_at_any_hour(office):
    """The limit is never passed between two runs: the first run that can know takes it."""
    rejected(office, "05-01")
    office.consent("05-02", "05-03", withdrawn="08-10")
    for hour in range(24):
        office.sql("UPDATE consents SET withdrawn_at = ?", at(f"08-10 {hour:02}:30"))
        goes = office.goes("recruiting.applications", 1)
        moment = night(date(2026, 8, 10)).replace(hour=hour, minute=30)
        following = next(n for d in range(3) if (n := night(date(2026, 8, 10) + timedelta(days=d))) > moment)
        assert goes is not None
        assert night(goes) <= following, hour


def test_one_whole_run_takes_rows_files_and_mail_of_who_is_due_and_nothing_of_who_is_not(office):
    """As the DAG does it: the applications go before their applicant, who is due no less for that."""
    office.applicant()
    office.application(rejected="05-10")
    office.consent("05-11", "05-12", given=False)
    office.applicant(2)
    office.application(2, 2, rejected="05-10")
    office.application(3, 2, files=2)
    for who in (1, 2):
        office.message(f"a{who}@post.example", day="03-01", folder=".Sollicitaties")
    run = purges.PurgeRun("run-applications", "purge_applicant_files", "applications", "desk")
    said = purges.plan(office.house, run)
    if said["tripped"]:
        purges.answered(office.house, run, approved=True, by="chief")
    purges.purge(office.house, run)
    purges.verify(office.house, run)
    purges.record(office.house, run, None)
    assert [office.keys(full, Every()) for full in ROWS] == [{3, 4}, set(), {3}, {2}]
    files = (path for path in (office.folder / "dossiers").rglob("*") if path.is_file())
    assert sorted(path.parent.name for path in files) == ["3", "3"]
    (mail,) = (office.folder / "mail/.Sollicitaties/cur").iterdir()
    assert mail.read_bytes().startswith(b"From: a2@post.example")
    (ended,) = office.house.ledger.entries(run=run.id, kind="run.ended")
    # Of 1: application, applicant, consent, document, file, message; of 2: application, document, file.
    assert (ended.entry["status"], ended.entry["deleted"], ended.entry["undated"]) == ("done", 9, 4)
