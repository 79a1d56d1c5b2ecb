"""Making the plan of a correction (art. 16 GDPR, promise R-RECT).

The same wrong value is replaced wherever it stands currently in the subject's own records; a record that says something
else was not meant, and is left and counted. Past orders and invoices are never altered: those that say the wrong value
are listed, and a supplementary statement is linked to them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from privacy.datamap.facts import Rectification, Standing, facts_of, spoken
from privacy.datamap.load import Ref
from privacy.datamap.models import Column
from privacy.errors import BadInput, Refused
from privacy.plans.correction import Cell, Change, Correction, Link, Plan, Wanted, compared, key_of, parsed, told
from privacy.plans.means import Means
from privacy.plans.people import Key, rows_of
from privacy.plans.rectified import stands
from privacy.sources.base import Identifier, Item, Of, Selection, Subject


@dataclass(slots=True)
class _Row:
    """A record of the subject in a dataset that says a wanted fact."""

    ref: Ref
    item: Item
    values: Mapping[str, Any]

    def columns(self, fact: str) -> tuple[str, ...]:
        """The columns that say a fact currently.

        Not the one that says whose the record is, for nothing would tie it to its subject any more: a guest's order is
        known by the address on it alone.
        """
        said = self.ref.dataset.rectification
        if said is None or not said.is_current(dict(self.values)):
            return ()
        whose = {
            next((name for name in party.subject if self.values[name] is not None), None)
            for party in self.ref.dataset.people.values()
        }
        return tuple(name for name, own in said.current.items() if own == fact and name not in whose)

    def past(self, fact: str) -> tuple[str, ...]:
        """The columns that say it, or are partly made of it, and are left as they are."""
        said = self.ref.dataset.rectification
        if said is None:
            return ()
        left = {name for name, own in said.current.items() if own == fact} - set(self.columns(fact))
        return (*(name for name, facts in said.historic.items() if fact in facts), *sorted(left))


def make(means: Means, run: str, subject: Subject, correction: Correction) -> Plan:
    """Plan a correction. Changes nothing.

    :param correction: with the plan that was begun before, if any: what of it is done, stays in this one.
    :raises Refused: ``rectify.several_values``, ``rectify.nowhere``, ``rectify.nothing``, ``rectify.row``: nobody can
        tell what is meant.
    :raises BadInput: ``rectify.fact``, ``rectify.value``: the data map has changed since it was asked for.
    :raises RetryLater, Unreadable: a store cannot be asked.
    """
    known = facts_of(means.datamap)
    facts = {wanted.fact for wanted in correction.wanted}
    if gone := sorted(facts - known.keys()):
        raise BadInput("rectify.fact", f"The data map has no fact {gone[0]!r}.", where=run)
    before = correction.plan if correction.begun else None
    rows = _rows(means, subject, facts)
    now = means.clock.now().astimezone(UTC).replace(microsecond=0)
    cells: dict[tuple[str, Key], dict[str, Cell]] = {}
    differs: Counter[str] = Counter()
    links: dict[tuple[str, str], dict[str, None]] = {}
    # The one that is about a single record comes last: it is the more exact word.
    order = sorted(range(len(correction.wanted)), key=lambda n: correction.wanted[n].row is not None)
    stood: dict[int, str | None] = {}
    for number in order:
        wanted = correction.wanted[number]
        known_old = wanted.was
        if known_old is None and before is not None and number < len(before.old):
            known_old = before.old[number]
        stood[number] = _one(wanted, spoken(known[wanted.fact]), rows, known_old, cells, differs)
        for row in rows:
            if _mentions(row, wanted.fact, spoken(known[wanted.fact]), stood[number]):
                links.setdefault((row.ref.full, key_of(row.item.key)), {})[wanted.fact] = None
    changes = _changes(means, rows, cells, now, before)
    if not changes and not links:
        raise Refused(
            "rectify.nothing", "Nothing says the wrong value, so there is nothing to correct.", where=run,
            advice="Look at what stands there: privacy request correction. Give the wrong value: --was.",
        )  # fmt: skip
    historic = [Link(dataset=full, key=key, facts=tuple(said)) for (full, key), said in sorted(links.items())]
    return Plan(
        run=run, as_of=now, changes=changes, old=tuple(stood[number] for number in range(len(correction.wanted))),
        links=tuple(historic), differs=dict(sorted(differs.items())),
        others=_others(means, subject, correction.wanted, known),
    )  # fmt: skip


def _rows(means: Means, subject: Subject, facts: set[str]) -> list[_Row]:
    """The subject's records of every dataset that says one of these facts."""
    found: list[_Row] = []
    pick = Of((subject,))
    for ref in means.datamap:
        said = ref.dataset.rectification
        if said is None or not facts & _facts(said):
            continue
        source, selection = means.source(ref.system.system), Selection(ref.name, pick)
        # Located before they are read: what somebody writes in between makes another version, and is left alone.
        items = {
            item.key: item
            for partition in source.partitions(selection)
            for item in source.locate(selection, partition)
        }  # fmt: skip
        for row in rows_of(source, selection):
            item = items.get(tuple(row[name] for name in ref.dataset.key))
            if item is not None:
                found.append(_Row(ref, item, row))
    return found


def _facts(said: Rectification) -> set[str]:
    return {*said.current.values(), *(fact for facts in said.historic.values() for fact in facts)}


