"""Which of a message's parties are taken out of it, and whether that was done: by the eyes that find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from privacy.datamap.models import Dataset
from privacy.errors import Unreadable
from privacy.sources.base import Of, Redaction, Set, Step
from privacy.sources.mailbox_redact import NOTE, REMOVED, Wanted, redacted
from privacy.sources.mailbox_store import Made
from privacy.sources.mailbox_whose import Message, Row, Whose


class Redact:
    """One step that sets columns of messages, prepared once."""

    def __init__(self, dataset: Dataset, pick: Of, step: Step) -> None:
        self._step, self._dataset = step, dataset
        self._whose = Whose(dataset, pick)
        self._subjects = {subject.no: subject for subject in pick.subjects}
        columns = step.change.columns if isinstance(step.change, Set) else {}
        self._wanted = Wanted(_text(columns, "text", NOTE), _text(columns, "subject_line", REMOVED))

    def of(self, data: bytes, received: datetime, rows: Iterable[Row], where: str) -> Made:
        """What makes a message without the subjects that are its parties.

        Who is only mentioned in it is taken out where that was decided (``Step.reviewed``).

        :param rows: what the step's selection says of it.
        :param where: how an error names it.
        """
        numbers = [row.subject for row in rows if row.withheld is None or self._step.reviewed]
        theirs = Whose(self._dataset, Of(tuple(self._subjects[no] for no in numbers)))

        def made(give: Callable[[], str]) -> bytes:
            tokens = {a: own for no in numbers for own in (give(),) for a in self._whose.own(no, received)}
            message = Message(data, received)
            new = redacted(message, tokens, self._wanted, self._whose.is_staff)
            found = theirs.judge(new, received)
            if new == data or (found is not None and any(row.subject in numbers for row in found[1].rows)):
                raise Unreadable(
                    "mailbox.not_redacted", "A subject would still be found in the message; it is as it was.",
                    where=where, advice="Look at it, and delete it or keep it.",
                )  # fmt: skip
            return new

        return made


def _text(columns: Mapping[str, object], name: str, usual: str) -> str | None:
    """What stands instead of what a subject wrote; None: it stays."""
    if name not in columns:
        return None
    value = columns[name]
    return usual if value is None or value is Redaction.NULL else str(value)
