"""Airflow's pools: at most so many tasks at once that touch a store.

Each connection of the data map has the pool ``privacy_<connection>``; a task that asks several stores runs in
``privacy_several``. A store is thus never asked by more tasks than its own pool and that one have slots. The pools are
made when Airflow's scheduler starts; a size that somebody changed since, stays.

What a mapped task touches is known when it is mapped: :mod:`privacy.orchestration.pool_policy` moves it there then.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from privacy.datamap.load import DataMap

SEVERAL = "privacy_several"
"""The pool of tasks that touch more than one store, or of which nobody can say which one."""

SLOTS_OF_SEVERAL = 8
_TRIES = 5


def of(connections: Iterable[str]) -> str:
    """The pool of a task that touches these connections."""
    found = set(connections)
    return f"privacy_{found.pop()}" if len(found) == 1 else SEVERAL


def sizes(datamap: DataMap) -> dict[str, int]:
    """Pool -> slots of an installation: a connection that serves several systems takes the smallest they bear."""
    found = {SEVERAL: SLOTS_OF_SEVERAL}
    for system in datamap.systems.values():
        pool = of([system.connection])
        found[pool] = min(system.tasks_at_once, found.get(pool, system.tasks_at_once))
    return found


def places(datamap: DataMap) -> dict[tuple[str, str], str]:
    """What a task is mapped over -> its pool: (``export_subject``, dataset) and (purge, rule)."""
    found = {("export_subject", ref.full): of([ref.system.connection]) for ref in datamap}
    for purge, made in datamap.policy.purges.items():
        for name, rule in made.rules.items():
            found[purge, name] = of(datamap[full].system.connection for full in rule.datasets)
    return found


def ensure(wanted: Mapping[str, int], session: Session) -> list[str]:
    """Make the pools that there are not yet; those that there are stay as they are.

    :param session: of Airflow's metadata database; the caller commits.
    :returns: which were made.
    """
    import sqlalchemy as sa
    from airflow.models.pool import Pool

    there = set(session.scalars(sa.select(Pool.pool)))
    made = [name for name in wanted if name not in there]
    for name in made:
        text = "Tasks at once that touch this store (privacy pipelines)"
        session.add(Pool(pool=name, slots=wanted[name], description=text, include_deferred=False))
    return made


def prepare(datamap: DataMap | None) -> None:
    """Make the pools of an installation when a component of Airflow starts.

    :param datamap: None: it cannot be read, and the first task says so; it needs its pool for that.
    """
    from airflow.utils.session import create_session
    from sqlalchemy.exc import IntegrityError, OperationalError

    wanted = {SEVERAL: SLOTS_OF_SEVERAL} if datamap is None else sizes(datamap)
    for left in reversed(range(_TRIES)):
        try:
            with create_session() as session:
                ensure(wanted, session)
            return
        except (IntegrityError, OperationalError):
            # Another component starts at the same time: it makes them too, or keeps SQLite to itself for a moment.
            if not left:
                raise
            time.sleep(0.5)
