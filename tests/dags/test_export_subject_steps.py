"""``export_subject`` by ``dag.test()``: the tasks' own code, in one process, whose coverage counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_dag_test import ended
from conftest_runs import Ferry
from privacy import numbers

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]


@pytest.mark.check(
    "the running Airflow of test_export_subject_runs shows the same; here it is where coverage is measured"
)
def test_the_tasks_do_the_steps_and_leave_codes(tmp_path: Path) -> None:
    ferry = Ferry(tmp_path / "company")
    good, unknown = ferry.request(), numbers.number("VEER", 2026, 4711)
    found = ended(tmp_path, ferry, "export_subject", [{"request": number} for number in (good, unknown)])
    (first, tasks), (second, failed) = found.runs
    assert (first, second) == ("success", "failed")
    assert set(tasks.values()) == {"success"}
    assert failed["open_request -1"] == "failed"
    assert ferry.kinds(good) == [("run.begun", ""), ("run.ended", "done")]
    assert ferry.kinds(unknown) == [("run.begun", ""), ("run.ended", "request.unknown")]
    assert ferry.staged == []
