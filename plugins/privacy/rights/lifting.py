"""What ends a stop in the register: the person's own word, and nothing else (promise R-RESTR)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from privacy.errors import BadInput, Refused
from privacy.rights.payload import Closing, Evidence, Ground, Lifting
from privacy.rights.postponing import Postponing
from privacy.rights.proof import Span, check_address, check_evidence
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Right, Step, after
from privacy.rights.table import tell

if TYPE_CHECKING:
    from privacy.ledger import Ledger

GRANTED = (Right.RESTRICTION, Right.MARKETING_STOP, Right.CONSENT_WITHDRAWAL)
"""What is never weighed."""

TOLD = "restriction_lifted"
"""The kind of the letter that goes to the person before a restriction is lifted (art. 18(3) GDPR)."""


class Lifted(Postponing):
    """See :class:`privacy.rights.arrivals.Arrivals` for the parameters."""

    def announce_lift(
        self, number: str, word: str, author: str, *, channel: str, on: date, evidence: Evidence | None = None
    ) -> Request:
        """Record the person's own word that what they had stopped may go on. Nothing goes on yet: see :meth:`lift`.

        :param word: what they said; sealed. :param channel: how it came. :param on: the local date of the lifting.
        :param evidence: that it was they; not needed where the request itself was proven.
        :raises Refused: ``request.nothing_to_lift``, ``request.lifted``; ``request.not_proven``: nobody but the person
            lifts it; ``proof.*``. :raises BadInput: ``request.no_word``, ``request.content``, ``proof.*``.
        """
        spans = self._theirs(self._table.draft(number), word, evidence)
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            after(draft.dates, Step.LIFT, self._clock.now(), draft.number)
            self._theirs(draft, word, evidence, spans)
            lifting = Lifting.of(
                author=author, at=self._clock.now(), word=word, channel=channel, evidence=evidence, on=on
            )
            draft.payload = draft.payload.but(lifting=lifting)
            tell(writing, draft, "request.lift_announced", author, ground=evidence.kind.value if evidence else "proven")
        return self._table.request(draft)

    def put_off_lift(self, number: str, on: date, author: str) -> Request:
        """Let an announced lifting be later: they could not be told in time. :raises Refused: none is announced."""
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            lifting = _announced(draft)
            if on > lifting.on:
                draft.payload = draft.payload.but(lifting=lifting.model_copy(update={"on": on}))
                tell(writing, draft, "request.lift_put_off", author)
        return self._table.request(draft)

    def keep_stop(self, number: str, author: str) -> Request:
        """The person has changed their mind before the day: nothing is lifted. :raises Refused: none is announced."""
        with self._table.changing(number, Step.WRITE) as (draft, writing):
            _announced(draft)
            if draft.dates.lifted_at:
                raise Refused(
                    "request.lifted", "It is lifted already.", where=draft.number, advice="A new wish is a new request."
                )
            draft.payload = draft.payload.but(lifting=None)
            tell(writing, draft, "request.lift_cancelled", author)
        return self._table.request(draft)

    def lift(self, number: str, author: str) -> Request:
        """Let go on what a person had stopped, as they said; its hold and stop end in the same transaction.

        What fell due meanwhile goes with the next purge.

        :raises Refused: ``request.no_word``: they have not said so; ``request.not_told``: they were not told before;
            ``request.too_early``; ``request.nothing_to_lift``, ``request.lifted``.
        """
        with self._table.changing(number, Step.LIFT) as (draft, writing):
            lifting = _announced(draft)
            told = any(stub.kind == TOLD and stub.at >= lifting.at for stub in draft.payload.letters)
            if draft.right is Right.RESTRICTION and not told:
                raise Refused(
                    "request.not_told", "The person is told before a restriction is lifted.", where=draft.number,
                    advice="Send the letter first: privacy request lift, which sends it.",
                )  # fmt: skip
            if self._today() < lifting.on:
                raise Refused(
                    "request.too_early", f"It is lifted on {lifting.on}, as the person was told.", where=draft.number
                )
            draft.payload = draft.payload.but(lifted=Closing(author=author, at=self._clock.now()))
            tell(writing, draft, "request.lifted", author)
            if self._stopping is not None:
                self._stopping.decided(draft, writing, author=author)
        return self._table.request(draft)

    def _today(self) -> date:
        return self._clock.now().astimezone(ZoneInfo(self._table.zone)).date()

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


def _announced(draft: Draft) -> Lifting:
    if draft.payload.lifting is None:
        raise Refused(
            "request.no_word", "The person has not said that it may go on; nobody else can.", where=draft.number,
            advice=f"Record their word: privacy request lift {draft.number} --word -.",
        )  # fmt: skip
    return draft.payload.lifting


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


def not_begun(ledger: Ledger, draft: Draft) -> None:
    """Nobody is told that nothing was done of whom something is gone, or corrected (edge case 13).

    Of a correction nobody else would be told then either: not the processors, not the address that was replaced.

    :raises Refused: ``request.begun``: a run has begun to change, and did not end without having changed anything.
    """
    from privacy.plans.erased import STARTED as ERASING
    from privacy.plans.rectified import STARTED as CORRECTING

    kind = {Right.ERASURE: ERASING, Right.RECTIFICATION: CORRECTING}.get(draft.right)
    for begun in ledger.entries(request=draft.number, kind=kind) if kind else ():
        ended = ledger.entries(run=str(begun.entry["run"]), kind="run.ended")
        if not ended or _changed(ended[0].entry):
            raise Refused(
                "request.begun", "It has begun: something of it is done, or may be.", where=draft.number,
                advice=f"Let it end: start {draft.right.pipeline} with {draft.number}; it goes on where it was.",
            )  # fmt: skip


def _changed(ended: Mapping[str, Any]) -> bool:
    """Whether a run has changed anything: records that went, were corrected, or were emptied."""
    retained = ended.get("retained") or {}
    return bool(ended.get("records")) or any(retained.get(fate) for fate in ("set", "shared", "referenced"))
