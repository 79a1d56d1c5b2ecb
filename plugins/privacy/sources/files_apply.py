"""Removing files: each is looked at again right before, and is gone from disk when its outcome is told.

What is not selected any more, is not what was located, is held or may be somebody's who is to be spared, stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from privacy.errors import GiveUp, PrivacyError, Refused, RetryLater
from privacy.sources.base import Item, Kept, Of, Outcome, Set, Status, Step
from privacy.sources.files_found import Files
from privacy.sources.files_match import AnyMatcher, Matcher, matcher
from privacy.sources.files_names import File


def apply(steps: Sequence[tuple[Files, Step]], spare: Sequence[Of]) -> Iterator[Outcome]:
    """Do the steps, file by file; one outcome an item, in their order. Safe to repeat: what is done is ``gone`` then.

    A file is all or nothing; a unit of several files is not.

    :raises Refused: ``files.cannot_set``: a step would set columns; nothing was done.
    :raises RetryLater: the store cannot do it now; the file is as it was.
    """
    for files, step in steps:
        if isinstance(step.change, Set):
            raise Refused(
                "files.cannot_set", "Nothing can be set in a file; nothing was changed.", where=files.form.full,
                advice="Delete it, or retain it: `erasure:` in the data map.",
            )  # fmt: skip
    return _done(steps, spare)


def _done(steps: Sequence[tuple[Files, Step]], spare: Sequence[Of]) -> Iterator[Outcome]:
    for files, step in steps:
        pick = matcher(files.form, step.selection.pick, step.selection.on)
        held = _Spare(files, step.selection.dataset, spare)
        for chunk in chunked(step.items, _TOGETHER):
            yield from _some(files, chunk, pick, held)


_TOGETHER = 500
"""So many files are removed before their folders are brought to disk."""


def chunked(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """The items, so many at a time."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


class _Spare:
    """What is to be left alone in one dataset."""

    def __init__(self, files: Files, dataset: str, spare: Sequence[Of]) -> None:
        here = [of for of in spare if not isinstance(of, Kept) or of.dataset == dataset]
        kept = [of for of in here if isinstance(of, Kept)]
        self._whole = any(of.whole for of in kept)
        self._keys = {key for of in kept for key in of.keys}
        self._theirs = [Matcher(files.form, of) for of in here]

    def holds(self, file: File) -> bool:
        """Whether a file stays; also one that only may be theirs."""
        if self._whole or (file.key,) in self._keys:
            return True
        found = [matcher.pick(file) for matcher in self._theirs]
        return any(picked.rows or picked.aside for picked in found)


def _some(files: Files, items: Sequence[Item], pick: AnyMatcher, held: _Spare) -> list[Outcome]:
    """Look at some files, remove those that may go, and bring that to disk together: an fsync each takes longest."""
    looked = [_look(files, item, pick, held) for item in items]
    going = [found.entry for found in looked if isinstance(found, File)]
    problems = iter(files.store.delete_all(going))
    return [
        found if isinstance(found, Outcome) else _removed(files, item, found, next(problems))
        for item, found in zip(items, looked, strict=True)
    ]


def _look(files: Files, item: Item, pick: AnyMatcher, held: _Spare) -> File | Outcome:
    try:
        file = files.record(item.key[0])
    except PrivacyError as problem:
        return _failed(item, problem)
    if not pick.pick(file).rows:
        return Outcome(item.key, Status.GONE, 0, 0, "not_selected")
    if held.holds(file):
        return Outcome(item.key, Status.HELD, 0, 0, "hold")
    if file.version != item.version:
        return Outcome(item.key, Status.CHANGED, 0, 0, "version")
    return file


def _removed(files: Files, item: Item, file: File, problem: PrivacyError | None) -> Outcome:
    if problem is None:
        return Outcome(item.key, Status.DONE, 1, file.entry.bytes)
    try:
        with files.naming(file.entry.key):
            raise problem
    except PrivacyError as named:
        return _failed(item, named)


def _failed(item: Item, problem: PrivacyError) -> Outcome:
    """What a problem with one file means; others go on."""
    if problem.code == "storage.missing":
        return Outcome(item.key, Status.GONE, 0, 0)
    if problem.code == "storage.changed":
        return Outcome(item.key, Status.CHANGED, 0, 0, "version")
    if not isinstance(problem, GiveUp | Refused) or isinstance(problem, RetryLater):
        raise problem
    return Outcome(item.key, Status.FAILED, 0, 0, problem.code)
