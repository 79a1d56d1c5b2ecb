"""What a copy says of processors who were told of a correction, an erasure or a restriction (art. 19 GDPR)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.datamap.models import Text


@dataclass(frozen=True, slots=True)
class Told:
    """One processor that was told what a request of this person's led to.

    :param processor: its name. :param request: the number of the request that led to it.
    :param deed: ``erasure``, ``rectification``, ``restriction`` or ``lifting``. :param datasets: what it was about.
    :param at: when it was told; None: it is to be. :param confirmed_at: when it said that it has done so; aware.
    """

    processor: str
    request: str
    deed: str
    datasets: tuple[Text, ...]
    at: datetime | None
    confirmed_at: datetime | None


def described(told: Iterable[Told]) -> list[dict[str, Any]]:
    """For ``datapackage.json``."""
    return [
        {
            "processor": one.processor,
            "request": one.request,
            "deed": one.deed,
            "datasets": [{"nl": text.nl, "en": text.en} for text in one.datasets],
            "at": one.at.isoformat() if one.at else None,
            "confirmed_at": one.confirmed_at.isoformat() if one.confirmed_at else None,
        }
        for one in told
    ]
