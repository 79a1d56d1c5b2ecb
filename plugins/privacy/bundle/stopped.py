"""What a report says of the list that the shop's systems obey: for what a person's data are not processed, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from privacy.datamap.models import Text


@dataclass(frozen=True, slots=True)
class Stopped:
    """One entry of the list about this person.

    :param kind: of identifier; ``value``: as the list has it. :param purposes: empty: for any.
    :param since: aware. :param ground: its code: ``restriction``, ``objection``, ...
    """

    kind: str
    value: str = field(repr=False)
    purposes: tuple[Text, ...]
    since: datetime
    ground: str


def described(stopped: Iterable[Stopped]) -> list[dict[str, Any]]:
    """For ``datapackage.json``."""
    return [
        {
            "kind": one.kind,
            "value": one.value,
            "purposes": [{"nl": text.nl, "en": text.en} for text in one.purposes] or None,
            "since": one.since.isoformat(),
            "ground": one.ground,
        }
        for one in stopped
    ]
