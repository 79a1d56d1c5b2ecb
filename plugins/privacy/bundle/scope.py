"""How much of a person's data a bundle gives: all, or what a direct transfer to another controller gives.

Portability in the narrow sense (art. 20 GDPR) is what a person provided, and what was observed of them; what the
controller derived from that is not part of it (WP 242 rev.01, II.B). A record's key stays: without it no record could
be told from another.
"""

from __future__ import annotations

from enum import StrEnum

from privacy.datamap.models import Dataset, Provenance, Text


class Scope(StrEnum):
    """Which columns are given."""

    ALL = "all"
    TRANSFER = "provided_and_observed"


DERIVED = "derived"
"""Why a whole dataset is not given: the code under which its records are counted."""

GROUND = Text(
    nl="Afgeleid door ons, en daarom geen deel van een rechtstreekse overdracht (art. 20 AVG, WP 242)",
    en="Derived by us, and therefore no part of a direct transfer (art. 20 GDPR, WP 242)",
)  # fmt: skip


def left_behind(dataset: Dataset, scope: Scope) -> frozenset[str]:
    """The columns that the scope leaves out."""
    if scope is Scope.ALL:
        return frozenset()
    return frozenset(
        name
        for name, column in dataset.columns.items()
        if column.provenance is Provenance.DERIVED and name not in dataset.key
    )


def nothing_left(dataset: Dataset, scope: Scope) -> bool:
    """Whether the scope leaves nothing of a record but numbers: the dataset is left out as a whole."""
    numbers = {*dataset.key, *(name for party in dataset.people.values() for name in party.subject)}
    out = left_behind(dataset, scope)
    return bool(out) and not (dataset.columns.keys() - out - numbers)
