"""What a bundle says of a request, and what was found of a person in each dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from privacy.bundle import reasons
from privacy.bundle.disclosed import Disclosed
from privacy.bundle.expiry import Starts
from privacy.bundle.originals import Original
from privacy.bundle.scope import GROUND, Scope, left_behind
from privacy.bundle.stopped import Stopped
from privacy.bundle.supplemented import Supplement
from privacy.bundle.told import Told
from privacy.datamap.load import Ref
from privacy.datamap.models import Nobody, Text
from privacy.sources.base import Identifier


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bundle says of the request.

    :param number: of the request; ``right``: ``access`` or ``portability``.
    :param received_at: when it arrived; ``as_of``: when its first run began; aware.
    :param scope: all, or what a direct transfer to another controller gives.
    :param disclosed: what went to others about this person, as far as they may know it.
    :param supplements: what records of the past should say, by this person's word.
    :param told: which processors were told of corrections, erasures and restrictions of theirs.
    :param stopped: for what their data are not processed, by the list that the shop's systems obey.
    :param name: how the person is called; ``named``: what the request named to find them by. Both personal.
    """

    number: str
    right: str
    received_at: datetime
    as_of: datetime
    name: str | None = field(default=None, repr=False)
    named: tuple[Identifier, ...] = field(default=(), repr=False)
    scope: Scope = Scope.ALL
    disclosed: tuple[Disclosed, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Omission:
    """Something that could not be given, said in so many words.

    :param partition: empty: the whole dataset. :param reason: a code, e.g. ``weblogs.truncated``.
    """

    dataset: str
    partition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of the bundle.

    :param path: within the bundle. :param format: ``parquet``, ``json``, ``log``, ``html``; None: a whole original.
    :param rows: records, or lines; None for a page. :param original: what its record says of a whole original.
    """

    path: str
    format: str | None
    bytes: int
    sha256: str
    rows: int | None = None
    original: Original | None = None

    @property
    def tabular(self) -> bool:
        """Whether it has the dataset's records."""
        return self.format in ("json", "parquet")


@dataclass(slots=True)
class Holding:
    """What was found in one dataset: the sum of its parts (see :class:`privacy.bundle.parts.Part`)."""

    ref: Ref
    records: int = 0
    withheld: int = 0
    withheld_why: dict[str, int] = field(default_factory=dict)
    unattributed: int = 0
    unreadable: int = 0
    redacted: dict[str, int] = field(default_factory=dict)
    originals_left_out: int = 0
    starts: Starts = field(default_factory=Starts)
    resources: list[Resource] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(resource.bytes for resource in self.resources)

    @property
    def empty(self) -> bool:
        """Nothing of this person is in it."""
        return not (self.records or self.withheld or self.unattributed)


def names_people(ref: Ref) -> bool:
    """Whether a dataset can hold something of a person at all."""
    return not isinstance(ref.dataset.subject, Nobody)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Records that are not given, for one reason. :param code: empty: the ground is that of the whole dataset."""

    code: str
    records: int
    why: Text


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Values of one column that are not given."""

    column: str
    values: int
    ground: Text


def withheld(holding: Holding) -> list[Withheld]:
    """The records of a dataset that are not given, by reason."""
    found = [Withheld(code, n, reasons.withheld(code)) for code, n in sorted(holding.withheld_why.items()) if n]
    rest = holding.withheld - sum(reason.records for reason in found)
    access = holding.ref.dataset.access
    if rest:
        found.insert(0, Withheld("", rest, access.ground if access else reasons.withheld("")))
    return found


def left_out(holding: Holding, scope: Scope) -> list[LeftOut]:
    """What was redacted of a dataset, by column."""
    dataset = holding.ref.dataset
    behind = left_behind(dataset, scope)

    def ground(name: str) -> Text:
        access = dataset.columns[name].access
        return access.ground if access else GROUND if name in behind else reasons.OTHERS

    return [LeftOut(name, count, ground(name)) for name, count in sorted(holding.redacted.items()) if count]
