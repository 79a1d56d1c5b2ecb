"""A purge that is killed (SIGKILL) anywhere: the next run, or a second try of the same one, finishes with right counts.

Nothing is lost that should stay, nothing is left that should go, every deletion is counted once, and the chain verifies
(edge cases 7 and 13). The process dies at an audited call of its own: opening, removing or renaming a file.
"""

from __future__ import annotations

import shutil
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from conftest_killed import chosen, in_a_process
from conftest_purges import Studio, days
from privacy import plans
from privacy.errors import PrivacyError, Refused
from privacy.orchestration import purges
from privacy.plans.progress import Batch, Progress

MOST = 24
"""So many of the points at which a process may die are tried for a rule: those that change something, and others."""


def fill(studio: Studio) -> None:
    for number in range(1, 6):
        closed = None if number == 5 else days(20 if number < 4 else 2)
        studio.case(number, f"p{number}@post.example", closed, notes=2, papers=2)
        studio.letter(f"m{number}", f"p{number}@post.example", "info@atelier.example")
    studio.letter("both", "p1@post.example", "p4@post.example")
    for n in range(1, 4):
        studio.log(f"access-{n}.gz", days(380 + n), days(379), days(100), days(99))
    studio.log("access-4.gz", days(500), days(499))
    studio.log("access-5.gz", days(50))


def steps(studio: Studio, rule: str) -> None:
    """What Airflow's tasks do, one after the other."""
    run = studio.run(rule)
    purges.plan(studio.house, run)
    purges.purge(studio.house, run)
    purges.verify(studio.house, run)
    purges.record(studio.house, run, None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studio")
    fill(Studio(folder / "studio", rows=2))
    return folder


def fresh(made: Path, name: str) -> Studio:
    """The studio as it was, in the very same place: a run is not to learn where it stands."""
    del name
    here, work = made / "studio", made / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(here, work, symlinks=True)
    return Studio.at(work, rows=2)


@pytest.mark.parametrize("rule", ["cases", "lines"])
def test_whenever_it_dies_the_next_run_ends_as_if_it_had_not(made: Path, rule: str) -> None:
    studio = fresh(made, "whole")
    before = studio.everything()
    seen = made / f"{rule}.seen"
    assert in_a_process(lambda: steps(studio, rule), 0, seen, folder=studio.folder) == 0
    after, expected = studio.everything(), studio.ended(studio.run(rule))["deleted"]
    assert expected > 5
    assert before.keys() - after.keys()
    events = seen.read_text().splitlines()
    tried = 0
    for die_at in sorted(set(chosen(events, MOST * 2 // 3, MOST // 3))):
        studio = fresh(made, f"{die_at}")
        code = in_a_process(partial(steps, studio, rule), die_at, seen, folder=studio.folder)
        assert code in (0, -signal.SIGKILL), die_at
        tried += code == -signal.SIGKILL
        again = die_at % 2 == 0
        if again:
            # Airflow tries the task again.
            with suppress(PrivacyError):
                steps(studio, rule)
        if not again or not studio.house.ledger.entries(run=studio.run(rule).id, kind="run.ended"):
            studio.purge(rule, "next")
        assert studio.everything() == after, f"dies at {die_at}"
        ended = [dict(e.entry) for e in studio.house.ledger.entries(kind="run.ended")]
        begun = [e.entry["run"] for e in studio.house.ledger.entries(kind="run.begun")]
        assert sum(entry["deleted"] for entry in ended) == expected, f"dies at {die_at}"
        assert sorted(entry["run"] for entry in ended) == sorted(begun)
        assert studio.house.verify().ok, f"dies at {die_at}"
    assert tried > MOST // 2


def test_a_batch_that_was_cut_off_before_it_was_recorded_is_counted_where_the_run_itself_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 13: the worker dies, Airflow fails the task, and the run's own last step says how it ended."""
    studio = Studio(tmp_path, rows=2)
    for number in range(1, 8):
        studio.case(number, None, days(20), notes=0, papers=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    done, whole = [], Progress.add

    def dies(self: Progress, batch: Batch) -> None:
        done.append(batch)
        if len(done) == 2:
            raise KeyboardInterrupt
        whole(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "add", dies)
        with pytest.raises(KeyboardInterrupt):
            purges.purge(studio.house, run)
    studio.sql("UPDATE cases SET closed_at = NULL WHERE case_no = 7")  # opened again: nobody has deleted it
    with pytest.raises(Refused, match=r"task\.purge\.failed"):
        purges.record(studio.house, run, "task.purge.failed")
    ended = studio.ended(run)
    assert (ended["status"], ended["deleted"], ended["derived"]) == ("failed", 4, True)
    assert studio.purge("cases", "next")["deleted"] == 2


def test_what_was_not_due_any_more_when_a_run_died_is_not_said_to_be_deleted(tmp_path: Path) -> None:
    """Edge case 13: opened again, or removed by others, while the run had not come to it."""
    studio = Studio(tmp_path, rows=1)
    for number in range(1, 5):
        studio.case(number, None, days(20), notes=0, papers=0)
    run = studio.run("cases")
    purges.plan(studio.house, run)
    plans.do(studio.house.means, run.id, actor="desk", stop=iter((False, True)).__next__)
    studio.sql("UPDATE cases SET closed_at = NULL WHERE case_no = 4")
    studio.purge("cases", "next")
    assert (studio.ended(run)["deleted"], studio.ended(run)["reason"]) == (1, "run.lost")
