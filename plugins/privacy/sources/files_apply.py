"""Removing files: each is looked at again right before, and is gone from disk when its outcome is told.

What is not selected any more, is not what was located, is held or may be somebody's who is to be spared, stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, repeat

from privacy.errors import GiveUp, PrivacyError, Refused, RetryLater
from privacy.sources.base import Item, Kept, Of, Outcome, Set, Status, Step
from privacy.sources.files_found import Files
from privacy.sources.files_match import AnyMatcher, Matcher, matcher
from privacy.sources.files_names import Named, Value, text_of, version_of
from privacy.storage import delete_judged
from privacy.storage_removal import Found


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
        pick = matcher(files.form, step.selection)
        held = _Spare(files, step.selection.dataset, spare)
        for chunk in chunked(step.items, _TOGETHER):
            yield from _some(files, chunk, pick, held)


_TOGETHER = 10_000
"""So many files are looked at, removed and brought to disk together: a folder's fsync is for all of its files, and an
object store is asked about the next ones while it removes the ones before."""


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
        self._theirs = [theirs for of in here if (theirs := Matcher(files.form, of)).selects]

    def holds(self, file: Named) -> bool:
        """Whether a file stays; also one that only may be theirs."""
        if self._whole or (self._keys and (file.key,) in self._keys):
            return True
        for theirs in self._theirs:
            picked = theirs.pick(file)
            if picked.rows or picked.aside:
                return True
        return False


class _Now:
    """A file as it is right before it goes."""

    __slots__ = ("_stored", "modified", "values")

    def __init__(self, stored: str, values: dict[str, Value], modified: int) -> None:
        self._stored, self.values, self.modified = stored, values, modified

    @property
    def key(self) -> str:
        return text_of(self._stored)


class _Judge:
    """Whether files may go, by one look at each: the same selection as ever, held by nobody, and the very same file."""

    def __init__(self, pick: AnyMatcher, held: _Spare) -> None:
        self._pick, self._held = pick.pick, held.holds
        self.items: list[Item] = []
        self.keys: list[str] = []
        self.values: list[dict[str, Value]] = []
        self.bytes: list[int] = []

    def __call__(self, at: int, found: Found | None) -> Outcome | None:
        """See :func:`privacy.storage.delete_judged`."""
        item = self.items[at]
        if found is None:
            return Outcome(item.key, Status.GONE, 0, 0)
        identity, size, modified = found
        now = _Now(self.keys[at], self.values[at], modified)
        if not self._pick(now).rows:
            return Outcome(item.key, Status.GONE, 0, 0, "not_selected")
        if self._held(now):
            return Outcome(item.key, Status.HELD, 0, 0, "hold")
        if version_of(identity, size, modified) != item.version:
            return Outcome(item.key, Status.CHANGED, 0, 0, "version")
        self.bytes[at] = size
        return None


def _some(files: Files, items: Sequence[Item], pick: AnyMatcher, held: _Spare) -> list[Outcome]:
    """Look at some files, remove those that may go, and bring that to disk together: an fsync each takes longest."""
    judge = _Judge(pick, held)
    outcomes: list[Outcome | None] = []
    for item in items:
        try:
            key, values = files.named(item.key[0])
        except PrivacyError as problem:
            outcomes.append(_failed(item, problem))
        else:
            outcomes.append(None)
            judge.items.append(item)
            judge.keys.append(key)
            judge.values.append(values)
    judge.bytes = [0] * len(judge.keys)
    told = delete_judged(files.store, judge.keys, judge)
    done = map(_outcome, repeat(files), judge.items, judge.keys, judge.bytes, told)
    return [next(done) if outcome is None else outcome for outcome in outcomes]


def _outcome(files: Files, item: Item, key: str, size: int, told: Outcome | PrivacyError | None) -> Outcome:
    if told is None:
        return Outcome(item.key, Status.DONE, 1, size)
    if isinstance(told, Outcome):
        return told
    try:
        with files.naming(key):
            raise told
    except PrivacyError as named:
        return _failed(item, named)


def _failed(item: Item, problem: PrivacyError) -> Outcome:
    """What a problem with one file means; others go on."""
    if problem.code == "storage.missing":
        return Outcome(item.key, Status.GONE, 0, 0)
    if problem.code == "storage.changed":
        return Outcome(item.key, Status.CHANGED, 0, 0, "version")
    if problem.code == "storage.held":
        return Outcome(item.key, Status.HELD, 0, 0, problem.code)
    if not isinstance(problem, GiveUp | Refused) or isinstance(problem, RetryLater):
        raise problem
    return Outcome(item.key, Status.FAILED, 0, 0, problem.code)
