"""``export_subject`` in a real Airflow: API server, scheduler, DAG processor, tasks as processes of their own."""

from __future__ import annotations

import gzip
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest_airflow import Live
from conftest_runs import CANARIES, SHARED
from privacy import numbers
from privacy.errors import BadInput
from privacy.orchestration import pools
from privacy.rights import State
from privacy.sources.base import Identifier

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]


@contextmanager
def truncated(log: Path) -> Iterator[None]:
    whole = log.read_bytes()
    log.write_bytes(gzip.compress(whole)[:-9])
    try:
        yield
    finally:
        log.write_bytes(whole)


class Ended(NamedTuple):
    """A run that is over: its request, its state, and every task's."""

    number: str
    state: str
    tasks: dict[str, str]


@pytest.fixture(scope="module")
def good(live: Live) -> Ended:
    """A run in which all went well."""
    number = live.ferry.request()
    return Ended(number, *live.run(number))


@pytest.fixture(scope="module")
def failing(live: Live) -> Ended:
    """A run in which one log could not be read."""
    number = live.ferry.request()
    with truncated(sorted(live.ferry.logs.iterdir())[1]):
        return Ended(number, *live.run(number))


def test_a_good_run_seals_a_bundle_and_every_part_has_its_name(live: Live, good: Ended) -> None:
    number, state, tasks = good
    assert state == "success", tasks
    assert set(tasks.values()) == {"success"}
    assert {"extract ferry.trips", "extract quays.access 1/3", "extract quays.access 3/3"} <= set(tasks)
    assert live.ferry.house.register.get(number).state is State.SEALED
    assert live.ferry.kinds(number) == [("run.begun", ""), ("run.ended", "done")]
    begun = live.ferry.house.ledger.entries(request=number, kind="run.begun")[0].entry
    assert begun["actor"] == "admin"
    assert live.ferry.staged == []
    assert live.ferry.house.ledger.verify().ok


def test_a_failing_run_has_its_entries_its_reason_and_an_empty_staging(live: Live, failing: Ended) -> None:
    """Edge case 28: red, and nothing half exported."""
    number, state, tasks = failing
    assert state == "failed"
    assert tasks["extract quays.access 2/3"] == "failed"
    assert tasks["extract ferry.trips"] == "success"
    assert (tasks["write_bundle"], tasks["done"]) == ("upstream_failed", "upstream_failed")
    assert (tasks["record"], tasks["empty_staging"]) == ("success", "success")
    (begun, ended) = live.ferry.kinds(number)
    assert begun == ("run.begun", "")
    assert ended[1].startswith("weblogs.")
    assert live.ferry.house.register.bundle(number) is None
    assert live.ferry.staged == []
    # Once repaired, a new run of the same request succeeds.
    assert live.run(number)[0] == "success"


# The ids hold no @: xdist takes what follows one for the name of a group, and would start a second Airflow.
@pytest.mark.parametrize(
    "typed",
    ["anna@a.example", "VEER-2026-42", "", "VEER-2026-0042-7 "],
    ids=["an address", "too short", "nothing", "a blank"],
)
def test_what_is_no_request_number_is_refused_by_the_api_before_anything_runs(live: Live, typed: str) -> None:
    before = live.api.call("GET", "/dags/export_subject/dagRuns?limit=1")["total_entries"]
    with pytest.raises(BadInput) as caught:
        live.api.trigger("export_subject", request=typed)
    assert caught.value.code == "airflow.refused"
    assert live.api.call("GET", "/dags/export_subject/dagRuns?limit=1")["total_entries"] == before


def test_an_unknown_request_fails_in_its_first_step(live: Live) -> None:
    number = numbers.number("VEER", 2026, 99_999)
    state, tasks = live.run(number)
    assert (state, tasks["open_request"]) == ("failed", "failed")
    assert live.ferry.kinds(number) == [("run.begun", ""), ("run.ended", "request.unknown")]
    assert live.ferry.staged == []


def test_a_shared_address_stops_the_run_for_a_person_to_decide(live: Live) -> None:
    """Edge case 19."""
    number = live.ferry.request(Identifier("email", SHARED))
    state, tasks = live.run(number)
    assert (state, tasks["resolve_identity"], tasks["list_parts"]) == ("failed", "failed", "upstream_failed")
    assert live.ferry.kinds(number)[-1] == ("run.ended", "identity.ambiguous")
    assert live.ferry.house.register.get(number).state is State.UNDECIDED


def test_a_task_marked_successful_by_hand_makes_no_green_run(live: Live) -> None:
    """Edge cases 28, 32, 36: the bundle's task is marked as successful while its parts are still missing."""
    number = live.ferry.request()
    run = live.api.trigger("export_subject", request=number)
    path = f"/dags/export_subject/dagRuns/{run.replace('+', '%2B').replace(':', '%3A')}/taskInstances/write_bundle"
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            live.api.call("PATCH", path, {"new_state": "success"})
            break
        except BadInput:
            time.sleep(0.02)
    state, tasks = live.wait(run)
    assert state == "failed", tasks
    assert live.ferry.kinds(number)[-1][1] not in ("", "done")
    assert live.ferry.house.register.bundle(number) is None
    assert live.ferry.staged == []


def test_each_task_runs_in_the_pool_of_the_store_that_it_touches(live: Live) -> None:
    with sqlite3.connect(live.airflow.layout.folder / "airflow.db") as db:
        made = dict(db.execute("SELECT pool, slots FROM slot_pool WHERE pool LIKE 'privacy%'").fetchall())
    datamap = live.ferry.house.datamap
    assert made == pools.sizes(datamap)
    run = live.api.trigger("export_subject", request=live.ferry.request())
    assert live.wait(run)[0] == "success"
    found = {
        f"{t['task_id']} {t['rendered_map_index'] or ''}": t["pool"] for t in live.api.tasks("export_subject", run)
    }
    assert found["extract ferry.trips"] == f"privacy_{datamap['ferry.trips'].system.connection}"
    assert found["extract quays.access 2/3"] == f"privacy_{datamap['quays.access'].system.connection}"
    assert found["extract ferry.trips"] != found["extract quays.access 2/3"]
    assert found["resolve_identity "] == found["write_bundle "] == pools.SEVERAL


def test_nothing_that_airflow_or_the_ledger_wrote_names_anybody(live: Live, good: Ended, failing: Ended) -> None:
    """The canary test: after good and failing runs, no identifier of a subject in the metadata database, the task logs,
    the components' output, or the ledger."""
    assert (good.state, failing.state) == ("success", "failed")
    written = dict(live.everything_written())
    assert any("task_id=extract" in name for name in written)
    assert {
        number for number in (good.number, failing.number) if number.encode() not in written["metadata database"]
    } == set()
    assert b"export_subject" in written["components/scheduler.log"]
    written["ledger"] = repr([e.entry for e in live.ferry.house.ledger.entries()]).encode()
    written["signed head"] = (live.ferry.state / "ledger-head.json").read_bytes()
    found = [(name, canary) for name, text in written.items() for canary in CANARIES if canary.encode() in text]
    assert found == []
