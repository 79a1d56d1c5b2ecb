"""What a dataset says of cameras whose recordings a processor holds (promises CAM-48H and CAM-SHARE)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from privacy.datamap.stores import Strict, Word

if TYPE_CHECKING:
    from privacy.datamap.policy import Term


class Footage(Strict):
    """That a dataset's records are of recordings, and who holds those.

    :param holder: the processor that has the recordings, as the policy calls it; an order to keep some goes to them.
    :param camera: the column that names the camera.
    :param begins, ends: datetime columns; without ``ends`` a record is of one moment (a still picture).
    :param lists: the dataset of the holder's own lists, as ``system.dataset``: the newest is compared with this one.
        Each is a JSON document: ``{"made_at": time, "recordings": [{"camera": ..., "from": time, "to": time, "state":
        "kept" or "wiped", "wiped_at": time}]}``; times are ISO 8601 with their offset, ``wiped_at`` may be left out.
    :param every: how often a list comes (hours): the newest is never older than that.
    """

    holder: Word
    camera: Word
    begins: Word
    ends: Word | None = None
    lists: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")] | None = None
    every: Annotated[str, Field(pattern=r"^PT[1-9]\d{0,3}H$")] = "PT25H"

    @property
    def hours(self) -> int:
        """``every``, in hours."""
        return int(self.every[2:-1])

    def columns(self) -> Iterator[tuple[str, str]]:
        """The columns that it names, and what for."""
        for what in ("camera", "begins", "ends"):
            if (name := getattr(self, what)) is not None:
                yield what, name


def faults(
    footage: Footage, here: str, processors: Collection[str], datasets: Collection[str], term: Term | None
) -> Iterator[str]:
    """What is wrong with it in the whole of data map and policy.

    :param here: the dataset, for the messages. :param term: its promise's.
    """
    from privacy.datamap.models import did_you_mean

    if footage.holder not in processors:
        hint = did_you_mean(footage.holder, processors)
        yield f"{here}.footage: the policy has no processor {footage.holder!r}{hint}"
    if footage.lists is not None and footage.lists not in datasets:
        yield f"{here}.footage.lists: there is no dataset {footage.lists!r}{did_you_mean(footage.lists, datasets)}"
    if term is not None and (term.keep_at_most is None or term.every is None):
        yield f"{here}.footage: its promise says no `keep_at_most` and `every`: nobody knows when footage is wiped"
