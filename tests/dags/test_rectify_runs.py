"""A rectification in a real Airflow: planned, shown without a value, approved, done, told (promise R-RECT)."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress

import pytest

from conftest_airflow import Live
from privacy.errors import BadInput
from privacy.rights import Evidence, EvidenceKind, Right, State
from privacy.rights.corrections import correct
from privacy.sources.base import Identifier

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]

DAG = "rectify_subject"
WHO, EMAIL, WRONG, RIGHT = 71_340_226, "verkeerd.kanarie@veer.example", "Wilhelmien Foutspel", "Wilhelmina Goedspel"
STEPS = ("resolve", "plan", "approve", "rectify", "verify", "record", "tell")
SETTLED = 3.0
"""Seconds after which a question takes an answer: one in the very moment of the question is lost."""


@pytest.fixture
def number(live: Live) -> str:
    """A proven request of somebody whose name is written wrongly."""
    with sqlite3.connect(live.ferry.database) as db:
        db.execute("INSERT OR REPLACE INTO travellers VALUES (?, ?, ?)", (WHO, EMAIL, WRONG))
    register = live.ferry.house.register
    named = [Identifier("ferry.traveller", WHO), Identifier("email", EMAIL)]
    made = register.receive(Right.RECTIFICATION, named, author="desk").number
    register.prove(made, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    correct(live.ferry.house, made, "name", RIGHT, "desk")
    return made


def decided(live: Live, run: str, answer: str) -> str:
    """Answer the question, again should it be asked again, until the run is over; its state."""
    until, seen = time.monotonic() + 180, dict[int, float]()
    while live.api.state(DAG, run) not in ("success", "failed"):
        assert time.monotonic() < until, live.states(run, DAG)
        for task in live.api.tasks(DAG, run):
            if task["task_id"] == "approve" and task["state"] == "awaiting_input":
                attempt = int(task["try_number"])
                if time.monotonic() - seen.setdefault(attempt, time.monotonic()) > SETTLED:
                    seen[attempt] = time.monotonic()
                    with suppress(BadInput):
                        live.api.answer(DAG, run, "approve", int(task["map_index"]), answer)
        time.sleep(0.2)
    return live.wait(run, dag=DAG)[0]


def name(live: Live) -> str:
    with sqlite3.connect(live.ferry.database) as db:
        return str(db.execute("SELECT name FROM travellers WHERE traveller = ?", (WHO,)).fetchone()[0])


def test_what_is_wrong_is_right_when_an_operator_has_approved_and_no_value_is_left_in_airflow(
    live: Live, number: str
) -> None:
    run = live.api.trigger(DAG, request=number)
    assert decided(live, run, "Approve") == "success", live.states(run, DAG)
    assert live.states(run, DAG) == dict.fromkeys(STEPS, "success")
    assert name(live) == RIGHT
    assert live.ferry.house.register.get(number).state is State.ANSWERED
    (approved,) = live.ferry.house.ledger.entries(request=number, kind="rectify.approved")
    assert approved.entry["actor"] == "admin"
    assert live.ferry.house.ledger.verify().ok
    for file, content in live.everything_written():
        for value in (WRONG, RIGHT, EMAIL, str(WHO)):
            assert value.encode() not in content, file


def test_what_an_operator_rejects_is_not_done_and_the_run_is_red(live: Live, number: str) -> None:
    """Edge case 32."""
    run = live.api.trigger(DAG, request=number)
    assert decided(live, run, "Reject") == "failed"
    assert name(live) == WRONG
    assert live.ferry.house.register.get(number).state is State.PROVEN
    ended = live.ferry.house.ledger.entries(request=number, kind="run.ended")
    assert [e.entry.get("reason") for e in ended] == ["rectify.refused"]
