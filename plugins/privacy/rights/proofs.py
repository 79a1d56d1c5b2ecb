"""The last proof of each promise, by the ledger: the run that was done, with its moment and what it counted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from privacy.rights.house import House


def last_proofs(house: House) -> dict[str, str]:
    """Promise -> its last proof, in words and without anything personal; one that no rule of a purge keeps is left out.

    Of a promise that several rules keep, the one whose proof is the oldest counts: it is kept no better than that.
    """
    policy, zone = house.policy, ZoneInfo(house.policy.zone)
    found: dict[str, str] = {}
    rules = [(name, rule) for purge in policy.purges.values() for name, rule in purge.rules.items()]
    for promise in policy.promises:
        mine = [name for name, rule in rules if promise in rule.promises]
        runs = [house.ledger.last_done(name) for name in mine]
        if not mine:
            continue
        if missing := [name for name, run in zip(mine, runs, strict=True) if run is None]:
            found[promise] = f"none of rule {', '.join(missing)}"
            continue
        oldest = min((run for run in runs if run is not None), key=lambda run: run.as_of)
        at = oldest.as_of.astimezone(zone)
        found[promise] = f"{at:%Y-%m-%d %H:%M %Z}, rule {oldest.rule}: {oldest.deleted} deleted, {oldest.held} held"
    return found
