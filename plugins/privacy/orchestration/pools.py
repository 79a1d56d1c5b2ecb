"""Airflow's pools: at most so many tasks at once that touch a store.

Each connection of the data map has the pool ``privacy_<connection>``; a task that asks several stores runs in
``privacy_several``. A store is thus never asked by more tasks than its own pool and that one have slots. The pools are
made when Airflow's scheduler starts; a size that somebody changed since, stays.

What a mapped task touches is known when it is mapped: :mod:`privacy.orchestration.pool_policy` moves it there then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from privacy.datamap.pools import SEVERAL, SLOTS_OF_SEVERAL, of, places, sizes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from privacy.datamap.load import DataMap

__all__ = ["SEVERAL", "SLOTS_OF_SEVERAL", "ensure", "of", "places", "prepare", "sizes"]

_TRIES = 5


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
