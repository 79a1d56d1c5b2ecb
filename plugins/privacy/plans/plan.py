"""What a plan is: fixed at one moment, its items on disk, its digest over all that would be done."""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from privacy.errors import Tampered
from privacy.keys import MasterKey
from privacy.plans.file import Digests, ItemsFile
from privacy.sources.base import Among, Due
from privacy.storage_errors import staging_full

PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Picked:
    """One step: records of one dataset that go.

    :param dataset: full name. :param before: the bound (ISO 8601, UTC, exclusive): records that started before it.
    :param column, kinds, others: of these kinds alone (see :class:`privacy.sources.base.Among`); None: of any.
    :param follows: the dataset whose due records these belong to; None: they have a term of their own.
    :param records, items, bytes: how much that is.
    :param held: of the items those that are held now, by the kind of hold.
    :param oldest, newest: the earliest and latest start (ISO 8601); None where nothing is due, or it follows.
    :param left: items that stay because somebody is in them too who is not due.
    :param nobodys: records that follow no record of the other dataset, of anybody: no purge ever takes them.
    :param sha256: over the digests of the items.
    """

    dataset: str
    before: str
    column: str | None = None
    kinds: tuple[str, ...] = ()
    others: bool = False
    follows: str | None = None
    records: int = 0
    items: int = 0
    bytes: int = 0
    held: dict[str, int] = field(default_factory=dict)
    oldest: str | None = None
    newest: str | None = None
    left: int = 0
    nobodys: int = 0
    sha256: str = ""

    @property
    def due(self) -> Due:
        """What it picks; of a dataset that follows another: what it picks of that one."""
        among = None if self.column is None else Among(self.column, frozenset(self.kinds), self.others)
        return Due(datetime.fromisoformat(self.before), among)


@dataclass(frozen=True, slots=True)
class Held:
    """What a rule's datasets hold besides, at the moment of the plan.

    :param records: dated and undated; None: not known. :param bytes: as stored.
    :param undated, future: records without a start, or whose own record is gone, and with one later than now (edge
        case 11).
    :param unreadable: of the undated, those with something written as their start that says no moment.
    :param late: records past their limit when the plan was made, whatever it is as of.
    :param foreseen: how many records are to fall due by the next run.
    """

    records: int | None
    bytes: int
    undated: int
    future: int
    late: int
    foreseen: int
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of one rule.

    :param run: the run that made it. :param rule: its name; ``purge``: the pipeline's.
    :param as_of: the moment that it is fixed at (ISO 8601, UTC).
    :param limit: the promise's term in ISO 8601; ``promises``: what a run of it proves.
    :param breaks: when the promise is broken for the oldest record of the plan (ISO 8601); None: never, or no record.
    :param late_by: how long it was broken for when the plan was made, in seconds; 0: it was not.
    :param tripped: the guards that it is over, in words with their figures; empty: nobody has to be asked.
    :param batch_rows: so many items are done in one go.
    :param wrapped: the key of its file of items.
    :param mark: keyed digest of all of this, as it was written.
    :param digest: over rule, bounds and all items.
    """

    run: str
    purge: str
    rule: str
    promises: tuple[str, ...]
    limit: str
    as_of: str
    steps: tuple[Picked, ...]
    holds: Held
    breaks: str | None
    late_by: float
    batch_rows: int
    tripped: tuple[str, ...] = ()
    wrapped: str = field(default="", repr=False)
    mark: str = field(default="", repr=False)

    @property
    def digest(self) -> str:
        """sha256 over the rule, its bounds, and the items of every step."""
        said = [
            [s.dataset, s.before, s.column, sorted(s.kinds), s.others, s.follows, s.items, s.sha256] for s in self.steps
        ]
        return sha256(json.dumps([self.rule, said]).encode()).hexdigest()

    @property
    def records(self) -> int:
        """How many records would go."""
        return sum(step.records for step in self.steps)

    @property
    def items(self) -> int:
        """How many items they are in."""
        return sum(step.items for step in self.steps)

    def file(self, folder: Path, key: MasterKey) -> ItemsFile:
        """Its items."""
        from privacy.plans.file import NAME

        return ItemsFile(folder / NAME, self.run, self.wrapped, key)

    def save(self, folder: Path, key: MasterKey) -> None:
        """Write it beside its items: whole, or not at all. :raises RetryLater: ``staging.full``."""
        sealed = replace(self, mark=self._marked(key))
        try:
            new = folder / f".{PLAN}"
            with new.open("w") as file:
                json.dump(asdict(sealed), file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(folder / PLAN)
        except OSError:
            raise staging_full("The plan cannot be written.", folder) from None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The plan of a folder. :raises Tampered: ``plans.altered``: there is none, or it is none."""
        try:
            raw: dict[str, Any] = json.loads((folder / PLAN).read_bytes())
            steps = tuple(Picked(**{**step, "kinds": tuple(step["kinds"])}) for step in raw.pop("steps"))
            raw |= {name: tuple(raw[name]) for name in ("promises", "tripped")}
            return cls(steps=steps, holds=Held(**raw.pop("holds")), **raw)
        except (OSError, ValueError, TypeError, KeyError):
            raise Tampered(
                "plans.altered", "There is no plan where one was made.", where=folder.name,
                advice="Start the purge again: it makes a new plan.",
            ) from None  # fmt: skip

    def checked(self, folder: Path, key: MasterKey) -> Self:
        """Itself, after it was held against its mark, and every item on disk against its digest.

        :raises Tampered: ``plans.altered``.
        """
        self.believed(key)
        found = self.file(folder, key).digests()
        nothing = (0, Digests().hexdigest())
        if found.keys() - set(range(len(self.steps))) or any(
            found.get(number, nothing) != (step.items, step.sha256) for number, step in enumerate(self.steps)
        ):
            raise Tampered("plans.altered", "A plan's items are not those that were planned.", where=self.run)
        return self

    def believed(self, key: MasterKey) -> Self:
        """Itself, after its figures were held against its mark; its items are not read: for looking at it.

        :raises Tampered: ``plans.altered``.
        """
        if not hmac.compare_digest(self.mark, self._marked(key)):
            # Its digest is over what would be done alone; what the ledger is told of it stands here too.
            raise Tampered(
                "plans.altered", "A plan's figures are not those that were written.", where=self.run,
                advice="Start the purge again: it makes a new plan.",
            )  # fmt: skip
        return self

    def _marked(self, key: MasterKey) -> str:
        """The keyed digest of all that it says."""
        said = json.dumps(asdict(replace(self, mark="")), sort_keys=True)
        return hmac.new(key.derive("plans"), said.encode(), sha256).hexdigest()
