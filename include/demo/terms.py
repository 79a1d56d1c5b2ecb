"""When each record's term is over, by the generator's own arithmetic over what it made.

A second, plain reading of the promises: nothing of the pipelines is used, no clock is read. What a term counts from is told
where a record is made (logs, mail) or read from the finished tables. Whole dates are those of the shop's clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from demo.answers import Answers
from demo.hiring import Roster
from demo.moments import HOUR, SECOND, day_of, iso, local, utc

MONTHS_OF_LOGS, HOURS_OF_FOOTAGE, MONTHS_OF_MESSAGES, MONTHS_OF_PURPOSES = 12, 48, 24, 24
YEARS_OF_ACCOUNTS, YEARS_BEYOND = 7, 10
DAYS_OF_APPLICATIONS = 14

Due = str | None


@lru_cache(maxsize=4096)
def months_after(day: date, months: int) -> Due:
    """Gone by then: the midnight that opens the day so many months later; a day that the month has not is its last."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return _opens(date(year, month + 1, min(day.day, last)))


@lru_cache(maxsize=4096)
def years_of_accounts(day: date, years: int) -> Due:
    """Not gone before: the year is over, and then so many others."""
    return _opens(date(day.year + years + 1, 1, 1))


def hours_after(at: int, hours: int) -> Due:
    """Gone by then."""
    return iso(at + hours * HOUR)


def _opens(day: date) -> Due:
    return iso(local(day))


def of_tables(to: Path, roster: Roster, answers: Answers) -> None:
    """The terms of everything in the two databases, and of the files and messages that follow them.

    :param to: the shop's folder, whose systems are all written.
    """
    with sqlite3.connect(f"file:{to}/shop.db?mode=ro", uri=True) as db:
        _of_shop(db, answers)
    db.close()
    with sqlite3.connect(f"file:{to}/recruiting.db?mode=ro", uri=True) as db:
        _of_hiring(db, roster, answers)
    db.close()
    for (file,) in answers.keys("dossiers.letters"):
        day = date.fromisoformat(str(file).partition("/")[2].partition("/")[2][:10])
        answers.term("dossiers.letters", [file], years_of_accounts(day, YEARS_OF_ACCOUNTS), least=True)


def _of_shop(db: sqlite3.Connection, answers: Answers) -> None:
    for number, started in db.execute("SELECT session_id, started_at FROM sessions ORDER BY 1"):
        answers.term("shop.sessions", [number], months_after(day_of(started * 1000), MONTHS_OF_LOGS))
    for table, key, column in (
        ("reviews", "review_id", "posted_at"), ("contest_entries", "entry_id", "entered_at"),
        ("surveys", "survey_id", "answered_at"),
    ):  # fmt: skip
        for number, at in db.execute(f"SELECT {key}, {column} FROM {table} ORDER BY 1"):
            answers.term(f"shop.{table}", [number], months_after(_day(at), MONTHS_OF_PURPOSES))
    for number, at in db.execute("SELECT message_id, sent_at FROM contact_messages ORDER BY 1"):
        # The form's server writes the shop's own clock.
        answers.term("shop.contact_messages", [number], months_after(date.fromisoformat(at[:10]), MONTHS_OF_MESSAGES))
    due = dict(_of_orders(db))
    for table, key in (
        ("orders", ("order_id",)), ("order_lines", ("order_id", "line_no")), ("engravings", ("engraving_id",)),
        ("payments", ("payment_id",)), ("invoices", ("invoice_no",)), ("returns", ("return_id",)),
        ("disputes", ("dispute_id",)),
    ):  # fmt: skip
        for order, *parts in db.execute(f"SELECT order_id, {', '.join(key)} FROM {table} ORDER BY 2, {len(key) + 1}"):
            answers.term(f"shop.{table}", parts, due[order], least=True)


def _of_orders(db: sqlite3.Connection) -> Iterator[tuple[int, Due]]:
    """Each order's due date, which all that belongs to it shares: counted from the last that happened around it."""
    last: dict[int, date] = {}
    for table, columns in (
        ("orders", ("ordered_at",)), ("payments", ("paid_at",)), ("invoices", ("issued_on",)),
        ("returns", ("requested_at", "received_on")), ("disputes", ("closed_at",)),
    ):  # fmt: skip
        for column in columns:
            for order, at in db.execute(f"SELECT order_id, {column} FROM {table} WHERE {column} IS NOT NULL"):
                last[order] = max(last.get(order, date.min), _day(at))
    disputed = {order for (order,) in db.execute("SELECT order_id FROM disputes WHERE closed_at IS NULL")}
    for order, channel, country in db.execute("SELECT order_id, channel, delivery_country FROM orders"):
        here = country == "NL" or (country is None and channel == "store")
        years = YEARS_OF_ACCOUNTS if here else YEARS_BEYOND
        yield order, None if order in disputed else years_of_accounts(last[order], years)


