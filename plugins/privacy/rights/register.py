"""The register of requests: what was asked, where it stands, and everything personal about it sealed.

Each step is one transaction of the ledger's database, with the entry that proves it; two processes that do the same
step do it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyrage
import sqlalchemy as sa

from privacy.clock import Clock, SystemClock
from privacy.datamap.policy import Policy
from privacy.errors import BadInput, PrivacyError, Refused, RetryLater
from privacy.identity import Decision, Question
from privacy.keys import MasterKey, new_key
from privacy.ledger import Ledger
from privacy.rights.keeping import RequestHolds
from privacy.rights.payload import (
    BundleRef,
    Closing,
    Decided,
    Evidence,
    EvidenceKind,
    Ground,
    Payload,
    Proof,
    asked,
    plain,
)
from privacy.rights.proof import Addresses, check_address, check_delivery
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Dates, Right, State, Step, after, superseded
from privacy.rights.table import RequestTable
from privacy.sources.base import Identifier, Subject

EXPORT = "export_subject"
"""Who acts in the ledger when no person does."""


class Register:
    """The register of requests.

    :param engine: of the ledger's database, migrated.
    :param policy: for the numbers' prefix and the zone in which terms count.
    :param addresses: when an address was whose, by the shop's records (:func:`privacy.rights.proof.addresses`); without
        it no address proves an identity.
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
    ) -> None:
        self._clock = clock or SystemClock()
        self._table = RequestTable(engine, key, ledger, policy, self._clock)
        self._ledger = ledger
        self._holds = holds
        self._addresses = addresses

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
    ) -> Request:
        """Register a request; from now on no purge takes what it names.

        :param identifiers: at least one.
        :param received_at: when it arrived at any address of the controller; aware; now by default.
        :raises BadInput: no identifier, or an arrival in the future.
        :raises RetryLater: ``request.busy``; ``request.not_held``: it is registered, and not protected yet.
        """
        now = self._clock.now()
        received_at = received_at or now
        if not identifiers:
            raise BadInput("request.nothing_named", "A request names at least one identifier.", advice="Give one.")
        if received_at > now:
            raise BadInput("request.future", "A request cannot have arrived in the future.")
        number, named = self._table.draw(received_at), plain(tuple(identifiers))
        payload = Payload(
            number=number,
            identifiers=named,
            name=name,
            channel=channel,
            author=author,
            deliver_to=deliver_to,
            secret=str(pyrage.x25519.Identity.generate()),
        )
        draft = Draft(number, right, Dates(received_at), None, 1, new_key(), payload)
        self._table.insert(draft, author)
        try:
            self._holds.place_request(number, Subject(1, named), author=author)
        except PrivacyError as problem:
            raise RetryLater(
                "request.not_held",
                f"The request is registered, but its records are not held yet ({problem.code}).",
                where=number,
                advice="Start its export, which holds them: privacy request start.",
            ) from None
        return self._table.request(draft)

    def get(self, number: str) -> Request:
        """One request, without anything personal.

        :raises BadInput: ``request.number``, ``request.unknown``.
        """
        return self._table.get(number)

    def list(self, state: State | None = None) -> tuple[Request, ...]:
        """All requests, or those in one state, in the order of arrival."""
        return tuple(r for r in self._table.all() if state is None or r.state is state)

    def open(self, number: str) -> Payload:
        """Everything personal about a request.

        :raises Tampered: it does not open, or is not that request's.
        """
        return self._table.draft(number).payload

    def begin(self, number: str, run: str, *, author: str = EXPORT) -> Request:
        """A run of its export begins; safe to repeat. Earlier runs may not seal any more.

        :returns: with ``dates.begun_at`` of the first run: what the bundle is as of.
        :raises Refused: it is released or refused.
        """
        with self._table.changing(number, Step.BEGIN) as (draft, writing):
            if draft.run != run:
                writing.event("request.begun", actor=author, request=draft.number, run=run)
            draft.run = run
        held = draft.payload.subject or Subject(1, draft.payload.identifiers)
        if not draft.dates.sealed_at:
            self._holds.place_request(draft.number, held, author=author)
        return self._table.request(draft)

    def resolution(self, number: str) -> Subject | None:
        """The identity that was resolved; every retry uses it."""
        return self.open(number).subject

    def resolved(
        self,
        number: str,
        subject: Subject,
        notes: Mapping[str, int] | None = None,
        *,
        run: str,
        author: str = EXPORT,
    ) -> Request:
        """Keep the resolved identity, sealed, until the request is closed; safe to repeat.

        :param notes: counts of the resolution, for the manifest.
        :param run: which run resolved it; one that was overtaken, by a later one or a decision, is not believed.
        :raises Refused: it was resolved differently before, the run was overtaken, or the request is closed.
        """
        subject = Subject(subject.no, plain(subject.identifiers))
        with self._table.changing(number, Step.RESOLVE) as (draft, writing):
            _current(draft, run)
            if draft.payload.subject not in (None, subject):
                raise Refused(
                    "request.resolved",
                    "The request was resolved to somebody else before.",
                    where=draft.number,
                    advice="Every retry uses the identity in the register.",
                )
            if draft.payload.subject is None:
                draft.payload = draft.payload.but(subject=subject, notes=dict(notes or {}))
                writing.event("request.resolved", actor=author, request=draft.number, run=run)
        if not draft.dates.sealed_at:
            self._holds.place_request(draft.number, subject, author=author)
        return self._table.request(draft)

    def undecided(self, number: str, question: Question, *, run: str, author: str = EXPORT) -> Request:
        """The request leads to more than one person: a person decides, and nothing is exported meanwhile.

        :raises Refused: its identity was resolved before, the run was overtaken, or the request is closed.
        """
        with self._table.changing(number, Step.ASK) as (draft, writing):
            _current(draft, run)
            if draft.payload.subject is not None:
                raise Refused("request.resolved", "Its identity was resolved before.", where=draft.number)
            draft.payload = draft.payload.but(question=asked(question), decided=None)
            count = len(question.candidates)
            writing.event("request.undecided", actor=author, request=draft.number, run=run, count=count)
        return self._table.request(draft)

    def question(self, number: str) -> Question | None:
        """What waits, or waited, for a decision."""
        return self.open(number).question

    def decision(self, number: str) -> Decision | None:
        """The operator's answer, for the next resolution."""
        decided = self.open(number).decided
        return decided.decision if decided else None

    def decide(self, number: str, decision: Decision, author: str) -> Request:
        """Record whose the request is; the next run of the export uses it. May be corrected until it is sealed.

        :raises Refused: there is no question, or it is too late.
        :raises BadInput: the person is none of the question's candidates.
        """
        with self._table.changing(number, Step.DECIDE) as (draft, writing):
            question = draft.payload.question
            if question is None:
                raise Refused("request.no_question", "Nothing waits for a decision.", where=draft.number)
            if decision.person not in [c.identifiers for c in question.candidates]:
                raise BadInput(
                    "request.no_candidate",
                    f"The question has candidates 1 to {len(question.candidates)}.",
                    where=draft.number,
                    advice="Look at them: privacy request decide.",
                )
            decided = Decided(decision=decision, author=author, at=self._clock.now())
            # A run that still works on an earlier answer may not seal it: its number is taken away.
            draft.run = None
            draft.payload = draft.payload.but(decided=decided, subject=None, notes={})
            writing.event("request.decided", actor=author, request=draft.number, reason=decision.address)
        return self._table.request(draft)

    def recipient(self, number: str) -> str:
        """The age public key (``age1...``) to which the request's bundle is encrypted."""
        return str(pyrage.x25519.Identity.from_str(self.open(number).secret).to_public())

    def sealed(
        self,
        number: str,
        *,
        run: str,
        path: str,
        inner_sha256: str,
        outer_sha256: str,
        counts: Mapping[str, int],
        manifest_sha256: str | None = None,
        author: str = EXPORT,
    ) -> Request:
        """A run has written the sealed bundle; the request's hold ends. Safe to repeat.

        :param counts: records by dataset.
        :raises Refused: ``request.superseded``: a later run, or a decision, has taken over (edge case 36);
            ``bundle.smaller``: an earlier bundle holds more of a dataset (edge case 29): that one stays; closed.
        """
        with self._table.changing(number, Step.SEAL) as (draft, writing):
            _current(draft, run)
            if draft.payload.subject is None:
                raise Refused("request.not_ready", "It was never resolved whose it is.", where=draft.number)
            before = draft.payload.bundle
            ref = BundleRef(
                path=path,
                run=run,
                inner_sha256=inner_sha256,
                outer_sha256=outer_sha256,
                counts=dict(counts),
                manifest_sha256=manifest_sha256,
                sealed_at=before.sealed_at if before and before.outer_sha256 == outer_sha256 else self._clock.now(),
            )
            if before != ref:
                if fewer := ref.fewer(before):
                    raise Refused(
                        "bundle.smaller",
                        f"The bundle that was sealed before holds more records of {', '.join(fewer)}.",
                        where=draft.number,
                        advice="That one stays: records may be purged or changed since.",
                    )
                draft.payload = draft.payload.but(bundle=ref)
                writing.event(
                    "request.sealed",
                    actor=author,
                    request=draft.number,
                    run=run,
                    digest=outer_sha256,
                    count=sum(ref.counts.values()),
                )
        self._holds.release_request(draft.number, author=author)
        return self._table.request(draft)

    def bundle(self, number: str) -> BundleRef | None:
        """The sealed bundle, where there is one."""
        return self.open(number).bundle

    def identity(self, number: str, *, reviewer: str | None = None) -> str:
        """The age identity (``AGE-SECRET-KEY-1...``) that opens the request's bundle.

        :param reviewer: who looks at it for the controller, before it is released; recorded in the ledger.
        :raises Refused: it is not released, and this is no review; or there is no bundle.
        """
        draft = self._table.draft(number)
        if draft.payload.bundle is None:
            raise Refused("request.not_sealed", "There is no sealed bundle yet.", where=draft.number)
        if draft.payload.release is None:
            if reviewer is None or draft.dates.state is State.REFUSED:
                raise Refused(
                    "request.not_released",
                    "The bundle is not released.",
                    where=draft.number,
                    advice="Release it, or look at it for the controller: --review.",
                )
            self._ledger.event("bundle.reviewed", actor=reviewer, request=draft.number)
        return draft.payload.secret

    def prove(self, number: str, evidence: Evidence, author: str) -> Request:
        """Record a proof of identity; a stronger one may follow a weaker one.

        :raises Refused: the evidence proves nothing (see :mod:`privacy.rights.proof`), or the request is closed.
        """
        if evidence.kind is EvidenceKind.KNOWN_ADDRESS:
            there = self._table.draft(number)
            after(there.dates, Step.PROVE, self._clock.now(), there.number)
            if evidence.address is None:
                raise BadInput("proof.address_missing", "Say which address it was confirmed from.", where=there.number)
            subject = there.payload.subject
            known = self._addresses(subject, evidence.address) if self._addresses and subject else ()
            check_address(there.payload, evidence.address, there.dates.received_at, known)
        elif evidence.address is not None or not evidence.seen.strip():
            raise BadInput("proof.seen_missing", "Say in words what was seen.", advice="Use --seen.")
        with self._table.changing(number, Step.PROVE) as (draft, writing):
            proof = Proof(evidence=evidence, author=author, at=self._clock.now())
            draft.payload = draft.payload.but(proofs=(*draft.payload.proofs, proof))
            writing.event("request.proven", actor=author, request=draft.number, ground=evidence.kind.value)
        return self._table.request(draft)

    def release(self, number: str, author: str) -> BundleRef:
        """The bundle may be handed over.

        :raises Refused: not proven, not sealed, closed, or the answer is to go elsewhere than what was proven.
        """
        with self._table.changing(number, Step.RELEASE) as (draft, writing):
            check_delivery(draft.payload)
            bundle = draft.payload.bundle
            assert bundle is not None and draft.payload.proofs  # noqa: S101, PT018 - `opened` holds dates to content
            draft.payload = draft.payload.but(release=Closing(author=author, at=self._clock.now()))
            writing.event("request.released", actor=author, request=draft.number, digest=bundle.outer_sha256)
        self._holds.release_request(draft.number, author=author)
        return bundle

    def refuse(self, number: str, ground: Ground, author: str, *, because: str = "") -> Request:
        """Answer the request without data; its hold ends.

        :param because: in words; sealed.
        :raises Refused: it is closed.
        """
        with self._table.changing(number, Step.REFUSE) as (draft, writing):
            closing = Closing(author=author, at=self._clock.now(), ground=ground, because=because)
            draft.payload = draft.payload.but(refusal=closing)
            writing.event("request.refused", actor=author, request=draft.number, ground=ground.value)
        self._holds.release_request(draft.number, author=author)
        return self._table.request(draft)


def _current(draft: Draft, run: str) -> None:
    if draft.run != run:
        raise superseded(draft.number)
