"""The arrival of a request, its place in the register, and the hold that keeps its records meanwhile."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import pyrage
import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.datamap.models import did_you_mean
from privacy.datamap.policy import Policy
from privacy.errors import AskPerson, BadInput, PrivacyError, Refused, Tampered
from privacy.keys import MasterKey, new_key
from privacy.ledger import Ledger
from privacy.rights.keeping import People, RequestHolds, Resolver, people
from privacy.rights.payload import Payload, Visit, plain
from privacy.rights.proof import Addresses
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Dates, Right, State, Step
from privacy.rights.stopping import Stopping, may_hold, may_stop, whose
from privacy.rights.table import RequestTable
from privacy.sources.base import Identifier, Subject

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""A line break in an address is somebody's attempt at a second header; as an identifier it would find nobody."""

_EARLIEST = 1970
"""No request arrived before this year: it was typed wrong."""

ASKED = "processor.asked"
"""The ledger's word that somebody asked a processor what they hold, by request and dataset."""


class Arrivals:
    """The register of requests.

    :param engine: of the ledger's database, migrated.
    :param policy: for the numbers' prefix and the zone in which terms count.
    :param addresses: when an address was whose, by the shop's records (:func:`privacy.rights.proof.addresses`); without
        it no address proves an identity.
    :param resolver: whose a request is, by the shop's records; without it only what a request names is held until its
        export has found out. It settles nothing.
    :param stopping: what a restriction, an objection and the like stop at once; without it they stop nothing.
    """

    def __init__(
        self,
        engine: sa.Engine,
        key: MasterKey,
        ledger: Ledger,
        holds: RequestHolds,
        policy: Policy,
        clock: Clock | None = None,
        *,
        addresses: Addresses | None = None,
        resolver: Resolver | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._table = RequestTable(engine, key, ledger, policy, self._clock)
        self._ledger = ledger
        self._holds = holds
        self._addresses = addresses
        self._resolver = resolver
        self._stopping = stopping
        self._policy = policy

    def receive(
        self,
        right: Right,
        identifiers: Sequence[Identifier],
        *,
        author: str,
        name: str | None = None,
        deliver_to: str | None = None,
        received_at: datetime | None = None,
        channel: str = "email",
        direct_transfer: bool = False,
        linked: str | None = None,
        visits: Sequence[Visit] = (),
        purposes: Sequence[str] = (),
        language: str | None = None,
    ) -> Request:
        """Register a request; from now on no purge takes what is anybody's that it may be about.

        What its right stops is stopped when this returns (see :mod:`privacy.rights.stopping`), unless several people
        fit it: that waits for a decision. The notice that a client stops opens their erasure too (CLIENT-LIFE).

        :param identifiers: at least one.
        :param received_at: when it arrived at any address of the controller; aware; now by default.
        :param direct_transfer: of a portability alone: give what was provided and observed, for another controller.
        :param linked: the number of the request that led to this one. :param visits: when they were before a camera.
        :param purposes: of an objection, a marketing stop or a withdrawal: for these alone; empty: for any.
        :param language: ``nl`` or ``en``: that it is written in, and is answered in; None: as the shop's records say.
        :raises BadInput: no identifier, an arrival in the future or before there were requests, a text too long, a
            direct transfer on another right, purposes that it cannot have.
        :raises RetryLater: ``request.busy``: nothing is registered.
        :raises AskPerson: ``request.not_held``: it is registered, under the number that the error names, and not all
            that it may be about is protected yet; to call this again would register it twice.
        """
        now = self._clock.now()
        received_at = received_at or now
        if not identifiers:
            raise BadInput("request.nothing_named", "A request names at least one identifier.", advice="Give one.")
        if direct_transfer and right is not Right.PORTABILITY:
            raise BadInput(
                "request.direct_transfer",
                f"A direct transfer to another controller is for portability, not for {right.value}.",
                advice="Register it as portability, or without the transfer.",
            )
        self._fitting(right, purposes)
        if any(i.kind == "email" and _CONTROL.search(str(i.value)) for i in identifiers):
            raise BadInput("request.content", "An e-mail address that the request names is not one line.")
        if deliver_to is not None and "@" in deliver_to and _CONTROL.search(deliver_to):
            raise BadInput("request.content", "The e-mail address for the answer is not one line.")
        if received_at > now:
            raise BadInput("request.future", "A request cannot have arrived in the future.")
        if received_at.year < _EARLIEST:
            raise BadInput("request.too_early", f"A request cannot have arrived before {_EARLIEST}.")
        if any(isinstance(i.value, int) and not -(2**63) <= i.value < 2**63 for i in identifiers):
            raise BadInput("request.content", "An identifier is a number beyond 64 bits.")
        number, named = self._table.draw(received_at), plain(tuple(identifiers))
        payload = Payload.of(
            number=number,
            identifiers=named,
            name=name,
            channel=channel,
            author=author,
            deliver_to=deliver_to,
            direct_transfer=direct_transfer,
            linked=linked,
            visits=tuple(visits),
            purposes=tuple(sorted(set(purposes))),
            language=language,
            secret=str(pyrage.x25519.Identity.generate()),
        )
        draft = Draft(number, right, Dates(received_at, right=right), None, 1, new_key(), payload)
        self._table.insert(draft, author)
        try:
            # What it names at once; the shop may take long to say whose that is.
            first = People((Subject(1, named),))
            if draft.dates.kept:
                self._keep(number, first, author)
            if self._stopping is not None:
                self._stopping.hold(draft, first, author=author, wanted=self._table.wanted(number, may_hold))
            if self._resolver is not None or not draft.dates.kept:
                self._place(draft, author)
            if right is Right.CLIENT_END:
                self.follow(number, Right.ERASURE, author=author)
        except PrivacyError as problem:
            raise AskPerson(
                "request.not_held",
                f"{number} is registered, but not all of its records are held yet ({problem.code}).",
                where=number,
                advice=f"Do not register it again; start it, which holds them: privacy request start {number}",
            ) from None
        return self._table.request(draft)

    def get(self, number: str) -> Request:
        """One request, without anything personal.

        :raises BadInput: ``request.number``, ``request.unknown``.
        """
        return self._table.get(number)

    def list(self, state: State | None = None, *, broken: builtins.list[Tampered] | None = None) -> tuple[Request, ...]:
        """All requests, or those in one state, in the order of arrival.

        :param broken: gets the errors of rows that cannot be read; without it one such row fails the whole.
        """
        return tuple(r for r in self._table.all(broken) if state is None or r.state is state)

    def search(self, identifiers: Iterable[Identifier], *, most: int = 50) -> tuple[Request, ...]:
        """Requests that name one of these identifiers, or turned out to be of who has it; the latest first.

        By keyed digests: no request is opened. What was forgotten is not found.

        :param identifiers: in their normal form (:func:`privacy.rights.naming.identifier`). :param most: so many.
        """
        return tuple(self._table.search(identifiers, most))

    def not_held(self, requests: Iterable[Request]) -> frozenset[str]:
        """The numbers of those whose records a purge may take although they are neither exported nor closed."""
        open_ones = frozenset(r.number for r in requests if r.dates.kept)
        return open_ones - self._holds.kept() if open_ones else open_ones

    def hold(self, number: str, *, author: str) -> None:
        """Place the hold of an open request where it is missing (see :meth:`receive`); safe to repeat."""
        self._place(self._table.draft(number), author)

    def follow(self, number: str, right: Right, *, author: str, received_at: datetime | None = None) -> Request:
        """The request that another one leads to, for the same person: registered, or found. Safe to repeat.

        It bears the number of the first in its sealed content.

        :param received_at: when it counts as arrived; by default when the first did.
        :raises Refused: the first is closed. :raises PrivacyError: as :meth:`receive`.
        """
        there = self._table.draft(number)
        for other in self._table.all([]):
            if other.right is right and not other.forgotten and self.open(other.number).linked == there.number:
                return self._table.request(self._table.draft(other.number))
        if there.dates.closed_at:
            raise Refused("request.closed", "The request is closed; it leads to no other any more.", where=there.number)
        decided = there.payload.decided
        whom = decided.decision.person if decided else there.payload.identifiers
        return self.receive(
            right, whom, author=author, name=there.payload.name, deliver_to=there.payload.deliver_to,
            received_at=received_at or there.dates.received_at, channel=there.payload.channel, linked=there.number,
            visits=there.payload.visits, language=there.payload.language,
        )  # fmt: skip

    def asked(self, number: str, datasets: Sequence[str], author: str) -> Request:
        """Record that processors were asked for these datasets; safe to repeat: the first time counts.

        :raises Refused: the request is closed.
        """
        with self._table.changing(number, Step.INQUIRE) as (draft, writing):
            before = {e.entry["dataset"] for e in self._ledger.entries(request=draft.number, kind=ASKED)}
            for full in datasets:
                if full not in before:
                    writing.event(ASKED, actor=author, request=draft.number, dataset=full)
        return self._table.request(draft)

    def open(self, number: str) -> Payload:
        """Everything personal about a request.

        :raises Tampered: it does not open, or is not that request's.
        """
        return self._table.draft(number).payload

    def _place(self, draft: Draft, author: str) -> None:
        """Hold, and stop, what a request may be about, as far as it is known now; again too: the first try may have
        died, or the shop have been out of reach."""
        if draft.dates.kept:
            self._keep(draft.number, people(draft.payload, draft.dates.received_at, self._resolver), author)
        elif self._stopping is not None and may_stop(draft.dates):
            whom = people(draft.payload, draft.dates.received_at, self._resolver)
            self._stopping.hold(draft, whom, author=author, wanted=self._table.wanted(draft.number, may_hold))
            with self._table.locked(draft.number) as (now, writing):
                if whose(now.payload) == whose(draft.payload):
                    self._stopping.stop(now, whom, writing, author=author)

    def _fitting(self, right: Right, purposes: Sequence[str]) -> None:
        if not purposes:
            return
        known = self._policy.purposes
        for name in purposes:
            if name not in known:
                raise BadInput("request.purposes", f"The policy has no such purpose{did_you_mean(name, known)}.")
        if right not in (Right.OBJECTION, Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL):
            raise BadInput("request.purposes", f"A request of this kind ({right.value}) is narrowed to no purpose.")
        if right is Right.OBJECTION and all(known[name].marketing for name in purposes):
            raise BadInput(
                "request.marketing", "An objection to marketing alone is not weighed: it is upheld at once.",
                advice=f"Register it as {Right.MARKETING_STOP.value}, with the same purposes.",
            )  # fmt: skip
        if right is Right.MARKETING_STOP and not all(known[name].marketing for name in purposes):
            raise BadInput(
                "request.purposes", "A marketing stop is for what the policy calls marketing.",
                advice=f"Register it as {Right.OBJECTION.value}.",
            )  # fmt: skip

    def _keep(self, number: str, whom: People, author: str) -> None:
        wanted = self._table.wanted(number)
        self._holds.place_request(number, whom.subjects, author=author, wanted=wanted, besides=not whom.complete)
