"""A cold year of web logs exported by two workers of Celery beside one, each with one task at a time.

Everything else (scheduler, API, PostgreSQL, Redis) is on the same machine: with two processors in all, it takes from the
workers what on other machines it would not. Hence the same two processes without Airflow are shown too.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import log_index
from harness import Row, measure, report
from run import installed

from privacy.rights import Right
from privacy.sources.base import Identifier
from services import celery
from services.postgres import postgres

EXPORT = "export_subject"
CUSTOMER = 1001
"""Of the demo shop; the lines that the benchmark's subject has, are theirs here."""


def workers() -> list[Row]:
    """One run on one worker, then on two, after one that warms up; and the reading alone by one process and by two."""
    celery.AT_ONCE = 1
    log_index.CUSTOMER = CUSTOMER
    with tempfile.TemporaryDirectory(prefix="bench-") as name, postgres() as server:
        folder = Path(name)
        house, variables = installed(folder)
        web = folder / "shop" / "weblogs"
        shutil.rmtree(web)
        log_index.make(folder / "made", log_index.DAYS, log_index.LINES)
        web.joinpath("nginx").mkdir(parents=True)
        folder.joinpath("made", "access").rename(web / "nginx" / "access")
        number = house.register.receive(Right.ACCESS, [Identifier("shop.customer_id", CUSTOMER)], author="bench").number
        with celery.celery_airflow(folder / "celery", server, variables, EXPORT) as airflow:
            _seconds(airflow, number)
            two = _seconds(airflow, number)
            airflow.processes[celery.WORKERS[1]].stop()
            one = _seconds(airflow, number)
        alone = [measure(Path(__file__), str(web), str(count)).seconds for count in (1, 2)]
    days = f"{log_index.DAYS} days of {log_index.LINES:,} lines, {os.cpu_count()} processors for everything"
    return [
        Row("a cold year of logs by Celery: two workers", days, "s", round(two, 1), round(one, 1), "one worker",
            round(two / one, 3), "at most 0.56 times, with a processor for each worker", two <= one / 1.8),
        Row("a cold year of logs: two processes without Airflow", days, "s", round(alone[1], 1), round(alone[0], 1), "one process",
            round(alone[1] / alone[0], 3), "none: shown", True),
    ]  # fmt: skip


def _seconds(airflow: celery.CeleryAirflow, number: str) -> float:
    run = airflow.api.trigger(EXPORT, request=number)
    if (state := airflow.over(EXPORT, run)) != "success":
        raise RuntimeError(f"{state}: {airflow.words('scheduler')}")
    read = [t for t in airflow.tasks(EXPORT, run) if str(t["rendered_map_index"]).startswith("weblogs.access")]
    begun = min(datetime.fromisoformat(str(t["start_date"])) for t in read)
    ended = max(datetime.fromisoformat(str(t["end_date"])) for t in read)
    return (ended - begun).total_seconds()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        report(lambda: log_index.ours(Path(sys.argv[1]) / "nginx", None, log_index.ONE, int(sys.argv[2])))
    else:
        for row in workers():
            sys.stdout.write(f"{row}\n")
