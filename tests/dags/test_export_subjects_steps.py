"""``export_subjects`` by ``dag.test()``: the tasks' own code, in one process, whose coverage counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest_dag_test import ended
from conftest_runs import CANARIES, OTHER_EMAIL, SHARED, Ferry
from privacy import numbers
from privacy.sources.base import Identifier

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]


@pytest.mark.check("the steps are tested without Airflow; here it is that their tasks are wired")
def test_a_run_is_red_when_a_request_failed_and_the_others_have_their_bundles(tmp_path: Path) -> None:
    ferry = Ferry(tmp_path / "company")
    good = [ferry.request(), ferry.request(Identifier("email", OTHER_EMAIL))]
    unknown, shared = numbers.number("VEER", 2026, 4711), ferry.request(Identifier("email", SHARED))
    found = ended(
        tmp_path, ferry, "export_subjects", [{"requests": some} for some in ([*good, unknown, shared], good, [])]
    )
    (mixed, tasks), (fine, all_of_them), (nobody, _) = found.runs
    assert (mixed, fine, nobody) == ("failed", "success", "failed")
    assert {name: state for name, state in tasks.items() if state != "success"} == {
        "record -1": "failed", "done -1": "upstream_failed",
    }  # fmt: skip
    assert set(all_of_them.values()) == {"success"}
    for number in good:
        assert ferry.kinds(number) == [("run.begun", ""), ("run.ended", "done")] * 2
    assert ferry.kinds(unknown) == [("run.begun", ""), ("run.ended", "request.unknown")]
    assert ferry.kinds(shared) == [("run.begun", ""), ("run.ended", "identity.ambiguous")]
    assert f"request.unknown: 1: {unknown}" in found.said
    assert not [canary for canary in CANARIES if canary in found.said]
    assert ferry.staged == []
