"""The one extension of a request's term, in the register (promise R-30D, art. 12(3) GDPR)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from privacy.errors import Refused
from privacy.rights.forgetting import Forgetting
from privacy.rights.payload import Extension, Necessity, Payload
from privacy.rights.rows import Draft, Request
from privacy.rights.states import Step, after, due
from privacy.rights.table import tell


class Postponing(Forgetting):
    """Answers that take longer; see :mod:`privacy.rights.extending` for the notice itself."""

    def may_extend(self, number: str) -> Payload:
        """Whether the answer may be put off now, before the person is told so.

        :returns: everything personal about it: who is to be told.
        :raises Refused: see :meth:`extend`.
        """
        draft = self._table.draft(number)
        after(draft.dates, Step.EXTEND, self._clock.now(), draft.number)
        self._inside_first_term(draft)
        return draft.payload

    def extend(self, number: str, ground: Necessity, author: str, *, to: str | None) -> Request:
        """Record that the person was told that the answer takes two months longer (promise R-30D, art. 12(3) GDPR).

        :param to: the address that the notice went to; None: it went by post.
        :raises Refused: ``request.extended``: it was put off before; ``request.term_over``: the notice has to go out
            within the first term; it is closed.
        """
        with self._table.changing(number, Step.EXTEND) as (draft, writing):
            self._inside_first_term(draft)
            told = Extension.of(author=author, at=self._clock.now(), ground=ground, to=to)
            draft.payload = draft.payload.but(extension=told)
            tell(writing, draft, "request.extended", author, ground=ground.value)
        return self._table.request(draft)

    def _inside_first_term(self, draft: Draft) -> None:
        zone = self._table.zone
        last = due(draft.dates.received_at, zone)
        if self._clock.now().astimezone(ZoneInfo(zone)).date() > last:
            raise Refused(
                "request.term_over",
                f"The answer was due on {last}; that it takes longer has to be told by then.",
                where=draft.number,
                advice="Answer it at once, and say why it is late.",
            )
