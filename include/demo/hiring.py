"""Who applied for a job and who works here: a fixed cast with every state of edge case 16, and random ones.

==== =================================================================================================================
1001 Karel Kandidaat, who is not customer 1001: consent after the rejection, without an end
1002 Joost Visser, who is customer 1014 too, by his e-mail address: asked for consent, and unanswered
1003 consent before the rejection: not what was promised
1004 consent with an end that is still to come; 1005 with one that is past
1006 consent withdrawn; 1007 withdrawn and given again
1008 applied again within the two weeks
1009 two vacancies, one rejection
1010 hired after a rejection: employee 1001; 1013 hired at once: employee 1002, with another e-mail address since
1011 never rejected in writing
1012 mailed a CV to the general address
1014 answered no
1015 consent without an end, more than a year ago
==== =================================================================================================================

Employee 1003 is customer 1020 too, by their e-mail address; 1004 has left, and nobody knows them otherwise.
Application 1001 is applicant 1002's: the numbers of the three are told apart by what they number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from demo import words
from demo.moments import DAY, HOUR, Calendar, day_of
from demo.owners import Owner
from demo.people import FIRST, People, plain

JOBS = ("Goudsmid", "Verkoopmedewerker", "Fotograaf", "Boekhouder", "Gemmoloog")


@dataclass(frozen=True, slots=True)
class Consent:
    """Asked, answered (None: never), given; the last day that it holds (None: not named), withdrawn."""

    asked: int
    answered: int | None = None
    given: bool | None = None
    ends_on: str | None = None
    withdrawn: int | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """An application; ``vacancy``: None for an open one."""

    number: int
    vacancy: int | None
    applied: int
    channel: str = "form"
    rejected: int | None = None
    hired: int | None = None
    consents: tuple[Consent, ...] = ()


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who applied.

    :param subject: the answer sheet's name of them; ``customer``: their number, where they are one.
    :param writes: there is e-mail with them in the archive.
    """

    number: int
    first: str
    last: str
    email: str
    subject: str
    applications: tuple[Application, ...]
    customer: int | None = None
    writes: bool = True

    @property
    def owner(self) -> Owner:
        """Of a record about them."""
        return Owner((self.subject,))

    @property
    def name(self) -> str:
        """In full."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody who works here, or did."""

    number: int
    applicant: int | None
    name: str
    email: str
    subject: str
    job: str
    started: str
    ended: str | None = None
    customer: int | None = None

    @property
    def owner(self) -> Owner:
        """Of a record about them."""
        return Owner((self.subject,))


def applicants(calendar: Calendar) -> list[Applicant]:
    """The cast's applicants."""
    ago, numbers = calendar.ago, iter(range(1001, 1100))

    def day(days: int) -> str:
        """A day before today, or after it."""
        return (calendar.today - timedelta(days=days)).isoformat()

    def applied(
        days: int,
        vacancy: int | None = 1,
        channel: str = "form",
        rejected: int | None = None,
        hired: int | None = None,
        *consents: Consent,
    ) -> Application:
        return Application(
            next(numbers), vacancy, ago(days, "10:00"), channel, None if rejected is None else ago(rejected, "15:00"),
            None if hired is None else ago(hired, "09:00"), consents,
        )  # fmt: skip

    def consent(
        asked: int,
        answered: int | None,
        given: bool | None = True,
        ends_on: str | None = None,
        withdrawn: int | None = None,
    ) -> Consent:
        return Consent(
            ago(asked, "16:00"), None if answered is None else ago(answered, "20:00"), given, ends_on,
            None if withdrawn is None else ago(withdrawn, "12:00"),
        )  # fmt: skip

    def who(number: int, first: str, last: str, *applications: Application, customer: int | None = None) -> Applicant:
        email = (
            f"{plain(first)}.{plain(last).replace(' ', '')}@post.example" if customer is None else "joost@post.example"
        )
        subject = f"applicant:{number}" if customer is None else str(customer)
        return Applicant(number, first, last, email, subject, applications, customer)

    return [
        who(1002, "Joost", "Visser", applied(60, 1, "form", 30, None, consent(30, None, None)), customer=1014),
        who(1003, "Vera", "Vroeg", applied(80, 1, "form", 20, None, consent(60, 59))),
        who(1004, "Tijl", "Termijn", applied(90, 2, "mail", 40, None, consent(40, 38, True, day(-60)))),
        who(1005, "Eline", "Einde", applied(200, 2, "form", 150, None, consent(150, 149, True, day(20)))),
        who(1006, "Ina", "Intrekker", applied(100, 1, "form", 70, None, consent(70, 69, True, None, 5))),
        who(1007, "Wout", "Weer", applied(120, 2, "form", 100, None, consent(100, 99, True, None, 60), consent(58, 57, True, day(-30)))),
        who(1008, "Otto", "Opnieuw", applied(50, 1, "form", 12), applied(4, 3)),
        who(1009, "Tara", "Twee", applied(45, 1, "form", 9), applied(45, 2)),
        who(1010, "Hanna", "Later", applied(400, 1, "form", 360), applied(340, 2, "form", None, 300)),
        who(1011, "Niek", "Nooit", applied(500, 3)),
        who(1012, "Gerda", "Algemeen", applied(25, None, "general", 15)),
        who(1013, "Meteen", "Raak", applied(260, 3, "mail", None, 230)),
        who(1014, "Nee", "Bedankt", applied(33, 2, "form", 8, None, consent(8, 7, False))),
        who(1015, "Jaar", "Geleden", applied(480, 1, "form", 450, None, consent(450, 449))),
        who(1001, "Karel", "Kandidaat", applied(70, 2, "form", 50, None, consent(50, 48))),
    ]  # fmt: skip


