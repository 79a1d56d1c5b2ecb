"""Removing messages, or rewriting them without one of their parties: each is looked at again right before.

There is no transaction over files: each message is all or nothing, a unit is not. It is safe to repeat: what is done is
``gone`` then. What is removed is gone from disk before its outcome is told. A message that only mentions the subjects
of a selection is not theirs to have removed: its outcome is ``held``, reason ``review``.

A message that is rewritten is one or the other at any time, never half, and never none. One in which a subject would
still be found by any way this source knows stays as it was: ``failed``, reason ``mailbox.not_redacted``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from privacy.errors import GiveUp, Refused, RetryLater
from privacy.sources.base import Delete, Due, Item, Kept, Of, Outcome, Set, Status, Step
from privacy.sources.mailbox_columns import unsettable
from privacy.sources.mailbox_content import content
from privacy.sources.mailbox_redacting import Redact
from privacy.sources.mailbox_whose import Row, Whose

if TYPE_CHECKING:
    from privacy.sources.mailbox import MailboxSource
    from privacy.sources.mailbox_store import Folder

REVIEW = "review"
"""The reason of what a person has to look at before it is removed."""


def apply(source: MailboxSource, unit: Sequence[Step], spare: Sequence[Of]) -> Iterator[Outcome]:
    """Do the steps, one outcome an item, in their order.

    :raises Refused: ``mailbox.cannot_set``: these columns cannot be set; nothing was changed.
    :raises RetryLater: the mailbox cannot be reached now; what was done before is ``gone`` in the next try.
    """
    for step in unit:
        dataset = source.dataset(step.selection.dataset)
        wrong = None if isinstance(step.change, Delete) else unsettable(dataset, step.change.columns)
        if isinstance(step.change, Set) and not isinstance(step.selection.pick, Of):
            wrong = "Of what is due nobody is to be taken out.", "Delete it, or pick whose it is."
        if wrong is not None:
            raise Refused(
                "mailbox.cannot_set", f"{wrong[0]} Nothing was changed.",
                where=source.where(step.selection.dataset), advice=wrong[1],
            )  # fmt: skip
    return (outcome for step in unit for outcome in _step(source, step, spare))


def _step(source: MailboxSource, step: Step, spare: Sequence[Of]) -> Iterator[Outcome]:
    name = step.selection.dataset
    look = _Look(source, step, spare)
    names = source.folders(name)
    for label, items in groupby(step.items, lambda item: str(item.key[0])):
        its = list(items)
        if label not in names:
            yield from (Outcome(item.key, Status.GONE, 0, 0) for item in its)
            continue
        with source.opened(name, label) as opened:
            outcomes: list[Outcome] = []
            later: RetryLater | None = None
            for item in its:
                try:
                    outcomes.append(look.change(opened, item, names[label]))
                except RetryLater as problem:
                    later = problem
                    break
            if any(outcome.status is Status.DONE for outcome in outcomes):
                before = opened.settle()
                outcomes = [_gone(outcome) if str(outcome.key[1]) in before else outcome for outcome in outcomes]
        yield from outcomes
        if later is not None:
            raise later


def _gone(outcome: Outcome) -> Outcome:
    return Outcome(outcome.key, Status.GONE, 0, 0) if outcome.status is Status.DONE else outcome


class _Look:
    """What a step selects and what is to be spared, prepared once."""

    def __init__(self, source: MailboxSource, step: Step, spare: Sequence[Of]) -> None:
        self._source, self._step = source, step
        name, pick = step.selection.dataset, step.selection.pick
        dataset = source.dataset(name)
        selection = step.selection
        self._whose = Whose(dataset, pick, selection.on, shared=selection.shared) if isinstance(pick, Of) else None
        self._redact = Redact(dataset, pick, step) if isinstance(step.change, Set) and isinstance(pick, Of) else None
        here = [of for of in spare if not isinstance(of, Kept) or of.dataset == name]
        self._spares = [w for w in (Whose(dataset, of, perhaps=True) for of in here) if w.selects]
        kept = [of for of in here if isinstance(of, Kept)]
        self._whole = any(of.whole for of in kept)
        self._keys = frozenset[tuple[str, ...]]().union(*(of.keys for of in kept))

    def change(self, folder: Folder, item: Item, name: str) -> Outcome:
        """Remove or rewrite one message, if it is still what was planned. :param name: of the folder."""
        try:
            return self._change(folder, item, name)
        except RetryLater as problem:
            if problem.code != "mailbox.moved":
                raise
            return Outcome(item.key, Status.GONE, 0, 0)
        except (GiveUp, Refused) as problem:
            if problem.code == "mailbox.renumbered":
                # It may be there, under another number: what cannot be told is not said to be gone.
                return Outcome(item.key, Status.CHANGED, 0, 0, "version")
            return Outcome(item.key, Status.FAILED, 0, 0, problem.code)

    def _change(self, folder: Folder, item: Item, name: str) -> Outcome:
        stored = folder.find(str(item.key[1]))
        if stored is None:
            return Outcome(item.key, Status.GONE, 0, 0)
        with (opened := folder.open(stored)).file:
            pick, data = self._step.selection.pick, b""
            if self._whose is not None or self._spares:
                data = content(folder, opened)
            if self._held(item, name, data, stored.received):
                return Outcome(item.key, Status.HELD, 0, 0, "held")
            whose = [] if isinstance(pick, Due) else self._rows(data, stored.received)
            if not (stored.received < pick.before if isinstance(pick, Due) else whose):
                return Outcome(item.key, Status.GONE, 0, 0)
            if opened.version != item.version:
                return Outcome(item.key, Status.CHANGED, 0, 0, "version")
            if whose and not self._step.reviewed and all(row.withheld for row in whose):
                # It is others' correspondence that speaks of a subject: a person looks at it first, as for a copy.
                return Outcome(item.key, Status.HELD, 0, 0, REVIEW)
            if self._redact is None:
                folder.delete(opened)
            else:
                folder.replace(opened, self._redact.of(data, stored.received, whose, folder.place(stored.name)))
            return Outcome(item.key, Status.DONE, 1, opened.bytes)

    def _rows(self, data: bytes, received: datetime) -> list[Row]:
        found = self._whose.judge(data, received) if self._whose is not None else None
        return [] if found is None else found[1].rows

    def _held(self, item: Item, name: str, data: bytes, received: datetime) -> bool:
        # A hold may name the folder as staff do: rather kept for that than lost for a label.
        message = str(item.key[1])
        if self._whole or not self._keys.isdisjoint({(str(item.key[0]), message), (name, message)}):
            return True
        return any((found := w.judge(data, received)) is not None and bool(found[1].rows) for w in self._spares)
