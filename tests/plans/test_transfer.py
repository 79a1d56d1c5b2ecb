"""Hired: what the personnel file needs stands there before anything of the application goes (APP-HIRED, edge case 16)."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta

import pytest

from conftest_demo import made, urls_of
from demo import TODAY
from plans.office_kit import HOME, ROWS, Office
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.errors import RetryLater
from privacy.holds import HoldKind
from privacy.plans import transfer as module
from privacy.plans.applicants import mail_elsewhere
from privacy.plans.transfer import (
    CHANGED,
    CONTRADICTION,
    HELD,
    NO_RECORD,
    NOT_READ_BACK,
    SEVERAL,
    Transferred,
    transfer,
)
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Due, Every, Identifier, Subject

__all__ = ["made"]
ALL = ("dossiers.applications", "mail.applications", *ROWS)


@pytest.fixture
def office(tmp_path):
    """Applicant 1 was hired on 10 May, on application 1; it is the night of 1 June."""
    made = Office(tmp_path)
    made.applicant()
    made.application(hired="05-10")
    return made


def moved(office: Office, **more) -> Transferred:
    return transfer(office.means, office.rule, office.due(), **more)


def everything(office: Office) -> list[str]:
    with sqlite3.connect(office.database) as db:
        return list(db.iterdump())


def test_the_personnel_record_gets_what_is_empty_there_and_nothing_else(office):
    office.employee(email="nieuw@post.example", phone="  ", born=None)
    done = moved(office)
    assert office.personnel() == ("nieuw@post.example", "06-00000001", "1990-02-03")
    assert (done.people, done.written, done.missing, done.left) == (1, 1, {}, {})
    # Only then does the rest go, and what moved stays.
    office.purge(*ROWS, leave=done.keys(office.means))
    assert [office.keys(full, Every()) for full in ROWS] == [set(), set(), set(), set()]
    assert office.personnel() == ("nieuw@post.example", "06-00000001", "1990-02-03")


def test_a_second_run_writes_nothing_and_comes_to_the_same(office):
    """Edge case 13."""
    office.employee()
    first = moved(office)
    before = everything(office)
    again = moved(office)
    assert everything(office) == before
    assert (first.written, again.written) == (1, 0)
    assert (again.people, again.missing, again.left) == (1, {}, {})


def test_what_hr_wrote_is_never_overwritten_also_when_an_applicant_said_otherwise(office):
    office.employee(email="ander@post.example", phone="06-99999999", born="1990-02-03")
    before = everything(office)
    assert moved(office).missing == {}
    assert everything(office) == before


def test_what_an_applicant_did_not_say_is_not_missing(office):
    office.sql("UPDATE applicants SET phone = ' ', birth_date = NULL")
    office.employee()
    assert moved(office).missing == {}
    assert office.personnel() == ("a1@post.example", None, None)


def test_without_a_personnel_record_everything_of_the_application_stays_and_it_is_told(office):
    mail = office.message("a1@post.example", day="03-02", folder=".Sollicitaties")
    office.consent("04-01", "04-02")
    done = moved(office)
    assert done.missing == {NO_RECORD: 1}
    assert done.keys(office.means) == {
        "dossiers.applications": {("applications/1/cv0.pdf",)}, "mail.applications": {("Sollicitaties", mail)},
        **{full: {(1,)} for full in ROWS},
    }  # fmt: skip
    office.purge(*ROWS, leave=done.keys(office.means))
    assert [office.keys(full, Every()) for full in ROWS] == [{1}, {1}, {1}, {1}]
    # HR makes it, and the next night finishes.
    office.employee()
    assert moved(office).missing == {}
    assert office.personnel() == ("a1@post.example", "06-00000001", "1990-02-03")


def test_others_and_a_rejected_application_of_the_same_person_do_not_stay_for_it(office):
    office.application(2, rejected="05-01")
    office.applicant(2)
    office.application(3, 2, rejected="05-01")
    left = moved(office).keys(office.means)
    assert left["recruiting.applications"] == left["recruiting.applicants"] == {(1,)}
    assert left["recruiting.documents"] == {(1,)}
    assert left["dossiers.applications"] == {("applications/1/cv0.pdf",)}
    office.purge(*ROWS, leave=left)
    assert office.keys("recruiting.applications", Every()) == {1}


def test_fields_move_although_another_application_of_the_person_is_open(office):
    """Edge case 16: the applicant's row is not due then, the application that they were hired on is."""
    office.application(2)
    office.employee()
    assert moved(office).written == 1
    office.purge(*ROWS)
    assert office.keys("recruiting.applications", Every()) == {2}
    assert office.keys("recruiting.applicants", Every()) == {1}


