"""The lists in which a processor says which recordings it has, and which it has erased (promise CAM-48H)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from privacy.errors import PrivacyError, RetryLater
from privacy.sources.base import Selection
from privacy.sources.due import FOREVER

if TYPE_CHECKING:
    from typing import Self

    from privacy.datamap.load import Ref
    from privacy.rights.house import House

MOST_BYTES = 32 * 2**20
"""A list longer than this is none."""

_AHEAD = timedelta(minutes=10)
"""How far its clock may be ahead of ours."""


class Listed(BaseModel):
    """One recording of a list; times aware."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    camera: str = Field(min_length=1)
    begins: AwareDatetime = Field(alias="from")
    ends: AwareDatetime = Field(alias="to")
    state: Literal["kept", "wiped"]
    wiped_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.ends < self.begins:
            raise ValueError("ends before it begins")
        return self


class HolderList(BaseModel):
    """A whole list. One that says two things of one recording is none: whichever was taken, the other was hidden."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    made_at: AwareDatetime
    recordings: tuple[Listed, ...]

    @model_validator(mode="after")
    def _agreed(self) -> Self:
        said: dict[tuple[str, datetime], Listed] = {}
        for one in self.recordings:
            place = (one.camera, one.begins.astimezone(UTC))
            if said.setdefault(place, one) != one:
                raise ValueError("says two things of one recording")
        return self


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest list that can be used, and what lies before it.

    :param found: None: there is none. :param unreadable: newer ones that cannot be read, or contradict their own name.
    :param future: newer ones that say that they were made later than now.
    :param newest_at: when the newest one was made by its name, readable or not.
    """

    found: HolderList | None
    unreadable: int
    future: int
    newest_at: datetime | None


def newest(house: House, ref: Ref, now: datetime) -> Newest:
    """The newest list of a dataset of lists (``starts`` says when each was made).

    :raises RetryLater, Unreadable: the store cannot be listed.
    """
    unreadable = future = 0
    files = sorted(_files(house, ref), reverse=True)
    for made_at, key in files:
        if made_at > now + _AHEAD:
            future += 1
            continue
        found = _read(house, ref, key)
        if found is not None and abs(found.made_at - made_at) < timedelta(seconds=1):
            return Newest(found, unreadable, future, files[0][0])
        unreadable += 1
    return Newest(None, unreadable, future, files[0][0] if files else None)


def _files(house: House, ref: Ref) -> list[tuple[datetime, tuple[object, ...]]]:
    """When each was made, by its name, and its key; nothing is opened."""
    source, selection = house.source(ref.system.system), Selection(ref.name, FOREVER)
    return [
        (item.oldest.astimezone(UTC), item.key)
        for partition in source.partitions(selection)
        for item in source.locate(selection, partition)
        if item.oldest is not None
    ]


def _read(house: House, ref: Ref, key: tuple[object, ...]) -> HolderList | None:
    """A list; None: it is none."""
    try:
        with house.source(ref.system.system).open(ref.name, key) as file:
            content = file.read(MOST_BYTES + 1)
        return None if len(content) > MOST_BYTES else HolderList.model_validate_json(content)
    except RetryLater:
        raise
    except (PrivacyError, OSError, ValidationError, ValueError):
        return None
