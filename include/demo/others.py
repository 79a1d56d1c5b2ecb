"""The systems beside webshop, logs and statistics: each is asked in turn to write what it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from demo import camera, cast, cast_mail, deliveries, recruiting
from demo.answers import Answers
from demo.camera import Camera
from demo.deliveries import Deliveries
from demo.helpdesk import DATASET, Helpdesk
from demo.hiring import Roster
from demo.mail import Mail, Threads
from demo.moments import DAY, Calendar
from demo.people import Guest, People
from demo.recruiting import Recruiting
from demo.sizes import Size

_MESSAGE = ["folder", "message"]
KEYS: dict[str, list[str]] = {
    **{f"mail.{name}": _MESSAGE for name in ("correspondence", "administration", "applications")},
    DATASET: ["conversation_id"],
    **recruiting.KEYS,
    **camera.KEYS,
    **deliveries.KEYS,
}
"""Their datasets, and the keys of those."""

_ABOUT = ("orderbevestiging", "reparatie klaar", "afspraak", "taxatie één ring")


class Others:
    """All of them.

    :param to: the shop's folder; ``announce``: told of every guest who has something there.
    """

    def __init__(
        self, to: Path, people: People, calendar: Calendar, answers: Answers, announce: Callable[[Guest], None]
    ) -> None:
        self._to, self._people, self._calendar, self._answers, self._announce = to, people, calendar, answers, announce
        self.counts: dict[str, int] = {}

    def write(self, size: Size, roster: Roster) -> list[dict[str, Any]]:
        """Everything; what was delivered for requests, as the answer sheet has it."""
        self._mail(size)
        self._hiring(size, roster)
        helpdesk = Helpdesk(self._to / "helpdesk", self._people, self._calendar, self._answers, self._announce)
        helpdesk.write(size.conversations)
        cameras = Camera(self._to / "camera", self._calendar, self._answers, size.picture_hours)
        cameras.write()
        delivered = Deliveries(self._to / "deliveries", self._calendar)
        requests = delivered.write()
        self.counts |= {DATASET: helpdesk.count, **cameras.counts, **delivered.counts}
        return requests

    def _mail(self, size: Size) -> None:
        for guest in (*cast.GUESTS, *cast_mail.LONELY):
            self._announce(guest)
        mail = Mail(self._to / "mail", self._answers)
        for message in cast_mail.messages(self._calendar, size.big):
            mail.put(message)
        threads = Threads(mail, self._people, self._calendar, self._announce)
        for number in range(size.threads):
            threads.write(number)
        self.counts |= mail.counts

    def _hiring(self, size: Size, roster: Roster) -> None:
        hiring = Recruiting(self._to / "recruiting.db", self._to / "dossiers", self._calendar, self._answers)
        hiring.write(roster)
        for number in (*cast.FULL, 1003, 1004):
            for n, about in enumerate(_ABOUT[: 2 if number in cast.FULL else 1]):
                hiring.letter(number, self._calendar.ago(300 - n, "12:00"), about, cast.PEOPLE[number].owner())
        for n in range(size.letters):
            rng = Random(f"{self._people.seed}/letter/{n}")
            person = self._people.anyone(rng)
            at = self._calendar.now - int(rng.random() * 900) * DAY - DAY
            hiring.letter(person.number, at, f"{_ABOUT[n % 4]} {n}", person.owner())
        self.counts |= hiring.counts
