"""Runs of a DAG by ``dag.test()``: the tasks' own code, in one process, whose coverage counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest_airflow import PROJECT, with_template
from conftest_runs import Ferry
from privacy.orchestration.environment import Layout, variables

SCRIPT = """
import json, logging, sys
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
logging.disable(logging.CRITICAL)
DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1], bundle_name="dags-folder", bundle_path=sys.argv[1])
sync_bag_to_db(bag, "dags-folder", None)
ends = []
for conf in json.loads(sys.argv[3]):
    run = bag.dags[sys.argv[2]].test(run_conf=conf)
    ends.append([str(run.state), {f"{t.task_id} {t.map_index}": str(t.state) for t in run.get_task_instances()}])
open(sys.argv[1] + "/../ends.json", "w").write(json.dumps(ends))
"""


@dataclass(frozen=True)
class Ended:
    """How the runs ended: of each its state, and every task's. :param said: all that was written to the terminal."""

    runs: list[tuple[str, dict[str, str]]]
    said: str


def ended(folder: Path, ferry: Ferry, dag: str, confs: Sequence[dict[str, Any]]) -> Ended:
    """Run a DAG of this project once with each of these parameters, in a new process.

    :param folder: for Airflow's database, and the DAG's file.
    """
    dags = folder / "dags"
    dags.mkdir()
    (dags / f"{dag}.py").write_bytes((PROJECT / "dags" / f"{dag}.py").read_bytes())
    layout = Layout(folder / "airflow", PROJECT, 1, privacy=ferry.variables, dags=dags)
    with_template(layout)
    environment = variables(layout) | {n: v for n, v in os.environ.items() if n.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(dags), dag, json.dumps(confs)],
        env=environment, cwd=folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    runs = [(state, tasks) for state, tasks in json.loads((folder / "ends.json").read_text())]
    return Ended(runs, done.stdout + done.stderr)
