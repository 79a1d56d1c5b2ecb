"""A CV that lies in another folder is told of, for a person to file; nothing deletes it by guess (edge case 16)."""

from __future__ import annotations

from datetime import date

import pytest

from plans.office_kit import Office, night
from privacy.plans.applicants import Elsewhere, mail_elsewhere


@pytest.fixture
def office(tmp_path):
    """Applicant 1 mailed a CV on 1 March, was entered a week later and rejected on 10 May; it is the night of 1 June."""
    made = Office(tmp_path)
    made.applicant(created="03-08")
    made.application(applied="03-08", rejected="05-10", channel="mail")
    return made


def looked(office: Office) -> Elsewhere:
    return mail_elsewhere(office.means, office.rule, office.due())


def test_a_cv_to_the_general_address_is_counted_and_not_touched(office):
    name = office.message("Karel <A1@POST.example>", day="03-01")
    found = looked(office)
    assert found == Elsewhere(received=1, last=1, datasets={"mail.correspondence": 1})
    assert next((office.folder / "mail/cur").iterdir()).name.startswith(name)
    assert "a1" not in repr(found).lower()


def test_moved_to_the_folder_of_applications_the_purge_takes_it(office):
    name = office.message("a1@post.example", day="03-01")
    assert office.following("mail.applications", office.clock.now()) == set()
    (file,) = (office.folder / "mail/cur").iterdir()
    file.rename(office.folder / "mail/.Sollicitaties/cur" / file.name)
    assert office.following("mail.applications", office.clock.now()) == {name}
    assert looked(office) == Elsewhere()


@pytest.mark.parametrize(
    ("day", "counts"),
    [("02-05", False), ("02-07", True), ("05-10 18:00", True), ("05-12", False)],
    ids=["earlier", "a month before", "the answer to the rejection", "later"],
)
def test_what_they_wrote_at_another_time_is_other_mail(office, day, counts):
    office.message("a1@post.example", day=day)
    assert looked(office).received == int(counts)


def test_each_application_has_its_own_time_and_what_lies_between_them_is_not_counted(office):
    office.application(2, applied="01-01", rejected="01-10")
    for day in ("01-05", "01-20", "03-10"):
        office.message("a1@post.example", day=day)
    assert looked(office).received == 2


def test_our_answer_in_the_sent_folder_is_counted_apart(office):
    office.message("info@diamonto.example", "a1@post.example", day="05-10", folder=".Verzonden")
    office.message("a1@post.example", day="03-01")
    assert looked(office) == Elsewhere(received=1, sent=1, last=2, datasets={"mail.correspondence": 2})


def test_mail_of_the_accounts_and_mail_that_only_mentions_them_are_not_counted(office):
    office.message("a1@post.example", day="03-10", folder=".Administratie")
    path = office.folder / "mail/cur/1772366400.M9P1.mx1:2,S"
    path.write_bytes(b"From: b@post.example\r\nTo: info@diamonto.example\r\n\r\nVraag a1@post.example maar.\r\n")
    assert looked(office) == Elsewhere()


def test_it_is_told_from_the_decision_on_and_for_the_last_time_when_the_rows_go(office):
    """When the rows are gone, nobody knows any more that a message is an applicant's."""
    office.message("a1@post.example", day="03-01")
    for day, last in ((date(2026, 5, 12), 0), (date(2026, 5, 22), 0), (date(2026, 5, 23), 1)):
        office.clock.set(night(day))
        assert (looked(office).received, looked(office).last) == (1, last)


def test_nothing_is_told_of_an_open_application_or_of_who_never_applied(office):
    office.sql("UPDATE applications SET rejected_at = NULL")
    office.message("a1@post.example", day="03-01")
    office.message("nobody@post.example", day="03-01")
    assert looked(office) == Elsewhere()


def test_a_message_of_two_applicants_is_one(office):
    office.applicant(2, email="a2@post.example")
    office.application(2, 2, rejected="05-25")
    office.message("a1@post.example, a2@post.example", day="03-10")
    assert looked(office) == Elsewhere(received=1, last=1, datasets={"mail.correspondence": 1})
