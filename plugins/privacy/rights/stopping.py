"""What a request stops by its right: whose records are held, and whom the shop's systems are to leave alone.

==================  ==================================  ===============================================================
right               hold                                stop
==================  ==================================  ===============================================================
restriction         from arrival until it is lifted     everything, likewise
objection           from arrival until it is decided    everything, or what it is narrowed to; lasts when it is upheld
marketing stop      none                                marketing, until it is lifted
consent withdrawal  none: what rested on it is to go    the purposes that rest on the consent, until it is lifted
erasure             none                                everything, from the proof of identity on (STAFF-BLOCK)
==================  ==================================  ===============================================================

Several people may fit a request: then all of them are held, and stopped is whose own number the request names, at
once (R-OBJ); nobody else is before somebody has decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from privacy.holds import HoldKind
from privacy.rights.keeping import People, Wanted
from privacy.rights.states import LASTING, Dates, Right
from privacy.rights.stop_rows import Scope, StopGround
from privacy.rights.withdrawing import consents, resting
from privacy.sources.base import Subject

if TYPE_CHECKING:
    from privacy.datamap.load import DataMap
    from privacy.holds import Holds
    from privacy.ledger import Writing
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Draft
    from privacy.rights.stops import Stops

HOLDS = {Right.RESTRICTION: HoldKind.RESTRICTION, Right.OBJECTION: HoldKind.OBJECTION}


def may_hold(dates: Dates) -> bool:
    """Whether the request has a hold by its right now: no purge and no erasure touches the person's records."""
    if dates.right is Right.OBJECTION:
        return not (dates.refused_at or dates.acted_at)
    return dates.right is Right.RESTRICTION and not (dates.refused_at or dates.lifted_at)


def may_stop(dates: Dates) -> bool:
    """Whether the person's data are not to be processed now, by this request."""
    if dates.refused_at or dates.lifted_at:
        return False
    return dates.right in LASTING or (dates.right is Right.ERASURE and dates.proven_at is not None)


def whose(payload: Payload) -> tuple[object, ...]:
    """What says whose the request is: as long as that is the same, what was looked up for it is."""
    return payload.subject, payload.decided, payload.question


class Stopping:
    """Holds and stops of the requests, by their right; every step is safe to repeat.

    :param datamap: asked when it is needed: for an objection that is narrowed, and for what rests on a consent.
    """

    def __init__(self, holds: Holds, stops: Stops, datamap: Callable[[], DataMap]) -> None:
        self._holds = holds
        self._stops = stops
        self._datamap = datamap

    def hold(self, draft: Draft, whom: People, *, author: str, wanted: Wanted) -> None:
        """Hold everybody whom the request may be about, where its right does; waits for the batches that run.

        :param whom: less complete than what is held already: adds to it.
        """
        kind = HOLDS.get(draft.right)
        if kind is None or not may_hold(draft.dates):
            return
        there = () if whom.complete else self._held(draft.number, kind)
        own = dict.fromkeys(
            s.identifiers for s in (*whom.subjects, *there) if not all(i.contested for i in s.identifiers)
        )
        if own:
            people = [Subject(no, identifiers) for no, identifiers in enumerate(own, start=1)]
            self._holds.keep(
                draft.number, people, ground=draft.right.value, author=author, wanted=wanted, kind=kind,
                datasets=self._datasets(draft.payload),
            )  # fmt: skip

    def stop(self, draft: Draft, whom: People, writing: Writing, *, author: str) -> int:
        """Let the request's stops be what they have to be, in the transaction that has its row.

        :returns: by how many identifiers the person is listed now; 0: nobody is stopped (yet).
        """
        said = self._said(draft) if may_stop(draft.dates) else None
        one = whom.one or self._named(draft)
        if said is None or one is None:
            self._stops.end(writing, draft.number, author=author)
            return 0
        scope, ground, purposes = said
        return self._stops.place(writing, draft.number, one, scope, ground, purposes=purposes, author=author)

    def _named(self, draft: Draft) -> Subject | None:
        """By their own number, whom a request names, where more people fit: in doubt is only what others share.

        Of an erasure nothing is in doubt but whom to erase: nobody is blocked before it is decided.
        """
        if draft.right not in LASTING:
            return None
        datamap = self._datamap()
        own = tuple(i for i in draft.payload.identifiers if (kind := datamap.kind(i.kind)) is not None and kind.person)
        # Two numbers of one kind may be two people.
        return Subject(1, own) if own and len({i.kind for i in own}) == len(own) else None

    def decided(self, draft: Draft, writing: Writing, *, author: str) -> None:
        """End what the request's dates do not ask for any more, in the transaction of the step that decided so."""
        kind = HOLDS.get(draft.right)
        if kind is not None and not may_hold(draft.dates):
            self._holds.end(writing, draft.number, author=author, kind=kind)
        if not may_stop(draft.dates):
            self._stops.end(writing, draft.number, author=author)

    def closed(self, draft: Draft, writing: Writing, *, author: str) -> None:
        """An erasure is answered: what is retained stays blocked, without the request's number; else nothing does."""
        if draft.right is not Right.ERASURE:
            return
        left = draft.payload.act is not None and set(draft.payload.act.counts) - {"deleted"}
        if left:
            self._stops.detach(writing, draft.number, author=author)
        else:
            self._stops.end(writing, draft.number, author=author)

    def _held(self, number: str, kind: HoldKind) -> Sequence[Subject]:
        for hold in self._holds.active():
            if hold.request == number and hold.kind is kind and isinstance(hold.what, tuple):
                return hold.what
        return ()

    def _datasets(self, payload: Payload) -> list[str] | None:
        """What an objection that is narrowed holds: what is used for those purposes; None: all."""
        if not payload.purposes:
            return None
        named = set(payload.purposes)
        return [ref.full for ref in self._datamap() if named & set(ref.dataset.purposes)] or None

    def _said(self, draft: Draft) -> tuple[Scope, StopGround, Sequence[str]] | None:
        purposes = draft.payload.purposes
        match draft.right:
            case Right.RESTRICTION:
                return Scope.ALL, StopGround.RESTRICTION, ()
            case Right.ERASURE:
                return Scope.ALL, StopGround.ERASURE, ()
            case Right.OBJECTION:
                return (Scope.PURPOSES if purposes else Scope.ALL), StopGround.OBJECTION, purposes
            case Right.MARKETING_STOP:
                return (Scope.PURPOSES if purposes else Scope.MARKETING), StopGround.MARKETING_STOP, purposes
            case Right.CONSENT_WITHDRAWAL:
                datamap = self._datamap()
                rest = resting(datamap, consents(datamap, purposes))
                return (Scope.PURPOSES, StopGround.CONSENT_WITHDRAWAL, rest) if rest else None
        return None
