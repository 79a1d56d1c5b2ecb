"""What processors delivered for a request, until the request is closed and their term is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from privacy import numbers
from privacy.datamap.models import REQUEST
from privacy.errors import AskPerson, PrivacyError, Unreadable
from privacy.holds import apply
from privacy.rights.own import Thing
from privacy.rights.own_held import ByNumber, Held, whose
from privacy.sources.base import Delete, Identifier, Of, Selection, Source, Status, Step, Subject
from privacy.sources.files_names import DELIVERED
from privacy.storage import Entry, Store, store

if TYPE_CHECKING:
    from privacy.datamap.load import Ref
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request


class Deliveries:
    """:class:`privacy.rights.own.Keeper` of deliveries: a thing for each dataset and request."""

    def things(self, house: House) -> Iterator[Thing]:
        """See :meth:`privacy.rights.own.Keeper.things`. :raises Unreadable: a drop folder cannot be listed."""
        refs = house.deliveries.refs()
        requests = {request.number: request for request in house.register.list()} if refs else {}
        for ref in refs:
            held = Held(house, ref.full)
            for number, entries in _by_number(house, ref).items():
                yield _thing(house, ref, number, entries, requests.get(number), held)

    def remove(self, house: House, thing: Thing, *, actor: str) -> None:  # noqa: ARG002
        """See :meth:`privacy.rights.own.Keeper.remove`: through the gate of the holds; the processor's list last.

        :raises AskPerson: ``deliveries.not_gone``: something of it cannot be removed.
        """
        number, ref = str(thing.request), house.datamap[thing.dataset]
        known = {number: whose(payload)} if (payload := _payload(house, number)) is not None else {}
        source = cast(Source, ByNumber(house.source(ref.system.system), known))
        selection = Selection(ref.name, Of((Subject(1, (Identifier(REQUEST, number),)),)))
        items = [item for partition in source.partitions(selection) for item in source.locate(selection, partition)]
        outcomes = apply(source, [Step(selection, Delete(), tuple(items))], house.holds) if items else []
        if any(outcome.status is Status.FAILED for outcome in outcomes):
            raise AskPerson(
                "deliveries.not_gone", "A delivered file could not be removed.", where=ref.full,
                advice="Look at the drop folder of this request.",
            )  # fmt: skip
        left = [entry for entry in _entries(house, ref) if _number(ref, entry) == number]
        key = f"{ref.dataset.prefix or ''}{number}/{DELIVERED}"
        if [entry.key for entry in left] == [key] and not _held(house, number, left, Held(house, ref.full)):
            _delete(_store(house, ref), key)


def _thing(house: House, ref: Ref, number: str, entries: list[Entry], request: Request | None, held: Held) -> Thing:
    size = sum(entry.bytes for entry in entries)
    if request is None:
        oldest = min(entry.modified for entry in entries)
        return Thing(number, ref.full, oldest, len(entries), size, stays="not_ours")
    thing = Thing(number, ref.full, request.dates.closed_at, len(entries), size, request=number)
    return thing.but("held") if _held(house, number, entries, held) else thing


def _held(house: House, number: str, entries: list[Entry], held: Held) -> bool:
    payload = _payload(house, number)
    theirs = held.of_request(number) or (payload is not None and held.about(payload))
    return theirs or held.files(entry.key for entry in entries)


def _payload(house: House, number: str) -> Payload | None:
    try:
        return house.register.open(number)
    except PrivacyError as problem:
        if problem.code != "request.forgotten":
            raise
    return None


def _by_number(house: House, ref: Ref) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in _entries(house, ref):
        found[_number(ref, entry)].append(entry)
    return found


def _number(ref: Ref, entry: Entry) -> str:
    """The request's number, or a word for what lies beside: a folder's name may be anybody's."""
    folder, slash, _ = entry.key.removeprefix(ref.dataset.prefix or "").partition("/")
    try:
        return numbers.check(folder) if slash and numbers.check(folder) == folder else "beside"
    except PrivacyError:
        return "beside"


def _entries(house: House, ref: Ref) -> Iterator[Entry]:
    excused = tuple(excuse.name for excuse in ref.system.excused)
    for entry in _store(house, ref).list(ref.dataset.prefix or ""):
        if not any(entry.key == name or entry.key.startswith(name.rstrip("/") + "/") for name in excused):
            yield entry


def _store(house: House, ref: Ref) -> Store:
    return store(house.connections.get(ref.system.connection))


def _delete(where: Store, key: str) -> None:
    try:
        where.delete(key)
    except Unreadable as problem:
        if problem.code != "storage.missing":
            raise
