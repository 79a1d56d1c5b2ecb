"""The register of requests: what was asked, where it stands, and everything personal about it sealed.

Each step is one transaction of the ledger's database, with the entry that proves it; two processes that do the same
step do it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyrage

from privacy.datamap.models import REQUEST
from privacy.errors import BadInput, Refused, RetryLater
from privacy.identity import Decision, Question
from privacy.ledger import Writing
from privacy.rights.answering import Answering
from privacy.rights.keeping import people
from privacy.rights.lifting import Lifted, may_refuse, not_begun
from privacy.rights.opening import Opening
from privacy.rights.payload import (
    Act,
    BundleRef,
    Closing,
    Decided,
    Evidence,
    Figures,
    Ground,
    Proof,
    asked,
    plain,
)
from privacy.rights.proof import Span, check_address, check_delivery, check_evidence, check_reviewed
from privacy.rights.rectifying import Correcting
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Right, State, Step, after, superseded
from privacy.rights.stopping import whose
from privacy.rights.table import tell
from privacy.sources.base import Subject

EXPORT = "export_subject"
"""Who acts in the ledger when no person does."""


class Register(Lifted, Answering, Correcting, Opening):
    """The register of requests; see :class:`privacy.rights.arrivals.Arrivals` for its parameters."""

    def begin(self, number: str, run: str, *, author: str = EXPORT) -> Request:
        """A run of its export begins; safe to repeat. Earlier runs may not seal any more.

        :returns: with ``dates.begun_at`` of the first run: what the bundle is as of.
        :raises Refused: it is released or refused.
        """
        with self._table.changing(number, Step.BEGIN) as (draft, writing):
            if draft.run != run:
                tell(writing, draft, "request.begun", author, run=run)
            draft.run = run
        self._place(draft, author)
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
        # The request's own number, by which processors deliver, is no finding of the resolution.
        own = tuple(i for i in subject.identifiers if i.kind != REQUEST)
        subject = Subject(subject.no, plain(own))
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
                # Where somebody is written to was found out of whom it was taken for until now.
                draft.payload = draft.payload.but(subject=subject, notes=dict(notes or {}), reach=None)
                tell(writing, draft, "request.resolved", author, run=run)
        self._place(draft, author)
        return self._table.request(draft)

    def undecided(self, number: str, question: Question, *, run: str, author: str = EXPORT) -> Request:
        """The request leads to more than one person: a person decides, and nothing is exported meanwhile.

        What is anybody's among them is held until then.

        :raises Refused: its identity was resolved before, the run was overtaken, or the request is closed.
        """
        with self._table.changing(number, Step.ASK) as (draft, writing):
            _current(draft, run)
            if draft.payload.subject is not None:
                raise Refused("request.resolved", "Its identity was resolved before.", where=draft.number)
            if draft.payload.decided is not None:
                _unproven(draft, writing, author)
            if draft.payload.question != asked(question) or draft.payload.decided is not None:
                draft.payload = draft.payload.but(question=asked(question), decided=None)
                tell(writing, draft, "request.undecided", author, run=run, count=len(question.candidates))
        self._place(draft, author)
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

        A proof of identity that was accepted for an earlier answer does not count for this one.

        :param decision: about the question that waits; its ``about`` is filled in here.
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
            answer = replace(decision, about=question.shared)
            decided = Decided(decision=answer, author=author, at=self._clock.now())
            # A run that still works on an earlier answer may not seal it: its number is taken away.
            draft.run = None
            # What was proven before, was proven of nobody in particular, or of whoever it was taken for then.
            _unproven(draft, writing, author)
            draft.payload = draft.payload.but(decided=decided, subject=None, notes={}, reach=None)
            tell(writing, draft, "request.decided", author, reason=decision.address)
            if self._stopping is not None:
                self._stopping.decided(draft, writing, author=author)
        self._place(draft, author)
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
        left_out: Mapping[str, int] | None = None,
        figures: Sequence[Figures] = (),
        size: int | None = None,
        omitted: Mapping[str, int] | None = None,
        author: str = EXPORT,
    ) -> Request:
        """A run has written the sealed bundle; the request's hold ends. Safe to repeat.

        :param counts: records by dataset.
        :param left_out: what was withheld, redacted or omitted, and how often: a person looks at it before its release.
        :param figures, size, omitted: see :class:`privacy.rights.payload.BundleRef`.
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
                left_out={what: n for what, n in (left_out or {}).items() if n} or None,
                figures=tuple(figures),
                size=size,
                omitted=dict(omitted or {}),
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
                # What somebody looked at was another bundle.
                draft.dates = replace(draft.dates, reviewed_at=None)
                draft.payload = draft.payload.but(bundle=ref, review=None)
                count = sum(ref.counts.values())
                tell(writing, draft, "request.sealed", author, run=run, digest=outer_sha256, count=count)
            self._holds.release_request(draft.number, author=author, writing=writing)
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
        spans: Sequence[Span] = ()
        there = self._table.draft(number)
        whom = people(there.payload, there.dates.received_at, self._resolver) if there.right is Right.ERASURE else None
        after(there.dates, Step.PROVE, self._clock.now(), there.number)
        check_evidence(there.payload, evidence)
        if evidence.address is not None:
            # Outside the transaction: the shop may take its time.
            subject = there.payload.subject
            spans = self._addresses(subject, evidence.address) if self._addresses and subject else ()
            check_address(there.payload, evidence.address, there.dates.received_at, spans)
        with self._table.changing(number, Step.PROVE) as (draft, writing):
            if evidence.address is not None:
                if draft.payload.subject != there.payload.subject:
                    raise RetryLater(
                        "request.busy", "Whose it is was changed in the same moment.", where=number, advice="Try again."
                    )
                check_address(draft.payload, evidence.address, draft.dates.received_at, spans)
            proof = Proof(evidence=evidence, author=author, at=self._clock.now())
            draft.payload = draft.payload.but(proofs=(*draft.payload.proofs, proof))
            tell(writing, draft, "request.proven", author, ground=evidence.kind.value)
            if self._stopping is not None and whom is not None and whose(draft.payload) == whose(there.payload):
                # In this very transaction: who has proven to leave is out of the staff's reach (STAFF-BLOCK).
                self._stopping.stop(draft, whom, writing, author=author)
        return self._table.request(draft)

    def release(self, number: str, author: str) -> BundleRef:
        """The bundle may be handed over.

        :raises Refused: not proven, not sealed, closed, ``request.not_reviewed``, or the answer is to go elsewhere than
            what was proven.
        """
        with self._table.changing(number, Step.RELEASE) as (draft, writing):
            check_delivery(draft.payload)
            bundle = draft.payload.bundle
            check_reviewed(draft.payload)
            assert bundle is not None and draft.payload.proofs  # noqa: S101, PT018 - `opened` holds dates to content
            draft.payload = draft.payload.but(release=Closing(author=author, at=self._clock.now()))
            tell(writing, draft, "request.released", author, digest=bundle.outer_sha256)
            self._holds.release_request(draft.number, author=author, writing=writing)
        return bundle

    def still_asked(self, number: str, *, run: str) -> None:
        """Whether a run may still erase or correct: its approval may have come days after the plan.

        :raises Refused: it is closed, not proven or decided any more, or the run was overtaken.
        """
        draft = self._table.read(number)
        _current(draft, run)
        after(draft.dates, Step.ACT_PARTLY, self._clock.now(), draft.number)

    def acted(
        self, number: str, act: Act, *, partly: bool = False, run: str | None = None, author: str | None = None
    ) -> Request:
        """Record what was done for a request that asks for no copy. Safe to repeat.

        :param partly: the rest waits for a condition. :param run: of the pipeline that did it; one that was overtaken
            is not believed. :param author: who acts in the ledger; by default who did it.
        :raises Refused: it asks for a copy, is not proven or decided where it has to be, is closed, or was overtaken.
        """
        with self._table.changing(number, Step.ACT_PARTLY if partly else Step.ACT) as (draft, writing):
            if run is not None:
                _current(draft, run)
            before = draft.payload.partly if partly else draft.payload.act
            if before is None or (before.digest, before.counts) != (act.digest, act.counts):
                draft.payload = draft.payload.but(**{"partly" if partly else "act": act})
                kind = "request.partly_done" if partly else "request.acted"
                who, count = author or act.author, sum(act.counts.values())
                tell(writing, draft, kind, who, run=run, digest=act.digest or None, count=count)
                if self._stopping is not None:
                    self._stopping.decided(draft, writing, author=who)
        return self._table.request(draft)

    def answered(self, number: str, author: str) -> Request:
        """Record that the person was told that all is done, which closes the request.

        :raises Refused: ``request.not_done``; it asks for a copy, or is closed.
        """
        with self._table.changing(number, Step.ANSWER) as (draft, writing):
            draft.payload = draft.payload.but(answer=Closing(author=author, at=self._clock.now()))
            tell(writing, draft, "request.answered", author)
            if self._stopping is not None:
                self._stopping.closed(draft, writing, author=author)
        return self._table.request(draft)

    def refuse(self, number: str, ground: Ground, author: str, *, because: str = "") -> Request:
        """Answer the request without data; its hold ends.

        :param because: in words; sealed.
        :raises Refused: it is closed; ``request.always_granted``: nobody weighs a restriction or a marketing stop;
            ``request.begun``: an erasure of it has begun, and something may have gone.
        :raises BadInput: ``request.content``: too many words; ``request.ground``: that ground is of an objection.
        """
        closing = Closing.of(author=author, at=self._clock.now(), ground=ground, because=because)
        may_refuse(self.get(number), ground)
        with self._table.changing(number, Step.REFUSE) as (draft, writing):
            draft.payload = draft.payload.but(refusal=closing)
            tell(writing, draft, "request.refused", author, ground=ground.value)
            # After that entry, which takes the ledger's lock: no erasure can begin from here on.
            not_begun(self._ledger, draft)
            self._holds.release_request(draft.number, author=author, writing=writing)
            if self._stopping is not None:
                self._stopping.decided(draft, writing, author=author)
        return self._table.request(draft)


def _current(draft: Draft, run: str) -> None:
    if draft.run != run:
        raise superseded(draft.number)


def _unproven(draft: Draft, writing: Writing, author: str) -> None:
    """Take back what was proven, and say so."""
    if draft.payload.proofs:
        tell(writing, draft, "request.unproven", author, count=len(draft.payload.proofs))
    draft.dates = replace(draft.dates, proven_at=None)
    draft.payload = draft.payload.but(proofs=())
