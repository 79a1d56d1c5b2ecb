"""What the register does when an erasure was done: all of it, or so far (promise R-ERASE)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from privacy.rights.payload import Act

if TYPE_CHECKING:
    from privacy.plans.erasure import Erasure
    from privacy.plans.progress import Tally
    from privacy.rights.house import House

LATER = ("held", "changed", "failed")
"""Why something stays that goes later, as soon as it can."""


def close(house: House, made: Erasure, tally: Tally, *, run: str, actor: str) -> bool:
    """Record in the register what was done. Safe to repeat.

    :returns: whether all of it is: nothing waits any more, and nothing was held or changed meanwhile.
    """
    from privacy.plans.erasure import Fate

    number = str(made.request)
    waits = any(part.fate is Fate.WAITING for part in made.parts) or any(tally.kept.get(why) for why in LATER)
    act = Act(author=actor, at=house.clock.now(), digest=made.digest, counts=counts(made, tally))
    house.register.acted(number, act, partly=waits, run=run)
    return not waits


def counts(made: Erasure, tally: Tally) -> dict[str, int]:
    """Records by what became of them: ``deleted``, and what stays (:func:`kept`)."""
    said = {"deleted": sum(count for count, _ in deleted(made, tally).values()), **kept(made, tally)}
    return {name: count for name, count in said.items() if count}


def deleted(made: Erasure, tally: Tally) -> dict[str, tuple[int, int]]:
    """Records and bytes that went, by dataset."""
    from privacy.plans.erasure import Fate

    found: dict[str, tuple[int, int]] = {}
    for number, part in enumerate(made.parts):
        if part.fate is Fate.DELETED:
            count, size = found.get(part.dataset, (0, 0))
            found[part.dataset] = count + tally.deleted[str(number)], size + tally.bytes[str(number)]
    return found


def kept(made: Erasure, tally: Tally) -> dict[str, int]:
    """Records that stay, by why: emptied (``set``, ``shared``, ``referenced``), retained, waiting, held, ..."""
    from privacy.plans.erasure import Fate

    found: Counter[str] = Counter(tally.records)
    for number, part in enumerate(made.parts):
        if part.fate.stays:
            found[part.fate.value] += part.records
        elif part.fate is not Fate.DELETED:
            found[part.fate.value] += tally.deleted[str(number)]
    return {why: count for why, count in found.items() if count}
