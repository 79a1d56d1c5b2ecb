"""A whole run of ``export_subject`` in a real Airflow, beside a graph of the same shape whose tasks do nothing."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from harness import Row

from privacy.connections import EnvironmentConnections
from privacy.datamap.load import load
from privacy.orchestration.api import OVER, AirflowApi
from privacy.orchestration.embedded import EmbeddedAirflow, free_port
from privacy.orchestration.environment import Layout
from privacy.orchestration.progress import follow
from privacy.rights import Right
from privacy.rights.house import House
from privacy.settings import Settings
from privacy.sources.base import Identifier

PROJECT = Path(__file__).parents[2]
TIMES = 7

EMPTY = '''
"""The same graph as export_subject, of tasks that do nothing."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task


@dag(schedule=None, catchup=False)
def empty_graph():
    @task(do_xcom_push=False)
    def nothing(before=None):
        """Nothing."""

    @task
    def units():
        return [{"no": n, "name": str(n)} for n in range(%d)]

    @task(map_index_template="{{ task.op_kwargs['unit']['name'] }}", multiple_outputs=False)
    def extract(unit):
        return unit

    named = {name: nothing.override(task_id=name) for name in ("opened", "resolved", "bundle", "record", "empty")}
    opened, resolved, listed = named["opened"](), named["resolved"](), units()
    bundle = named["bundle"](extract.expand(unit=listed))
    record, empty = named["record"]().as_teardown(), named["empty"]().as_teardown()
    opened >> resolved >> listed
    bundle >> record >> empty
    [bundle, record, empty] >> EmptyOperator(task_id="done")


empty_graph()
'''


def runs() -> list[Row]:
    """Medians of several runs of each, one after the other in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        house, variables = installed(folder)
        number = house.register.receive(Right.ACCESS, [Identifier("shop.customer_id", 1001)], author="bench").number
        units = sum(bool(ref.dataset.people) for ref in house.datamap)
        dags = folder / "dags"
        dags.mkdir()
        shutil.copy(PROJECT / "dags" / "export_subject.py", dags)
        (dags / "empty_graph.py").write_text(EMPTY % units)
        layout = Layout(folder / "airflow", PROJECT, free_port(), privacy=variables, dags=dags)
        with EmbeddedAirflow(layout) as airflow:
            airflow.wait("export_subject", "empty_graph", seconds=180)
            ours, peer = [], []
            for again in range(TIMES + 1):
                took = [_seconds(airflow.api, "export_subject", request=number), _seconds(airflow.api, "empty_graph")]
                if again:  # The first of each warms up.
                    ours.append(took[0])
                    peer.append(took[1])
    one, other = statistics.median(ours), statistics.median(peer)
    return [
        Row("one run of export_subject", f"{units + 7} tasks, demo shop", "s", round(one, 2), round(other, 2),
            "the same graph of tasks that do nothing", round(one / other, 2), "at most 1.5 times", one / other <= 1.5)
    ]  # fmt: skip


def installed(folder: Path) -> tuple[House, dict[str, str]]:
    """A tiny demo shop in ``shop`` of a folder, and an installation over it; with its settings as variables."""
    sys.path.insert(0, str(PROJECT / "include"))
    from demo import make

    make(folder / "shop", seed=1, size="tiny")
    variables = {
        "PRIVACY_HOME": str(PROJECT / "include"),
        "PRIVACY_STATE": str(folder / "state"),
        "PRIVACY_CONNECTION_LEDGER": f"sqlite:///{folder}/state/ledger.db",
        "PRIVACY_CONNECTION_BUNDLES": (folder / "state" / "bundles").as_uri(),
        **_connections(folder / "shop"),
    }
    house = House(Settings(home=PROJECT / "include", state=folder / "state"), EnvironmentConnections(variables))
    house.found()
    return house, variables


def _connections(shop: Path) -> dict[str, str]:
    """The systems of a made shop."""
    found = {}
    for system in load(PROJECT / "include").systems.values():
        data = shop / system.connection
        url = f"sqlite:///{data}.db" if system.source == "sql" else data.as_uri()
        found[f"PRIVACY_CONNECTION_{system.connection.upper()}"] = url
    return found


def _seconds(api: AirflowApi, dag: str, **conf: str) -> float:
    run = api.trigger(dag, **conf)
    list(follow(api, dag, run, seconds=120))
    found = api.call("GET", f"/dags/{dag}/dagRuns/{run.replace('+', '%2B')}")
    if found["state"] != OVER[0]:
        raise RuntimeError(f"a run of {dag} failed")
    start, end = (datetime.fromisoformat(found[key]) for key in ("start_date", "end_date"))
    return (end - start).total_seconds()


if __name__ == "__main__":
    for row in runs():
        sys.stdout.write(f"{row}\n")
