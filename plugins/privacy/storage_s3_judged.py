"""Removing what a judge lets go, of many keys: while some are removed, the next ones are looked at.

A span of keys is what one page of a list shows. Each is looked at, judged and handed on to be removed; the look at the
next one runs meanwhile, and no further ahead than that, so that a look stays close to its removal. What was put there
in between stays all the same: the server is told with each key which object is meant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from privacy.errors import PrivacyError
from privacy.storage import Entry
from privacy.storage_errors import same
from privacy.storage_removal import Judge
from privacy.storage_s3_bucket import Bucket, Versions, micros
from privacy.storage_s3_removal import Removal

T = TypeVar("T")

_SPAN = 990
"""So many keys are looked at together: less than a page of a list, which thus shows that it goes past the last one."""
_AT_ONCE = 4
"""So many spans are being removed at a time, each in several requests."""

_Looked = tuple[list[Entry | PrivacyError | None], dict[str, Versions]]
_Going = tuple[list[int], "Future[list[PrivacyError | None]]"]


class Judged(Generic[T]):
    """One removal; the parameters are those of :func:`privacy.storage.delete_judged`."""

    def __init__(self, bucket: Bucket, removal: Removal, keys: Sequence[str], judge: Judge[T]) -> None:
        self._bucket, self._removal, self._keys, self._judge = bucket, removal, keys, judge
        self._told: list[T | PrivacyError | None] = [None] * len(keys)

    def done(self) -> list[T | PrivacyError | None]:
        """Do it. :returns: see :func:`privacy.storage.delete_judged`.

        :raises PrivacyError: the very first look failed; nothing was removed. Of a later one each of its keys tells,
            and all that come after it: what was removed before is told as that.
        """
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        spans = deque(order[at : at + _SPAN] for at in range(0, len(order), _SPAN))
        if len(spans) == 1:
            entries, going, versions = self._judged(spans[0], self._look(spans[0]))
            self._tell(going, self._removal.done(entries, versions))
            return self._told
        under_way: deque[_Going] = deque()
        with ThreadPoolExecutor(1) as looking, ThreadPoolExecutor(_AT_ONCE) as removing:
            ahead = looking.submit(self._look, spans[0]) if spans else None
            while ahead is not None:
                try:
                    found = ahead.result()
                except PrivacyError as problem:
                    if len(order) == sum(map(len, spans)):
                        raise
                    for at in (at for span in spans for at in span):
                        self._told[at] = same(problem, self._keys[at])
                    break
                span = spans.popleft()
                ahead = looking.submit(self._look, spans[0]) if spans else None
                entries, going, versions = self._judged(span, found)
                under_way.append((going, removing.submit(self._removal.done, entries, versions)))
                if len(under_way) == _AT_ONCE:
                    self._settle(under_way.popleft())
            for one in under_way:
                self._settle(one)
        return self._told

    def _look(self, span: Sequence[int]) -> _Looked:
        return self._bucket.look([self._keys[at] for at in span])

    def _judged(self, span: Sequence[int], found: _Looked) -> tuple[list[Entry], list[int], dict[str, Versions]]:
        """What may go of a span, and where that stands among the keys; of the rest it is told why it stays."""
        entries: list[Entry] = []
        going: list[int] = []
        for at, entry in zip(span, found[0], strict=True):
            if isinstance(entry, PrivacyError):
                self._told[at] = entry
                continue
            seen = None if entry is None else (entry.identity, entry.bytes, micros(entry.modified))
            self._told[at] = self._judge(at, seen)
            if self._told[at] is None and entry is not None:
                entries.append(entry)
                going.append(at)
        return entries, going, found[1]

    def _settle(self, one: _Going) -> None:
        self._tell(one[0], one[1].result())

    def _tell(self, going: Sequence[int], kept: Sequence[PrivacyError | None]) -> None:
        for at, problem in zip(going, kept, strict=True):
            self._told[at] = problem
