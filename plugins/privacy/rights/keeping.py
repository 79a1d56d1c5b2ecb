"""The hold of an open request: no purge takes what somebody just asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from privacy.errors import AmbiguousIdentity, PrivacyError
from privacy.identity import Decision, Question
from privacy.ledger import Writing
from privacy.rights.payload import Payload, plain
from privacy.sources.base import Identifier, Subject

if TYPE_CHECKING:
    from privacy.holds import Holds

Resolver = Callable[[Sequence[Identifier], datetime, Decision | None], Subject]
"""(what a request names, its arrival, the operator's answer) -> whose it is, by the shop's records now."""

Wanted = Callable[[sa.Connection], bool]
"""Whether a request is still to be held, asked in the transaction that holds it."""

_log = logging.getLogger(__name__)


class RequestHolds(Protocol):
    """What the register asks of the holds: an open request keeps its subject's records from every purge."""

    def place_request(
        self, number: str, subjects: Sequence[Subject], *, author: str, wanted: Wanted, besides: bool = False
    ) -> None:
        """Hold the records of everybody whom a request may be about; replaces what was held for it.

        :param besides: adds to it instead: what is known now may be less than what was known before.
        """
        ...

    def release_request(self, number: str, *, author: str, writing: Writing) -> None:
        """End the request's hold, in the transaction that closes it; nothing where there is none."""
        ...

    def kept(self) -> frozenset[str]:
        """The numbers of the requests that have a hold."""
        ...


class Keeping:
    """:class:`RequestHolds` with the installation's holds; both steps are safe to repeat."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds

    def place_request(
        self, number: str, subjects: Sequence[Subject], *, author: str, wanted: Wanted, besides: bool = False
    ) -> None:
        """See :meth:`RequestHolds.place_request`."""
        kept = self._kept(number) if besides else ()
        apart = dict.fromkeys(s.identifiers for s in (*subjects, *kept) if not all(i.contested for i in s.identifiers))
        if not apart:
            # Nothing is known to be theirs alone, so there is nothing to keep for them but what is held already.
            return
        people = [Subject(no, identifiers) for no, identifiers in enumerate(apart, start=1)]
        self._holds.keep(number, people, ground="open request", author=author, wanted=wanted)

    def _kept(self, number: str) -> tuple[Subject, ...]:
        """Whom the request's own hold is about now."""
        from privacy.holds import HoldKind

        for hold in self._holds.active():
            if hold.request == number and hold.kind is HoldKind.REQUEST and isinstance(hold.what, tuple):
                return hold.what
        return ()

    def release_request(self, number: str, *, author: str, writing: Writing) -> None:
        """See :meth:`RequestHolds.release_request`."""
        self._holds.end(writing, number, author=author)

    def kept(self) -> frozenset[str]:
        """See :meth:`RequestHolds.kept`."""
        return self._holds.kept()


@dataclass(frozen=True, slots=True)
class People:
    """Whom a request may be about.

    :param complete: False: the shop could not be asked, so there may be more.
    :param one: who it is, as far as anybody can tell now; None: several people, and a person has to decide.
    """

    subjects: tuple[Subject, ...]
    complete: bool = True
    one: Subject | None = None


def people(payload: Payload, received_at: datetime, resolver: Resolver | None) -> People:
    """Everybody whom a request may be about, as far as it is known now, and what it names.

    It settles nothing: whose the request is, is for its export to find out. A shop that cannot be asked is no reason
    not to hold what was named.

    :param received_at: as of when the shop's records are asked.
    """
    if payload.subject is not None:
        return People((payload.subject,), one=payload.subject)
    named = Subject(1, payload.identifiers)
    if payload.decided is not None:
        decision = payload.decided.decision
        found = _together([_chosen(payload, received_at, decision, resolver)], named)
        return replace(found, one=found.subjects[0])
    question = payload.question
    if question is None and resolver is not None:
        try:
            found = People((_resolved(payload, received_at, None, resolver), named))
            return replace(found, one=found.subjects[0])
        except AmbiguousIdentity as problem:
            question = problem.question if isinstance(problem.question, Question) else None
        except Exception as problem:  # noqa: BLE001 - whatever a shop's database does wrong, the request is held
            _told(payload.number, problem)
    if question is None:
        return People((named,), complete=resolver is None, one=named)
    answers = [Decision(c.identifiers, about=question.shared) for c in question.candidates]
    return _together([_chosen(payload, received_at, answer, resolver) for answer in answers], named)


def _together(chosen: Sequence[tuple[Subject, bool]], named: Subject) -> People:
    return People((*(subject for subject, _ in chosen), named), all(complete for _, complete in chosen))


def _chosen(payload: Payload, at: datetime, decision: Decision, resolver: Resolver | None) -> tuple[Subject, bool]:
    """Everything that is known of a candidate; their own numbers where the shop cannot be asked."""
    numbers = Subject(1, decision.person)
    if resolver is None:
        return numbers, True
    try:
        return _resolved(payload, at, decision, resolver), True
    except Exception as problem:  # noqa: BLE001 - see above
        _told(payload.number, problem)
        return numbers, False


def _resolved(payload: Payload, at: datetime, decision: Decision | None, resolver: Resolver) -> Subject:
    found = resolver(payload.identifiers, at, decision)
    return Subject(1, plain(found.identifiers))


def _told(number: str, problem: Exception) -> None:
    code = problem.code if isinstance(problem, PrivacyError) else type(problem).__name__
    _log.warning("%s: the shop could not be asked (%s); what is known of the request is held", number, code)
