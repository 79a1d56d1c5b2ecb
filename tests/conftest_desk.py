"""The desk over a real installation; only Airflow's auth manager is stood in for, at its boundary."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from fastapi import Request
from fastapi.testclient import TestClient

from conftest_ledger import migrated
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.desk.access import Deed, User
from privacy.desk.airflow import NextRun, Progress, Question, Underway
from privacy.desk.app import make
from privacy.desk.house import Houses
from privacy.keys import MasterKey
from privacy.rights.house import House
from privacy.settings import Settings

PROJECT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
HERE = "http://desk.example"
SESSION = "session"


class People:
    """Who is signed in by which cookie: a viewer, an operator, somebody who may see nothing.

    ``officer`` reads the DAGs, and ``lead`` starts them too; both are of the group that may see bundles.
    """

    async def user(self, request: Request) -> User | None:
        name = request.cookies.get(SESSION)
        group = frozenset({"group:privacy"}) if name in ("officer", "lead") else frozenset()
        known = ("viewer", "operator", "other", "stranger", "officer", "lead")
        return User(name, f"{name}@shop.example", names=group | {f"user:{name}"}) if name in known else None

    def may(self, user: User, deed: Deed, dag: str) -> bool:  # noqa: ARG002
        return user.id in ("operator", "other", "lead") or (deed == "read" and user.id in ("viewer", "officer"))


class Scheduled:
    """Airflow, at its boundary: remembers what it was asked to start, and starts nothing.

    :ivar waiting: the questions that it has; :ivar runs: how far which run is; :ivar answers: what was answered.
    """

    def __init__(self) -> None:
        self.started: list[tuple[str, dict[str, object], str]] = []
        self.waiting: list[Question] = []
        self.answers: list[tuple[str, str, str]] = []
        self.runs: dict[tuple[str, str], Progress] = {}
        self.next = {dag.stem: NextRun(None, paused=False) for dag in (PROJECT / "dags").glob("*.py")}
        self.underway: dict[str, tuple[Underway, ...]] = {}

    def start(self, dag: str, conf: dict[str, object], user: User) -> str:
        self.started.append((dag, conf, user.id))
        return f"manual__{len(self.started)}"

    def progress(self, dag: str, run: str) -> Progress | None:
        return self.runs.get((dag, run))

    def latest(self, dag: str, request: str) -> str | None:
        numbered = [
            (n, one) for n, one in enumerate(self.started, 1) if one[0] == dag and one[1] == {"request": request}
        ]
        return f"manual__{numbered[-1][0]}" if numbered else None

    def questions(self) -> tuple[Question, ...]:
        return tuple(self.waiting)

    def answer(self, question: Question, option: str, user: User) -> None:
        self.waiting.remove(question)
        self.answers.append((question.id, option, user.id))

    def next_runs(self, dags: Collection[str]) -> dict[str, NextRun]:
        return {dag: one for dag, one in self.next.items() if dag in dags}

    def running(self, dag: str) -> tuple[Underway, ...]:
        return self.underway.get(dag, ())


class Desk:
    """The application, its installation, and an Airflow that only remembers."""

    def __init__(self, folder: Path) -> None:
        migrated(folder).dispose()
        settings = Settings(home=PROJECT / "include", state=folder, bundle_readers="group:privacy")
        MasterKey.load(settings.master_key_file, create=True)
        self.clock = FixedClock(NOW)
        self.houses = Houses(settings, EnvironmentConnections({}), self.clock)
        self.airflow = Scheduled()
        self.app = make(self.houses, People(), self.airflow, "a secret of the tests", PROJECT)

    @property
    def house(self) -> House:
        return self.houses()

    def as_(self, who: str | None) -> TestClient:
        client = TestClient(self.app, base_url=HERE, follow_redirects=False, raise_server_exceptions=False)
        if who is not None:
            client.cookies.set(SESSION, who)
        return client


def token_of(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


__all__ = ["HERE", "NOW", "Desk", "token_of"]