def _of_hiring(db: sqlite3.Connection, roster: Roster, answers: Answers) -> None:
    left = dict(db.execute("SELECT employee_no, ended_on FROM employees ORDER BY 1"))
    for number, ended in left.items():
        answers.term("recruiting.employees", [number], _after_day(ended))
    for (file,) in answers.keys("dossiers.personnel"):
        answers.term("dossiers.personnel", [file], _after_day(left[int(str(file).split("/")[1])]))
    due = {application: _of_application(db, application) for application in _applications(db)}
    for application, at in due.items():
        answers.term("recruiting.applications", [application], at)
    # A vacancy stays as long as an application for it: one that is never decided keeps it.
    for number, closed in db.execute("SELECT vacancy_id, closed_on FROM vacancies ORDER BY 1"):
        of = [due[a] for (a,) in db.execute("SELECT application_id FROM applications WHERE vacancy_id = ?", (number,))]
        answers.term("recruiting.vacancies", [number], _latest([_after_day(closed), *of]))
    for table, key in (("consents", "consent_id"), ("documents", "document_id")):
        for number, application in db.execute(f"SELECT {key}, application_id FROM {table} ORDER BY 1"):
            answers.term(f"recruiting.{table}", [number], due[application])
    for (file,) in answers.keys("dossiers.applications"):
        answers.term("dossiers.applications", [file], due[int(str(file).split("/")[1])])
    theirs: dict[int, list[Due]] = {}
    for applicant, application in db.execute("SELECT applicant_id, application_id FROM applications ORDER BY 1"):
        theirs.setdefault(applicant, []).append(due[application])
    for applicant, dues in theirs.items():
        answers.term("recruiting.applicants", [applicant], _latest(dues))
    people: dict[str, list[Due]] = {}
    for who in roster.applicants:
        people.setdefault(who.subject, []).append(_latest(theirs[who.number]))
    # A message goes with the last applicant who is on it; one of nobody who applied has nothing that it goes with.
    for key, subjects in answers.owned("mail.applications"):
        known = [at for subject in subjects for at in people.get(subject, [])]
        answers.term("mail.applications", key, _latest(known) if known else None)


def _applications(db: sqlite3.Connection) -> list[int]:
    return [number for (number,) in db.execute("SELECT application_id FROM applications ORDER BY 1")]


def _of_application(db: sqlite3.Connection, number: int) -> Due:
    """Two weeks from hiring or rejection; with a consent that counts, until that is over. The days of a consent are those
    that the database has, which are of UTC.
    """
    rejected, hired = db.execute(
        "SELECT rejected_at, hired_at FROM applications WHERE application_id = ?", (number,)
    ).fetchone()
    if hired is not None:
        return _opens(_day(hired) + timedelta(days=DAYS_OF_APPLICATIONS))
    if rejected is None:
        return None
    rows = db.execute(
        "SELECT asked_at, answered_at, given, ends_on, withdrawn_at FROM consents WHERE application_id = ?", (number,)
    ).fetchall()
    withdrawn = sorted(row[4] for row in rows if row[4] is not None)
    last = []
    for asked, answered, given, ends_on, _ in rows:
        if given and asked >= rejected and answered is not None and answered >= rejected:
            # Its last day: the one that it names, or the eve of a year later; or the day after it was withdrawn.
            day = date.fromisoformat(ends_on) if ends_on else _year_after(date.fromisoformat(answered[:10]))
            taken_back = [date.fromisoformat(at[:10]) + timedelta(days=1) for at in withdrawn if at >= answered]
            last.append(min([day, *taken_back]))
    if last:
        return _opens(max(last) + timedelta(days=1))
    return _opens(_day(rejected) + timedelta(days=DAYS_OF_APPLICATIONS))


def _year_after(day: date) -> date:
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + 1, day=28 if leap else day.day) - timedelta(days=1)


def _latest(dues: Iterable[Due]) -> Due:
    """The last of them; not while one has not begun."""
    found: list[str] = []
    for at in dues:
        if at is None:
            return None
        found.append(at)
    return max(found)


def _after_day(day: str | None) -> Due:
    return None if day is None else months_after(date.fromisoformat(day), MONTHS_OF_PURPOSES)


def _day(text: str) -> date:
    """The date on the shop's clock of a date, or of a moment in UTC."""
    if len(text) == 10:
        return date.fromisoformat(text)
    return day_of(utc(text[:19]) // SECOND * SECOND)