@pytest.mark.parametrize(
    "fate", [{"rejected": "05-01"}, {"hired": "04-20", "rejected": "05-01"}, {"hired": "05-25"}, {}]
)
def test_nobody_is_looked_at_who_is_not_due_because_they_were_hired(tmp_path, fate):
    """Rejected; hired and then rejected after all, which needs no personnel record; hired a week ago; still open."""
    office = Office(tmp_path)
    office.applicant()
    office.application(**fate)
    assert moved(office) == Transferred()


@pytest.mark.parametrize(
    ("datasets", "what"),
    [
        (["recruiting.employees"], Subject(1, (Identifier("recruiting.employee_no", 7),))),
        (None, Subject(1, (Identifier("recruiting.employee_no", 7), Identifier("recruiting.applicant_id", 1)))),
    ],
)
def test_a_restriction_on_the_personnel_record_keeps_it_from_being_written_and_the_application_from_going(
    office, datasets, what
):
    """Edge case 15."""
    office.employee()
    hold = office.house.holds.place(HoldKind.RESTRICTION, what, datasets, ground="g", author="desk")
    done = moved(office)
    assert (done.written, done.missing) == (0, {HELD: 1})
    assert office.personnel() == ("a1@post.example", None, None)
    assert done.keys(office.means)["recruiting.applicants"] == {(1,)}
    office.house.holds.release(hold, author="desk")
    assert moved(office).missing == {}


def test_a_restriction_on_a_record_that_needs_nothing_keeps_nothing(office):
    office.employee(phone="06-1", born="1990-02-03")
    who = Subject(1, (Identifier("recruiting.employee_no", 7),))
    office.house.holds.place(HoldKind.RESTRICTION, who, ["recruiting.employees"], ground="g", author="desk")
    assert moved(office).missing == {}


def test_two_personnel_records_with_one_applicants_number_are_for_a_person_to_decide(office):
    office.employee(7)
    office.employee(8)
    assert moved(office).missing == {SEVERAL: 1}
    assert office.personnel(7) == office.personnel(8) == ("a1@post.example", None, None)


def test_the_record_of_an_employment_that_ended_before_is_not_this_hirings(office):
    office.employee(6, ended="2025-08-31")
    assert moved(office).missing == {NO_RECORD: 1}
    office.employee(7, ended="2026-05-28")  # left again within the two weeks
    assert moved(office).missing == {}
    assert office.personnel(6) == ("a1@post.example", None, None)
    assert office.personnel(7) == ("a1@post.example", "06-00000001", "1990-02-03")


def test_another_date_of_birth_tells_that_a_number_was_mistyped_and_nothing_moves(office):
    """Edge case 22: somebody else's personnel file is no place for an applicant's data."""
    office.employee(born="1971-12-31")
    assert moved(office).missing == {CONTRADICTION: 1}
    assert office.personnel() == ("a1@post.example", None, "1971-12-31")


def test_what_somebody_writes_meanwhile_stays_and_the_next_night_sees_it(office, monkeypatch):
    """Edge case 14: HR fills a field between our reading and our writing."""
    office.employee()
    whole = module.apply

    def meanwhile(*given, **more):
        office.sql("UPDATE employees SET phone = '06-77777777'")
        return whole(*given, **more)

    monkeypatch.setattr(module, "apply", meanwhile)
    done = moved(office)
    assert (done.written, done.missing) == (0, {CHANGED: 1})
    monkeypatch.undo()
    assert moved(office).missing == {}
    assert office.personnel() == ("a1@post.example", "06-77777777", "1990-02-03")


def test_what_does_not_stand_there_after_it_was_written_keeps_the_application(office):
    """Edge case 28: a database that takes the write and does not keep it."""
    office.employee()
    office.sql("CREATE TRIGGER undo AFTER UPDATE ON employees BEGIN UPDATE employees SET phone = NULL; END")
    done = moved(office)
    assert done.missing == {NOT_READ_BACK: 1}
    assert done.keys(office.means)["recruiting.applications"] == {(1,)}


