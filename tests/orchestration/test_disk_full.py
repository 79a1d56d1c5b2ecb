"""A disk that is full, a real one: a filesystem of some megabytes, on which a test leaves so much room.

An export seals nothing half written and a purge deletes nothing without a plan; the run is red and says which folder
has no room; once it has, the next run is right and leaves no rubbish.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest_purges import Studio, days
from conftest_runs import CANARIES, Ferry
from privacy.bundle import check_bundle, open_bundle
from privacy.errors import PrivacyError, Refused, RetryLater
from privacy.orchestration import ending, purges, steps
from privacy.orchestration.runs import Run
from privacy.rights import State

PAGE = os.sysconf("SC_PAGE_SIZE")
ROOMS = [n * PAGE for n in (0, 1, 3, 6, 10, 16, 24, 40, 80, 160, 500)]
"""So many bytes are left, from nothing to enough."""


class Disk:
    """A filesystem of its own, of 4 MiB."""

    def __init__(self, at: Path) -> None:
        self.at, self._ballast = at, at / ".ballast"
        at.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(at)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("a filesystem can be mounted by root alone, and not in every container")

    def leave(self, room: int) -> None:
        """Fill it up but for so many bytes."""
        self._ballast.unlink(missing_ok=True)
        free = shutil.disk_usage(self.at).free
        with self._ballast.open("wb") as file:
            for _ in range((free - room) // PAGE):
                file.write(bytes(PAGE))
        assert shutil.disk_usage(self.at).free == room

    @property
    def used(self) -> list[str]:
        """What lies on it."""
        return sorted(path.name for path in self.at.iterdir() if path != self._ballast)

    def away(self) -> None:
        subprocess.run(["umount", "-l", str(self.at)], check=True)


@pytest.fixture
def ferry(tmp_path: Path) -> Ferry:
    return Ferry(tmp_path)


@pytest.fixture(params=["staging", "bundles"])
def disk(request: pytest.FixtureRequest, ferry: Ferry) -> Iterator[Disk]:
    made = Disk(ferry.state / request.param)
    yield made
    made.away()


def export(ferry: Ferry, run: Run) -> PrivacyError | None:
    """All of a run's tasks as Airflow calls them, the last ones whatever became of the others; what it failed of."""
    house, failed = ferry.house, None
    try:
        steps.open_request(house, run)
        steps.resolve_identity(house, run)
        parts = [steps.extract(house, run, unit) for unit in steps.list_parts(house, run)]
        steps.write_bundle(house, run, parts)
    except PrivacyError as problem:
        failed = problem
    ending.record(house, run, failed=None if failed is None else failed.code)
    ending.empty_staging(house, run)
    return failed


def test_an_export_that_has_no_room_is_red_and_seals_nothing_and_with_room_the_next_one_is_right(
    ferry: Ferry, disk: Disk, tmp_path: Path
) -> None:
    """Issue 6: a full disk, wherever in the run it fills up, in staging and where bundles lie."""
    number, codes = ferry.request(), []
    for turn, room in enumerate(ROOMS):
        disk.leave(room)
        failed = export(ferry, Run(f"run-{turn}", number, "operator"))
        if failed is None:
            break
        codes.append(failed.code)
        assert isinstance(failed, RetryLater), failed
        assert failed.advice
        assert failed.where
        if failed.code == "staging.full":
            assert str(disk.at) in failed.advice
        assert not [canary for canary in CANARIES if canary in str(failed)]
        assert not list((ferry.state / "bundles").rglob("*.age"))
        assert ferry.staged in ([], [".ballast"])
        assert ferry.house.register.get(number).state is State.RECEIVED
        assert ferry.kinds(number)[-2:] == [("run.begun", ""), ("run.ended", failed.code)]
    assert failed is None
    assert len(codes) >= 2
    assert set(codes) == {f"{'staging' if disk.at.name == 'staging' else 'storage'}.full"}
    assert ferry.kinds(number)[-1] == ("run.ended", "done")
    sealed = ferry.house.register.bundle(number)
    assert [path.name for path in (ferry.state / "bundles").rglob("*") if path.is_file() and path.name[0] != "."] == [
        Path(sealed.path).name
    ]
    with ferry.house.bundles.open(sealed.path) as file:
        open_bundle(file, ferry.house.register.open(number).secret, tmp_path / "opened")
    assert check_bundle(tmp_path / "opened") == []
    assert ferry.staged in ([], [".ballast"])
    assert ferry.house.verify().ok


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path / "studio", rows=3)
    for number in range(1, 9):
        made.case(number, f"p{number}@post.example", days(20 if number < 8 else 2), notes=1, papers=1)
    return made


@pytest.fixture
def plans(studio: Studio) -> Iterator[Disk]:
    made = Disk(studio.state / "plans")
    yield made
    made.away()


def planned(studio: Studio, run: purges.PurgeRun) -> PrivacyError | None:
    """Why a plan could not be made."""
    try:
        purges.plan(studio.house, run)
    except PrivacyError as problem:
        return problem
    return None


def test_a_purge_that_has_no_room_for_its_plan_deletes_nothing_and_the_next_one_does(
    studio: Studio, plans: Disk
) -> None:
    """Issue 6. The run is red in the ledger, with the folder and what to do in the error."""
    before, failed = studio.everything(), 0
    for turn, room in enumerate(ROOMS):
        plans.leave(room)
        run = studio.run("cases", f"turn{turn}")
        problem = planned(studio, run)
        if problem is None:
            break
        failed += 1
        assert (type(problem), problem.code) == (RetryLater, "staging.full")
        assert problem.where == str(studio.house.means.folder / run.id)
        assert str(plans.at) in problem.advice
        # Airflow does not go on after that.
        with pytest.raises(Refused, match=r"staging\.full"):
            purges.record(studio.house, run, problem.code)
        ended = studio.ended(run)
        assert (ended["status"], ended["reason"], ended["deleted"]) == ("failed", "staging.full", 0)
        assert studio.everything() == before
    assert failed >= 2
    plans.leave(ROOMS[-1])
    assert studio.purge("cases", "roomy")["deleted"] == 7 * 3
    assert len(before) - len(studio.everything()) == 7 * 3
    assert studio.house.verify().ok


def test_a_disk_that_fills_up_while_a_purge_runs_costs_no_count(studio: Studio, plans: Disk) -> None:
    """Edge case 13: what a batch has deleted and could not write down is counted by the next try, once."""
    run, before = studio.run("cases"), studio.everything()
    purges.plan(studio.house, run)
    plans.leave(0)
    for _ in range(2):
        with pytest.raises(RetryLater, match=r"staging\.full") as caught:
            purges.purge(studio.house, run)
        assert str(plans.at) in caught.value.advice
        # One batch may be under way, and never more than one.
        assert len(before) - len(studio.everything()) <= 3
    assert not studio.house.ledger.entries(run=run.id, kind="run.ended"), "it is not green"
    plans.leave(ROOMS[-1])
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    purges.record(studio.house, run, None)
    ended = studio.ended(run)
    assert (ended["status"], ended["deleted"], ended["derived"]) == ("done", 21, True)
    assert len(before) - len(studio.everything()) == 21
    assert studio.house.verify().ok
