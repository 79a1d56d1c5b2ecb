"""The recruiting database, and the files of applicants and employees."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random
from typing import Any

from demo import words
from demo.answers import Answers
from demo.files import docx, pdf, put
from demo.hiring import JOBS, Applicant, Application, Roster
from demo.moments import DAY, Calendar, day_of, iso
from demo.owners import NOBODY, Owner

_HERE = Path(__file__).parent
KEYS = {
    "recruiting.vacancies": ["vacancy_id"], "recruiting.applicants": ["applicant_id"],
    "recruiting.applications": ["application_id"], "recruiting.consents": ["consent_id"],
    "recruiting.documents": ["document_id"], "recruiting.employees": ["employee_no"],
    "dossiers.applications": ["file"], "dossiers.personnel": ["file"], "dossiers.letters": ["file"],
}  # fmt: skip
ODD = "CV Zoë & 'Søn' #1; 100% (définitief) e\u0301 💍.docx"
"""A name that an applicant gave a file: blanks, quotes, signs of shells and URLs, letters composed and not."""


class Recruiting:
    """Writes both.

    :param file: the database; ``dossiers``: the folder of the files.
    """

    def __init__(self, file: Path, dossiers: Path, calendar: Calendar, answers: Answers) -> None:
        file.unlink(missing_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF;")
        self._db.executescript((_HERE / "recruiting.sql").read_text(encoding="utf-8"))
        self._dossiers, self._calendar, self._answers = dossiers, calendar, answers
        self.counts = dict.fromkeys(KEYS, 0)

    def write(self, roster: Roster) -> None:
        """Everything."""
        self._db.execute("BEGIN")
        for number in (1, 2, 3):
            self._add(
                "vacancies",
                NOBODY,
                number,
                JOBS[number - 1],
                f"202{number + 2}-01-15",
                None if number > 1 else "2026-10-01",
            )
        for applicant in roster.applicants:
            self._applicant(applicant)
        for employee in roster.employees:
            number, name, own = employee.number, employee.name, employee.owner
            work = f"{name.split(' ', maxsplit=1)[0].lower()}{number}@diamonto.example"
            phone: str | None = f"06-0000{number:04}"
            born: str | None = f"19{60 + number % 40}-03-0{1 + number % 9}"
            if employee.applicant is not None:
                # Taken over from the application when that goes; a date of birth that somebody gave is one and the same.
                phone, born = None if employee.applicant % 2 else phone, None
            self._add(
                "employees", own, number, employee.applicant, name, employee.email, work, phone, born,
                f"NL00TEST{number:010}", employee.job,
                f"{2500 + number % 900}.00", employee.started, employee.ended,
            )  # fmt: skip
            at = self._calendar.now - 200 * DAY
            self._file("personnel", f"{number}/arbeidsovereenkomst.pdf", pdf(f"Overeenkomst {number}"), at, own)
            self._file(
                "personnel", f"{number}/beoordelingen/2025 {name}.docx", docx(f"Beoordeling van {name}"), at, own
            )
        self._db.execute("COMMIT")
        self._db.close()

    def _applicant(self, applicant: Applicant) -> None:
        rng, own = Random(f"applicant/{applicant.number}"), applicant.owner
        number, first = applicant.number, applicant.applications[0].applied
        street = words.STREETS[number % len(words.STREETS)]
        born = f"19{70 + number % 30}-0{1 + number % 9}-12" if rng.random() < 0.6 else None
        self._add(
            "applicants", own, number, applicant.first, applicant.last, applicant.email, f"06-0000{number:04}",
            f"{street} {number % 90 + 1}, {words.TOWNS[number % len(words.TOWNS)]}", born, iso(first),
        )  # fmt: skip
        for application in applicant.applications:
            self._application(applicant, application, rng)

    def _application(self, applicant: Applicant, application: Application, rng: Random) -> None:
        own, number = applicant.owner, application.number
        self._add(
            "applications", own, number, applicant.number, application.vacancy, application.channel, iso(application.applied),
            words.HOSTILE[number % 7] if rng.random() < 0.1 else "Ik werk graag met goud.",
            f"{2000 + number % 1000}.50" if rng.random() < 0.5 else None, iso(application.rejected), iso(application.hired),
            "Leuk gesprek; twijfel over ervaring." if rng.random() < 0.5 else None,
        )  # fmt: skip
        for consent in application.consents:
            given = None if consent.given is None else int(consent.given)
            self._add(
                "consents", own, self.counts["recruiting.consents"] + 1, applicant.number, number, iso(consent.asked),
                iso(consent.answered), given, consent.ends_on, iso(consent.withdrawn),
                "Mogen wij uw sollicitatie langer bewaren?",
            )  # fmt: skip
        files = [("cv", "cv.pdf", pdf(f"CV {number}")), ("letter", "brief.docx", docx(f"Brief van {applicant.name}"))]
        if number % 7 == 1:
            files.append(("cv", ODD, docx("Mijn loopbaan")))
        if number % 5 == 2:
            files.append(("diploma", "-diploma .pdf.", pdf("Diploma")))
        for kind, name, content in files:
            self._add(
                "documents", own, self.counts["recruiting.documents"] + 1, number, kind, name, iso(application.applied)
            )
            self._file("applications", f"{number}/{name}", content, application.applied, own)

    def letter(self, customer: int, at: int, about: str, owner: Owner) -> None:
        """A letter to a customer."""
        self._file("letters", f"{customer}/{day_of(at)}-{about}.pdf", pdf(f"Aan klant {customer}: {about}"), at, owner)

    def _add(self, table: str, owner: Owner, *row: Any) -> None:
        self.counts[f"recruiting.{table}"] += 1
        self._answers.record(f"recruiting.{table}", [row[0]], owner)
        self._db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)

    def _file(self, dataset: str, name: str, content: bytes, at: int, owner: Owner) -> None:
        put(self._dossiers / dataset / name, content, at)
        self.counts[f"dossiers.{dataset}"] += 1
        self._answers.record(f"dossiers.{dataset}", [f"{dataset}/{name}"], owner)
