"""What the plan of an erasure is: what becomes of every record of its subjects, fixed before anything is changed.

A record is deleted, or emptied of what is theirs; or it stays: retained by law, waiting for what is unfinished, or for
a person to look at it. What stays is in the plan too, with its reason: the subject is told of it.
"""

from __future__ import annotations

import hmac
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from privacy.errors import Tampered
from privacy.keys import MasterKey
from privacy.plans.file import NAME, Digests, ItemsFile
from privacy.sources.base import Change, Delete, Redaction, Set
from privacy.storage_errors import staging_full

ERASURE = "erasure.json"


class Fate(StrEnum):
    """What becomes of a record."""

    DELETED = "deleted"
    SET = "set"
    """It stays without what is theirs (``erasure: {do: set}``)."""
    SHARED = "shared"
    """Another person is in it: it stays without what is this one's."""
    REFERENCED = "referenced"
    """A record that is retained refers to it: it stays as a number without anything personal."""
    RETAINED = "retained"
    """The law says that it is kept; a purge ends it when its term is over."""
    WAITING = "waiting"
    """It is needed for something unfinished; it goes when that is finished."""
    REVIEW = "review"
    """It only speaks of them, or is among staff: a person decides."""

    @property
    def changes(self) -> bool:
        """Whether there is something to do now; of what is retained there may be (columns that nothing needs)."""
        return self not in (Fate.WAITING, Fate.REVIEW)

    @property
    def stays(self) -> bool:
        """Whether what is personal stays, for now."""
        return self in (Fate.RETAINED, Fate.WAITING, Fate.REVIEW)


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one dataset that have one fate.

    :param dataset: full name.
    :param columns: what is set in them: a constant, None, or ``unique``; None: nothing is.
    :param records, items, bytes: how much that is.
    :param held: of the items those that are held at the moment of the plan, by the kind of hold.
    :param reasons: of what waits: how many records by what is unfinished.
    :param shared: which of the dataset's records it picks (see :class:`privacy.sources.base.Selection`); of those that
        somebody else is in, ``columns`` are the subject's own.
    :param until: of what is retained: how many records by the local date on which a purge ends them; ``""``: that day
        is not known yet (a dispute, an employment).
    :param sha256: over the digests of the items.
    """

    dataset: str
    fate: Fate
    columns: dict[str, Any] | None = None
    records: int = 0
    items: int = 0
    bytes: int = 0
    held: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)
    shared: bool | None = None
    sha256: str = ""

    @property
    def change(self) -> Delete | Set | None:
        """What is done to its items; None: nothing."""
        if self.fate is Fate.DELETED:
            return Delete()
        if self.columns is None or not self.fate.changes:
            return None
        return Set({name: _told(value) for name, value in self.columns.items()})

    @property
    def kind(self) -> Change | None:
        """The same in a word."""
        change = self.change
        return None if change is None else Change.DELETE if isinstance(change, Delete) else Change.SET


@dataclass(frozen=True, slots=True)
class Erasure:
    """A plan of an erasure.

    :param run: the run that made it. :param request: whose subject is erased; None: those whom markers name.
    :param as_of: when it was made (ISO 8601, UTC).
    :param parts: in the order in which they are done.
    :param subjects: a keyed digest of the identities that it was made for.
    :param wrapped: the key of its file of items. :param mark: keyed digest of all of this, as it was written.
    """

    run: str
    request: str | None
    as_of: str
    parts: tuple[Part, ...]
    subjects: str
    batch_rows: int
    wrapped: str = field(default="", repr=False)
    mark: str = field(default="", repr=False)

    @property
    def digest(self) -> str:
        """sha256 over whose records, and what becomes of each: what an operator approves."""
        said = [
            [p.dataset, p.fate.value, p.columns, p.shared, p.records, p.items, p.reasons, p.until, p.sha256]
            for p in self.parts
        ]
        return sha256(json.dumps([self.request, self.subjects, said], sort_keys=True).encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Records by fate."""
        found: Counter[str] = Counter()
        for part in self.parts:
            found[part.fate.value] += part.records
        return {name: count for name, count in found.items() if count}

    @property
    def waits(self) -> tuple[str, ...]:
        """The datasets of which something goes later: it waits, or is held."""
        return tuple(dict.fromkeys(p.dataset for p in self.parts if p.fate is Fate.WAITING or p.held))

    def file(self, folder: Path, key: MasterKey) -> ItemsFile:
        """Its items."""
        return ItemsFile(folder / NAME, self.run, self.wrapped, key)

    def save(self, folder: Path, key: MasterKey) -> None:
        """Write it beside its items: whole, or not at all. :raises RetryLater: ``staging.full``."""
        sealed = replace(self, mark=self._marked(key))
        try:
            new = folder / f".{ERASURE}"
            with new.open("w") as file:
                json.dump(asdict(sealed), file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(folder / ERASURE)
        except OSError:
            raise staging_full("The plan cannot be written.", folder) from None

    @classmethod
    def opened(cls, folder: Path, key: MasterKey) -> Self:
        """The plan of a folder, held against its mark, and every item on disk against its digest.

        :raises Tampered: ``plans.altered``: there is none, it is none, or not what was written.
        """
        try:
            raw: dict[str, Any] = json.loads((folder / ERASURE).read_bytes())
            parts = tuple(Part(**{**part, "fate": Fate(part["fate"])}) for part in raw.pop("parts"))
            found = cls(parts=parts, **raw)
        except (OSError, ValueError, TypeError, KeyError):
            raise _altered("There is no plan where one was made.", folder) from None
        if found.run != folder.name or not hmac.compare_digest(found.mark, found._marked(key)):
            raise _altered("A plan's figures are not those that were written.", folder)
        there = found.file(folder, key).digests()
        nothing = (0, Digests().hexdigest())
        if there.keys() - set(range(len(found.parts))) or any(
            there.get(number, nothing) != (part.items if part.change else 0, part.sha256)
            for number, part in enumerate(found.parts)
        ):
            raise _altered("A plan's items are not those that were planned.", folder)
        return found

    def _marked(self, key: MasterKey) -> str:
        said = json.dumps(asdict(replace(self, mark="")), sort_keys=True)
        return hmac.new(key.derive("plans"), said.encode(), sha256).hexdigest()


def _told(value: object) -> object:
    return Redaction(value) if value in (Redaction.NULL.value, Redaction.UNIQUE.value) else value


def _altered(message: str, folder: Path) -> Tampered:
    return Tampered(
        "plans.altered", message, where=folder.name, advice="Start the erasure again: it makes a new plan.",
    )  # fmt: skip
