"""Sealed bundles, and what the register holds on whoever asked: until their terms are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from privacy.errors import Unreadable
from privacy.rights.own import Thing
from privacy.rights.own_deliveries import Deliveries
from privacy.rights.own_held import Held
from privacy.rights.states import LASTING
from privacy.rights.supplements import needed

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request

UNNAMED = timedelta(hours=24)
"""A file that the register does not name so long after it was written, will not be named any more."""

MISSING = "bundle.missing"
"""Why a bundle counts nothing: the register names it, its request is open, and the file is not there."""


class Bundles:
    """:class:`privacy.rights.own.Keeper` of sealed bundles.

    A file that the register names, from the closing of its request; one that it says is gone, and one that no run will
    name any more, at once: a crash has left those.
    """

    name = "own.bundles"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`. :raises Unreadable: the store cannot be listed."""
        files = {entry.key: entry for entry in house.bundles.list()}
        numbers = set()
        for request, payload in opened(house):
            numbers.add(request.number)
            link = payload.delivery if payload is not None else None
            if link is not None and link.path is not None and link.until is not None and house.clock.now() < link.until:
                files.pop(link.path, None)  # Somebody may fetch it still; after that it is one that nobody names.
            copied = payload.copied if payload is not None else None
            if copied is not None and house.clock.now() < copied.until:
                files.pop(copied.path, None)
            if payload is None or (ref := payload.bundle) is None:
                continue
            entry = files.pop(ref.path, None)
            thing = Thing(
                ref.path, self.name, request.dates.closed_at, 1 if entry else 0, entry.bytes if entry else 0,
                request=request.number, now=ref.purged_at is not None,
            )  # fmt: skip
            if entry is not None:
                yield thing if entry.regular else thing.but("not_ours")
            elif ref.purged_at is None:
                yield thing if request.dates.closed_at else thing.but(MISSING)
        now = house.clock.now()
        for key, entry in files.items():
            thing = Thing(key, self.name, entry.modified, 1, entry.bytes, now=now - entry.modified > UNNAMED)
            if not entry.regular or key.partition("/")[0] not in numbers:
                thing = thing.but("not_ours")
            yield thing

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:
        """See :meth:`privacy.rights.own.Keeper.remove`; the register says so before the file goes."""
        if thing.request is not None:
            house.register.purged(thing.request, thing.name, author=actor)
        elif any(p is not None and p.bundle and p.bundle.path == thing.name for _, p in opened(house)):
            return  # A run has named it meanwhile.
        try:
            house.bundles.delete(thing.name)
        except Unreadable as problem:
            if problem.code != "storage.missing":
                raise
        house.bundles.sweep(thing.name.rpartition("/")[0] + "/" if "/" in thing.name else "")


class Requests:
    """:class:`privacy.rights.own.Keeper` of key and content of closed requests (promise REG).

    They wait for what only they lead to: the bundle that the key opens, deliveries that are held for the person, the
    records of a supplementary statement, a stop that lasts until whoever asked for it lifts it.
    """

    name = "own.requests"

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`."""
        held = Held(house)
        delivered = {thing.request for thing in Deliveries().things(house)}
        stopped = house.stops.requests()
        for request, payload in opened(house):
            if payload is None:
                continue
            number, kind = request.number, request.right.value
            thing = Thing(number, self.name, request.dates.closed_at, kind=kind, request=number)
            if held.of_request(number) or held.about(payload):
                thing = thing.but("held")
            elif number in stopped and request.right in LASTING:
                # Only whoever asked for it lifts it, and only the request knows who that is.
                thing = thing.but("stopped")
            elif payload.bundle is not None and payload.bundle.purged_at is None:
                thing = thing.but("bundle")
            elif number in delivered:
                thing = thing.but("deliveries")
            elif thing.started is not None and needed(house, payload):
                thing = thing.but("supplement")
            yield thing

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:
        """See :meth:`privacy.rights.own.Keeper.remove`."""
        house.register.forget(thing.name, author=actor)


def opened(house: House) -> Iterator[tuple[Request, Payload | None]]:
    """All requests with their content; None: it was forgotten.

    :raises Tampered: a row is not what was recorded; nothing goes before that is cleared up.
    """
    for request in house.register.list():
        payload = None
        if not request.forgotten:
            payload = house.register.open(request.number)
        yield request, payload
