"""The installation as the desk sees it: made anew for each page, so that a policy that was changed is read anew."""

from __future__ import annotations

from functools import cached_property

import sqlalchemy as sa

from privacy.clock import Clock
from privacy.connections import Connections
from privacy.rights.house import House
from privacy.settings import Settings


class Houses:
    """Makes a house for each page; all of them share one pool of connections to the ledger's database.

    :param clock: the machine's by default.
    """

    def __init__(self, settings: Settings, connections: Connections, clock: Clock | None = None) -> None:
        self._settings = settings
        self._connections = connections
        self._clock = clock

    @cached_property
    def _engine(self) -> sa.Engine:
        return House(self._settings, self._connections, self._clock).engine

    def __call__(self) -> House:
        """The installation now.

        :raises BadConfiguration: there is no ledger yet.
        """
        house = House(self._settings, self._connections, self._clock)
        house.engine = self._engine
        return house
