"""What ends a stop in the register: the person's own word, and nothing else (promise R-RESTR)."""

from __future__ import annotations

from collections.abc import Sequence

from privacy.errors import BadInput, Refused
from privacy.rights.payload import Evidence, Ground, Lifting, Payload
from privacy.rights.postponing import Postponing
from privacy.rights.proof import Span, check_address, check_evidence
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Right, Step, after
from privacy.rights.table import tell

GRANTED = (Right.RESTRICTION, Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL)
"""What is never weighed."""


class Lifted(Postponing):
    """See :class:`privacy.rights.arrivals.Arrivals` for the parameters."""

    def may_lift(self, number: str, word: str, evidence: Evidence | None) -> Payload:
        """Whether the stop may be lifted now, before the person is told so (art. 18(3) GDPR).

        :returns: everything personal about it. :raises: as :meth:`lift`.
        """
        draft = self._table.draft(number)
        after(draft.dates, Step.LIFT, self._clock.now(), draft.number)
        self._theirs(draft, word, evidence)
        return draft.payload

    def lift(self, number: str, word: str, author: str, *, channel: str, evidence: Evidence | None = None) -> Request:
        """Let go on what a person had stopped, at their own word; its hold and stop end in the same transaction.

        What fell due meanwhile goes with the next purge.

        :param word: what they said; sealed. :param channel: how it came.
        :param evidence: that it was they; not needed where the request itself was proven.
        :raises Refused: ``request.nothing_to_lift``, ``request.lifted``; ``request.not_proven``: nobody but the person
            lifts it; ``proof.*``. :raises BadInput: ``request.no_word``, ``request.content``, ``proof.*``.
        """
        spans = self._theirs(self._table.draft(number), word, evidence)
        with self._table.changing(number, Step.LIFT) as (draft, writing):
            self._theirs(draft, word, evidence, spans)
            lifted = Lifting.of(author=author, at=self._clock.now(), word=word, channel=channel, evidence=evidence)
            draft.payload = draft.payload.but(lifted=lifted)
            tell(writing, draft, "request.lifted", author, ground=evidence.kind.value if evidence else "proven")
            if self._stopping is not None:
                self._stopping.decided(draft, writing, author=author)
        return self._table.request(draft)

    def _theirs(
        self, draft: Draft, word: str, evidence: Evidence | None, spans: Sequence[Span] | None = None
    ) -> Sequence[Span]:
        """Whether it is the person's word. :returns: when the address was theirs, as it was looked up."""
        if not word.strip():
            raise BadInput(
                "request.no_word", "Only the person lifts it: record what they said.", where=draft.number,
                advice="Give it with --word; - asks for it.",
            )  # fmt: skip
        if evidence is None:
            if not draft.payload.proofs:
                raise Refused(
                    "request.not_proven", "That it is the person who lifts it, is not proven.", where=draft.number,
                    advice="Say what proves it: --by known_address, document or knowledge.",
                )  # fmt: skip
            return ()
        check_evidence(draft.payload, evidence)
        if evidence.address is None:
            return ()
        if spans is None:
            subject = draft.payload.subject
            spans = self._addresses(subject, evidence.address) if self._addresses and subject else ()
        check_address(draft.payload, evidence.address, self._clock.now(), spans)
        return spans


def may_refuse(request: Request, ground: Ground) -> None:
    """Whether a request may be refused on this ground. :raises Refused, BadInput: see :meth:`Register.refuse`."""
    if ground is Ground.COMPELLING and request.right is not Right.OBJECTION:
        raise BadInput(
            "request.ground", "Compelling grounds are weighed against an objection alone.", where=request.number
        )
    if request.right in GRANTED and ground not in (Ground.IDENTITY, Ground.WITHDRAWN):
        raise Refused(
            "request.always_granted", "Nobody weighs such a request: it is granted.", where=request.number,
            advice=f"Start {request.right.pipeline}; or say that it was not the person who asked.",
        )  # fmt: skip
