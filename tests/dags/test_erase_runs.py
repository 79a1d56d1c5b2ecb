"""Erasures in a real Airflow: planned, shown, approved, done, told; and nothing personal in what Airflow keeps."""

from __future__ import annotations

import gzip
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from conftest_airflow import Live
from conftest_runs import AGENT
from privacy.errors import BadInput
from privacy.rights import Evidence, EvidenceKind, Right, State
from privacy.sources.base import Identifier

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]

DAG = "erase_subject"
FILE = "access-2026-05-04.gz"
WHO, EMAIL = 64_207_915, "vergeet.kanarie@veer.example"
STEPS = ("resolve", "plan", "approve", "erase", "verify", "record", "tell")
SETTLED = 3.0
"""Seconds after which a question takes an answer: one in the very moment of the question is lost."""


@pytest.fixture
def number(live: Live) -> Iterator[str]:
    """A proven request to be erased, of somebody with a trip and a line in a log."""
    with sqlite3.connect(live.ferry.database) as db:
        db.execute("DELETE FROM trips WHERE traveller = ?", (WHO,))
        db.execute("INSERT OR REPLACE INTO travellers VALUES (?, ?, 'V')", (WHO, EMAIL))
        db.execute("INSERT OR REPLACE INTO trips VALUES (901, ?, NULL, '1.50', '2026-05-01T10:00:00Z')", (WHO,))
    line = f'198.51.100.9 - {WHO} [04/May/2026:10:05:00 +0000] "GET /mijn" 200 5 "-" "{AGENT}" "-"\n'
    (live.ferry.logs / FILE).write_bytes(gzip.compress(line.encode()))
    register = live.ferry.house.register
    named = [Identifier("ferry.traveller", WHO), Identifier("email", EMAIL)]
    made = register.receive(Right.ERASURE, named, author="desk").number
    register.prove(made, Evidence(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    yield made
    # Other tests share the company.
    (live.ferry.logs / FILE).unlink(missing_ok=True)
    with sqlite3.connect(live.ferry.database) as db:
        db.execute("DELETE FROM trips WHERE traveller = ?", (WHO,))
        db.execute("DELETE FROM travellers WHERE traveller = ?", (WHO,))


def decided(live: Live, run: str, answer: str) -> str:
    """Answer the question, again should it be asked again, until the run is over; its state."""
    until, seen = time.monotonic() + 180, dict[int, float]()
    while live.api.state(DAG, run) not in ("success", "failed"):
        assert time.monotonic() < until, live.states(run, DAG)
        for task in live.api.tasks(DAG, run):
            if task["task_id"] == "request.approve" and task["state"] == "awaiting_input":
                attempt = int(task["try_number"])
                if time.monotonic() - seen.setdefault(attempt, time.monotonic()) > SETTLED:
                    seen[attempt] = time.monotonic()
                    with suppress(BadInput):
                        live.api.answer(DAG, run, "request.approve", int(task["map_index"]), answer)
        time.sleep(0.2)
    return live.wait(run, dag=DAG)[0]


def there(live: Live) -> int:
    with sqlite3.connect(live.ferry.database) as db:
        return sum(
            int(db.execute(f"SELECT count(*) FROM {table} WHERE traveller = ?", (WHO,)).fetchone()[0])
            for table in ("travellers", "trips")
        )


def test_who_asks_to_be_forgotten_is_when_an_operator_has_approved(live: Live, number: str) -> None:
    run = live.api.trigger(DAG, request=number)
    assert decided(live, run, "Approve") == "success", live.states(run, DAG)
    assert {task: state for task, state in live.states(run, DAG).items() if task.startswith("request.")} == {
        f"request.{step} {number}": "success" for step in STEPS
    }
    assert there(live) == 0
    assert not (live.ferry.logs / FILE).exists()
    assert live.ferry.house.register.get(number).state is State.ANSWERED
    assert live.ferry.house.register.get(number).forgotten
    (approved,) = live.ferry.house.ledger.entries(request=number, kind="erasure.approved")
    assert approved.entry["actor"] == "admin"
    assert live.ferry.house.ledger.verify().ok
    for name, content in live.everything_written():
        assert EMAIL.encode() not in content, name
        assert str(WHO).encode() not in content, name


def test_what_an_operator_rejects_is_not_done_and_the_run_is_red(live: Live, number: str) -> None:
    """Edge case 32."""
    run = live.api.trigger(DAG, request=number)
    assert decided(live, run, "Reject") == "failed"
    assert there(live) == 2
    assert live.ferry.house.register.get(number).state is State.PROVEN
    ended = live.ferry.house.ledger.entries(request=number, kind="run.ended")
    assert [e.entry.get("reason") for e in ended] == ["erasure.refused"]
