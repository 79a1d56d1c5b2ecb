"""Workers whose clocks differ: by minutes nothing goes wrong, by more nothing is green, and the evidence says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest_purges import NOW, Studio, days
from conftest_runs import Ferry
from privacy.clock import FixedClock
from privacy.errors import BadInput, GiveUp, Refused, RetryLater
from privacy.orchestration import ending, purges, steps
from privacy.orchestration.runs import Run
from privacy.rights.evidence import Finding, missing, record
from privacy.rights.house import House

FEW, MANY = timedelta(minutes=4), timedelta(hours=2)


class Workers:
    """Two machines over the same stores, state and ledger: one whose clock is right, and one whose clock is not."""

    def __init__(self, folder: Path) -> None:
        self.right, self.wrong = Studio(folder, rows=3), Studio.at(folder, rows=3)

    def at(self, now: datetime, wrong_by: timedelta = timedelta()) -> None:
        """It is now; the other machine's clock differs by so much."""
        self.right.clock.set(now)
        self.wrong.clock.set(now + wrong_by)

    def told(self) -> dict[str, Finding]:
        return {
            f"{f.code} {f.where}" if f.code == "evidence.stale" else f.code: f
            for f in missing(self.right.house, self.right.clock.now())
        }


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    made = Workers(tmp_path / "studio")
    for number in range(1, 6):
        made.right.case(number, f"p{number}@post.example", days(20 if number < 5 else 2), notes=1, papers=1)
    made.right.sale(*((n, n, "2019-12-31", "domestic") for n in range(1, 4)), (9, 9, "2020-01-01", "domestic"))
    return made


@pytest.mark.parametrize("ahead", [FEW, -FEW], ids=["ahead", "behind"])
def test_steps_of_one_run_on_machines_some_minutes_apart_end_as_on_one(workers: Workers, ahead: timedelta) -> None:
    """Each task on another machine; the ledger's moments are out of order, and the chain stands."""
    workers.at(NOW, ahead)
    run = workers.right.run("cases")
    purges.plan(workers.wrong.house, run)
    again = purges.plan(workers.right.house, run)
    assert again["records"] == 12
    purges.purge(workers.right.house, run)
    purges.verify(workers.wrong.house, run)
    purges.record(workers.right.house, run, None)
    ended = workers.right.ended(run)
    assert (ended["status"], ended["deleted"]) == ("done", 12)
    assert workers.right.sql("SELECT case_no FROM cases") == [(5,)]
    assert workers.right.house.verify().ok
    assert not {"evidence.clock", "evidence.clocks"} & workers.told().keys()


def test_what_has_to_be_kept_until_midnight_is_not_deleted_by_a_plan_of_a_clock_that_is_ahead(workers: Workers) -> None:
    """Promise INV-STAT's kind: never early, by no machine's clock; a minute later it goes."""
    midnight = datetime(2026, 12, 31, 23, tzinfo=UTC)  # The year 2027 begins in Amsterdam.
    workers.at(midnight - timedelta(minutes=1), FEW)
    run, before = workers.right.run("sales"), workers.right.everything()
    assert purges.plan(workers.wrong.house, run)["records"] == 3
    purges.answered(workers.right.house, run, approved=True, by="chief")
    with pytest.raises(RetryLater, match=r"purge\.early") as caught:
        purges.purge(workers.right.house, run)
    assert "clock" in caught.value.advice
    assert workers.right.everything() == before
    assert not workers.right.house.ledger.entries(run=run.id, kind="run.ended"), "it is not green"
    workers.at(midnight, FEW)
    purges.purge(workers.right.house, run)
    purges.verify(workers.right.house, run)
    purges.record(workers.right.house, run, None)
    assert workers.right.ended(run)["deleted"] == 3
    assert workers.right.sql("SELECT sale_no FROM sales") == [(9,)]


