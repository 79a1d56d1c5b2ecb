"""An operator's answer to a plan: it counts where the ledger has it, signed for, and for this very plan (edge case 32).

Whatever Airflow says: a task that was marked as successful by hand, or an XCom, approves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from privacy.errors import Refused, Tampered
from privacy.ledger import Ledger


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

    def allowed(self, ledger: Ledger, run: str, digest: str, where: str) -> None:
        """Whether a run's plan was approved: by an entry of a ledger that stands, signed for when it was written.

        Whoever can write into the table can chain an answer on, and cannot sign for it.

        :param digest: of the plan. :param where: the request or rule, for the error.
        :raises Refused: ``<kind>.refused``, ``<kind>.not_approved``. :raises Tampered: ``ledger.altered``.
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
        if not any(e["kind"] == self.approved and e.get("digest") == digest for e in signed):
            raise Refused(
                f"{self.kind}.not_approved", "Nobody has approved this plan; nothing was changed.", where=where,
                advice="Answer the approval in Airflow, or start it again.",
            )  # fmt: skip

    def ask(self, ledger: Ledger, run: str, digest: str, *, actor: str, **more: object) -> None:
        """Write down that an operator is asked; once a run."""
        if not ledger.entries(run=run, kind=self.asked):
            ledger.event(self.asked, actor=actor, run=run, digest=digest, **more)

    def answer(self, ledger: Ledger, run: str, digest: str, *, approved: bool, by: str, **more: object) -> None:
        """Write down what they said: the only place where it is looked for.

        :raises Refused: ``<kind>.ended``, ``<kind>.answered``: it comes too late, or was answered before.
        """
        kinds = {e.entry["kind"] for e in ledger.entries(run=run)}
        if "run.ended" in kinds:
            raise Refused(f"{self.kind}.ended", "The run has ended; the answer comes too late.", where=run)
        if kinds & {self.approved, self.refused}:
            raise Refused(f"{self.kind}.answered", "The plan was answered before.", where=run)
        ledger.event(self.approved if approved else self.refused, actor=by, run=run, digest=digest, **more)