def _one(
    wanted: Wanted,
    first: Column,
    rows: Sequence[_Row],
    was: str | None,
    cells: dict[tuple[str, Key], dict[str, Cell]],
    differs: Counter[str],
) -> str | None:
    """Find the cells that one wanted fact changes.

    :param first: after which values are compared. :param was: the wrong value, where it is known.
    :returns: it, or the one that was found.
    """
    to = parsed(wanted.to, first, wanted.fact)
    said = [
        (row, column, row.values[column])
        for row in rows
        if wanted.row is None or wanted.row == named(row.ref, row.item.key)
        for column in row.columns(wanted.fact)
    ]
    if not said:
        code, what = ("rectify.row", "that record") if wanted.row else ("rectify.nowhere", "their current records")
        if wanted.row or was is None:
            raise Refused(
                code, f"Nothing in {what} says the fact {wanted.fact}.", where=wanted.fact,
                advice="See which records do: privacy request correction.",
            )  # fmt: skip
    there = {compared(v, first) for _, _, v in said if v is not None and v != to}
    if was is None and len(there) > 1:
        raise Refused(
            "rectify.several_values", f"Their records say {len(there)} different things as {wanted.fact}.",
            where=wanted.fact, advice="Say which value is wrong (--was), or which record it is about (--row).",
        )  # fmt: skip
    wrong = compared(parsed(was, first, wanted.fact), first) if was is not None else next(iter(there), None)
    empty = wrong is None and all(v is None for _, _, v in said)
    for row, column, value in said:
        hit = empty if value is None else wrong is not None and compared(value, first) == wrong
        if value == to:
            continue
        if hit:
            cell = Cell(fact=wanted.fact, was=told(value), to=told(to))
            cells.setdefault((row.ref.full, row.item.key), {})[column] = cell
        elif value is not None:
            differs[row.ref.full] += 1
    if was is not None:
        return was
    return next((told(v) for _, _, v in said if v is not None and compared(v, first) == wrong), None)


def named(ref: Ref, record: Key) -> str:
    """A record as people write it: ``shop.addresses/12``."""
    return f"{ref.full}/{'/'.join(str(part) for part in record)}"


def _mentions(row: _Row, fact: str, first: Column, wrong: str | None) -> bool:
    """Whether a historic record says the wrong value, alone or in words beside it."""
    if wrong is None or not wrong.strip():
        return False
    value = parsed(wrong, first, fact)
    return any(_same(row.values[name], value, first, wrong) for name in row.past(fact))


def _same(there: object, value: object, column: Column, wrong: str) -> bool:
    if isinstance(there, list):
        return any(_same(one, value, column, wrong) for one in there)
    if there is None:
        return False
    if type(there) is type(value) and compared(there, column) == compared(value, column):
        return True
    words = rf"(?<!\w){re.escape(wrong.strip())}(?!\w)"
    return isinstance(there, str) and re.search(words, there, re.IGNORECASE) is not None


def _changes(
    means: Means,
    rows: Sequence[_Row],
    cells: dict[tuple[str, Key], dict[str, Cell]],
    now: datetime,
    before: Plan | None,
) -> tuple[Change, ...]:
    """A change for each record, in the data map's order; and what an earlier run may have done already."""
    items = {(row.ref.full, row.item.key): row.item for row in rows}
    made = [
        Change(
            dataset=full, key=key_of(key), version=items[full, key].version, cells=here, at=now,
            moved=tuple(name for name, cell in here.items() if _moves(means.datamap[full], name, cell)),
        )
        for (full, key), here in cells.items()
    ]  # fmt: skip
    read = {(row.ref.full, row.item.key): row.values for row in rows}
    again = {(change.dataset, change.key) for change in made}
    kept = [
        change
        for change in (before.changes if before else ())
        if (change.dataset, change.key) not in again
        and (there := read.get((change.dataset, change.record))) is not None
        and stands(means.datamap[change.dataset], change, there)
    ]
    order = [ref.full for ref in means.datamap]
    return tuple(sorted((*made, *kept), key=lambda c: (order.index(c.dataset), c.key)))


def _moves(ref: Ref, column: str, cell: Cell) -> bool:
    """Whether it is another value indeed, and not the same address in another spelling."""
    said = ref.dataset.rectification
    if said is None or (column not in said.since and column not in said.former):
        return False
    one = ref.dataset.columns[column]
    return cell.was is None or compared(cell.was, one) != compared(cell.to, one)


def _others(means: Means, subject: Subject, wanted: Sequence[Wanted], known: Mapping[str, list[Standing]]) -> int:
    """How many records say a new e-mail address already, that are not the subject's: it may be mistyped, or a try."""
    found = 0
    for one in wanted:
        for standing in known[one.fact]:
            column = standing.ref.dataset.columns[standing.column]
            if column.identity is None or one.to is None:
                continue
            value = compared(parsed(one.to, column, one.fact), column)
            assert isinstance(value, str | int)  # noqa: S101 - an identity is no other type
            new = Subject(1, (Identifier(column.identity, value),))
            source, name = means.source(standing.ref.system.system), standing.ref.name
            key = standing.ref.dataset.key
            there = _keys(rows_of(source, Selection(name, Of((new,)), on=(standing.column,))), key)
            mine = _keys(rows_of(source, Selection(name, Of((subject,)))), key) if there else set()
            found += len(there - mine)
    return found


def _keys(rows: Iterator[dict[str, Any]], key: Sequence[str]) -> set[Key]:
    return {tuple(row[name] for name in key) for row in rows}
