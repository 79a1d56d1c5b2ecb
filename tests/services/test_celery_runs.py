"""Exports and purges through Celery's workers: on PostgreSQL and Redis, spread over two of them, and one is killed.

The shop's databases, the ledger and the register stand on PostgreSQL too; what there is afterwards is seen by a plain
look, and what there should be is said by the generator's answer sheet.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest_answers import AFTER, identifier
from conftest_demo import HOME, Made, urls_of
from privacy.bundle import open_bundle
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.errors import BadInput
from privacy.rights import Ground, Right, State
from privacy.rights.house import House
from privacy.settings import Settings
from services.celery import WORKERS, CeleryAirflow, celery_airflow
from services.conftest import DATABASES, Shop
from services.postgres import Postgres

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

EXPORT, PURGE = "export_subject", "purge_logfiles"
WHO = "2004"
"""The customer with the most visits."""

AS_OF = datetime.fromisoformat("2026-11-21T12:00:00+01:00")
BATCH = 3
"""Records in one go of a purge, so that it takes a dozen of them; a pause comes after each."""


class Installation:
    """The demo shop, its house, and the Airflow that serves it."""

    def __init__(self, made: Made, server: Postgres, folder: Path) -> None:
        self.made, self.server, self.state = made, server, folder / "state"
        Shop(made, server)
        urls = urls_of(made.folder) | {name: server.url(name) for name in DATABASES}
        urls |= {"ledger": server.create("ledger"), "bundles": (self.state / "bundles").as_uri()}
        connections = {f"PRIVACY_CONNECTION_{name.upper()}": url for name, url in urls.items()}
        self.variables = {
            "PRIVACY_HOME": str(HOME), "PRIVACY_STATE": str(self.state), "PRIVACY_PART_BYTES": "11000",
            "PRIVACY_PURGE_ROWS": str(BATCH), "PRIVACY_PAUSE": "0.7", **connections,
        }  # fmt: skip
        self.house = House(
            Settings(home=HOME, state=self.state), EnvironmentConnections(connections), FixedClock(AFTER)
        )
        self.house.found()

    def request(self) -> str:
        named = identifier(self.house.datamap, self.made.subjects[WHO]["named"][0])
        return self.house.register.receive(Right.ACCESS, [named], author="desk").number

    def tables(self) -> dict[str, Counter[str]]:
        """Every row of the shop's databases, as PostgreSQL writes it."""
        found = {}
        for name in DATABASES:
            with psycopg.connect(self.server.url(name)) as db:
                for (table,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
                    rows = db.execute(f'SELECT t::text FROM "{table}" t').fetchall()
                    found[f"{name}.{table}"] = Counter(row for (row,) in rows)
        return found

    def sessions(self) -> set[int]:
        with psycopg.connect(self.server.url("shop")) as db:
            return {row[0] for row in db.execute("SELECT session_id FROM sessions").fetchall()}

    def lines(self) -> Counter[tuple[str, bytes]]:
        """Every log line that there is now, with its file."""
        found: Counter[tuple[str, bytes]] = Counter()
        for file in (self.made.folder / "weblogs").rglob("access[-.]*"):
            content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            key = file.relative_to(self.made.folder / "weblogs").as_posix()
            found.update((key, line) for line in content.split(b"\n")[:-1])
        return found

    def files(self) -> dict[str, str]:
        """Digests of all files of the shop but the databases."""
        paths = (p for p in sorted(self.made.folder.rglob("*")) if p.is_file() and p.suffix not in (".db", ".json"))
        return {p.relative_to(self.made.folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}

    def told(self, number: str) -> list[dict[str, Any]]:
        """The ledger's last two entries of runs of a request."""
        return [dict(e.entry) for e in self.house.ledger.entries(request=number) if e.entry["kind"].startswith("run.")]

    def right(self, number: str) -> None:
        """The bundle holds exactly what the answer sheet says, the ledger says so, and nothing is left in staging."""
        register = self.house.register
        assert register.get(number).state is State.SEALED
        assert [(e["kind"], e.get("status", "")) for e in self.told(number)] == [
            ("run.begun", ""),
            ("run.ended", "done"),
        ]
        answer = self.made.subjects[WHO]
        to = self.state.parent / f"opened-{number}"
        with self.house.sealed_bundle(number) as sealed:
            open_bundle(sealed, register.open(number).secret, to)
        package = json.loads((to / "datapackage.json").read_text())
        assert package["privacy:request"]["number"] == number
        counts = {full: n for full, n in register.bundle(number).counts.items() if n}  # type: ignore[union-attr]
        assert counts == {full: len(keys) for full, keys in answer["records"].items() if keys}
        assert list((self.state / "staging").iterdir()) == []
        assert self.house.ledger.verify().ok


class Celery:
    """What the tests ask: an installation and its Airflow."""

    def __init__(self, shop: Installation, airflow: CeleryAirflow) -> None:
        self.shop, self.airflow = shop, airflow

    def export(self) -> tuple[str, str]:
        number = self.shop.request()
        return number, self.airflow.api.trigger(EXPORT, request=number)

    def extracting(self, run: str) -> str | None:
        """The worker on which a part is read now; None: on neither."""
        return _worker(self.airflow.tasks(EXPORT, run), "extract")

    def purging(self, run: str, rule: str) -> str | None:
        """The worker that deletes for a rule now."""
        tasks = self.airflow.tasks(PURGE, run)
        index = next(t["map_index"] for t in tasks if (t["task_id"], t["rendered_map_index"]) == ("rule.plan", rule))
        return _worker([t for t in tasks if t["map_index"] == index], "rule.purge")

    def states(self, dag: str, run: str) -> dict[str, str]:
        return {f"{t['task_id']} {t['map_index']}": str(t["state"]) for t in self.airflow.tasks(dag, run)}


@pytest.fixture(scope="module")
def celery(postgresql: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Celery]:
    folder = tmp_path_factory.mktemp("celery")
    made = Made(folder / "shop", seed=2)
    shop = Installation(made, postgresql, folder)
    with celery_airflow(folder, postgresql, shop.variables, EXPORT, PURGE) as airflow:
        yield Celery(shop, airflow)
    made.close()


def test_an_export_of_a_years_logs_is_spread_over_both_workers_and_its_bundle_is_right(celery: Celery) -> None:
    number, run = celery.export()
    assert celery.airflow.over(EXPORT, run) == "success", celery.states(EXPORT, run)
    shares = celery.airflow.shares(EXPORT, run, "extract")
    assert set(shares) == set(WORKERS)
    pools = {str(t["rendered_map_index"]): t["pool"] for t in celery.airflow.tasks(EXPORT, run)}
    logs = [name for name in pools if name.startswith("weblogs.access ")]
    assert len(logs) >= 10
    assert {pools[name] for name in logs} == {"privacy_weblogs"}
    assert min(shares.values()) >= 5, shares
    celery.shop.right(number)


def test_a_worker_killed_in_the_middle_of_an_export_costs_time_and_nothing_else(celery: Celery) -> None:
    """Edge case 12."""
    number, run = celery.export()
    killed = celery.airflow.killed_while(lambda: celery.extracting(run))
    try:
        assert celery.airflow.over(EXPORT, run) == "success", celery.states(EXPORT, run)
        again = [t for t in celery.airflow.tasks(EXPORT, run) if t["task_id"] == "extract" and t["try_number"] > 1]
        assert again
        assert {t["hostname"] for t in again} == set(WORKERS) - {killed}
        celery.shop.right(number)
    finally:
        celery.airflow.start(killed)


def test_a_worker_killed_in_the_middle_of_a_purge_leaves_a_right_count_and_all_else_as_it_was(celery: Celery) -> None:
    """Edge case 12."""
    shop, airflow = celery.shop, celery.airflow
    for number in [r.number for r in shop.house.register.list() if not r.dates.refused_at]:
        # An open request's records are held; what is asked here is whether what may go, goes.
        shop.house.register.refuse(number, next(iter(Ground)), "desk")
    airflow.wait(PURGE)
    tables, files, sessions, lines = shop.tables(), shop.files(), shop.sessions(), shop.made.lines
    due = {key for (key,) in _due(shop, "shop.sessions", AS_OF)}
    old = _due(shop, "weblogs.access", AS_OF)
    assert min(len(due), len(old)) > 3 * BATCH
    run = airflow.api.trigger(PURGE, dry_run=False, as_of=AS_OF.isoformat())

    def in_the_middle() -> str | None:
        _approve(airflow, run)
        left = len(shop.sessions() & due)
        return celery.purging(run, "sessions") if 0 < left < len(due) else None

    killed = airflow.killed_while(in_the_middle)
    try:
        assert 0 < len(shop.sessions() & due) < len(due)
        state = airflow.over(PURGE, run, asked=lambda _: _approve(airflow, run))
        assert state == "success", celery.states(PURGE, run)
    finally:
        airflow.start(killed)
    assert max(t["try_number"] for t in airflow.tasks(PURGE, run) if t["task_id"] == "rule.purge") > 1
    entries = shop.house.ledger.entries
    rules = {e.entry["run"]: e.entry["rule"] for e in entries(kind="run.begun") if e.entry.get("rule")}
    ended = {rules[e.entry["run"]]: e.entry for e in entries(kind="run.ended") if e.entry["run"] in rules}
    assert {rule: (e["status"], e["deleted"]) for rule, e in ended.items()} == {
        "sessions": ("done", len(due)), "log_lines": ("done", len(old)),
    }  # fmt: skip
    assert len(rules) == 2
    assert shop.house.ledger.verify().ok
    # What was to go, is gone; everything else is there, byte for byte.
    assert shop.sessions() == sessions - due
    after = shop.tables()
    assert after.pop("shop.sessions") < tables.pop("shop.sessions")
    assert after == tables
    assert shop.lines() == Counter((key[0], line) for key, line in lines.items() if key not in old)
    touched = {f"weblogs/{file}" for file, _ in old}
    assert {k: v for k, v in shop.files().items() if k not in touched} == {
        k: v for k, v in files.items() if k not in touched
    }


def _due(shop: Installation, dataset: str, as_of: datetime) -> set[tuple[Any, ...]]:
    """The keys of what the answer sheet lets a run take: all that falls due before the next one, a day later."""
    until = as_of + timedelta(days=1)
    rows = shop.made.answers["terms"][dataset]
    return {tuple(key) for *key, at, _ in rows if at and datetime.fromisoformat(at) <= until}


def _worker(tasks: list[dict[str, Any]], task: str) -> str | None:
    hosts = (str(t["hostname"]) for t in tasks if (t["task_id"], t["state"]) == (task, "running"))
    return next((host for host in hosts if host in WORKERS), None)


def _approve(airflow: CeleryAirflow, run: str) -> None:
    for task in airflow.tasks(PURGE, run):
        if (task["task_id"], task["state"]) == ("rule.approve", "awaiting_input"):
            with suppress(BadInput):
                airflow.api.answer(PURGE, run, "rule.approve", int(task["map_index"]), "Approve")