def employees(calendar: Calendar) -> list[Employee]:
    """The cast's employees."""
    hired, at_once = day_of(calendar.ago(290, "09:00")).isoformat(), day_of(calendar.ago(220, "09:00")).isoformat()
    return [
        Employee(1001, 1010, "Hanna Later", "hanna.later@post.example", "applicant:1010", JOBS[1], hired),
        Employee(1002, 1013, "Meteen Raak-Bos", "meteen.raakbos@post.example", "applicant:1013", JOBS[2], at_once),
        Employee(1003, None, "Gul Gever", "Gul@Post.example", "1020", JOBS[0], "2020-03-01", customer=1020),
        Employee(1004, None, "Vera Vertrokken", "vera.vertrokken@post.example", "employee:1004", JOBS[3], "2019-05-01", "2025-08-31"),
    ]  # fmt: skip


@dataclass(slots=True)
class Roster:
    """Everybody who applied or works here, in one demo shop.

    :param named: by subject, how else a request may name a customer, applicant or employee.
    """

    applicants: list[Applicant]
    employees: list[Employee]
    named: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for a in self.applicants:
            self._name(a.subject, {"recruiting.applicant_id": a.number}, {"email": a.email}, {"email": a.email.upper()})
        for e in self.employees:
            self._name(e.subject, {"recruiting.employee_no": e.number}, {"email": e.email})

    def _name(self, subject: str, *ways: dict[str, object]) -> None:
        known = self.named.setdefault(subject, [])
        known += [way for way in ways if way not in known]


def roster(people: People, calendar: Calendar, count: int) -> Roster:
    """The cast, and random applicants from number 2001 on.

    :param count: how many of those.
    """
    applied, working = applicants(calendar), employees(calendar)
    for applicant in _random(people, calendar, count):
        applied.append(applicant)
        last = applicant.applications[-1]
        if last.hired is not None:
            started = day_of(last.hired + 10 * DAY).isoformat()
            working.append(
                Employee(
                    applicant.number,
                    applicant.number,
                    applicant.name,
                    applicant.email,
                    applicant.subject,
                    JOBS[applicant.number % 5],
                    started,
                    customer=applicant.customer,
                )
            )
    return Roster(applied, working)


def _random(people: People, calendar: Calendar, count: int) -> Iterator[Applicant]:
    number = 2001
    for n in range(count):
        rng = Random(f"{people.seed}/applicant/{n}")
        first = words.FIRST_NAMES["vmx"[n % 3]][n % 5]
        infix, surname = words.LAST_NAMES[int(rng.random() * len(words.LAST_NAMES))]
        last = f"{infix} {surname}".strip()
        customer, email, subject = None, f"{plain(first)}.s{n}@sollicitant.example", f"applicant:{2001 + n}"
        if n % 10 == 3 and FIRST + 20 * n < FIRST + people.customers:
            # A customer of the plainest kind; see demo.people.
            person = people.customer(FIRST + 20 * n)
            customer, email, subject = person.number, person.emails[-1].address, person.subject
        found = []
        at = calendar.now - 20 * DAY - int(rng.random() * 600) * DAY
        for _ in range(1 + (rng.random() < 0.2)):
            fate, rejected, hired, consents = rng.random(), None, None, []
            if fate < 0.75:
                rejected = at + int(2 + rng.random() * 15) * DAY
                if rng.random() < 0.4:
                    asked = rejected + (HOUR if rng.random() < 0.8 else -DAY)
                    said = rng.random()
                    answered = None if said < 0.2 else asked + 2 * HOUR
                    withdrawn = (
                        answered + 10 * DAY
                        if answered and 0.4 < said < 0.5 and answered + 10 * DAY < calendar.now
                        else None
                    )
                    consents.append(Consent(asked, answered, None if answered is None else said > 0.3, None, withdrawn))
            elif fate < 0.8:
                hired = at + 9 * DAY
            found.append(
                Application(
                    number, 1 + n % 3 if rng.random() < 0.9 else None, at, "form", rejected, hired, tuple(consents)
                )
            )
            number += 1
            if hired is not None:
                break
            at += 9 * DAY
        yield Applicant(2001 + n, first, last, email, subject, tuple(found), customer, writes=False)
