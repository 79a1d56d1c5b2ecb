"""What the holder of recordings says, held against what the shop knows (CAM-48H; edge case 24).

The security company erases footage after 48 hours, and tells in its lists what it has and what it erased. A list that
is late, missing or unreadable is a contradiction too: a promise of which nobody hears is not kept on evidence.

====================  =================================================================================================
code                  what it says
====================  =================================================================================================
kept_too_long         recordings that the holder still had after their term, and that no hold is on
erased_late           recordings that it erased after their term, by its own word, and that no hold or order was ever on
erased_on_hold        recordings that it erased although they were on hold
erased_before_order   recordings on hold that it erased before it was ordered to keep them: nobody can get them back
held_unlisted         recordings on hold that its list does not have
unlisted              recordings within their term that the shop knows, and its list does not have
unknown               recordings that it has, and of which the shop knows nothing although it should
differs               recordings of which it says another end than the shop
list_missing          there is no list
list_late             the newest list is older than lists come
list_unreadable       lists that cannot be read, newer than any that can
list_future           lists that say that they were made later than now
====================  =================================================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from privacy.datamap.load import Ref
from privacy.datamap.policy import Term
from privacy.errors import BadInput
from privacy.holds import Everything, Keys
from privacy.retention.horizon import horizon, limit
from privacy.rights.holder_lists import HolderList, Listed, newest
from privacy.rights.order_rows import Line
from privacy.rights.orders import Orders
from privacy.rights.recordings import Recording, chosen, footage, held_by, recordings

if TYPE_CHECKING:
    from privacy.rights.house import House

KIND = "camera.contradiction"
"""The kind of the entry that records a finding: dataset, reason (its code), count."""

Place = tuple[str, datetime, datetime]
"""Camera, begin and end of a recording."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of contradiction of one dataset of recordings.

    :param count: recordings, or lists. :param recordings: which, for an operator; nobody's name.
    :param list_at: when the list was made that it is about; None: there is none.
    """

    code: str
    dataset: str
    count: int
    list_at: datetime | None = None
    recordings: tuple[Place, ...] = ()

    def digest(self, now: datetime) -> str:
        """The same for the same finding: an hourly run records it once. A missing list is a new one every day."""
        at = self.list_at.isoformat() if self.list_at else now.astimezone(UTC).date().isoformat()
        said = [
            self.code,
            self.dataset,
            self.count,
            at,
            [[c, b.isoformat(), e.isoformat()] for c, b, e in self.recordings],
        ]
        return hashlib.sha256(orjson.dumps(said)).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        at = self.list_at.isoformat() if self.list_at else None
        return {"code": self.code, "dataset": self.dataset, "count": self.count, "list_at": at}


@dataclass(slots=True)
class _Held:
    """What is on hold, and since when; and what was ever ordered to be kept, also by an order that was withdrawn."""

    whole_since: datetime | None = None
    ordered: list[Line] = field(default_factory=list)
    spans: list[tuple[str | None, datetime, datetime | None, datetime]] = field(default_factory=list)

    def since(self, camera: str, begins: datetime, ends: datetime) -> datetime | None:
        """Since when a recording is on hold; None: it is not."""
        found = [
            since
            for own, first, last, since in self.spans
            if own in (None, camera) and first <= ends and (last is None or begins <= last)
        ]
        return min([*found, *([self.whole_since] if self.whole_since else [])], default=None)

    def was_ordered(self, camera: str, begins: datetime, ends: datetime) -> bool:
        """Whether it may have been kept beyond its term on our own word."""
        return any(
            line.camera in (None, camera) and line.begins <= ends and (line.ends is None or begins <= line.ends)
            for line in self.ordered
        )


def contradictions(house: House, now: datetime) -> list[Finding]:
    """Everything in which the holders' newest lists and the shop differ, and what is wrong with those lists.

    :param now: aware; a list is judged by what was so when it was made.
    :raises RetryLater, Unreadable: the shop's own records cannot be read.
    """
    found: list[Finding] = []
    for ref in footage(house.datamap):
        said = ref.dataset.footage
        if said is not None and said.lists is not None:
            found += _of(house, ref, house.datamap[said.lists], said.hours, now)
    return found


def record(house: House, findings: Iterable[Finding], *, actor: str = "privacy", run: str | None = None) -> int:
    """Write findings into the ledger, those that are not there yet.

    :param run: the purge's, where one found them. :returns: how many are new.
    """
    now, new = house.clock.now(), 0
    known = {entry.entry.get("digest") for entry in house.ledger.entries(kind=KIND)}
    for one in findings:
        digest = one.digest(now)
        if digest not in known:
            house.ledger.event(
                KIND, actor=actor, run=run, dataset=one.dataset, reason=one.code, count=one.count, digest=digest
            )
            known.add(digest)
            new += 1
    return new


def follow(house: House, *, actor: str = "privacy") -> int:
    """Let holds on a span of a camera cover recordings that became known after they were placed.

    To be called before a purge of footage is planned. :returns: how many records are held now that were not.
    """
    added = 0
    for hold in house.holds.active():
        if isinstance(hold.what, Keys) and hold.what.span is not None and hold.datasets:
            try:
                now = chosen(house, hold.what.span, hold.datasets).keys
            except BadInput:
                continue  # No recording of that camera is left here: what is held stays as it is.
            held = {tuple(map(str, key)) for key in hold.what.keys}
            new = [key for key in now if tuple(map(str, key)) not in held]
            if new:
                house.holds.replace(Keys((*hold.what.keys, *new), hold.what.span), id=hold.id, author=actor)
                added += len(new)
    return added


def _of(house: House, ref: Ref, lists: Ref, hours: int, now: datetime) -> Iterator[Finding]:
    seen = newest(house, lists, now)
    if seen.future:
        yield Finding("list_future", ref.full, seen.future, seen.newest_at)
    if seen.unreadable:
        yield Finding("list_unreadable", ref.full, seen.unreadable, seen.newest_at)
    if seen.found is None:
        yield Finding("list_missing", ref.full, 1)
        return
    made_at = seen.found.made_at.astimezone(UTC)
    if now - made_at > timedelta(hours=hours):
        yield Finding("list_late", ref.full, 1, made_at)
    ours = recordings(house, ref)
    yield from _compared(house, ref, seen.found, ours, _held(house, ref, ours), now)


def _compared(
    house: House, ref: Ref, said: HolderList, ours: Sequence[Recording], held: _Held, now: datetime
) -> Iterator[Finding]:
    policy, at = house.policy, said.made_at.astimezone(UTC)
    term = policy.term_of(ref.dataset)
    found: dict[str, list[Place]] = {}

    def note(code: str, one: Recording | Listed) -> None:
        found.setdefault(code, []).append((one.camera, one.begins.astimezone(UTC), one.ends.astimezone(UTC)))

    known = {(r.camera, r.begins): r for r in ours}
    listed = {(r.camera, r.begins.astimezone(UTC)): r for r in said.recordings}
    # A purge may have taken the shop's own record of whatever began before this.
    purged_before = horizon(term, now, policy.zone).before
    for place, one in listed.items():
        since, mine = held.since(one.camera, one.begins, one.ends), known.get(place)
        if one.state == "kept":
            if since is None and at > _limit(term, one.begins, policy.zone):
                note("kept_too_long", one)
            elif mine is None and one.begins >= purged_before:
                note("unknown", one)
        elif since is not None:
            note("erased_before_order" if one.wiped_at is not None and one.wiped_at < since else "erased_on_hold", one)
        elif (
            one.wiped_at is not None
            and one.wiped_at > _limit(term, one.begins, policy.zone)
            and not held.was_ordered(one.camera, one.begins, one.ends)
        ):
            note("erased_late", one)
        if mine is not None and mine.ends != one.ends:
            note("differs", one)
    for place, mine in known.items():
        if place not in listed and mine.ends <= at:
            if held.since(mine.camera, mine.begins, mine.ends) is not None:
                note("held_unlisted", mine)
            elif at < _limit(term, mine.begins, policy.zone):
                note("unlisted", mine)
    for code in sorted(found):
        yield Finding(code, ref.full, len(found[code]), at, tuple(sorted(found[code])))


def _limit(term: Term, begins: datetime, zone: str) -> datetime:
    found = limit(begins, term, zone)
    assert found is not None  # noqa: S101 - loading the data map refuses footage without it
    return found


def _held(house: House, ref: Ref, ours: Sequence[Recording]) -> _Held:
    """What is on hold of a dataset of recordings, by its holds and by the orders that went out for them."""
    orders = Orders(house).all()
    held = _Held(ordered=[line for order in orders for line in order.lines])
    said = ref.dataset.footage
    theirs = held_by(house.datamap, said.holder) if said else []
    others = {one.full: recordings(house, one) for one in theirs if one.full != ref.full}
    every = {ref.full: ours, **others}
    for hold in house.holds.active():
        names = [name for name in every if hold.covers(name)]
        mine = [order for order in orders if order.hold == hold.id and order.withdrawn_at is None]
        since = min([order.sent_at for order in mine], default=hold.placed_at)
        if not names:
            continue
        if isinstance(hold.what, Everything):
            held.whole_since = min(since, held.whole_since or since)
        elif isinstance(hold.what, Keys):
            keys = {tuple(map(str, key)) for key in hold.what.keys}
            met = [r for name in names for r in every[name] if tuple(map(str, r.key)) in keys]
            held.spans += [(r.camera, r.begins, r.ends, since) for r in met]
            if hold.what.span is not None:
                held.spans.append((hold.what.span.camera, hold.what.span.begins, hold.what.span.ends, since))
            held.spans += [(line.camera, line.begins, line.ends, since) for order in mine for line in order.lines]
    return held
