"""An operator's answer to a plan: it counts where the ledger has it, signed for, and for this very plan (edge case 32).

Whatever Airflow says: a task that was marked as successful by hand, or an XCom, approves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from privacy.errors import Refused, Tampered
from privacy.ledger import Ledger
from privacy.plans import eyes


@dataclass(frozen=True, slots=True)
class Answers:
    """The words of the ledger for a kind of plan, e.g. of ``erasure``: ``erasure.asked``, ``erasure.approved``, ...

    :param kind: what is approved; also the beginning of its errors' codes.
    """

    kind: str

    @property
    def asked(self) -> str:
        """An operator is asked."""
        return f"{self.kind}.asked"

    @property
    def approved(self) -> str:
        """They said yes."""
        return f"{self.kind}.approved"

    @property
    def refused(self) -> str:
        """They said no."""
        return f"{self.kind}.refused"

    @property
    def unanswered(self) -> str:
        """Nobody answered in time."""
        return f"{self.kind}.unanswered"

    def allowed(self, ledger: Ledger, run: str, digest: str, where: str, *, four_eyes: bool) -> None:
        """Whether a run's plan was approved: by an entry of a ledger that stands, signed for when it was written.

        Whoever can write into the table can chain an answer on, and cannot sign for it.

        :param digest: of the plan. :param where: the request or rule, for the error. :param four_eyes: the
            installation's setting: who registered or started it does not count.
        :raises Refused: ``<kind>.refused``, ``<kind>.not_approved``, ``<kind>.four_eyes``.
        :raises Tampered: ``ledger.altered``.
        """
        proof = ledger.verify()
        if not proof.ok:
            raise Tampered(
                "ledger.altered", "The ledger is not what was recorded; no answer in it counts.", where="ledger",
                advice="See: privacy ledger verify. Run nothing that deletes.",
            )  # fmt: skip
        there = ledger.entries(run=run)
        if any(e.entry["kind"] == self.refused for e in there):
            raise Refused(self.refused, "An operator has refused this plan; nothing was changed.", where=where)
        signed = [
            e.entry for e in there
            if e.seq <= proof.anchored and not any(first <= e.seq <= last for first, last in proof.recovered)
        ]  # fmt: skip
        approved = [e for e in signed if e["kind"] == self.approved and e.get("digest") == digest]
        if not approved:
            raise Refused(
                f"{self.kind}.not_approved", "Nobody has approved this plan; nothing was changed.", where=where,
                advice="Answer the approval in Airflow, or start it again.",
            )  # fmt: skip
        if four_eyes:
            for entry in approved:
                number = entry.get("request")
                request = None if number is None else str(number)
                eyes.check(ledger, run, request, str(entry["actor"]), kind=self.kind)

    def ask(self, ledger: Ledger, run: str, digest: str, *, actor: str, **more: object) -> None:
        """Write down that an operator is asked; once a run."""
        if not ledger.entries(run=run, kind=self.asked):
            ledger.event(self.asked, actor=actor, run=run, digest=digest, **more)

    def answer(
        self, ledger: Ledger, run: str, digest: str, *, approved: bool, by: str, four_eyes: bool, **more: object
    ) -> None:
        """Write down what they said: the only place where it is looked for.

        :param four_eyes: the installation's setting: who registered or started it may say no, and not yes.
        :raises Refused: ``<kind>.ended``, ``<kind>.answered``: it comes too late, or was answered before;
            ``<kind>.four_eyes``: nothing is written then.
        """
        kinds = {e.entry["kind"] for e in ledger.entries(run=run)}
        if "run.ended" in kinds:
            raise Refused(f"{self.kind}.ended", "The run has ended; the answer comes too late.", where=run)
        if kinds & {self.approved, self.refused}:
            raise Refused(f"{self.kind}.answered", "The plan was answered before.", where=run)
        if four_eyes and approved:
            request = more.get("request")
            eyes.check(ledger, run, None if request is None else str(request), by, kind=self.kind)
        ledger.event(self.approved if approved else self.refused, actor=by, run=run, digest=digest, **more)
