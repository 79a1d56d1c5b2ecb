"""What is known of one record, for an operator who has its key: whose, by which rule, until when, and what happens.

Nothing of the record itself is told: kinds of identifiers, dates and rules. Who may look at the values looks in the
system that has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import Text
from privacy.datamap.policy import Period, Promise
from privacy.datamap.policy import Term as TermWords
from privacy.errors import BadInput
from privacy.holds.models import Everything, Hold, Keys, plain
from privacy.retention import due
from privacy.retention.terms import Bound
from privacy.rights.whose import Lead, Leads, Row, Rule, moment
from privacy.sources import item_key
from privacy.sources.base import PARTY, SUBJECT, WITHHELD, Of, Partition, Selection, Source, Subject
from privacy.sources.files import FilesSource
from privacy.sources.keyed import Key, by_key


@dataclass(frozen=True, slots=True)
class Term:
    """Until when a record is kept.

    :param name: of the promise whose term holds; ``words``: the term itself, that of the record's kind.
    :param kind: of which kind the record is, where that has a term of its own.
    :param column: what it counts from; None: nothing starts it. :param follows: the dataset with whose records it goes.
    :param started: when it began for this record; None: it has not.
    :param kept_until: not gone before. :param gone_by: gone by then. None: there is no such bound, or it has not begun.
    """

    name: str
    promise: Promise
    words: TermWords
    kind: str | None
    column: str | None
    follows: str | None
    started: datetime | None
    kept_until: datetime | None = None
    gone_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """See the module. :param holds: those that keep this record; None: they could not be asked."""

    ref: Ref
    leads: tuple[Lead, ...]
    term: Term
    holds: tuple[Hold, ...] | None = field(repr=False)

    @property
    def given(self) -> bool:
        """Whether somebody's access request gives it, or would after a person's look."""
        return any(lead.theirs for lead in self.leads)


def explain(
    datamap: DataMap,
    source_of: Callable[[str], Source],
    ref: Ref,
    key: Key,
    *,
    holds: Sequence[Hold] | None,
    now: datetime,
) -> Explanation:
    """Explain the record with that key.

    :param key: in the types of the key's columns (:func:`privacy.sources.keyed.typed_key`).
    :param holds: those in force on this dataset; None: not known here.
    :raises BadInput: ``explain.no_record``.
    :raises RetryLater, Unreadable: the store cannot be asked.
    """
    source = source_of(ref.system.system)
    found = by_key(source, ref, key)
    if found is None:
        raise BadInput(
            "explain.no_record", "There is no record with that key.", where=ref.full,
            advice=f"Its key is: {', '.join(ref.dataset.key)}. It may be gone, or have been moved.",
        )  # fmt: skip
    partition, row = found
    ways = Leads(datamap, source_of, now).of(ref, row)
    subjects = [lead.subject for leads in ways for lead in leads if lead.subject is not None]
    for hold in holds or ():
        subjects += hold.what if isinstance(hold.what, tuple) else ()
    theirs = _theirs(source, ref, key, partition, subjects)
    return Explanation(
        ref,
        tuple(
            _delivered(source, ref, row, lead)
            for leads in ways
            for lead in _settled([_agreed(lead, theirs) for lead in leads])
        ),
        _term(datamap, ref, row),
        None if holds is None else tuple(hold for hold in holds if _keeps(hold, ref, key, theirs)),
    )


Theirs = dict[Subject, tuple[str, str | None]]
"""Whose the record is by the source's own word: the parties that they are, and why it is withheld from them."""


def _theirs(source: Source, ref: Ref, key: Key, partition: Partition, subjects: Sequence[Subject]) -> Theirs:
    """The same reading that an export does, for all of them at once, in the piece where the record is."""
    apart = list(dict.fromkeys(subjects))
    if not apart:
        return {}
    pick = Of(tuple(Subject(no, subject.identifiers) for no, subject in enumerate(apart, start=1)))
    found: Theirs = {}
    for batch in source.read(Selection(ref.name, pick), partition):
        for row in batch.to_pylist():
            if tuple(row[name] for name in ref.dataset.key) == key and row[SUBJECT] is not None:
                found[apart[row[SUBJECT] - 1]] = (str(row[PARTY] or ""), row.get(WITHHELD))
    return found


def _agreed(lead: Lead, theirs: Theirs) -> Lead:
    if lead.subject is None or lead.subject not in theirs:
        return lead
    parties, withheld = theirs[lead.subject]
    return replace(lead, theirs=lead.party in parties.split(",") or not parties, withheld=withheld)


