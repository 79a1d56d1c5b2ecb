"""What a report says of data that went to others on a legal ground (art. 15(1)(c) GDPR; promise DISCLOSE)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from privacy.datamap.models import Text


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One disclosure about this person, as they may know it.

    :param at: aware. :param case: the recipient's number of the case; empty: none. :param datasets, categories: what.
    """

    at: datetime
    recipient: str = field(repr=False)
    ground: str = field(repr=False)
    case: str = field(repr=False)
    datasets: tuple[Text, ...]
    categories: tuple[Text, ...]


def described(disclosed: Iterable[Disclosed]) -> list[dict[str, Any]]:
    """For ``datapackage.json``."""
    return [
        {
            "at": one.at.isoformat(),
            "recipient": one.recipient,
            "ground": one.ground,
            "case": one.case or None,
            "datasets": [{"nl": text.nl, "en": text.en} for text in one.datasets],
            "categories": [{"nl": text.nl, "en": text.en} for text in one.categories],
        }
        for one in disclosed
    ]
