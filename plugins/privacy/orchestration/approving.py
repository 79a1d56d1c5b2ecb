"""Asking an operator in Airflow whether a plan may be done; what they say goes into the ledger from here.

Airflow lets whoever may edit tasks mark this one as successful. What comes after it therefore reads the ledger, into
which only an answer to the question itself is written (edge case 32).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from privacy.orchestration.tasks import coded

if TYPE_CHECKING:
    from airflow.sdk import Context


@dataclass(frozen=True, slots=True)
class Question:
    """What an operator is asked. :param body: Markdown; nothing personal. :param patience: how long it is awaited."""

    subject: str
    body: str
    patience: timedelta


class AskOperator(ApprovalOperator):
    """Asks, and hands on what was said. A pipeline says by these three methods what and where to."""

    def __init__(self, *, subject: str, **kwargs: Any) -> None:
        super().__init__(subject=subject, body="", fail_on_reject=True, **kwargs)

    def question(self) -> Question | None:
        """What to ask; None: nobody has to be asked, and it goes on at once."""
        raise NotImplementedError

    def answered(self, *, approved: bool, by: str) -> None:
        """Write the answer into the ledger. :param by: who said it, without an address."""
        raise NotImplementedError

    def unanswered(self) -> None:
        """Write down that nobody answered in time; raises the code of that."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Wait for an answer."""
        found = coded(self.question)()
        if found is None:
            return None
        self.subject, self.body, self.response_timeout = found.subject, found.body, found.patience
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer down, then let Airflow act on it."""
        if "error" in event:
            coded(self.unanswered)()

        def said() -> None:
            user = event.get("responded_by_user") or {}
            by = " at ".join(str(user.get("name") or user.get("id") or "unknown").split("@"))[:200]
            self.answered(approved=event["chosen_options"] == [self.APPROVE], by=by)

        coded(said)()
        return super().execute_complete(context, event)
