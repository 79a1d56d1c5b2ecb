"""The replay of erasures and the notice of a changed statement on a running Airflow; and their codes, explained."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import pytest

from conftest_airflow import Live
from conftest_runs import POLICY
from privacy.errors import BadInput
from privacy.rights.markers import Markers
from privacy.rights.policy_versions import Versions
from privacy.sources.base import Identifier, Subject

ROOT = Path(__file__).parents[2]
BACK, ADDRESS = 80_412_978, "terug.canary@veer.example"
"""A traveller who was erased, and came back with a backup."""


@pytest.mark.parametrize(
    ("dag", "modules"),
    [
        ("replay_erasures", ("rights/replaying", "rights/returned")),
        (
            "notify_policy_change",
            ("orchestration/policy_steps", "rights/policy_writing", "rights/policy_versions", "rights/policy_people"),
        ),
    ],
)
def test_every_code_of_the_steps_is_explained(dag: str, modules: tuple[str, ...]) -> None:
    text = (ROOT / "dags" / f"{dag}.py").read_text()
    told = set(re.findall(r"`([a-z]+\.(?:[a-z_]+|\*))`", text))
    said = set()
    for module in modules:
        code = (ROOT / "plugins/privacy" / f"{module}.py").read_text()
        said |= set(re.findall(r'\(\s*"([a-z]+\.[a-z_]+)",', code)) | set(
            re.findall(r'"((?:policy|replay)\.[a-z_]+)"', code)
        )
    assert said
    # Of the ledger, and of the command line alone.
    said -= {"replay.looked", "policy.looked", "policy.recorded", "policy.not_first", "policy.busy"}
    assert not [code for code in said if code not in told and f"{code.partition('.')[0]}.*" not in told]


def decided(live: Live, run: str, answer: str) -> str:
    """Answer the question when it is asked, again should it be asked again; the run's end."""
    dag, until, seen = "notify_policy_change", time.monotonic() + 180, dict[int, float]()
    while (state := live.api.state(dag, run)) not in ("success", "failed"):
        assert time.monotonic() < until, live.states(run, dag)
        for task in live.api.tasks(dag, run):
            if task["task_id"] == "approve" and task["state"] == "awaiting_input":
                tried = int(task["try_number"])
                if time.monotonic() - seen.setdefault(tried, time.monotonic()) > 3.0:
                    seen[tried] = time.monotonic()
                    with suppress(BadInput):
                        live.api.answer(dag, run, "approve", int(task["map_index"]), answer)
        time.sleep(0.2)
    return state


@pytest.mark.airflow
@pytest.mark.timeout(400)
@pytest.mark.check("tests/rights shows what they do")
def test_who_is_back_goes_and_a_changed_statement_is_told_and_airflow_knows_no_name(live: Live) -> None:
    house = live.ferry.house
    with sqlite3.connect(live.ferry.database) as db:
        db.execute("INSERT INTO travellers VALUES (?, ?, 'T')", (BACK, ADDRESS))
        db.execute("INSERT INTO trips VALUES (991, ?, ?, '1.50', '2024-05-01T10:00:00Z')", (BACK, ADDRESS))
    with house.ledger.writing() as writing:
        subject = Subject(1, (Identifier("ferry.traveller", BACK), Identifier("email", ADDRESS)))
        Markers(house).note(writing, subject, house.clock.now())
    live.airflow.wait("replay_erasures", seconds=180)
    run = live.api.trigger("replay_erasures")
    assert live.wait(run, 120, dag="replay_erasures")[0] == "success"
    with sqlite3.connect(live.ferry.database) as db:
        assert db.execute("SELECT count(*) FROM travellers WHERE traveller = ?", (BACK,)).fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM trips WHERE trip = 991").fetchone() == (0,)

    statement = live.ferry.home / "policy/policy.yaml"
    before = statement.read_text()
    shutil.copytree(ROOT / "include/templates", live.ferry.home / "templates", dirs_exist_ok=True)
    Versions(house).record("desk")
    live.airflow.wait("notify_policy_change", seconds=180)
    try:
        statement.write_text(POLICY.replace('version: "7"', 'version: "8"').replace("quote: q", "quote: Iets anders."))
        run = live.api.trigger("notify_policy_change")
        state, tasks = live.wait(run, dag="notify_policy_change")
        assert (state, tasks["approve"], tasks["write"]) == ("success", "skipped", "skipped")
        refused = live.api.trigger("notify_policy_change", dry_run=False)
        assert decided(live, refused, "Reject") == "failed"
        assert not list((live.ferry.state / "outbox").glob("policy-change-*.eml"))
        approved = live.api.trigger("notify_policy_change", dry_run=False)
        assert decided(live, approved, "Approve") == "success"
        assert len(list((live.ferry.state / "outbox").glob("policy-change-*.eml"))) >= 2
    finally:
        statement.write_text(before)
    for name, text in live.everything_written():
        assert ADDRESS.encode() not in text, name
        assert str(BACK).encode() not in text, name