def test_a_plan_of_a_clock_that_is_far_ahead_deletes_nothing_and_the_run_is_red(workers: Workers) -> None:
    workers.at(NOW, MANY)
    run, before = workers.right.run("cases"), workers.right.everything()
    purges.plan(workers.wrong.house, run)
    with pytest.raises(Refused, match=r"purge\.clock"):
        purges.purge(workers.right.house, run)
    with pytest.raises(Refused, match=r"purge\.clock"):
        purges.record(workers.right.house, run, "purge.clock")
    ended = workers.right.ended(run)
    assert (ended["status"], ended["deleted"]) == ("failed", 0)
    assert workers.right.everything() == before
    assert workers.right.purge("cases", "next")["deleted"] == 12


def test_as_of_a_moment_that_is_yet_to_come_on_the_machine_that_plans_is_refused(workers: Workers) -> None:
    """It may be now where somebody typed it."""
    workers.at(NOW, -MANY)
    run, before = workers.right.run("cases", as_of=NOW), workers.right.everything()
    with pytest.raises(BadInput, match=r"purge\.as_of"):
        purges.plan(workers.wrong.house, run)
    assert workers.right.everything() == before
    assert purges.plan(workers.right.house, run)["records"] == 12


def test_a_run_done_wholly_by_a_clock_that_is_far_ahead_is_no_proof_and_the_evidence_says_whose_times_differ(
    workers: Workers,
) -> None:
    """Edge case 13: what it took early can be seen, and that it looks younger than it is."""
    workers.at(NOW)
    workers.right.purge("cases", "first")
    record(workers.right.house, actor="desk")
    workers.at(NOW + timedelta(hours=26), MANY)
    workers.wrong.purge("cases", "ahead")
    assert workers.told()["evidence.clock"].advice
    assert "as of 2026-11-20 12:00" in workers.told()["evidence.stale cases"].message
    workers.right.purge("cases", "second")
    found = workers.told()
    assert "evidence.clock" not in found, "the last entry is of now"
    assert "120 minutes" in found["evidence.clocks"].message
    assert "NTP" in found["evidence.clocks"].advice
    record(workers.right.house, actor="desk")
    assert "evidence.clocks" not in workers.told(), "it was told, and stands in the ledger"
    assert workers.right.house.verify().ok


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), -timedelta(minutes=30)], ids=["ahead", "behind"])
def test_who_tidies_up_with_another_clock_leaves_the_staging_of_a_run_that_goes_on(
    tmp_path: Path, ahead: timedelta
) -> None:
    """Files bear the time of the machine that they lie on."""
    ferry = Ferry(tmp_path)
    mine, other = (Run(f"run-{n}", ferry.request(), "operator") for n in (1, 2))
    house = ferry.house
    theirs = House(house.settings, house.connections, FixedClock(datetime.now(UTC) + ahead))
    steps.open_request(house, mine)
    steps.resolve_identity(house, mine)
    units = steps.list_parts(house, mine)
    parts = [steps.extract(house, mine, unit) for unit in units[:2]]
    steps.open_request(theirs, other)
    assert ferry.staged == ["run-1", "run-2"]
    parts += [steps.extract(theirs, mine, unit) for unit in units[2:]]
    steps.write_bundle(house, mine, parts)
    assert ending.record(theirs, mine, failed=None)["status"] == "done"
    assert ending.record(theirs, other, failed="task.stopped")["status"] == "failed"
    for run in (mine, other):
        ending.empty_staging(house, run)
    assert ferry.staged == []
    assert house.verify().ok


def test_a_run_whose_staging_was_taken_by_a_clock_days_ahead_seals_nothing_and_is_red(tmp_path: Path) -> None:
    """Edge case 36: it is taken for lost, and nobody makes the folder again."""
    ferry = Ferry(tmp_path)
    mine, other = (Run(f"run-{n}", ferry.request(), "operator") for n in (1, 2))
    house = ferry.house
    theirs = House(house.settings, house.connections, FixedClock(datetime.now(UTC) + timedelta(days=3)))
    steps.open_request(house, mine)
    steps.resolve_identity(house, mine)
    units = steps.list_parts(house, mine)
    steps.open_request(theirs, other)
    with pytest.raises(GiveUp, match=r"staging\.gone"):
        steps.extract(house, mine, units[0])
    assert ending.record(house, mine, failed="staging.gone")["status"] == "failed"
    assert not list((ferry.state / "bundles").rglob("*.age"))
    assert ferry.kinds(mine.request)[-1][0] == "run.ended"
