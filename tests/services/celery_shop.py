"""One installation for Celery's workers: the demo shop on all servers, its house, and the Airflow that serves it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from conftest_answers import AFTER, holds_exactly, identifier
from conftest_demo import HOME, Made
from conftest_look import Look
from conftest_simulation import Due
from privacy.bundle import check_bundle, open_bundle
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.errors import BadInput
from privacy.rights import Ground, Right, State
from privacy.rights.house import House
from privacy.settings import Settings
from services.celery import WORKERS, CeleryAirflow
from services.faulty import Answer, Asked, Faulty, Pass
from services.whole import Servers, Whole

EXPORT = "export_subject"
BATCH = 3
"""Records in one go of a purge, so that it takes several of them; a pause comes after each."""

PAUSE = 0.4


class Installation:
    """The demo shop, its house, and what there should be and is.

    :param faulty: by which the workers speak to S3.
    """

    def __init__(self, made: Made, servers: Servers, folder: Path, faulty: Faulty) -> None:
        self.made, self.state, self.faulty = made, folder / "state", faulty
        self.due = Due.of_made(made.folder)
        self.place = Whole(made.folder, servers, "celery", endpoint=faulty.endpoint)
        connections = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in self.place.urls.items()}
        self.variables = {
            "PRIVACY_HOME": str(HOME), "PRIVACY_STATE": str(self.state), "PRIVACY_PART_BYTES": "22000",
            "PRIVACY_PURGE_ROWS": str(BATCH), "PRIVACY_PAUSE": str(PAUSE), **connections,
        }  # fmt: skip
        settings = Settings(home=HOME, state=self.state)
        self.house = House(settings, EnvironmentConnections(connections), FixedClock(AFTER))
        self.house.found()

    def look(self) -> Look:
        """All that there is, every object and message read anew."""
        self.place.anew()
        return Look(self.place, self.made.answers["datasets"])

    def request(self, who: str, by: int = 0) -> str:
        """A request of a subject of the answer sheet, by one of the ways in which they may be named: its number."""
        named = identifier(self.house.datamap, self.made.subjects[who]["named"][by])
        return self.house.register.receive(Right.ACCESS, [named], author="desk").number

    def told(self, number: str) -> list[tuple[str, str]]:
        """What the ledger has of a request's runs: kind and status, in order."""
        entries = self.house.ledger.entries(request=number)
        return [
            (e.entry["kind"], str(e.entry.get("status", ""))) for e in entries if e.entry["kind"].startswith("run.")
        ]

    def right(self, number: str, answer: dict[str, Any]) -> None:
        """The request's bundle holds exactly what the answer sheet says, and the ledger says how much that is."""
        register = self.house.register
        assert register.get(number).state is State.SEALED
        assert self.told(number)[-2:] == [("run.begun", ""), ("run.ended", "done")]
        to = self.state.parent / f"opened-{number}"
        with self.house.sealed_bundle(number) as sealed:
            open_bundle(sealed, register.open(number).secret, to)
        assert check_bundle(to) == []
        package = holds_exactly(to, self.house.datamap, self.made, answer)
        assert package["privacy:request"]["number"] == number
        ref = register.bundle(number)
        assert ref is not None
        assert {full: n for full, n in ref.counts.items() if n} == {
            full: len(keys) for full, keys in answer["records"].items() if keys
        }

    def settled(self) -> None:
        """No request is open: an open one's records are held."""
        for number in [r.number for r in self.house.register.list() if not r.dates.refused_at]:
            self.house.register.refuse(number, next(iter(Ground)), "desk")

    def tidy(self) -> None:
        """Nothing is left in staging, and the chain verifies."""
        assert list((self.state / "staging").iterdir()) == []
        assert self.house.verify().ok


class Celery:
    """What the tests ask: an installation and its Airflow."""

    def __init__(self, shop: Installation, airflow: CeleryAirflow) -> None:
        self.shop, self.airflow = shop, airflow

    def export(self, who: str, by: int = 0) -> tuple[str, str]:
        """A request, and the run of its export."""
        number = self.shop.request(who, by)
        return number, self.airflow.api.trigger(EXPORT, request=number)

    def extracting(self, run: str) -> str | None:
        """The worker on which a part is read now; None: on neither."""
        return _worker(self.airflow.tasks(EXPORT, run), "extract")

    def purging(self, dag: str, run: str, rule: str) -> str | None:
        """The worker that deletes for a rule now."""
        tasks = self.airflow.tasks(dag, run)
        index = next(
            (t["map_index"] for t in tasks if (t["task_id"], t["rendered_map_index"]) == ("rule.plan", rule)), None
        )
        return _worker([t for t in tasks if t["map_index"] == index], "rule.purge")

    def approve(self, dag: str, run: str) -> None:
        """Answer what the run asks."""
        for task in self.airflow.tasks(dag, run):
            if (task["task_id"], task["state"]) == ("rule.approve", "awaiting_input"):
                with suppress(BadInput):
                    self.airflow.api.answer(dag, run, "rule.approve", int(task["map_index"]), "Approve")

    def states(self, dag: str, run: str) -> dict[str, str]:
        return {f"{t['task_id']} {t['map_index']}": str(t["state"]) for t in self.airflow.tasks(dag, run)}


def _worker(tasks: list[dict[str, Any]], task: str) -> str | None:
    hosts = (str(t["hostname"]) for t in tasks if (t["task_id"], t["state"]) == (task, "running"))
    return next((host for host in hosts if host in WORKERS), None)


class Gate:
    """Holds a request to S3 back, so that whoever sent it can be killed while it waits for the answer.

    :param chosen: which requests are meant. :param nth: the how manyth of these is held, once.
    :param done: whether it is done when its sender is gone; else it never arrives.
    """

    def __init__(self, chosen: Callable[[Asked], bool], nth: int, *, done: bool) -> None:
        self.chosen, self.nth, self.done = chosen, nth, done
        self.count, self._lock = 0, threading.Lock()
        self.holds, self.free = threading.Event(), threading.Event()

    def __call__(self, asked: Asked, forward: Pass) -> Answer:
        if not self.chosen(asked):
            return forward()
        with self._lock:
            self.count += 1
            mine = self.count == self.nth
        if mine:
            self.holds.set()
            self.free.wait(50)
            if not self.done:
                return Answer(cut=-1)
        return forward()


@contextmanager
def gate(faulty: Faulty, chosen: Callable[[Asked], bool], nth: int, *, done: bool) -> Iterator[Gate]:
    """One on the way to S3, until the block ends."""
    faulty.rule = made = Gate(chosen, nth, done=done)
    try:
        yield made
    finally:
        made.free.set()
        faulty.rule = lambda _, forward: forward()


AHEAD = {"purge_camera_footage": timedelta(hours=1)}
"""How far a run looks ahead; a day where nothing is said."""
