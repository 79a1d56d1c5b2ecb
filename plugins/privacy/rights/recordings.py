"""What the shop knows of recordings that a processor holds: the records of datasets with ``footage:``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from privacy.datamap.load import DataMap, Ref
from privacy.datamap.models import did_you_mean
from privacy.errors import BadInput, RetryLater
from privacy.holds import Keys, Span
from privacy.sources.base import Selection
from privacy.sources.due import FOREVER

if TYPE_CHECKING:
    from privacy.rights.house import House

_TRIES = 3
_CAMERA = re.compile(r"[\w .-]{1,60}")


@dataclass(frozen=True, slots=True)
class Recording:
    """One record of a recording, or of a moment of one (a still picture: ``begins`` is ``ends``).

    :param dataset: its full name. :param begins, ends: aware, UTC.
    """

    dataset: str
    key: tuple[object, ...]
    camera: str
    begins: datetime
    ends: datetime

    @property
    def moment(self) -> bool:
        """Whether it has no length."""
        return self.begins == self.ends


def footage(datamap: DataMap, datasets: Iterable[str] | None = None) -> list[Ref]:
    """The datasets with ``footage:``, all or those of these full names."""
    wanted = None if datasets is None else set(datasets)
    return [ref for ref in datamap if ref.dataset.footage and (wanted is None or ref.full in wanted)]


def held_by(datamap: DataMap, processor: str) -> list[Ref]:
    """The datasets of recordings that one processor holds."""
    return [ref for ref in datamap if ref.dataset.footage and ref.dataset.footage.holder == processor]


def recordings(house: House, ref: Ref) -> list[Recording]:
    """All that the dataset has now; one whose time cannot be read is none (a purge counts those).

    :raises RetryLater: its files kept changing. :raises Unreadable: the store cannot be read.
    """
    for _ in range(_TRIES - 1):
        try:
            return _read(house, ref)
        except RetryLater:
            continue  # A purge runs beside it.
    return _read(house, ref)


def _read(house: House, ref: Ref) -> list[Recording]:
    said = ref.dataset.footage
    assert said is not None  # noqa: S101 - see footage()
    source, selection = house.source(ref.system.system), Selection(ref.name, FOREVER)
    found = []
    for partition in source.partitions(selection):
        for batch in source.read(selection, partition):
            for row in batch.to_pylist():
                begins = row[said.begins]
                ends = row[said.ends] if said.ends else begins
                if begins is not None and ends is not None and row[said.camera] is not None:
                    key = tuple(row[name] for name in ref.dataset.key)
                    begins, ends = begins.astimezone(UTC), ends.astimezone(UTC)
                    found.append(Recording(ref.full, key, str(row[said.camera]), begins, ends))
    return found


def chosen(house: House, span: Span, datasets: Iterable[str]) -> Keys:
    """The records of recordings that have anything of a span, for a hold; there may be none yet.

    :raises BadInput: as :func:`met`.
    """
    return Keys(tuple(r.key for r in met(house, span, datasets)), span)


def met(house: House, span: Span, datasets: Iterable[str]) -> list[Recording]:
    """The recordings that have anything of a span.

    :param datasets: full names of datasets with ``footage:``, all of one system.
    :raises BadInput: ``hold.footage``: a dataset is none of recordings; ``hold.camera``: no such camera.
    """
    names = list(datasets)
    refs = footage(house.datamap, names)
    if len(refs) != len(set(names)) or len({ref.system.system for ref in refs}) != 1:
        raise BadInput(
            "hold.footage",
            "A camera and a span choose recordings; one of the datasets has none, or they are of several systems.",
            advice=f"Datasets with footage: {', '.join(ref.full for ref in footage(house.datamap)) or 'none'}.",
        )
    if not _CAMERA.fullmatch(span.camera):
        # It stands in the open in the order, and in the letter.
        raise BadInput("hold.camera", "That is no name of a camera.", advice="Letters, digits, blanks and . _ - only.")
    every = [recording for ref in refs for recording in recordings(house, ref)]
    known = sorted({recording.camera for recording in every})
    if known and span.camera not in known:
        # What was typed is not repeated; the names of cameras are the shop's own.
        hint = did_you_mean(span.camera, known)
        raise BadInput("hold.camera", f"There is no recording of such a camera{hint}.")
    return [r for r in every if span.meets(r.camera, r.begins, r.ends)]


def cameras(house: House) -> list[str]:
    """The cameras of which the shop knows a recording now, by name; nothing but their names is looked at.

    Records of whole recordings tell them; still pictures are read only where there are no such records.

    :raises RetryLater, Unreadable: as :func:`recordings`.
    """
    refs = footage(house.datamap)
    whole = [ref for ref in refs if ref.dataset.footage is not None and ref.dataset.footage.ends]
    return sorted({one.camera for ref in whole or refs for one in recordings(house, ref)})
