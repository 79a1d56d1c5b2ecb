"""What a copy says of records that stay as they were although something in them is wrong (art. 16 GDPR)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from privacy.datamap.models import Text


@dataclass(frozen=True, slots=True)
class Supplement:
    """A supplementary statement, and the records of one dataset that it is linked to.

    :param at: since when it is linked; aware. :param request: the number of the request for rectification.
    :param dataset: full name; ``title``: what it is called. :param keys: the records, as people write a key.
    :param fact: what it is about; ``was``: what stands there, ``to``: what it is to say; None: nothing.
    """

    at: datetime
    request: str
    dataset: str
    title: Text
    keys: tuple[str, ...] = field(repr=False)
    fact: Text
    was: str | None = field(repr=False)
    to: str | None = field(repr=False)


def described(supplements: Iterable[Supplement]) -> list[dict[str, Any]]:
    """For ``datapackage.json``."""
    return [
        {
            "at": one.at.isoformat(),
            "request": one.request,
            "dataset": one.dataset,
            "records": list(one.keys),
            "about": {"nl": one.fact.nl, "en": one.fact.en},
            "says": one.was,
            "should_say": one.to,
        }
        for one in supplements
    ]