def _delivered(source: Source, ref: Ref, row: Row, lead: Lead) -> Lead:
    """What a processor delivered is given once all of its delivery is there."""
    if lead.rule is not Rule.REQUEST or not isinstance(source, FilesSource):
        return lead
    return replace(lead, theirs=source.delivered(ref.name, str(row[str(lead.column)])).whole)


def _settled(leads: list[Lead]) -> list[Lead]:
    """Of everybody whom one value may lead to those who have the record; else what keeps it from being anybody's."""
    theirs = [lead for lead in leads if lead.theirs]
    return theirs or [lead for lead in leads if lead.rule is Rule.SEVERAL][:1] or leads[:1]


def _term(datamap: DataMap, ref: Ref, row: Row) -> Term:
    dataset, zone = ref.dataset, datamap.policy.zone
    whole, kind = datamap.policy.term_of(dataset), dataset.term_kind
    column = dataset.starts.column if dataset.starts else None
    if dataset.starts is not None and dataset.starts.kind is not None:
        told = row[dataset.starts.kind]
        kind = told if told in whole.kinds else None
        whole = whole.of(kind)
    term, started = whole, moment(ref, column, row)
    promise = datamap.policy.promises[dataset.promise]
    found = Term(dataset.promise, promise, term, kind, column, dataset.follows, started)
    if started is None:
        return found
    # A date is a local date already: its midnight in its own zone is that very date.
    start = row[str(column)] if ref.dataset.columns[str(column)].type == "date" else started

    def over(period: Period | None, bound: Bound) -> datetime | None:
        return None if period is None else due(start, period, zone, bound=bound, counts_from=term.counts_from)

    try:
        kept_until, gone_by = over(term.keep_at_least, "keep_at_least"), over(term.keep_at_most, "keep_at_most")
    except OverflowError:
        return found
    return replace(found, kept_until=kept_until, gone_by=gone_by)


def _keeps(hold: Hold, ref: Ref, key: Key, theirs: Theirs) -> bool:
    if isinstance(hold.what, Everything):
        return True
    if isinstance(hold.what, Keys):
        # What lies in files is held by file: the beginning of a record's key.
        return plain(key)[: len(item_key(ref))] in {plain(k) for k in hold.what.keys}
    return any(subject in theirs for subject in hold.what or ())


def facts(datamap: DataMap, found: Explanation) -> dict[str, Any]:
    """For machines: nothing of the record's content, no value of an identifier."""
    dataset, policy = found.ref.dataset, datamap.policy
    term = found.term.words
    return {
        "dataset": found.ref.full,
        "whose": [
            {
                "party": lead.party, "rule": lead.rule.value, "column": lead.column, "kind": lead.kind,
                "precedence": list(lead.columns), "identifiers": dict(lead.people), "candidates": lead.candidates,
                "via": list(lead.via), "theirs": lead.theirs, "withheld": lead.withheld, "staff": lead.own,
            }
            for lead in found.leads
        ],
        "nobody": None if dataset.people else english(getattr(dataset.subject, "nobody", None)),
        "term": {
            "promise": found.term.name, "counts_from": found.term.column,
            "from_end_of_financial_year": term.counts_from != "event",
            "kind": found.term.kind, "follows": found.term.follows,
            "started": found.term.started, "kept_until": found.term.kept_until, "gone_by": found.term.gone_by,
            "condition": term.condition.en if term.condition else None,
        },
        "holds": None if found.holds is None else [
            {"hold": h.id, "kind": h.kind.value, "request": h.request, "since": h.placed_at} for h in found.holds
        ],
        "processors": [policy.processors[name].name for name in dataset.processors],
        "purposes": list(dataset.purposes),
        "access": {
            "given": found.given and dataset.access is None,
            "withheld": None if dataset.access is None else dataset.access.ground.en,
            "redacted": {n: c.access.ground.en for n, c in dataset.columns.items() if c.access is not None},
            "private": {name: list(party.private) for name, party in dataset.people.items() if party.private},
        },
        "erasure": {
            "do": dataset.erasure.do, "set": sorted(dataset.erasure.set or {}),
            "until": dataset.erasure.until.en if dataset.erasure.until else None,
            "ground": dataset.erasure.ground.en if dataset.erasure.ground else None,
        },
    }  # fmt: skip


def english(text: object) -> str | None:
    """A text of the data map in English, however it is written there."""
    return text.en if isinstance(text, Text) else None if text is None else str(text)
