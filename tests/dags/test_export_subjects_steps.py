"""``export_subjects`` by ``dag.test()``: the tasks' own code, in one process, whose coverage counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest_airflow import PROJECT, with_template
from conftest_runs import CANARIES, OTHER_EMAIL, SHARED, Ferry
from privacy import numbers
from privacy.orchestration.environment import Layout, variables
from privacy.sources.base import Identifier

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

SCRIPT = """
import json, logging, sys
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
logging.disable(logging.CRITICAL)
DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1], bundle_name="dags-folder", bundle_path=sys.argv[1])
sync_bag_to_db(bag, "dags-folder", None)
ends = []
for numbers in json.loads(sys.argv[2]):
    run = bag.dags["export_subjects"].test(run_conf={"requests": numbers})
    ends.append([str(run.state), {f"{t.task_id} {t.map_index}": str(t.state) for t in run.get_task_instances()}])
open(sys.argv[1] + "/../ends.json", "w").write(json.dumps(ends))
"""


@pytest.mark.check("the steps are tested without Airflow; here it is that their tasks are wired")
def test_a_run_is_red_when_a_request_failed_and_the_others_have_their_bundles(tmp_path: Path) -> None:
    ferry = Ferry(tmp_path / "company")
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "export_subjects.py").write_bytes((PROJECT / "dags" / "export_subjects.py").read_bytes())
    layout = Layout(tmp_path / "airflow", PROJECT, 1, privacy=ferry.variables, dags=dags)
    with_template(layout)
    good = [ferry.request(), ferry.request(Identifier("email", OTHER_EMAIL))]
    unknown, shared = numbers.number("VEER", 2026, 4711), ferry.request(Identifier("email", SHARED))
    environment = variables(layout) | {n: v for n, v in os.environ.items() if n.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(dags), json.dumps([[*good, unknown, shared], good, []])],
        env=environment,
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (mixed, tasks), (fine, all_of_them), (nobody, _) = json.loads((tmp_path / "ends.json").read_text())
    assert (mixed, fine, nobody) == ("failed", "success", "failed")
    assert {name: state for name, state in tasks.items() if state != "success"} == {
        "record -1": "failed", "done -1": "upstream_failed",
    }  # fmt: skip
    assert set(all_of_them.values()) == {"success"}
    for number in good:
        assert ferry.kinds(number) == [("run.begun", ""), ("run.ended", "done")] * 2
    assert ferry.kinds(unknown) == [("run.begun", ""), ("run.ended", "request.unknown")]
    assert ferry.kinds(shared) == [("run.begun", ""), ("run.ended", "identity.ambiguous")]
    assert f"request.unknown: 1: {unknown}" in done.stdout
    assert not [canary for canary in CANARIES if canary in done.stdout + done.stderr]
    assert ferry.staged == []
