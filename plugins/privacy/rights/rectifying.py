"""What is to be corrected, in the register: wanted, planned, begun, linked to what stays as it was (promise R-RECT).

Values stand in the request's sealed content alone. The ledger knows how many there are, and a keyed digest.
"""

from __future__ import annotations

from privacy.errors import Refused
from privacy.plans.correction import Correction, Plan, Wanted
from privacy.plans.rectified import digest
from privacy.rights.postponing import Postponing
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Step, superseded
from privacy.rights.table import tell

PIPELINE = "rectify_subject"
"""Who acts in the ledger when no person does."""


class Correcting(Postponing):
    """Requests for rectification; see :class:`privacy.rights.register.Register`."""

    def correct(self, number: str, wanted: Wanted) -> Request:
        """Write down what one fact is to be; the same fact of the same record again replaces what was said before.

        :param wanted: checked by the caller, see :func:`privacy.rights.corrections.wanted`.
        :raises Refused: ``rectify.other_right``, ``rectify.begun``, or it is done or closed.
        :raises BadInput: ``request.content``: a text that cannot be written down.
        """
        with self._table.changing(number, Step.CORRECT) as (draft, writing):
            before = draft.payload.correction
            if before is not None and before.begun:
                raise Refused(
                    "rectify.begun", "The correction has begun; what else is wrong is a new request.",
                    where=draft.number, advice="Register it: privacy request new --right rectification.",
                )  # fmt: skip
            rest = [w for w in (before.wanted if before else ()) if (w.fact, w.row) != (wanted.fact, wanted.row)]
            # A plan of what was wanted before is none any more; nor may a run that made one go on.
            draft.run = None
            draft.payload = draft.payload.but(correction=Correction(wanted=(*rest, wanted)))
            tell(writing, draft, "request.correction", wanted.author, count=len(rest) + 1)
        return self._table.request(draft)

    def correction(self, number: str) -> Correction:
        """What is to be corrected, and the plan of it.

        :raises Refused: ``rectify.nothing_wanted``, ``rectify.other_right``.
        """
        found = self.open(number).correction
        if found is None:
            raise Refused(
                "rectify.nothing_wanted", "The request does not say yet what is to be corrected.", where=number,
                advice="Write it down: privacy request correct NUMBER --fact FACT --to -",
            )  # fmt: skip
        return found

    def planned(self, number: str, plan: Plan, *, run: str, author: str = PIPELINE) -> str:
        """Keep the plan of a run, sealed. Safe to repeat.

        :returns: its digest: what is approved. :raises Refused: the run was overtaken; it is done or closed.
        """
        with self._table.changing(number, Step.CORRECT) as (draft, writing):
            there = _theirs(draft, run)
            said = digest(plan, draft.payload.secret)
            if there.plan != plan:
                draft.payload = draft.payload.but(correction=there.model_copy(update={"plan": plan}))
                tell(writing, draft, "request.correction_planned", author, run=run, digest=said)
        return said

    def plan_of(self, number: str, run: str) -> tuple[Plan, str]:
        """The plan of a run, and its digest. :raises Refused: ``rectify.other_plan``: there is another one by now."""
        payload = self.open(number)
        plan = payload.correction.plan if payload.correction else None
        if plan is None or plan.run != run:
            raise Refused(
                "rectify.other_plan", "The request's plan is not this run's.", where=number,
                advice="Start it again: it makes a new plan.",
            )  # fmt: skip
        return plan, digest(plan, payload.secret)

    def correcting(self, number: str, *, run: str, author: str = PIPELINE) -> Request:
        """Changes begin now: a later run goes on with what this one does. Safe to repeat.

        :raises Refused: ``request.not_proven``; the run was overtaken; it is done or closed.
        """
        with self._table.changing(number, Step.CORRECT) as (draft, writing):
            there = _theirs(draft, run)
            if draft.dates.proven_at is None or draft.dates.undecided_at is not None:
                raise Refused(
                    "request.not_proven", "The identity is not proven; nothing is changed before.", where=draft.number,
                    advice="Record what was seen first: privacy request prove.",
                )  # fmt: skip
            if not there.begun:
                draft.payload = draft.payload.but(correction=there.model_copy(update={"begun": True}))
                tell(writing, draft, "request.correction_begun", author, run=run)
        return self._table.request(draft)

    def supplemented(self, number: str, *, run: str, author: str = PIPELINE) -> int:
        """The supplementary statement is linked to the historic records of the plan from now on. Safe to repeat.

        :returns: to how many. :raises Refused: the run was overtaken; it is closed.
        """
        with self._table.changing(number, Step.CORRECT) as (draft, writing):
            there = _theirs(draft, run)
            count = len(there.plan.links) if there.plan else 0
            if count and there.supplemented_at is None:
                now = self._clock.now()
                draft.payload = draft.payload.but(correction=there.model_copy(update={"supplemented_at": now}))
                names = sorted(there.plan.historic) if there.plan else []
                tell(writing, draft, "request.supplemented", author, run=run, count=count, datasets=names)
        return count


def _theirs(draft: Draft, run: str) -> Correction:
    if draft.run != run or draft.payload.correction is None:
        raise superseded(draft.number)
    return draft.payload.correction
