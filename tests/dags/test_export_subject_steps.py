"""``export_subject`` by ``dag.test()``: the tasks' own code, in one process, whose coverage counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest_airflow import PROJECT, with_template
from conftest_runs import Ferry
from privacy import numbers
from privacy.orchestration.environment import Layout, variables

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
for number in sys.argv[2:]:
    run = bag.dags["export_subject"].test(run_conf={"request": number})
    ends.append([str(run.state), {f"{t.task_id} {t.map_index}": str(t.state) for t in run.get_task_instances()}])
open(sys.argv[1] + "/../ends.json", "w").write(json.dumps(ends))
"""


@pytest.mark.check(
    "the running Airflow of test_export_subject_runs shows the same; here it is where coverage is measured"
)
def test_the_tasks_do_the_steps_and_leave_codes(tmp_path: Path) -> None:
    ferry = Ferry(tmp_path / "company")
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "export_subject.py").write_bytes((PROJECT / "dags" / "export_subject.py").read_bytes())
    layout = Layout(tmp_path / "airflow", PROJECT, 1, privacy=ferry.variables, dags=dags)
    with_template(layout)
    good, unknown = ferry.request(), numbers.number("VEER", 2026, 4711)
    environment = variables(layout) | {n: v for n, v in os.environ.items() if n.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(dags), good, unknown],
        env=environment,
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (first, tasks), (second, failed) = json.loads((tmp_path / "ends.json").read_text())
    assert (first, second) == ("success", "failed")
    assert set(tasks.values()) == {"success"}
    assert failed["open_request -1"] == "failed"
    assert ferry.kinds(good) == [("run.begun", ""), ("run.ended", "done")]
    assert ferry.kinds(unknown) == [("run.begun", ""), ("run.ended", "request.unknown")]
    assert ferry.staged == []
