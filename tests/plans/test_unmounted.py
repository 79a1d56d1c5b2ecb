"""A store that goes away during a purge is not one that was emptied: what it had was not deleted, and comes back."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from conftest_purges import NOW, Studio, days
from privacy import plans
from privacy.errors import PrivacyError, Refused, Unreadable
from privacy.orchestration import purges


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Four logs that are due, a batch each."""
    made = Studio(tmp_path / "studio", rows=1)
    for n in range(4):
        made.log(f"access-{n}.gz", days(400), days(399 + n))
    return made


def unmount(place: Path, away: Path) -> None:
    """An empty folder where the files were."""
    shutil.move(place, away)
    place.mkdir()


def mount(place: Path, away: Path) -> None:
    shutil.rmtree(place)
    shutil.move(away, place)


def test_what_went_out_of_reach_between_two_batches_is_not_deleted_and_the_run_is_red(
    studio: Studio, tmp_path: Path
) -> None:
    """Edge case 28: half of it was deleted, the other half lies on a disk that is not there."""
    run, batches = studio.run("lines"), []
    purges.plan(studio.house, run)

    def stop() -> bool:
        batches.append(1)
        if len(batches) == 3:
            unmount(studio.logs, tmp_path / "away")
        return False

    plans.do(studio.house.means, run.id, actor="desk", stop=stop)
    with pytest.raises(Unreadable, match=r"weblogs\.no_files"):
        purges.verify(studio.house, run)
    with pytest.raises(Refused):
        purges.record(studio.house, run, "weblogs.no_files")
    assert (studio.ended(run)["status"], studio.ended(run)["deleted"]) == ("failed", 4)
    mount(studio.logs, tmp_path / "away")
    assert studio.purge("lines", "next")["deleted"] == 4


def test_a_run_that_emptied_its_store_is_done(studio: Studio) -> None:
    ended = studio.purge("lines")
    assert (ended["status"], ended["deleted"]) == ("done", 8)
    assert studio.everything() == {}


def test_a_run_that_died_is_not_said_to_have_deleted_what_is_out_of_reach(studio: Studio, tmp_path: Path) -> None:
    """Edge case 13: it is closed once its store says what is there, and nothing is counted twice."""
    run = studio.run("lines")
    purges.plan(studio.house, run)
    plans.do(studio.house.means, run.id, actor="desk", stop=iter((False, True)).__next__)
    unmount(studio.logs, tmp_path / "away")
    studio.clock.set(NOW + timedelta(hours=1))
    with pytest.raises(PrivacyError, match=r"weblogs\.no_files"):
        studio.purge("lines", "second")
    assert studio.house.ledger.unended("lines") == [run.id]
    mount(studio.logs, tmp_path / "away")
    third = studio.purge("lines", "third")
    assert (studio.ended(run)["deleted"], third["deleted"]) == (2, 6)
    assert third["status"] == "done"


@pytest.mark.parametrize("place", ["scans", "post"])
def test_rows_stay_while_the_store_of_their_files_or_mail_is_out_of_reach(tmp_path: Path, place: str) -> None:
    """Without the row nothing would ever find its files again, once the store is back."""
    studio = Studio(tmp_path / "studio")
    studio.case(1, "anna@post.example", days(20))
    studio.letter("a", "anna@post.example", "info@atelier.example")
    run = studio.run("cases")
    purges.plan(studio.house, run)
    unmount(studio.folder / place, tmp_path / "away")
    for name in ("cur", "new", "tmp") if place == "post" else ():
        (studio.folder / place / name).mkdir()
    with pytest.raises(Unreadable):
        purges.purge(studio.house, run)
    assert studio.sql("SELECT case_no FROM cases") == [(1,)]
    mount(studio.folder / place, tmp_path / "away")
    assert studio.purge("cases", "next")["status"] == "done"
    assert studio.everything() == {}
