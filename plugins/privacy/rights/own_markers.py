"""Erasure markers, and who was written to about the policy: keyed digests, each until its term is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from privacy.rights.markers import Markers as Table
from privacy.rights.own import Thing
from privacy.rights.policy_letters import forget, written_to

if TYPE_CHECKING:
    from privacy.rights.house import House


class Markers:
    """:class:`privacy.rights.own.Keeper` of erasure markers: those of one erasure go together, from its moment on.

    As long as a backup may be restored in which the erased still are.
    """

    name = "own.markers"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`."""
        found = Counter(marker.theirs.erased_at for marker in Table(house).all())
        for at, count in found.items():
            yield Thing(at.isoformat(timespec="microseconds"), self.name, at, count)

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:
        """See :meth:`privacy.rights.own.Keeper.remove`."""
        Table(house).forget(datetime.fromisoformat(thing.name), actor=actor)


class PolicyLetters:
    """:class:`privacy.rights.own.Keeper` of the digests of addresses, from the last letter about a version on."""

    name = "own.policy_letters"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`."""
        for version, (last, count) in written_to(house).items():
            yield Thing(version, self.name, last, count)

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:
        """See :meth:`privacy.rights.own.Keeper.remove`."""
        forget(house, thing.name, actor=actor)
