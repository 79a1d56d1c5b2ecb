"""Restriction and objection in a real Airflow, started by nobody: from the registration to the letter."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest_airflow import PROJECT, with_template
from conftest_stops import ADA_MAIL, BEN, CANARIES, Shop
from privacy.clock import FixedClock
from privacy.orchestration.embedded import EmbeddedAirflow, free_port
from privacy.orchestration.environment import Layout
from privacy.rights import Right, State

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]


class Office:
    """The bookshop on a running Airflow. What a test registers, it registers a quarter of an hour ago."""

    def __init__(self, folder: Path, airflow: EmbeddedAirflow) -> None:
        self.folder, self.airflow, self.api = folder, airflow, airflow.api
        self.shop = Shop(folder)
        self.shop.clock = FixedClock(datetime.now(UTC) - timedelta(minutes=15))

    def run(self, dag: str, run: str | None = None) -> tuple[str, dict[str, str]]:
        run = run or self.api.trigger(dag)
        until = time.monotonic() + 120
        while (state := self.api.state(dag, run)) not in ("success", "failed"):
            assert time.monotonic() < until, self.api.tasks(dag, run)
            time.sleep(0.3)
        tasks = {
            f"{t['task_id']} {t['rendered_map_index'] or ''}".strip(): str(t["state"]) for t in self.api.tasks(dag, run)
        }
        return state, tasks

    def written(self) -> Iterator[tuple[str, bytes]]:
        with sqlite3.connect(self.airflow.layout.folder / "airflow.db") as db:
            yield "metadata database", "\n".join(db.iterdump()).encode()
        for folder, _, files in os.walk(self.airflow.layout.folder):
            for name in files:
                path = Path(folder) / name
                yield str(path), path.read_bytes()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("books")
    Shop(folder).make()
    layout = Layout(tmp_path_factory.mktemp("airflow"), PROJECT, free_port(), privacy=Shop(folder).variables)
    with with_template(layout) as airflow:
        for dag in ("start_requests", "restrict_subject", "object_subject"):
            airflow.wait(dag, seconds=180)
        yield Office(folder, airflow)


def test_what_has_arrived_is_done_and_told_without_anybody_s_pressing_a_button(office: Office) -> None:
    shop = office.shop
    restriction, marketing = shop.request(Right.RESTRICTION, ADA_MAIL), shop.request(Right.MARKETING_STOP, BEN)
    runs = {restriction: f"start-{restriction}-1", marketing: f"start-{marketing}-1"}
    state, tasks = office.run("start_requests")
    assert (state, tasks["note"], tasks["tidy"]) == ("success", "success", "success")
    assert {tasks[f"start {run}"] for run in runs.values()} == {"success"}
    assert office.run("restrict_subject", runs[restriction])[0] == "success"
    assert office.run("object_subject", runs[marketing])[0] == "success"
    for number, letter in ((restriction, "restriction"), (marketing, "marketing_stop")):
        assert shop.get(number).state is State.ANSWERED
        assert shop.letters(number) == [letter]
    assert {"7310001", "7310002"} <= shop.stopped("newsletter")
    # A second look starts nothing.
    state, tasks = office.run("start_requests")
    assert (state, tasks["list_waiting"]) == ("success", "skipped")
    assert shop.house.verify().problems == ()
    for place, content in office.written():
        found = [canary for canary in CANARIES if canary.encode() in content]
        assert not found, place


def test_a_run_that_fails_is_red_with_its_code_and_in_the_ledger(office: Office) -> None:
    shop = office.shop
    number = shop.request(Right.OBJECTION, BEN)
    templates = shop.home / "templates"
    away = templates.rename(shop.home / "away")
    try:
        office.run("start_requests")
        state, tasks = office.run("object_subject", f"start-{number}-1")
    finally:
        away.rename(templates)
    assert (state, tasks["act"], tasks["tell"], tasks["record"]) == ("failed", "success", "failed", "success")
    (ended,) = shop.house.ledger.entries(request=number, kind="run.ended")
    assert ended.entry["status"] == "failed"
    assert str(ended.entry["reason"]).startswith("letters.")
    assert "7310002" in shop.stopped("order"), "what was stopped on registration stays stopped"
