"""Hired: what the personnel file needs moves there before the rest of an application goes (promise APP-HIRED).

"The fields needed (named in the data map) move to the personnel file; the rest goes within 14 days": ``transfer:`` of a
dataset names them. Fields only. No file moves: what an applicant sent (CV, letter, diplomas) was sent for the
application and goes with it; what an employment needs on paper (the signed contract) HR puts into the personnel file.

It runs right before the purge of a rule, with the very bound of its plan:

1. Due because of a hiring is a record whose term counts from the moment of hiring: its ``starts`` is its ``when``.
2. The personnel record is the one that HR made at hiring, which bears the applicant's number. It gets what is empty
   there and nothing else: what HR wrote is newer than what an applicant wrote once.
3. The personnel record is read again. Only if everything stands there may the purge go on for this person; else the
   rows, files and mail of the application stay (:attr:`Transferred.left`), and it is told how many and why.

Each person is a change of its own through the gate of holds, and a second run finds nothing to write: a run that is
killed anywhere is simply run again (edge cases 13 and 16). Nothing is kept of it anywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import Transfer
from privacy.datamap.moves import column_of
from privacy.datamap.policy import Rule
from privacy.errors import AskPerson, GiveUp
from privacy.holds import apply
from privacy.plans.means import Means
from privacy.plans.people import Key, identifier, identifiers, rows_of
from privacy.retention.terms import day_of
from privacy.sources.base import Due, Identifier, Item, Of, Selection, Set, Status, Step, Subject

NO_RECORD = "transfer.no_personnel_record"
"""HR has made no personnel record with this applicant's number (one of an employment that ended before is none)."""
SEVERAL = "transfer.several_personnel_records"
CONTRADICTION = "transfer.contradiction"
"""The personnel record says otherwise in a field that never differs for one person: its number may be mistyped."""
HELD = "transfer.held"
"""The personnel record must not be changed now: a restriction or another hold."""
CHANGED = "transfer.changed"
"""Somebody was writing to the personnel record; the next run tries again."""
NOT_READ_BACK = "transfer.not_read_back"
"""A field does not stand in the personnel record after it was written."""

_OF = {Status.HELD: HELD, Status.CHANGED: CHANGED, Status.GONE: NO_RECORD, Status.FAILED: NOT_READ_BACK}


@dataclass(frozen=True, slots=True)
class Transferred:
    """What became of the people whose applications are due because they were hired.

    :param people: how many there are; :param written: how many personnel records got a field.
    :param missing: by reason, of how many people the application has to stay this time; a code, or that of an error.
    :param left: full name of a dataset of the rule -> what of it has to stay. A person's other application, which was
        rejected, is not among it and goes; their applicant's row and mail stay.
    """

    people: int = 0
    written: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, Selection] = field(default_factory=dict, repr=False)

    def keys(self, means: Means) -> dict[str, frozenset[Key]]:
        """The items that a plan has to leave, by dataset's full name: what :attr:`left` selects now.

        :raises RetryLater, Unreadable: as :meth:`Source.locate`.
        """
        found: dict[str, frozenset[Key]] = {}
        for full, selection in self.left.items():
            source = means.source(full.partition(".")[0])
            found[full] = frozenset(
                item.key for partition in source.partitions(selection) for item in source.locate(selection, partition)
            )
        return found


def transfer(means: Means, rule: Rule, pick: Due, *, write: bool = True) -> Transferred:
    """Move what has to move for the records of a rule that are due.

    :param pick: the bound of the rule's plan.
    :param write: False: only look, for a dry run, or with a later bound to warn HR while there is time.
    :returns: counts and codes, and what the purge has to leave; empty where no dataset of the rule says ``transfer``.
    :raises RetryLater: a store is out of reach; what was written stays written, and the purge must not go on.
    :raises Unreadable: a record cannot be read; likewise.
    """
    people = written = 0
    missing: Counter[str] = Counter()
    stay: list[_Person] = []
    for full in rule.datasets:
        ref = means.datamap[full]
        if ref.dataset.transfer is not None:
            move = _Move(means, ref, ref.dataset.transfer)
            hired = move.hired(pick)
            written += move.run(hired, write=write)
            people += len(hired)
            stay += [person for person in hired if person.reason]
            missing.update(person.reason for person in hired if person.reason)
    return Transferred(people, written, dict(missing), _left(means.datamap, rule, stay))


@dataclass(slots=True)
class _Person:
    """Somebody who was hired.

    :param when: the last time they were.
    :param records: what identifies the due records themselves (application numbers).
    :param known: what identifies the person: the number, and what the record that fields come from says.
    :param wanted: column of the personnel record -> value.
    """

    no: int
    subject: Subject
    when: datetime | date
    records: set[Identifier] = field(default_factory=set)
    known: set[Identifier] = field(default_factory=set)
    wanted: dict[str, object] = field(default_factory=dict)
    reason: str = ""


