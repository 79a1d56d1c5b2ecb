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
    remember(house, number)
    tell_processors(house, made, tally, actor=actor)
    act = Act(author=actor, at=house.clock.now(), digest=made.digest, counts=counts(made, tally))
    house.register.acted(number, act, partly=waits, run=run)
    return not waits


def remember(house: House, number: str) -> None:
    """Mark who was erased, before the register may forget them: a restored backup brings nobody back. Safe to repeat."""
    from privacy.rights.markers import Markers

    subject = house.register.resolution(number)
    if subject is not None:
        with house.ledger.writing() as writing:
            Markers(house).note(writing, subject, house.clock.now())


def tell_processors(house: House, made: Erasure, tally: Tally, *, actor: str) -> None:
    """Make the notices to those who process what went (art. 19 GDPR); ``watch_deadlines`` sends them. Safe to repeat."""
    from privacy.rights.notices import Notices, changed

    if made.request is not None and (datasets := changed(made, tally)):
        Notices(house).tell(made.request, "erasure", datasets, author=actor)


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
