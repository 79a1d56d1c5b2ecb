"""A personnel department: the shop's own data map and SELECTs over the demo's tables, filled by a test row by row."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.datamap.policy import Rule
from privacy.plans import Means
from privacy.plans.followers import leaders, located
from privacy.retention.horizon import horizon
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Delete, Due, Every, Selection, Step

HOME = Path(__file__).parents[2] / "include"
HERE = ZoneInfo("Europe/Amsterdam")
FIRST = date(2026, 1, 1)
ROWS = ("recruiting.documents", "recruiting.consents", "recruiting.applications", "recruiting.applicants")
COLUMNS = {
    "applicants": "applicant_id, first_name, last_name, email, phone, address, birth_date, created_at",
    "applications": "application_id, applicant_id, vacancy_id, channel, applied_at, rejected_at, hired_at",
    "consents": "consent_id, applicant_id, application_id, asked_at, answered_at, given, ends_on, withdrawn_at, wording",
    "documents": "document_id, application_id, kind, file, received_at",
    "employees": "employee_no, applicant_id, name, email, phone, birth_date, job, started_on, ended_on",
}


def at(text: str) -> str:
    """``06-01`` or ``2027-06-01``, at noon UTC or at ``06-01 23:30``: as the tables write it."""
    day, _, clock = text.partition(" ")
    return f"{day if len(day) > 5 else f'2026-{day}'}T{clock or '12:00'}:00Z"


def night(day: date) -> datetime:
    """The run in the night that opens a day."""
    return datetime.combine(day, time(2), HERE).astimezone(UTC)


class Office:
    """In one folder; the clock stands at the night of 1 June 2026."""

    def __init__(self, folder: Path) -> None:
        self._where(folder)
        with sqlite3.connect(self.database) as db:
            db.executescript((HOME / "demo/recruiting.sql").read_text())
        for place in ("", ".Sollicitaties", ".Administratie", ".Klanten", ".Verzonden"):
            for sub in ("cur", "new", "tmp"):
                (folder / "mail" / place / sub).mkdir(parents=True)
        (folder / "dossiers" / "applications").mkdir(parents=True)
        self._consents = self._documents = self._messages = 0

    @classmethod
    def at(cls, folder: Path) -> Office:
        """One that was made before, by another process."""
        made = cls.__new__(cls)
        made._where(folder)
        return made

    def _where(self, folder: Path) -> None:
        self.folder, self.clock = folder, FixedClock(night(date(2026, 6, 1)))
        self.database = folder / "recruiting.db"

    @cached_property
    def house(self) -> House:
        places = {f"PRIVACY_CONNECTION_{n.upper()}": (self.folder / n).as_uri() for n in ("mail", "dossiers")}
        places["PRIVACY_CONNECTION_RECRUITING"] = f"sqlite:///{self.database}"
        found = House(Settings(home=HOME, state=self.folder / "state"), EnvironmentConnections(places), self.clock)
        found.found()
        return found

    @property
    def means(self) -> Means:
        return self.house.means

    @property
    def rule(self) -> Rule:
        return self.house.policy.rule("applications")[1]

    # Filling

    def sql(self, text: str, *values: object) -> list[tuple]:
        with sqlite3.connect(self.database) as db:
            return list(db.execute(text, values))

    def add(self, table: str, *values: object) -> None:
        marks = ", ".join("?" * len(values))
        self.sql(f"INSERT INTO {table} ({COLUMNS[table]}) VALUES ({marks})", *values)

    def applicant(self, number: int = 1, *, email: str | None = None, phone: str | None = "06-00000001",
                  born: str | None = "1990-02-03", created: str = "03-01") -> None:  # fmt: skip
        self.add("applicants", number, "Karel", "Kandidaat", email or f"a{number}@post.example", phone, "Kade 1", born,
                 at(created))  # fmt: skip

    def application(self, number: int = 1, applicant: int = 1, *, applied: str = "03-01", rejected: str | None = None,
                    hired: str | None = None, channel: str = "form", files: int = 1) -> None:  # fmt: skip
        self.add(
            "applications",
            number,
            applicant,
            None,
            channel,
            at(applied),
            rejected and at(rejected),
            hired and at(hired),
        )
        for n in range(files):
            self._documents += 1
            self.add("documents", self._documents, number, "cv", f"cv{n}.pdf", at(applied))
            place = self.folder / "dossiers" / "applications" / str(number)
            place.mkdir(exist_ok=True)
            (place / f"cv{n}.pdf").write_bytes(b"%PDF-1.4 cv")

    def consent(self, asked: str, answered: str | None = None, *, given: bool | None = True, ends: str | None = None,
                withdrawn: str | None = None, application: int = 1, applicant: int = 1) -> None:  # fmt: skip
        self._consents += 1
        self.add("consents", self._consents, applicant, application, at(asked), answered and at(answered),
                 given if answered else None, ends, withdrawn and at(withdrawn), "Mogen wij?")  # fmt: skip

    def employee(self, number: int = 7, applicant: int | None = 1, *, email: str | None = "a1@post.example",
                 phone: str | None = None, born: str | None = None, ended: str | None = None) -> None:  # fmt: skip
        self.add("employees", number, applicant, "K. Kandidaat", email, phone, born, "Goudsmid", "2026-05-20", ended)

    def message(self, sender: str, to: str = "info@diamonto.example", *, day: str, folder: str = "") -> str:
        self._messages += 1
        seconds = int(datetime.fromisoformat(at(day)).timestamp())
        name = f"{seconds}.M{self._messages}P1.mx1"
        path = self.folder / "mail" / folder / "cur" / f"{name}:2,S"
        path.write_bytes(f"From: {sender}\r\nTo: {to}\r\nSubject: s\r\n\r\nIn de bijlage mijn cv.\r\n".encode())
        os.utime(path, (seconds, seconds))
        return name

    # Asking

    def due(self, when: datetime | None = None) -> Due:
        """What a run of the rule takes at a moment."""
        term = self.house.policy.promises["APP-14D"].term
        assert term is not None
        return Due(horizon(term, when or self.clock.now(), "Europe/Amsterdam").before)

    def keys(self, full: str, pick: Due) -> set[object]:
        """First parts of the keys of the records that a pick has."""
        source, selection = self.house.source(full.partition(".")[0]), Selection(full.partition(".")[2], pick)
        return {i.key[0] for p in source.partitions(selection) for i in source.locate(selection, p)}

    def following(self, full: str, when: datetime) -> set[object]:
        """The last parts of the keys of what follows due records and nobody else's."""
        ref = self.house.datamap[full]
        leading = self.house.datamap[str(ref.dataset.follows)]
        lead = leaders(self.means, leading, self.due(when), ref.dataset)
        source = self.house.source(ref.system.system)
        stay = {i.key for i in located(source, ref.name, lead.rest)}
        return {i.key[-1] for i in located(source, ref.name, lead.of()) if i.key not in stay}

    def goes(self, full: str, key: object) -> date | None:
        """The first night, of those from 2026 until 2029, whose run takes a record; None: no run ever does."""
        low, high = 0, 1100
        if key not in self.keys(full, self.due(night(FIRST + timedelta(days=high)))):
            assert key in self.keys(full, Every())
            return None
        while low < high:
            middle = (low + high) // 2
            if key in self.keys(full, self.due(night(FIRST + timedelta(days=middle)))):
                high = middle
            else:
                low = middle + 1
        return FIRST + timedelta(days=low)

    def purge(self, *datasets: str, leave: dict[str, frozenset] | None = None) -> None:
        """Delete what is due of these tables, through the gate, one after the other."""
        from privacy.holds import apply

        for full in datasets:
            source, selection = self.house.source("recruiting"), Selection(full.partition(".")[2], self.due())
            items = [i for p in source.partitions(selection) for i in source.locate(selection, p)]
            left = (leave or {}).get(full, frozenset())
            items = [i for i in items if i.key not in left]
            apply(source, [Step(selection, Delete(), tuple(items))] if items else [], self.house.holds)

    def personnel(self, number: int = 7) -> tuple:
        (row,) = self.sql("SELECT email, phone, birth_date FROM employees WHERE employee_no = ?", number)
        return row