class _Move:
    """The ``transfer`` of one dataset."""

    def __init__(self, means: Means, ref: Ref, transfer: Transfer) -> None:
        self._means, self._datamap, self._ref, self._transfer = means, means.datamap, ref, transfer
        self._of, self._to = means.datamap[transfer.of or ref.full], means.datamap[transfer.to]
        # Checked when the data map was loaded: each has exactly one.
        self._own, self._from, self._there = (
            str(column_of(one.dataset, transfer.by)) for one in (ref, self._of, self._to)
        )
        self._agree = {transfer.fields[name] for name in transfer.agree}

    def hired(self, pick: Due) -> list[_Person]:
        """The people whose records are due because they were hired, with what is known of them and wanted."""
        starts = self._ref.dataset.starts
        assert starts is not None  # noqa: S101 - checked when the data map was loaded
        found: dict[object, _Person] = {}
        source = self._means.source(self._ref.system.system)
        for row in rows_of(source, Selection(self._ref.name, pick)):
            when, value = row[self._transfer.when], row[self._own]
            if when is None or when != row[starts.column]:
                continue
            # A record that bears no number is a person of its own: nothing else could be theirs.
            number = identifier(self._datamap, self._transfer.by, value)
            whose = number or object()
            if whose not in found:
                no = len(found) + 1
                found[whose] = _Person(no, Subject(no, (number,) if number else ()), when)
            person = found[whose]
            person.when = max(person.when, when)
            person.known |= {number} if number else set()
            person.records |= identifiers(self._datamap, self._ref, row, self._ref.dataset.key)
        people = list(found.values())
        for no, rows in self._theirs(self._of, self._from, people).items():
            person = people[no - 1]
            for row in rows:
                person.known |= identifiers(self._datamap, self._of, row, self._of.dataset.columns)
                for source_column, column in self._transfer.fields.items():
                    if not _blank(row[source_column]):
                        person.wanted.setdefault(column, row[source_column])
        return people

    def run(self, people: list[_Person], *, write: bool) -> int:
        """Write what is missing, and give a reason to everybody for whom it does not stand there.

        :returns: how many records were written to.
        """
        # Located before they are read: what somebody writes in between makes another version, and is not overwritten.
        items = self._items(people)
        there = self._theirs(self._to, self._there, people)
        written = 0
        for person in people:
            person.reason, row = self._record(person, there.get(person.no, []))
            gaps = {name: value for name, value in person.wanted.items() if row is None or _blank(row[name])}
            if row is not None and gaps and write:
                item = items.get(tuple(row[name] for name in self._to.dataset.key))
                person.reason = CHANGED if item is None else self._write(person, gaps, item)
                written += not person.reason
        if write:
            there = self._theirs(self._to, self._there, [person for person in people if not person.reason])
            for person in people:
                if not person.reason:
                    person.reason, row = self._record(person, there.get(person.no, []))
                    if row is not None and any(_blank(row[name]) for name in person.wanted):
                        person.reason = NOT_READ_BACK
        return written

    def _write(self, person: _Person, gaps: Mapping[str, object], item: Item) -> str:
        """Through the gate. Why not, as a code; empty: done."""
        selection = Selection(self._to.name, Of((person.subject,)), on=(self._there,))
        try:
            (outcome,) = apply(
                self._means.source(self._to.system.system), [Step(selection, Set(gaps), (item,))], self._means.holds
            )
        except (GiveUp, AskPerson) as problem:
            # One person's record that the database refuses keeps nobody else's application.
            return problem.code
        return _OF.get(outcome.status, "")

    def _record(self, person: _Person, rows: list[dict[str, Any]]) -> tuple[str, dict[str, Any] | None]:
        """The one personnel record of this hiring, or why there is none."""
        starts, zone = self._to.dataset.starts, self._datamap.policy.zone
        if starts is not None:
            # Its own term has begun before they were hired: an earlier employment's.
            hired, ended = day_of(person.when, zone), starts.column
            rows = [row for row in rows if row[ended] is None or day_of(row[ended], zone) >= hired]
        if len(rows) != 1:
            return (SEVERAL if rows else NO_RECORD), None
        (row,) = rows
        for name in self._agree & person.wanted.keys():
            if not _blank(row[name]) and row[name] != person.wanted[name]:
                return CONTRADICTION, None
        return "", row

    def _theirs(self, ref: Ref, column: str, people: Iterable[_Person]) -> dict[int, list[dict[str, Any]]]:
        """The records of a dataset that bear their numbers, by person."""
        found: dict[int, list[dict[str, Any]]] = {}
        for selection in _numbered(ref, column, people):
            for row in rows_of(self._means.source(ref.system.system), selection):
                found.setdefault(row["_subject"], []).append(row)
        return found

    def _items(self, people: Iterable[_Person]) -> dict[Key, Item]:
        source = self._means.source(self._to.system.system)
        return {
            item.key: item
            for selection in _numbered(self._to, self._there, people)
            for partition in source.partitions(selection)
            for item in source.locate(selection, partition)
        }


def _numbered(ref: Ref, column: str, people: Iterable[_Person]) -> Iterator[Selection]:
    subjects = tuple(person.subject for person in people if person.subject.identifiers)
    if subjects:
        yield Selection(ref.name, Of(subjects), on=(column,))


def _left(datamap: DataMap, rule: Rule, people: list[_Person]) -> dict[str, Selection]:
    """What stays of each dataset: what bears the number of the record, and where nothing does, what is the person's."""
    found: dict[str, Selection] = {}
    for full in rule.datasets if people else ():
        ref = datamap[full]
        here = {str(c.identity): name for name, c in ref.dataset.columns.items() if c.identity is not None}
        kinds = {i.kind for person in people for i in person.records} & here.keys()
        picked = Of(tuple(Subject(p.no, tuple(sorted(p.records if kinds else p.known, key=_order))) for p in people))
        by = tuple(sorted(here[kind] for kind in kinds)) if kinds and ref.system.source == "sql" else None
        found[full] = Selection(ref.name, picked, on=by)
    return found


def _order(known: Identifier) -> tuple[str, str]:
    return known.kind, str(known.value)


def _blank(value: object) -> bool:
    """Whether a field says nothing: NULL, or a text of blanks."""
    return value is None or (isinstance(value, str) and not value.strip())
