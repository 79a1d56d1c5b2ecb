"""How far the doing of a plan has come: one line a batch, on disk before the next batch begins.

After a crash the batches that stand there are done and counted; the one that was under way is done again, and what of
it is gone by then was done by the try that died. So nothing is counted twice, and nothing is lost from the count.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path

from privacy.errors import RetryLater, Tampered
from privacy.keys import MasterKey
from privacy.plans.keys import written
from privacy.sources.base import Item, Outcome, Status
from privacy.storage_errors import staging_full

_NAME = "progress.jsonl"


@dataclass(slots=True)
class Batch:
    """What became of a batch.

    :param step, number: which one it is of the plan.
    :param deleted, bytes: records and bytes that went. :param gone: items that were gone already.
    :param kept: items that stayed, by why: ``held``, ``changed``, ``failed``, ``waits``, ``not_due`` any more.
    :param records: records that stayed, likewise.
    :param reasons: codes of those that failed.
    :param stayed: digests of their keys (keyed, once they are on disk: see :meth:`Progress.add`), and why each stayed.
    :param derived: some of what is counted as deleted was gone when a second try came to it.
    """

    step: int
    number: int
    deleted: int = 0
    bytes: int = 0
    gone: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    stayed: dict[str, str] = field(default_factory=dict)
    derived: bool = False

    def count(self, item: Item, outcome: Outcome, *, again: bool) -> None:
        """One item's outcome.

        :param again: an earlier try may have done it.
        """
        match outcome.status:
            case Status.DONE:
                self.deleted, self.bytes = self.deleted + outcome.records, self.bytes + outcome.bytes
            case Status.GONE if again and outcome.reason != "not_selected":
                self.deleted, self.bytes = self.deleted + item.records, self.bytes + item.bytes
                self.derived = True
            case Status.GONE if outcome.reason == "not_selected":
                self.stay(item, "not_due", item.records)
            case Status.GONE:
                self.gone += 1
            case Status.HELD | Status.CHANGED | Status.FAILED:
                # Of a file some lines may have gone and others been held.
                self.deleted, self.bytes = self.deleted + outcome.records, self.bytes + outcome.bytes
                self.stay(item, outcome.status.value, _left(item, outcome))
                if outcome.status is Status.FAILED:
                    self.reasons[outcome.reason or "failed"] = self.reasons.get(outcome.reason or "failed", 0) + 1

    def stay(self, item: Item, why: str, records: int) -> None:
        """An item that stays."""
        self.kept[why] = self.kept.get(why, 0) + 1
        self.records[why] = self.records.get(why, 0) + records
        self.stayed[digest(item.key)] = why


def _left(item: Item, outcome: Outcome) -> int:
    """How many records of an item stayed."""
    said = outcome.reason.partition("held:")[2]
    return int(said) if said.isdigit() else max(0, item.records - outcome.records)


def digest(key: tuple[object, ...]) -> str:
    """Of an item's key: to know it again, not to read it."""
    return blake2b(written(key), digest_size=12).hexdigest()


class Progress:
    """The batches of one plan, in its folder."""

    def __init__(self, folder: Path, key: MasterKey) -> None:
        self._path = folder / _NAME
        self._secret = key.derive("plans")

    def known(self, key: tuple[object, ...]) -> str:
        """What an item that stayed is called in the batches that were read."""
        return self._keyed(digest(key))

    def _keyed(self, digest: str) -> str:
        # A key may be an address or a file's name: without a secret, whoever guesses it could tell it by its digest.
        return blake2b(bytes.fromhex(digest), digest_size=12, key=self._secret).hexdigest()

    def batches(self) -> list[Batch]:
        """Those that are done. A line that was cut off by a crash is none: that batch is done again."""
        try:
            lines = self._path.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except OSError:
            raise RetryLater("staging.busy", "How far a plan has come cannot be read.") from None
        found = []
        for number, line in enumerate(lines):
            if not line.endswith("\n") and number == len(lines) - 1:
                break
            try:
                found.append(Batch(**json.loads(line)))
            except (ValueError, TypeError):
                raise Tampered("plans.altered", "How far a plan has come was altered.") from None
        return found

    def add(self, batch: Batch) -> None:
        """One more; on disk when this returns. :raises RetryLater: ``staging.full``."""
        said = asdict(batch) | {"stayed": {self._keyed(key): why for key, why in batch.stayed.items()}}
        try:
            # What a crash left half written is no line; the next one begins where it began.
            content = self._path.read_bytes() if self._path.exists() else b""
            whole = content.rfind(b"\n") + 1
            with self._path.open("ab") as file:
                file.truncate(whole)
                file.write(json.dumps(said).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            raise staging_full("How far a plan has come cannot be written.", self._path.parent) from None


@dataclass(frozen=True, slots=True)
class Tally:
    """All batches together.

    :param deleted: records by dataset; ``bytes`` likewise.
    :param kept, records: items and records that stayed, by why. :param reasons: codes of those that failed.
    :param stayed: the records that stayed by dataset, and by why.
    """

    deleted: dict[str, int]
    bytes: dict[str, int]
    gone: int
    kept: dict[str, int]
    records: dict[str, int]
    reasons: dict[str, int]
    derived: bool = False
    stayed: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, batches: Iterable[Batch], datasets: Sequence[str]) -> Tally:
        """Summed up.

        :param datasets: the dataset of each step.
        """
        deleted: Counter[str] = Counter(dict.fromkeys(datasets, 0))
        size: Counter[str] = Counter(dict.fromkeys(datasets, 0))
        kept: Counter[str] = Counter()
        records: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        stayed: dict[str, Counter[str]] = {}
        gone, derived = 0, False
        for batch in batches:
            deleted[datasets[batch.step]] += batch.deleted
            size[datasets[batch.step]] += batch.bytes
            kept.update(batch.kept)
            records.update(batch.records)
            stayed.setdefault(datasets[batch.step], Counter()).update(batch.records)
            reasons.update(batch.reasons)
            gone, derived = gone + batch.gone, derived or batch.derived
        there = {dataset: dict(why) for dataset, why in stayed.items() if why}
        return cls(dict(deleted), dict(size), gone, dict(kept), dict(records), dict(reasons), derived, there)
