"""The pools of an installation: their names and sizes, by its data map alone, without Airflow.

See :mod:`privacy.orchestration.pools`, which makes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap

SEVERAL = "privacy_several"
"""The pool of tasks that touch more than one store, or of which nobody can say which one."""

SLOTS_OF_SEVERAL = 8


def of(connections: Iterable[str]) -> str:
    """The pool of a task that touches these connections."""
    found = set(connections)
    return f"privacy_{found.pop()}" if len(found) == 1 else SEVERAL


BY_DATASET = ("export_subject", "export_subjects", "index_logfiles")
"""The DAGs with a task that is mapped over pieces of datasets."""


def sizes(datamap: DataMap) -> dict[str, int]:
    """Pool -> slots of an installation: a connection that serves several systems takes the smallest they bear."""
    found = {SEVERAL: SLOTS_OF_SEVERAL}
    for system in datamap.systems.values():
        pool = of([system.connection])
        found[pool] = min(system.tasks_at_once, found.get(pool, system.tasks_at_once))
    return found


def places(datamap: DataMap) -> dict[tuple[str, str], str]:
    """What a task is mapped over -> its pool: (one of :data:`BY_DATASET`, dataset), (purge, rule)."""
    found = {(dag, ref.full): of([ref.system.connection]) for ref in datamap for dag in BY_DATASET}
    for purge, made in datamap.policy.purges.items():
        for name, rule in made.rules.items():
            found[purge, name] = of(datamap[full].system.connection for full in rule.datasets)
    return found
