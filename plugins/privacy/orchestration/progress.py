"""Watching a run: every task as it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator

from privacy.errors import GiveUp
from privacy.orchestration.api import OVER, AirflowApi, TaskEnd


def follow(api: AirflowApi, dag: str, run: str, *, seconds: float, pause: float = 0.25) -> Iterator[TaskEnd]:
    """Each task of a run once it has ended, in that order, until the run itself has.

    :param seconds: how long to wait for the run's end; ``pause``: between two looks.
    :raises GiveUp: ``airflow.too_slow``.
    """
    seen: set[tuple[str, int]] = set()
    until = time.monotonic() + seconds
    while True:
        # Looked at before the tasks: what ends in between is still seen in this round or the next.
        over = api.state(dag, run) in OVER
        yield from api.ended(dag, run, seen)
        if over:
            return
        if time.monotonic() > until:
            raise GiveUp("airflow.too_slow", f"The run has not ended within {seconds:.0f} s.", where=run)
        time.sleep(pause)


def line(task: TaskEnd) -> str:
    """One line for people: ``  success  extract [shop.orders]   0.4 s``."""
    took = f"{task.seconds:6.1f} s" if task.seconds is not None else ""
    return f"  {task.state:<15} {task.name:<48} {took}".rstrip()
