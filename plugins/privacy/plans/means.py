"""What making and doing a plan takes; :class:`privacy.rights.house.House` puts it together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from privacy.clock import Clock
from privacy.datamap.load import DataMap
from privacy.holds import Holds
from privacy.keys import MasterKey
from privacy.ledger import Ledger
from privacy.sources.base import Source


@dataclass(frozen=True)
class Means:
    """The installation, as far as plans need it.

    :param source: the source that serves a system.
    :param folder: where sealed plans lie, a folder each.
    :param batch_rows: most items that are changed in one go: what a hold has to wait for at the most.
    :param four_eyes: whether who registered or started something may not approve it too.
    :param pause: seconds between two batches, for a store that others are waiting for.
    """

    datamap: DataMap
    source: Callable[[str], Source]
    holds: Holds
    ledger: Ledger
    key: MasterKey
    clock: Clock
    folder: Path
    batch_rows: int = 10_000
    pause: float = 0.0
    four_eyes: bool = False