def test_a_record_that_the_database_refuses_keeps_its_own_application_alone(office):
    office.employee()
    office.applicant(2, email="a2@post.example")
    office.application(2, 2, hired="05-10")
    office.employee(8, 2, email="")
    office.sql(
        "CREATE TRIGGER no BEFORE UPDATE ON employees WHEN NEW.employee_no = 7 BEGIN SELECT RAISE(ABORT, 'a1@'); END"
    )
    done = moved(office)
    assert (done.people, done.written, done.missing) == (2, 1, {"database.failed": 1})
    assert office.personnel(8) == ("a2@post.example", "06-00000001", "1990-02-03")
    assert done.keys(office.means)["recruiting.applications"] == {(1,)}


def test_a_locked_database_stops_the_run_and_the_purge_must_not_go_on(office, monkeypatch):
    monkeypatch.setattr("privacy.database._WAIT", 0.05)
    office.employee()
    with sqlite3.connect(office.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryLater):
            moved(office)
        other.execute("ROLLBACK")
    assert moved(office).written == 1


def test_looking_writes_nothing_and_warns_of_who_has_no_record_while_there_is_time(office):
    office.employee()
    office.applicant(2)
    office.application(2, 2, hired="05-28")
    before = everything(office)
    soon = Due(office.due().before + timedelta(days=13))
    assert transfer(office.means, office.rule, soon, write=False).missing == {NO_RECORD: 1}
    assert everything(office) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from plans.office_kit import Office
from privacy.plans import transfer as module
office, whole = Office.at(Path(sys.argv[1])), module.apply
def dies(*given, **more):
    if sys.argv[2] == "after":
        whole(*given, **more)
    os.kill(os.getpid(), signal.SIGKILL)
module.apply = dies
module.transfer(office.means, office.rule, office.due())
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_beside_its_write_the_next_run_finishes(office, tmp_path, when):
    """Edge case 13: SIGKILL before and after the personnel record is written; nothing of the application has gone."""
    office.employee()
    assert office.house  # Ledger and keys are there.
    places = os.pathsep.join(
        [os.environ.get("PYTHONPATH", ""), str(HOME.parent / "plugins"), str(HOME.parent / "tests")]
    )
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), when], env={**os.environ, "PYTHONPATH": places},
        capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert office.personnel() == (
        "a1@post.example",
        *((None, None) if when == "before" else ("06-00000001", "1990-02-03")),
    )
    assert office.keys("recruiting.applicants", Every()) == {1}
    done = moved(office)
    assert (done.written, done.missing) == (int(when == "before"), {})
    office.purge(*ROWS, leave=done.keys(office.means))
    assert office.keys("recruiting.applicants", Every()) == set()
    assert office.personnel() == ("a1@post.example", "06-00000001", "1990-02-03")


def test_no_name_address_or_number_is_in_what_it_tells(office):
    office.message("a1@post.example", day="03-02", folder=".Sollicitaties")
    done = moved(office)
    assert set(done.left) == set(ALL)
    assert "a1@" not in repr(done)
    assert "left" not in repr(done)


def test_in_the_demo_shop_everybody_who_was_hired_long_ago_has_a_personnel_record(tmp_path_factory, made):
    """On a copy: what the cast's two and all random ones lack moves, none of it against what stands there."""
    folder = tmp_path_factory.mktemp("hired")
    shutil.copytree(made.folder, folder / "shop")
    urls = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls_of(folder / "shop").items()}
    now = datetime.combine(TODAY, time(2), UTC)
    house = House(Settings(home=HOME, state=folder / "state"), EnvironmentConnections(urls), FixedClock(now))
    house.found()
    rule, due = house.policy.rule("applications")[1], Due(now - timedelta(days=13))
    first, again = (transfer(house.means, rule, due) for _ in range(2))
    hired = made.recruiting.execute("SELECT count(*) FROM applications WHERE hired_at IS NOT NULL").fetchone()[0]
    assert (first.people, first.missing, again.written) == (hired, {}, 0)
    assert first.written
    found = mail_elsewhere(house.means, rule, due)
    assert (found.received, found.last) == (1, 1)  # 1012's; nobody has a row of the other one in the inbox.
