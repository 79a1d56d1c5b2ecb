"""Two runs of a rule at once, or a run that is ended while its purge still writes (edge cases 13 and 36)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from conftest_purges import Studio, days
from privacy.errors import PrivacyError, Refused
from privacy.orchestration import purges
from privacy.sources.sql import SqlSource


def meanwhile(studio: Studio, monkeypatch: pytest.MonkeyPatch, work: Callable[[Studio], object]) -> threading.Thread:
    """Do something in a thread of its own while the first batch is under way, and give it time before the commit."""
    other = threading.Thread(target=lambda: work(Studio.at(studio.folder, rows=2)))
    whole = SqlSource.apply

    def slow(self: SqlSource, *given: object) -> object:
        if not other.ident:
            other.start()
            time.sleep(0.4)
        yield from whole(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlSource, "apply", slow)
    return other


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path, rows=2)
    for number in range(1, 6):
        made.case(number, None, days(20), notes=0, papers=0)
    return made


def test_a_batch_that_is_under_way_while_another_run_begins_is_counted_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = studio.run("cases", "first"), studio.run("cases", "second")
    purges.plan(studio.house, first)
    other = meanwhile(studio, monkeypatch, lambda there: purges.plan(there.house, second))
    with suppress(Refused):
        purges.purge(studio.house, first)
    other.join()
    assert studio.ended(first)["reason"] == "run.lost"
    assert studio.ended(first)["deleted"] + purges.purge(studio.house, second)["deleted"] == 5
    assert studio.sql("SELECT case_no FROM cases") == []


def test_a_run_that_is_marked_as_failed_while_it_writes_tells_of_the_batch_in_hand(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = studio.run("cases")
    purges.plan(studio.house, run)

    def marked(there: Studio) -> None:
        with pytest.raises(PrivacyError, match=r"task\.purge\.failed"):
            purges.record(there.house, run, "task.purge.failed")

    other = meanwhile(studio, monkeypatch, marked)
    with suppress(Refused):
        purges.purge(studio.house, run)
    other.join()
    assert studio.ended(run)["deleted"] == 5 - len(studio.sql("SELECT case_no FROM cases"))
